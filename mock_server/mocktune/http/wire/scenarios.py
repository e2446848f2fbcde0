"""Models of the control plane's scenarios."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from mocktune.http.wire.base import Request, Response

_BOUNDED = Field(max_length=256)


class ScenarioChange(Request):
    """A packaged scenario by ``name``, or a whole ``document``; ``set`` overrides single fields of it, or of the
    present scenario where it stands alone. The schema of ``document`` is ``/_mocktune/schemas/scenario``.
    """

    name: str | None = None
    document: dict[str, Any] | None = None
    set: Annotated[dict[str, Any], _BOUNDED] | Annotated[list[str], _BOUNDED] | None = None


class Expected(Response):
    """What a good client makes of it: ``within`` is a duration of virtual time, ``allow`` names findings of a verdict
    that do not count."""

    outcome: Literal["recover", "give_up"]
    within: str | dict[str, Any] | None
    allow: list[str]


class PresentScenario(Response):
    name: str
    summary: str
    catches: str
    document: dict[str, Any]


class PackagedScenario(Response):
    name: str
    summary: str
    catches: str
    packs: list[str]
    expect: Expected


class Pack(Response):
    name: str
    summary: str
    scenarios: list[str]


class ScenarioList(Response):
    scenarios: list[PackagedScenario]
    packs: list[Pack]


class WholeScenario(PackagedScenario):
    """``changes`` are the fields in which it differs from the scenario it ``extends``, or from the defaults, by their
    dotted paths."""

    extends: str | None
    changes: dict[str, Any]
    document: dict[str, Any]


class ScenarioCheck(Response):
    """``key`` is the dotted path of what is wrong, where it is one field."""

    ok: bool
    problem: str | None
    key: str | None
