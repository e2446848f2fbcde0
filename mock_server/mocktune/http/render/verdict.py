"""The verdict as people and programs read it."""

from __future__ import annotations

from mocktune.domain.clock import SECOND
from mocktune.domain.findings.kind import Evidence
from mocktune.domain.verdict import Finding, Verdict
from mocktune.http.render import Json


def verdict(of: Verdict) -> Json:
    return {
        "clean": of.clean,
        "complete": of.complete,
        "incomplete": None if of.complete else _incomplete(of.dropped),
        "requests": of.requests,
        "findings": [_finding(each) for each in of.findings],
        "allowed": of.allowed,
    }


def _incomplete(dropped: int) -> str:
    return f"the journal is bounded and has dropped the oldest {dropped} requests: what they would show is not judged"


def _finding(of: Finding) -> Json:
    return {
        "code": of.kind.code,
        "title": of.kind.title,
        "summary": _printable(of.summary),
        "remedy": of.kind.remedy,
        "times": of.times,
        "evidence": [_evidence(each) for each in of.evidence],
        "page": of.page,
    }


def _evidence(of: Evidence) -> Json:
    return {
        "ordinal": of.ordinal,
        "id": of.id,
        "at": of.at / SECOND,
        "operation": of.operation,
        "status": of.status,
        "what": _printable(of.what),
    }


def _printable(text: str) -> str:
    """What was sent may hold what UTF-8 cannot."""
    return text.encode("utf-8", "replace").decode()
