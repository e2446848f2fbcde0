"""The official SDK, synchronous."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from openai import OpenAI
from openai.types import FileObject
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from mocktune_contract.good_clients import rules
from mocktune_contract.good_clients.rules import Backoff, GaveUp, Outcome, Trouble, next_poll_s
from mocktune_contract.good_clients.sdk_errors import told_as_trouble, whole

P = ParamSpec("P")
T = TypeVar("T")


class SdkClient:
    """From examples to a model that answers. ``poll_s`` is the first pause between two looks at a job."""

    def __init__(
        self,
        client: OpenAI,
        *,
        poll_s: float = rules.FIRST_POLL_S,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        # The service knows no idempotency key: a create that the SDK repeats may be a second job, paid for.
        self._create_once = client.with_options(max_retries=0).fine_tuning.jobs.create
        self._poll_s = poll_s
        self._sleep = sleep
        self._now = now

    def tune(self, examples: bytes, model: str) -> Outcome:
        try:
            file = self._processed(self._upload(examples))
            job = self._finished(self._created(file.id, model))
            self._events(job.id)
            self._results(job)
            tuned = self._answering(job.fine_tuned_model)
        except GaveUp as reason:
            return Outcome("gave_up", str(reason))
        return Outcome("recovered", model=tuned)

    def _upload(self, examples: bytes) -> FileObject:
        # A file too many costs nothing.
        return self._patiently(self._client.files.create, file=("examples.jsonl", examples), purpose="fine-tune")

    def _processed(self, file: FileObject) -> FileObject:
        until = self._now() + rules.FILE_TIMEOUT_S
        while file.status not in rules.FILE_ENDED:
            if self._now() > until:
                raise GaveUp(f"the file is still {file.status!r}")
            self._sleep(self._poll_s)
            file = self._patiently(self._client.files.retrieve, file.id)
        if file.status != "processed":
            raise GaveUp(f"the file ended in {file.status!r}: {file.status_details}")
        return file

    def _created(self, file_id: str, model: str) -> FineTuningJob:
        """The one job. Where the answer may be lost it is looked for before another is created."""
        tag = {rules.MARKER: uuid.uuid4().hex}
        backoff = Backoff(self._now, rules.PATIENCE_S)
        while True:
            try:
                with told_as_trouble():
                    return whole(self._create_once(model=model, training_file=file_id, metadata=tag))
            except Trouble as error:
                trouble = error
            self._sleep(backoff.pause_s(trouble))
            if trouble.may_be_done:
                page = self._patiently(self._client.fine_tuning.jobs.list, metadata=tag)
                if page.data:
                    return page.data[0]

    def _finished(self, job: FineTuningJob) -> FineTuningJob:
        """The succeeded job. The status alone tells: ``error`` and ``finished_at`` do not."""
        until = self._now() + rules.JOB_TIMEOUT_S
        poll_s = self._poll_s
        while job.status not in rules.JOB_ENDED:
            if self._now() > until:
                raise GaveUp(f"the job is still {job.status!r}")
            self._sleep(poll_s)
            poll_s = next_poll_s(poll_s)
            job = self._job(job.id)
        if job.status != "succeeded":
            code, message = (getattr(job.error, name, None) for name in ("code", "message"))
            raise GaveUp(rules.why_it_ended(job.status, code, message))
        return job

    def _job(self, job_id: str) -> FineTuningJob:
        return self._patiently(self._client.fine_tuning.jobs.retrieve, job_id)

    def _events(self, job_id: str) -> list[FineTuningJobEvent]:
        """Every event, oldest first, whatever its type; read again until the last one is among them."""
        until = self._now() + rules.TAIL_PATIENCE_S
        while True:
            page = self._patiently(self._client.fine_tuning.jobs.list_events, job_id, limit=rules.PAGE)
            events = page.data
            while page.has_next_page():
                page = self._patiently(page.get_next_page)
                events += page.data
            if self._now() > until or any(rules.is_last(event.message) for event in events):
                return events[::-1]
            self._sleep(rules.TAIL_POLL_S)

    def _results(self, job: FineTuningJob) -> list[str]:
        """The rows of metrics; none where the job never names a file, or names one that does not exist."""
        until = self._now() + rules.RESULT_PATIENCE_S
        while not job.result_files:
            if self._now() > until:
                return []
            self._sleep(rules.TAIL_POLL_S)
            job = self._job(job.id)
        try:
            content = self._patiently(self._client.files.content, job.result_files[0])
        except GaveUp:
            return []
        return rules.result_rows(content.content)

    def _answering(self, model: str | None) -> str:
        """The model, once it has answered: a new one is unknown at first, then it loads."""
        if model is None:
            raise GaveUp("the job succeeded without a model")
        backoff = Backoff(self._now, rules.MODEL_PATIENCE_S)
        while True:
            try:
                with told_as_trouble():
                    self._ask(model)
                    return model
            except Trouble as error:
                trouble = error
            self._sleep((backoff.pause_anyway_s if trouble.is_unknown_model else backoff.pause_s)(trouble))

    def _ask(self, model: str) -> None:
        whole(
            self._client.chat.completions.create(
                model=model, messages=[{"role": "user", "content": "Are you there?"}], max_completion_tokens=5
            )
        )

    def _patiently(self, ask: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        """What ``ask`` answers, asked again while the trouble is temporary: for requests that may be repeated."""
        backoff = Backoff(self._now, rules.PATIENCE_S)
        while True:
            try:
                with told_as_trouble():
                    return whole(ask(*args, **named))
            except Trouble as error:
                trouble = error
            self._sleep(backoff.pause_s(trouble))
