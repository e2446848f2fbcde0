"""``Tuner`` and ``AsyncTuner``: from a file of examples to a model that answers.

Both have the same methods; the asynchronous ones are awaited, ``follow`` is iterated. The client's own retries are
switched off: create must not be repeated, everything else is repeated here, with one rule of patience.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from mocktune_client import azure, checkpoints, control, events, files, jobs, models, preflight, tuning
from mocktune_client.azure import AzureAccount
from mocktune_client.journal import Journal, scope_of
from mocktune_client.preflight import ModelLimits, Preflight
from mocktune_client.progress import Progress, Which
from mocktune_client.results import Results, fetch_results
from mocktune_client.sources import DEFAULT_PART_BYTES
from mocktune_client.steps import run, run_async, stream, stream_async
from mocktune_client.tuning import FILE_TIMEOUT_S, MODEL_TIMEOUT_S, Desk, Tuned, Wanted
from mocktune_client.waiting import TAIL_S, Timing, wall_now, wall_sleep, wall_sleep_async

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types import FileObject
    from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent
    from openai.types.fine_tuning.checkpoints import PermissionCreateResponse
    from openai.types.fine_tuning.job_create_params import Integration, Method
    from openai.types.fine_tuning.jobs import FineTuningJobCheckpoint


class Tuner:
    """The workflow on a synchronous client.

    ``tune`` is all of it; the other methods are its steps, for those who put them together themselves.

    ``poll_s``: seconds between two looks at a file or job, give or take an eighth. ``patience_s``: how long errors of
    the connection or the service in a row are waited out. ``tail_s``: quiet after which a finished job's events count
    as complete. ``page_size``: events asked for at once. ``sleep`` and ``now`` (seconds, any origin) belong together.
    ``journal``: a folder where ``tune`` notes what it began, so that a killed process is gone on with; without one, the
    service alone is asked. ``part_bytes``: larger files are uploaded in parts of this size, at most 64 MB.
    """

    def __init__(
        self,
        client: OpenAI,
        *,
        poll_s: float = 5.0,
        patience_s: float = 3600.0,
        tail_s: float = TAIL_S,
        page_size: int = 100,
        sleep: Callable[[float], None] = wall_sleep,
        now: Callable[[], float] = wall_now,
        journal: Journal | Path | None = None,
        part_bytes: int = DEFAULT_PART_BYTES,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._timing = Timing(now, poll_s, patience_s, tail_s)
        self._page_size = page_size
        self._sleep = sleep
        notes = journal if isinstance(journal, Journal) else Journal(journal)
        self._desk = Desk(notes, scope_of(client), self._timing, page_size, part_bytes)

    def tune(
        self,
        training_file: Path | str | bytes,
        *,
        model: str,
        validation_file: Path | str | bytes | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        method: Method | None = None,
        metadata: dict[str, str] | None = None,
        integrations: Iterable[Integration] | None = None,
        again: bool = False,
        wait_for_model: bool = True,
        on: Callable[[Progress], None] | None = None,
    ) -> Tuned:
        """From a file of examples to a model that answers; the same call again goes on with what there is.

        A file is a path, its bytes, or the id of an uploaded one. It is stored as ``<stem>-<sha12>.jsonl`` and sent
        only if nobody did. ``model`` may be a tuned model, a checkpoint, or the id of a job whose model is trained on.
        A job of the same request that has not failed or been cancelled is gone on with; ``again`` makes another, once.
        ``on`` is told what happens; an error it raises ends the call and leaves the job running.

        Raises ``OSError`` and ``FileChanged`` for files here, ``FileFailed``, ``JobFailed``, ``JobCancelled``,
        ``CreateOutcomeUnknown``, ``ModelUnnamed``, ``ModelNotReady``, ``RequestInUse``, ``WaitTimeout``, ``ValueError``
        for metadata that leaves no room for ours, and ``Refused`` or ``Unreachable``, which are the SDK's errors too.
        """
        wanted = Wanted(training_file, model, validation_file, suffix, seed, method, metadata, integrations, again)
        steps = tuning.tune(wanted, self._desk, wait_for_model=wait_for_model)
        return run(steps, self._client, self._sleep, on)

    def follow_to_the_end(
        self, job_id: str, *, on: Callable[[Progress], None] | None = None, wait_for_model: bool = True
    ) -> Tuned:
        """The second half of ``tune``, from a job there is: its events, results, checkpoints and its model."""
        steps = tuning.follow_to_the_end(job_id, self._desk, wait_for_model=wait_for_model)
        return run(steps, self._client, self._sleep, on)

    def upload_once(
        self,
        file: Path | str | bytes,
        *,
        which: Which = "training",
        timeout_s: float = FILE_TIMEOUT_S,
        on: Callable[[Progress], None] | None = None,
    ) -> FileObject:
        """The one file of these bytes, stored as ``<stem>-<sha12>.jsonl`` and processed; sent only if nobody did.

        A large one goes in parts, and one that was killed on the way goes on where it was. ``which`` names bytes.
        Raises ``FileFailed``, ``FileChanged``, ``WaitTimeout``, ``RequestInUse``, ``OSError``.
        """
        steps = tuning.upload_once(file, which, self._desk, timeout_s=timeout_s)
        return run(steps, self._client, self._sleep, on)

    def upload(
        self, file: Path | str | bytes, *, filename: str | None = None, timeout_s: float = FILE_TIMEOUT_S
    ) -> FileObject:
        """Upload a training file, a path or its bytes, under its own name, and wait until it is processed.

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

        Raises ``CreateOutcomeUnknown`` when it is not found, and a ``Refused`` when the request was refused.
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

    def wait_for_model(self, name: str, *, timeout_s: float = MODEL_TIMEOUT_S) -> str:
        """Wait until a model answers; returns the name to ask for it, on Azure that of its deployment.

        Raises ``ModelNotReady``, ``DeploymentNeeded``, and a ``Refused`` where waiting is in vain.
        """
        return run(models.wait_for_model(name, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    def results(self, job: FineTuningJob | str) -> Results:
        """The metrics of a succeeded job, given itself or its id. Raises ``ResultsUnavailable``."""
        return run(fetch_results(job, self._timing), self._client, self._sleep)

    def best_checkpoint(self, job_id: str) -> FineTuningJobCheckpoint | None:
        """The checkpoint of a succeeded job with the lowest validation loss; None without validation losses."""
        return checkpoints.best_checkpoint(self.checkpoints(job_id))

    def checkpoints(self, job_id: str) -> tuple[FineTuningJobCheckpoint, ...]:
        """A job's checkpoints by step, the last of which is the model itself; none before it has succeeded."""
        return run(checkpoints.list_checkpoints(job_id, self._timing), self._client, self._sleep)

    def share(
        self, checkpoint: str, project_ids: Iterable[str], *, admin_key: str
    ) -> tuple[PermissionCreateResponse, ...]:
        """Let other projects use a checkpoint, given by its model's name. An owner's admin key is needed for that."""
        return run(checkpoints.share(checkpoint, project_ids, admin_key, self._timing), self._client, self._sleep)

    def cancel(self, job_id: str) -> FineTuningJob:
        """Cancel a job for good; one that is cancelled already is returned as it is. Raises ``JobAlreadyEnded``."""
        return run(control.cancel(job_id, self._timing), self._client, self._sleep)

    def pause(self, job_id: str) -> FineTuningJob:
        """Pause a job that runs; one that is paused already is returned as it is.

        Raises ``JobAlreadyEnded``, and ``JobNotInStatus`` for a job that does not run yet.
        """
        return run(control.pause(job_id, self._timing), self._client, self._sleep)

    def resume(self, job_id: str) -> FineTuningJob:
        """Let a paused job go on; one that does is returned as it is. Raises ``JobAlreadyEnded``."""
        return run(control.resume(job_id, self._timing), self._client, self._sleep)

    def delete_file(self, file_id: str, *, timeout_s: float = FILE_TIMEOUT_S) -> None:
        """Delete a file; the end of its processing is waited for, since before that it cannot be deleted (409).

        Raises ``WaitTimeout``, and ``ObjectUnknown`` for a file that was not there.
        """
        run(control.delete_file(file_id, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    def delete_model(self, name: str) -> None:
        """Delete a tuned model or a checkpoint for good. Raises ``ModelUnknown``, ``PermissionRefused``."""
        run(control.delete_model(name, self._timing), self._client, self._sleep)

    def limits(self) -> tuple[ModelLimits, ...] | None:
        """How many jobs of each model there may be, at once and today; None where the service does not tell."""
        return run(preflight.list_limits(self._timing), self._client, self._sleep)

    def preflight(self, model: str, *, today: date | None = None, try_create: bool = True) -> Preflight:
        """What is to know before tuning ``model``: limits, and warnings of what ends soon, counted from ``today``.

        With ``try_create`` a create that names no file is sent: it makes no job, and tells whether the organization
        may. Raises ``TrainingNotAvailable``, ``DailyLimitReached``.
        """
        steps = preflight.preflight(model, self._timing, today=today, try_create=try_create)
        return run(steps, self._client, self._sleep)

    def deploy(
        self,
        model: str,
        name: str,
        account: AzureAccount,
        *,
        sku: str = "standard",
        capacity: int = 1,
        timeout_s: float = MODEL_TIMEOUT_S,
    ) -> None:
        """On Azure, make the deployment ``name`` of a tuned model, and wait until it stands; it is billed by the hour
        until somebody deletes it. The same call again changes nothing.

        Raises ``DeploymentFailed``, ``WaitTimeout``. ``wait_for_model(name)`` then waits until it answers.
        """
        steps = azure.deploy(model, name, account, self._timing, sku=sku, capacity=capacity, timeout_s=timeout_s)
        run(steps, self._client, self._sleep)


class AsyncTuner:
    """The workflow on an asynchronous client; see ``Tuner`` for parameters, results and errors."""

    def __init__(
        self,
        client: AsyncOpenAI,
        *,
        poll_s: float = 5.0,
        patience_s: float = 3600.0,
        tail_s: float = TAIL_S,
        page_size: int = 100,
        sleep: Callable[[float], Awaitable[None]] = wall_sleep_async,
        now: Callable[[], float] = wall_now,
        journal: Journal | Path | None = None,
        part_bytes: int = DEFAULT_PART_BYTES,
    ) -> None:
        self._client = client.with_options(max_retries=0)
        self._timing = Timing(now, poll_s, patience_s, tail_s)
        self._page_size = page_size
        self._sleep = sleep
        notes = journal if isinstance(journal, Journal) else Journal(journal)
        self._desk = Desk(notes, scope_of(client), self._timing, page_size, part_bytes)

    async def tune(
        self,
        training_file: Path | str | bytes,
        *,
        model: str,
        validation_file: Path | str | bytes | None = None,
        suffix: str | None = None,
        seed: int | None = None,
        method: Method | None = None,
        metadata: dict[str, str] | None = None,
        integrations: Iterable[Integration] | None = None,
        again: bool = False,
        wait_for_model: bool = True,
        on: Callable[[Progress], None] | None = None,
    ) -> Tuned:
        """``Tuner.tune``."""
        wanted = Wanted(training_file, model, validation_file, suffix, seed, method, metadata, integrations, again)
        steps = tuning.tune(wanted, self._desk, wait_for_model=wait_for_model)
        return await run_async(steps, self._client, self._sleep, on)

    async def follow_to_the_end(
        self, job_id: str, *, on: Callable[[Progress], None] | None = None, wait_for_model: bool = True
    ) -> Tuned:
        """``Tuner.follow_to_the_end``."""
        steps = tuning.follow_to_the_end(job_id, self._desk, wait_for_model=wait_for_model)
        return await run_async(steps, self._client, self._sleep, on)

    async def upload_once(
        self,
        file: Path | str | bytes,
        *,
        which: Which = "training",
        timeout_s: float = FILE_TIMEOUT_S,
        on: Callable[[Progress], None] | None = None,
    ) -> FileObject:
        """``Tuner.upload_once``."""
        steps = tuning.upload_once(file, which, self._desk, timeout_s=timeout_s)
        return await run_async(steps, self._client, self._sleep, on)

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

    async def wait_for_model(self, name: str, *, timeout_s: float = MODEL_TIMEOUT_S) -> str:
        """``Tuner.wait_for_model``."""
        steps = models.wait_for_model(name, self._timing, timeout_s=timeout_s)
        return await run_async(steps, self._client, self._sleep)

    async def results(self, job: FineTuningJob | str) -> Results:
        """``Tuner.results``."""
        return await run_async(fetch_results(job, self._timing), self._client, self._sleep)

    async def best_checkpoint(self, job_id: str) -> FineTuningJobCheckpoint | None:
        """``Tuner.best_checkpoint``."""
        return checkpoints.best_checkpoint(await self.checkpoints(job_id))

    async def checkpoints(self, job_id: str) -> tuple[FineTuningJobCheckpoint, ...]:
        """``Tuner.checkpoints``."""
        return await run_async(checkpoints.list_checkpoints(job_id, self._timing), self._client, self._sleep)

    async def share(
        self, checkpoint: str, project_ids: Iterable[str], *, admin_key: str
    ) -> tuple[PermissionCreateResponse, ...]:
        """``Tuner.share``."""
        return await run_async(
            checkpoints.share(checkpoint, project_ids, admin_key, self._timing), self._client, self._sleep
        )

    async def cancel(self, job_id: str) -> FineTuningJob:
        """``Tuner.cancel``."""
        return await run_async(control.cancel(job_id, self._timing), self._client, self._sleep)

    async def pause(self, job_id: str) -> FineTuningJob:
        """``Tuner.pause``."""
        return await run_async(control.pause(job_id, self._timing), self._client, self._sleep)

    async def resume(self, job_id: str) -> FineTuningJob:
        """``Tuner.resume``."""
        return await run_async(control.resume(job_id, self._timing), self._client, self._sleep)

    async def delete_file(self, file_id: str, *, timeout_s: float = FILE_TIMEOUT_S) -> None:
        """``Tuner.delete_file``."""
        await run_async(control.delete_file(file_id, self._timing, timeout_s=timeout_s), self._client, self._sleep)

    async def delete_model(self, name: str) -> None:
        """``Tuner.delete_model``."""
        await run_async(control.delete_model(name, self._timing), self._client, self._sleep)

    async def limits(self) -> tuple[ModelLimits, ...] | None:
        """``Tuner.limits``."""
        return await run_async(preflight.list_limits(self._timing), self._client, self._sleep)

    async def preflight(self, model: str, *, today: date | None = None, try_create: bool = True) -> Preflight:
        """``Tuner.preflight``."""
        steps = preflight.preflight(model, self._timing, today=today, try_create=try_create)
        return await run_async(steps, self._client, self._sleep)

    async def deploy(
        self,
        model: str,
        name: str,
        account: AzureAccount,
        *,
        sku: str = "standard",
        capacity: int = 1,
        timeout_s: float = MODEL_TIMEOUT_S,
    ) -> None:
        """``Tuner.deploy``."""
        steps = azure.deploy(model, name, account, self._timing, sku=sku, capacity=capacity, timeout_s=timeout_s)
        await run_async(steps, self._client, self._sleep)
