"""``Tuner`` and ``AsyncTuner``: from a file of examples to a model that answers.

Both have the same methods; the asynchronous ones are awaited, ``follow`` is iterated. The client's own retries are
switched off: create must not be repeated, everything else is repeated here, with one rule of patience.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mocktune_client import events, files, jobs, models
from mocktune_client.results import Results, fetch_results
from mocktune_client.steps import run, run_async, stream, stream_async
from mocktune_client.waiting import Timing, wall_now, wall_sleep, wall_sleep_async

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
    from openai.types.fine_tuning.job_create_params import Integration, Method

FILE_TIMEOUT_S = 1800.0
MODEL_TIMEOUT_S = 900.0


class Tuner:
    """The workflow on a synchronous client.

    ``poll_s``: seconds between two looks at a file or job, give or take an eighth. ``patience_s``: how long errors of
    the connection or the service in a row are waited out. ``tail_s``: quiet after which a finished job's events count
    as complete. ``page_size``: events asked for at once. ``sleep`` and ``now`` (seconds, any origin) belong together.
    """

    def __init__(
        self,
        client: OpenAI,
        *,
        poll_s: float = 5.0,
        patience_s: float = 3600.0,
        tail_s: float = 60.0,
        page_size: int = 100,
        sleep: Callable[[float], None] = wall_sleep,
        now: Callable[[], float] = wall_now,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._timing = Timing(now, poll_s, patience_s, tail_s)
        self._page_size = page_size
        self._sleep = sleep

    def upload(
        self, file: Path | str | bytes, *, filename: str | None = None, timeout_s: float = FILE_TIMEOUT_S
    ) -> FileObject:
        """Upload a training file, a path or its bytes, and wait until it is processed.

        Raises ``FileFailed``, ``WaitTimeout``.
        """
        steps = files.upload(file, self._timing, filename=filename, timeout_s=timeout_s)
        return run(steps, self._client, self._sleep)

    def wait_for_file(self, file_id: str, *, timeout_s: float = FILE_TIMEOUT_S) -> FileObject:
        """Wait until a file is processed. Raises ``FileFailed``, ``WaitTimeout``."""
        return run(files.wait_for_file(file_id, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    def create(
        self,
        *,
        model: str,
        training_file: str,
        validation_file: str | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        method: Method | None = None,
        metadata: dict[str, str] | None = None,
        integrations: Iterable[Integration] | None = None,
    ) -> FineTuningJob:
        """Create a job. The request is sent once; if its answer is lost, the job is looked up by a metadata pair.
        A 429 that may pass is waited out for ``patience_s``.

        Raises ``CreateOutcomeUnknown`` when it is not found, and the SDK's error when the request was refused.
        """
        request = {
            "model": model,
            "training_file": training_file,
            "validation_file": validation_file,
            "suffix": suffix,
            "seed": seed,
            "method": method,
            "metadata": metadata,
            "integrations": integrations,
        }
        return run(jobs.create(request, self._timing), self._client, self._sleep)

    def follow(self, job_id: str) -> Iterator[FineTuningJobEvent]:
        """The job's events, oldest first, each once, as they come, until the last one.

        How the job ended is not its business: call ``wait`` afterwards. Unknown types of events are passed on.
        """
        return stream(events.follow(job_id, self._timing, page_size=self._page_size), self._client, self._sleep)

    def wait(self, job_id: str, *, timeout_s: float | None = None) -> FineTuningJob:
        """Wait until the job has succeeded. Raises ``JobFailed``, ``JobCancelled``, ``WaitTimeout``.

        Without ``timeout_s`` it waits as long as it takes: jobs were seen to stay queued for hours.
        """
        return run(jobs.wait(job_id, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    def wait_for_model(self, name: str, *, timeout_s: float = MODEL_TIMEOUT_S) -> None:
        """Wait until a model answers. Raises ``ModelNotReady``, and the SDK's error where waiting is in vain."""
        run(models.wait_for_model(name, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    def results(self, job: FineTuningJob | str) -> Results:
        """The metrics of a succeeded job, given itself or its id. Raises ``ResultsUnavailable``."""
        return run(fetch_results(job, self._timing), self._client, self._sleep)


class AsyncTuner:
    """The workflow on an asynchronous client; see ``Tuner`` for parameters, results and errors."""

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        poll_s: float = 5.0,
        patience_s: float = 3600.0,
        tail_s: float = 60.0,
        page_size: int = 100,
        sleep: Callable[[float], Awaitable[None]] = wall_sleep_async,
        now: Callable[[], float] = wall_now,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._timing = Timing(now, poll_s, patience_s, tail_s)
        self._page_size = page_size
        self._sleep = sleep

    async def upload(
        self, file: Path | str | bytes, *, filename: str | None = None, timeout_s: float = FILE_TIMEOUT_S
    ) -> FileObject:
        """``Tuner.upload``; reading the file does not leave the event loop."""
        steps = files.upload(file, self._timing, filename=filename, timeout_s=timeout_s)
        return await run_async(steps, self._client, self._sleep)

    async def wait_for_file(self, file_id: str, *, timeout_s: float = FILE_TIMEOUT_S) -> FileObject:
        """``Tuner.wait_for_file``."""
        steps = files.wait_for_file(file_id, self._timing, timeout_s=timeout_s)
        return await run_async(steps, self._client, self._sleep)

    async def create(
        self,
        *,
        model: str,
        training_file: str,
        validation_file: str | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        method: Method | None = None,
        metadata: dict[str, str] | None = None,
        integrations: Iterable[Integration] | None = None,
    ) -> FineTuningJob:
        """``Tuner.create``."""
        request = {
            "model": model,
            "training_file": training_file,
            "validation_file": validation_file,
            "suffix": suffix,
            "seed": seed,
            "method": method,
            "metadata": metadata,
            "integrations": integrations,
        }
        return await run_async(jobs.create(request, self._timing), self._client, self._sleep)

    def follow(self, job_id: str) -> AsyncIterator[FineTuningJobEvent]:
        """``Tuner.follow``, for ``async for``."""
        return stream_async(events.follow(job_id, self._timing, page_size=self._page_size), self._client, self._sleep)

    async def wait(self, job_id: str, *, timeout_s: float | None = None) -> FineTuningJob:
        """``Tuner.wait``."""
        return await run_async(jobs.wait(job_id, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    async def wait_for_model(self, name: str, *, timeout_s: float = MODEL_TIMEOUT_S) -> None:
        """``Tuner.wait_for_model``."""
        steps = models.wait_for_model(name, self._timing, timeout_s=timeout_s)
        await run_async(steps, self._client, self._sleep)

    async def results(self, job: FineTuningJob | str) -> Results:
        """``Tuner.results``."""
        return await run_async(fetch_results(job, self._timing), self._client, self._sleep)
