"""What a sandbox holds, and ready-made objects in the API's own form."""

from __future__ import annotations

from mocktune.domain.clock import SECOND
from mocktune.domain.ready_made import Gallery
from mocktune.http.render import Json, files, jobs, models
from mocktune.service.state_commands import Holding
from mocktune.settings import Form


def holding(view: Holding) -> Json:
    return {"now": view.now / SECOND, "files": view.files, "jobs": view.jobs, "models": view.models}


def gallery(view: Gallery, form: Form) -> Json:
    return {
        "files": [files.file(each, form) for each in view.files],
        "jobs": [jobs.job(each, form) for each in view.jobs],
        "models": [models.model(each) for each in view.models],
    }
