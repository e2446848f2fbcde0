"""Models."""

from __future__ import annotations

from collections.abc import Iterable

from mocktune.domain.objects import ModelView
from mocktune.http.render import Json


def model(view: ModelView) -> Json:
    return {
        "id": view.id,
        "object": "model",
        "created": view.created,
        "owned_by": view.owned_by,
        "shutdown_date": view.shutdown_date,
    }


def models(views: Iterable[ModelView]) -> Json:
    return {"object": "list", "data": [model(each) for each in views]}
