"""The official SDK, asynchronous; and three jobs at once through one client."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from openai import AsyncOpenAI
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from mocktune_contract.good_clients import rules
from mocktune_contract.good_clients.rules import Backoff, GaveUp, Outcome, Trouble, next_poll_s
from mocktune_contract.good_clients.sdk_errors import told_as_trouble, whole

P = ParamSpec("P")
T = TypeVar("T")


class AsyncSdkClient:
    """From examples to a model that answers; the answer is streamed."""

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._sleep = sleep
        self._now = now

    async def tune(self, examples: bytes, model: str) -> Outcome:
        try:
            file_id = await self._uploaded(examples)
            job = await self._finished(await self._created(file_id, model))
            await self._events(job.id)
            await self._results(job)
            tuned = await self._answering(job.fine_tuned_model)
        except GaveUp as reason:
            return Outcome("gave_up", str(reason))
        return Outcome("recovered", model=tuned)

    async def tune_all(self, datasets: list[bytes], model: str) -> list[Outcome]:
        """One job a dataset, all at once."""
        return await asyncio.gather(*(self.tune(examples, model) for examples in datasets))

    async def _uploaded(self, examples: bytes) -> str:
        """The id of the file, which is processed."""
        files = self._client.files
        file = await self._patiently(files.create, file=("examples.jsonl", examples), purpose="fine-tune")
        until = self._now() + rules.FILE_TIMEOUT_S
        while file.status not in rules.FILE_ENDED:
            if self._now() > until:
                raise GaveUp(f"the file is still {file.status!r}")
            await self._sleep(rules.FIRST_POLL_S)
            file = await self._patiently(files.retrieve, file.id)
        if file.status != "processed":
            raise GaveUp(f"the file ended in {file.status!r}: {file.status_details}")
        return file.id

    async def _created(self, file_id: str, model: str) -> FineTuningJob:
        jobs = self._client.fine_tuning.jobs
        tag = {rules.MARKER: uuid.uuid4().hex}
        backoff = Backoff(self._now, rules.PATIENCE_S)
        while True:
            try:
                with told_as_trouble():
                    return whole(await jobs.create(model=model, training_file=file_id, metadata=tag))
            except Trouble as error:
                trouble = error
            await self._sleep(backoff.pause_s(trouble))
            if trouble.may_be_done:
                page = await self._patiently(jobs.list, metadata=tag)
                if page.data:
                    return page.data[0]

    async def _finished(self, job: FineTuningJob) -> FineTuningJob:
        until = self._now() + rules.JOB_TIMEOUT_S
        poll_s = rules.FIRST_POLL_S
        while job.status not in rules.JOB_ENDED:
            if self._now() > until:
                raise GaveUp(f"the job is still {job.status!r}")
            await self._sleep(poll_s)
            poll_s = next_poll_s(poll_s)
            job = await self._job(job.id)
        if job.status != "succeeded":
            code, message = (getattr(job.error, name, None) for name in ("code", "message"))
            raise GaveUp(rules.why_it_ended(job.status, code, message))
        return job

    async def _job(self, job_id: str) -> FineTuningJob:
        return await self._patiently(self._client.fine_tuning.jobs.retrieve, job_id)

    async def _events(self, job_id: str) -> list[FineTuningJobEvent]:
        jobs = self._client.fine_tuning.jobs
        until = self._now() + rules.TAIL_PATIENCE_S
        while True:
            page = await self._patiently(jobs.list_events, job_id, limit=rules.PAGE)
            events = page.data
            while page.has_next_page():
                page = await self._patiently(page.get_next_page)
                events += page.data
            if self._now() > until or any(rules.is_last(event.message) for event in events):
                return events[::-1]
            await self._sleep(rules.TAIL_POLL_S)

    async def _results(self, job: FineTuningJob) -> list[str]:
        until = self._now() + rules.RESULT_PATIENCE_S
        while not job.result_files:
            if self._now() > until:
                return []
            await self._sleep(rules.TAIL_POLL_S)
            job = await self._job(job.id)
        try:
            answer = await self._patiently(self._client.files.content, job.result_files[0])
        except GaveUp:
            return []
        return rules.result_rows(answer.content)

    async def _answering(self, model: str | None) -> str:
        if model is None:
            raise GaveUp("the job succeeded without a model")
        backoff = Backoff(self._now, rules.MODEL_PATIENCE_S)
        while True:
            try:
                with told_as_trouble():
                    await self._ask(model)
                    return model
            except Trouble as error:
                trouble = error
            await self._sleep((backoff.pause_anyway_s if trouble.is_unknown_model else backoff.pause_s)(trouble))

    async def _ask(self, model: str) -> None:
        """Streams an answer to its end, which a ``finish_reason`` tells: a stream may stop before."""
        finish_reason = None
        stream = await self._client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Are you there?"}], max_completion_tokens=5, stream=True
        )
        async for chunk in whole(stream):
            for choice in chunk.choices:
                finish_reason = choice.finish_reason or finish_reason
        if finish_reason is None:
            raise Trouble(0, "the stream ended before its answer")

    async def _patiently(self, ask: Callable[P, Awaitable[T]], *args: P.args, **named: P.kwargs) -> T:
        backoff = Backoff(self._now, rules.PATIENCE_S)
        while True:
            try:
                with told_as_trouble():
                    return whole(await ask(*args, **named))
            except Trouble as error:
                trouble = error
            await self._sleep(backoff.pause_s(trouble))
