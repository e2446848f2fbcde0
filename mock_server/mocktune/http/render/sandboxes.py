"""The control plane's sandboxes."""

from __future__ import annotations

from mocktune.domain.clock import SECOND
from mocktune.http.render import Json
from mocktune.service.open_sandboxes import Opened, SandboxView


def sandbox(view: SandboxView) -> Json:
    return {
        "id": view.id,
        "object": "sandbox",
        "label": view.label,
        "seed": view.seed,
        "scenario": view.scenario,
        "clock": str(view.mode),
        "now": view.now / SECOND,
        "objects": {"files": view.files, "jobs": view.jobs, "models": view.models},
        "requests": view.requests,
        "size_bytes": view.size_bytes,
        "opened_at": view.opened_at / SECOND,
        "last_used": view.last_used / SECOND,
    }


def opened(new: Opened, root: str) -> Json:
    return {
        **sandbox(new.view),
        "api_key": new.key,
        "base_url": f"{root}/v1",
        "shared_base_url": f"{root}/s/{new.name}/v1",
    }
