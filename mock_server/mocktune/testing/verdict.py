"""The verdict on the client under test, as tests ask for it and as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from mocktune.domain.clock import SECOND, VirtualTime, format_instant
from mocktune.testing.control import ControlPlane

SHOWN_EVIDENCE = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the client did that goes wrong in reality. ``evidence`` are requests of the journal, as the control
    plane answers them; ``remedy`` is what to do instead."""

    code: str
    title: str
    summary: str
    remedy: str
    times: int
    evidence: tuple[Mapping[str, Any], ...]


class Verdict:
    """Asked anew whenever a property of it is read: ask when the client is done."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control

    def answer(self, allow: Iterable[str] = ()) -> Any:
        """As ``GET /_mocktune/verdict`` answers it. Raises ``ControlError`` for a code there is not."""
        codes = [allow] if isinstance(allow, str) else list(allow)
        return self._control.get("verdict", allow=",".join(codes) or None)

    @property
    def clean(self) -> bool:
        return bool(self.answer()["clean"])

    @property
    def findings(self) -> list[Finding]:
        return [
            Finding(
                each["code"], each["title"], each["summary"], each["remedy"], each["times"], tuple(each["evidence"])
            )
            for each in self.answer()["findings"]
        ]

    @property
    def codes(self) -> list[str]:
        return [each.code for each in self.findings]

    def assert_clean(self, allow: Iterable[str] = ()) -> None:
        """Raises ``AssertionError`` that tells the findings, but those of ``allow``, with their evidence."""
        __tracebackhide__ = True
        answer = self.answer(allow)
        if not answer["clean"]:
            raise AssertionError(told(answer))

    def __str__(self) -> str:
        return told(self.answer())

    def __repr__(self) -> str:
        return f"<verdict: {told(self.answer())}>"


def told(verdict: Mapping[str, Any]) -> str:
    """A verdict as people read it."""
    findings, requests = verdict["findings"], _count(verdict["requests"], "request")
    lines = [f"{_count(len(findings), 'finding')} in {requests}" if findings else f"clean: {requests}, no findings"]
    if verdict["allowed"]:
        lines.append(f"allowed: {', '.join(verdict['allowed'])}")
    if not verdict["complete"]:
        lines.append(f"incomplete: {verdict['incomplete']}")
    for each in findings:
        lines += ["", f"{each['code']}  {each['title']}", f"  {each['summary']}"]
        lines += [_evidence(evidence) for evidence in each["evidence"][:SHOWN_EVIDENCE]]
        lines.append(f"  mocktune explain {each['code']}")
    return "\n".join(lines)


def _evidence(evidence: Mapping[str, Any]) -> str:
    at = format_instant(VirtualTime(round(evidence["at"] * SECOND)))
    which = "" if evidence["ordinal"] is None else f"#{evidence['ordinal']}"
    return f"    {which:>5}  {at}  {evidence['status'] or '-':>3}  {evidence['what']}"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
