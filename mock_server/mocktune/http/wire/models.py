"""Models of ``/models``."""

from __future__ import annotations

from typing import Literal

from mocktune.http.wire.base import Response


class Model(Response):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    shutdown_date: str | None


class ModelList(Response):
    object: Literal["list"]
    data: list[Model]
