"""Models of the verdict: ``/_mocktune/verdict``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mocktune.http.wire.base import Request, Response


class VerdictQuery(Request):
    """``allow`` names findings that do not count, by their codes, with commas in between. ``done``: the client has come
    to its end, so what it has not looked at again it never will."""

    allow: Annotated[str, Field(max_length=500)] | None = None
    done: Annotated[bool, Field(strict=False)] = False


class Evidence(Response):
    """A request of the journal by its ``ordinal`` and ``id``, or (``ordinal`` null) an attempt of a delivery. ``at`` is
    in the sandbox's time."""

    ordinal: int | None
    id: str
    at: float
    operation: str
    status: int
    what: str


class Finding(Response):
    """``times`` counts how often it was earned; ``evidence`` is of the first of them; ``page`` is where the finding is
    explained, below the documentation's root."""

    code: str
    title: str
    summary: str
    remedy: str
    times: int
    evidence: list[Evidence]
    page: str


class Verdict(Response):
    """``clean``: there are no findings, but those of ``allowed``. ``complete`` is false where the journal has dropped
    requests (``incomplete`` says so): then more may have happened."""

    clean: bool
    complete: bool
    incomplete: str | None
    requests: int
    findings: list[Finding]
    allowed: list[str]
