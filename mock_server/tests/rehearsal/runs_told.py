"""Runs in a line: what a command did under a scenario, as the journal has it, without a server or a command."""

from __future__ import annotations

from typing import Any, Literal

from mocktune.domain.documents import Duration
from mocktune.domain.scenario import ExpectPart
from mocktune.domain.verdict import BY_CODE
from mocktune.rehearsal.judging import Judged, judge
from mocktune.rehearsal.runs import Output, Run
from mocktune.rehearsal.seen import seen_in

BEGAN_S = 1_768_435_200.0
HOUR = Duration(3_600_000_000)


def entry(operation: str, answer: Any = None, *, status: int = 200, at: float = 0.0, lost: bool = False) -> Any:
    return {
        "ordinal": 0, "id": "req_1", "operation": operation, "method": "GET", "path": "/v1/x", "query": {},
        "at": BEGAN_S + at, "status": status, "lost": lost,
        "response": {"form": "none" if answer is None else "json", "content": answer},
    }  # fmt: skip


def job(status: str, *, code: str = "", message: str = "", id: str = "ftjob-1") -> Any:
    error = {"code": code, "message": message} if code else {}
    return {"object": "fine_tuning.job", "id": id, "status": status, "error": error}


def file(status: str, details: str | None = None) -> Any:
    return {"object": "file", "id": "file-1", "status": status, "status_details": details}


def error(code: str | None, message: str = "No.") -> Any:
    return {"error": {"code": code, "message": message, "type": "x", "param": None}}


def finding(code: str) -> Any:
    evidence = [{"ordinal": 7, "id": "req_7", "at": BEGAN_S + 60, "operation": "x", "status": 200, "what": "GET /v1/x"}]
    return {"code": code, "title": BY_CODE[code].title, "summary": f"{code} was earned", "evidence": evidence,
            "remedy": BY_CODE[code].remedy, "times": 1, "page": ""}  # fmt: skip


def run(
    expected: Literal["recover", "give_up"],
    exit_code: int | None,
    *entries: Any,
    name: str = "a-scenario",
    out: str = "",
    err: str = "",
    findings: tuple[str, ...] = (),
    virtual_s: float = 60.0,
    within: Duration | None = HOUR,
    **more: Any,
) -> Run:
    for ordinal, each in enumerate(entries, 1):
        each["ordinal"] = ordinal
    return Run(
        scenario=name,
        asked=name,
        summary="What it is",
        expect=ExpectPart(expected, within),
        seed=3,
        exit_code=exit_code,
        virtual_s=virtual_s,
        began_s=BEGAN_S,
        verdict={"findings": [finding(code) for code in findings], "allowed": [], "complete": True},
        seen=seen_in(entries, began_s=BEGAN_S),
        stdout=Output(out.encode()),
        stderr=Output(err.encode()),
        **more,
    )


def judged(*args: Any, **more: Any) -> Judged:
    return judge(run(*args, **more))


def codes(of: Judged) -> list[str]:
    return [each.code for each in of.symptoms]


SUCCEEDED = entry("fine_tuning.jobs.retrieve", job("succeeded"))
FAILED = entry("fine_tuning.jobs.retrieve", job("failed", code="server_error", message="It broke in the middle of it."))
