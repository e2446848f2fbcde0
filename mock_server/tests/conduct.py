"""Journals in a line: requests at instants, what they were answered, and the codes that earns."""

from __future__ import annotations

import json
from typing import Any

from mocktune.domain.clock import SECOND, VirtualTime, WallTime
from mocktune.domain.deliveries import Attempt, Delivery
from mocktune.domain.findings.conduct import Conduct, JobFacts
from mocktune.domain.journal import Entry, FaultDecision
from mocktune.domain.verdict import judge

JOB, MODEL = "ftjob-1", "ft:gpt-4o-mini-2024-07-18:mocktune::abc"
FIRED = (FaultDecision("rule", True, ""),)


class Story:
    """What a client did, told in order. ``wait`` moves both clocks; each request takes a millisecond of wall time."""

    def __init__(self, rate: float = 1.0) -> None:
        self.rate = rate
        self.entries: list[Entry] = []
        self.deliveries: list[Delivery] = []
        self.at, self.wall = VirtualTime(1_000_000 * SECOND), WallTime(2_000_000 * SECOND)

    def wait(self, virtual_s: float = 0.0, wall_s: float | None = None) -> Story:
        """``wall_s``: as much as the sandbox's clock moved, unless told."""
        self.at = VirtualTime(self.at + round(virtual_s * SECOND))
        self.wall = WallTime(self.wall + round((virtual_s if wall_s is None else wall_s) * SECOND))
        return self

    def ask(
        self, operation: str, method: str = "GET", path: str = "", body: Any = None, *, query: str = "",
        status: int = 200, answer: Any = None, retry: int = 0, retry_after: str = "", retry_after_ms: str = "",
        connection: int = 1, committed: bool | None = None, lost: bool = False, faults: tuple[FaultDecision, ...] = (),
    ) -> Story:  # fmt: skip
        self.wait(0, 0.001)
        sent, told = _bytes(body), _bytes(answer)
        self.entries.append(
            Entry(
                ordinal=len(self.entries) + 1,
                id=f"req_{len(self.entries) + 1}",
                operation=operation,
                method=method,
                path=path,
                query=query.encode(),
                headers=((b"x-stainless-retry-count", b"%d" % retry),),
                at=self.at,
                wall=self.wall,
                answered_at=self.at,
                answered_wall=WallTime(self.wall + 300),
                rate=self.rate,
                connection=connection,
                request_body=sent,
                request_bytes=len(sent),
                status=status,
                retry_after=retry_after,
                retry_after_ms=retry_after_ms,
                response_body=told,
                response_bytes=len(told),
                committed=status < 400 if committed is None else committed,
                lost=lost,
                faults=faults,
            )
        )
        return self

    def poll(self, seen: str = "running", *, job: str = JOB, **more: Any) -> Story:
        answer = {"object": "fine_tuning.job", "id": job, "status": seen, "training_file": "file-1"}
        path = f"/v1/fine_tuning/jobs/{job}"
        return self.ask(
            "fine_tuning.jobs.retrieve", path=path, **{"answer": {**answer, **more.pop("shown", {})}, **more}
        )

    def create(self, **more: Any) -> Story:
        body = {"model": "gpt-4o-mini", "training_file": "file-1", **more.pop("body", {})}
        return self.ask("fine_tuning.jobs.create", "POST", "/v1/fine_tuning/jobs", body, **more)

    def chat(self, model: str = MODEL, text: str = "Hi", **more: Any) -> Story:
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        return self.ask("chat.completions.create", "POST", "/v1/chat/completions", body, **more)

    def unknown(self, **more: Any) -> Story:
        """A use of the model that is unknown as yet."""
        error = {"code": "model_not_found", "type": "invalid_request_error", "message": "does not exist"}
        return self.chat(status=404, answer={"error": error}, **more)

    def loading(self, **more: Any) -> Story:
        error = {"code": None, "type": "server_error", "message": "That model is still being loaded. Please try again"}
        return self.chat(**{"status": 429, "answer": {"error": error}, **more})

    def named(self) -> Story:
        """A look at the job that succeeded, and names its model and its result file."""
        return self.poll("succeeded", shown={"fine_tuned_model": MODEL, "result_files": ["file-result"]})

    def events(self, *ids: int, has_more: bool = False, query: str = "", **more: Any) -> Story:
        data = [{"object": "fine_tuning.job.event", "id": f"ftevent-{id}"} for id in ids]
        answer = {"object": "list", "data": data, "has_more": has_more}
        path = f"/v1/fine_tuning/jobs/{JOB}/events"
        return self.ask("fine_tuning.jobs.list_events", path=path, query=query, **{"answer": answer, **more})

    def delivery(
        self, *statuses: int | None, signature: Any = "good", endpoint: str = "whe_1", job: str | None = JOB
    ) -> Story:
        """A webhook at this instant, attempted once for every status."""
        self.wait(0, 0.001)
        attempts = [Attempt(self.at, WallTime(self.wall + at), status) for at, status in enumerate(statuses)]
        self.deliveries.append(
            Delivery(
                id=f"whd_{len(self.deliveries)}", event_id="evt_1", webhook_id="wh_1",
                event_type="fine_tuning.job.succeeded", job_id=job, endpoint_id=endpoint, url="http://127.0.0.1/hook",
                body=b"{}", due_at=self.at, ordinal=0, signature=signature, attempts=attempts,
            )
        )  # fmt: skip
        return self

    def conduct(
        self, job: JobFacts | None = None, *, failed_files: tuple[str, ...] = (), done: bool = False
    ) -> Conduct:
        jobs = {JOB: job} if job else {}
        return Conduct(self.entries, self.deliveries, jobs, self.at, failed_files, done=done)

    def codes(
        self, job: JobFacts | None = None, *, failed_files: tuple[str, ...] = (), done: bool = False
    ) -> list[str]:
        """``job`` are the facts about the one job."""
        conduct = self.conduct(job, failed_files=failed_files, done=done)
        return [each.kind.code for each in judge(conduct).findings]


def _bytes(value: Any) -> bytes:
    if value is None or isinstance(value, bytes):
        return value or b""
    return json.dumps(value).encode()


def error(code: str | None = None, *, type: str = "invalid_request_error", param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": "No.", "type": type, "param": param, "code": code}}
