"""Seed states: what a sandbox begins with.

Loading puts records into the sandbox as if they had been created through the API: a job keeps its inputs, and its
future follows from them. A job written down by its ``status`` gets the ``created_at`` at which it has come that far
by now. ``state_saving.py`` writes the inputs, the signals and the seeds, so that a loaded job goes on exactly as the
saved one would have.
"""

from __future__ import annotations

from dataclasses import replace

from mocktune.domain import ids
from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.documents import nearest
from mocktune.domain.draws import derive_seed
from mocktune.domain.limits import Quota
from mocktune.domain.models import ALIASES, BaseModel, resolve_base_model
from mocktune.domain.plan import ModelWindow
from mocktune.domain.state import FileState, Instant, JobState, ModelState, StateError, instant_of, told_of
from mocktune.service.datasets import Datasets
from mocktune.service.outbox import open_outbox
from mocktune.service.records import FileRecord, JobRecord, ModelRecord
from mocktune.service.sandboxes import Visit
from mocktune.service.settling import expect_end, expect_expiry, settle
from mocktune.service.state_blobs import Seed
from mocktune.service.state_jobs import check_status, known_timeline, place, request_of, scenario_of, signalled
from mocktune.service.timelines import timeline_of

BEFORE = 7 * 24 * 3600 * SECOND
"""How long before now a file was created of which nothing is said, if no job that names it is older."""

_LONG_AGO = VirtualTime(0)


async def load_state(visit: Visit, seed: Seed, datasets: Datasets) -> None:
    """Fill the sandbox of ``visit`` with the objects of a state, and with nothing else. Raises ``StateError``."""
    await _Loading(visit, seed, datasets).run()


class _Loading:
    """One sandbox on its way from empty to filled."""

    def __init__(self, visit: Visit, seed: Seed, datasets: Datasets) -> None:
        self._visit = visit
        self._sandbox = visit.sandbox
        self._now = visit.now
        self._seed = seed
        self._state = seed.state
        self._datasets = datasets
        self._files: dict[str, FileRecord] = {}
        self._placed: list[tuple[JobRecord, JobState]] = []

    async def run(self) -> None:
        sandbox, state = self._sandbox, self._state
        sandbox.empty()
        if state.seed is not None:
            sandbox.seed = state.seed
        if state.organization_id is not None:
            sandbox.organization_id = state.organization_id
        for ordinal, file in enumerate(state.files):
            with told_of(f"file '{file.id}'"):
                self._files[file.id] = self._file(file, ordinal)
        for ordinal, model in enumerate(state.models):
            with told_of(f"model '{model.id}'"):
                await self._add_model(model, ordinal)
        await self._add_jobs()
        self._check_names()
        for record, file in zip(self._files.values(), state.files, strict=True):
            self._add_file(record, file)
        await settle(self._visit, self._datasets)
        for job, written in self._placed:
            with told_of(f"job '{job.id}'"):
                check_status(job, written, self._now)  # a file may have expired before it was read
        if self._seed.objects is not None:
            self._seed.objects.put_into(sandbox)
            if len(sandbox.ledger("webhook_endpoint")) or len(sandbox.ledger("delivery")):
                open_outbox(sandbox, self._now).resume(sandbox)
        for id in state.gone:
            self._forget(id)
        # Ordinals tell apart what is due at one instant: the next ones are new whatever was counted.
        there = {"file": len(state.files), "job": len(state.jobs), "upload": len(state.objects.get("upload", ()))}
        sandbox.counts.update({kind: count for kind, count in there.items() if count})
        sandbox.counts.update({kind: max(count, there.get(kind, 0)) for kind, count in state.counts.items()})
        sandbox.taken_ids = self._seed.taken_ids

    # -- files -----------------------------------------------------------------------------------------------------

    def _file(self, file: FileState, ordinal: int) -> FileRecord:
        """A record that is in no list yet. What is said of no instant is long ago until the jobs are known."""
        created_at = _instant(file.created_at, _LONG_AGO)
        return FileRecord(
            id=file.id,
            ordinal=ordinal,
            purpose=file.purpose,
            filename=file.filename,
            created_at=created_at,
            ready_at=_instant(file.ready_at, created_at),
            scripted_error=file.status_details,
            blob=self._seed.bytes_of(file.id),
            expires_at=None if file.expires_at is None else instant_of(file.expires_at),
            listed=not file.deleted,
        )

    def _add_file(self, record: FileRecord, file: FileState) -> None:
        if file.created_at is None:
            known = [job.created_at for job in record.jobs]
            if file.ready_at is not None:
                known.append(record.ready_at)
            record.created_at = VirtualTime(max(0, min([self._now - BEFORE, *known])))
            if file.ready_at is None:
                record.ready_at = record.created_at
        if record.listed:
            self._sandbox.files.add(record.id, record.created_at, record)
            expect_expiry(self._sandbox, record)

    def _file_of(self, id: str) -> FileRecord | None:
        """A file of the state, or the result file of an earlier job."""
        return self._files.get(id) or self._sandbox.files.get(id)

    # -- models ----------------------------------------------------------------------------------------------------

    async def _add_model(self, model: ModelState, ordinal: int) -> None:
        base = resolve_base_model(model.base)
        if base is None:
            raise StateError(f"base: '{model.base}' is no base model mocktune knows")
        created_at = _instant(model.created_at, VirtualTime(max(0, self._now - BEFORE)))
        added = self._sandbox.ledger("base_models")
        if model.trained_on is None:
            played = replace(base, id=model.id, created=created_at // SECOND, owned_by=model.owned_by)
            added.add(model.id, created_at, played)
            return
        if resolve_base_model(model.id) is not None:
            raise StateError("this is the name of a base model, which is trained on nothing")
        file = self._files.get(model.trained_on)
        if file is None:
            raise StateError(f"trained_on: the state has no file '{model.trained_on}'{self._nearest(model.trained_on)}")
        # A tuned model without a job of its own to be seen: one is behind it all the same.
        behind = JobState(
            id=f"ftjob-of-{model.id}",
            model=model.base,
            training_file=file.id,
            fine_tuned_model=model.id,
            status="succeeded",
        )
        job = self._record(behind, ordinal, base, None)
        if file.blob is None and model.id in self._state.gone:  # it is there for the jobs that go on from it
            window, step = ModelWindow(_LONG_AGO, _LONG_AGO), 1
        else:
            await place(job, behind, self._now, self._datasets)
            window, step = _brought_forth(job)
        job.models_left = 1
        self._sandbox.models.add(model.id, created_at, ModelRecord(model.id, created_at, job, window, step))

    def _base_of(self, name: str) -> BaseModel | None:
        added = self._sandbox.ledger("base_models")
        return added.get(name) or added.get(ALIASES.get(name, name)) or resolve_base_model(name)

    # -- jobs ------------------------------------------------------------------------------------------------------

    async def _add_jobs(self) -> None:
        """Each after those whose models and result files it goes on from; those of a saved state in their order."""
        ordinal = 0
        waiting = sorted(self._state.jobs, key=lambda job: float("inf") if job.created_at is None else _at(job))
        while waiting:
            left = []
            for job in waiting:
                with told_of(f"job '{job.id}'"):
                    if not await self._add_job(job, ordinal):
                        left.append(job)
                    else:
                        ordinal += 1
            if len(left) == len(waiting):
                with told_of(f"job '{left[0].id}'"):
                    self._refuse(left[0])
            waiting = left

    async def _add_job(self, job: JobState, ordinal: int) -> bool:
        """False where what it names is not there yet."""
        base, parent = self._base_of(job.model), None
        named = [id for id in (job.training_file, job.validation_file) if id is not None]
        if base is None or any(id not in self._files for id in named):
            # Not later than that: what is due at one instant is entered in the order it was created in.
            by = min(self._now, _instant(job.created_at, self._now))
            await settle(replace(self._visit, now=by), self._datasets)
        if base is None:
            parent = self._sandbox.models.get(job.model)
            if parent is None:
                return False
            base = parent.job.model
        if any(self._file_of(id) is None for id in named):
            return False
        if job.status is not None and (job.created_at is not None or job.signals):
            raise StateError("give either status or created_at and signals, not both")
        record = self._record(job, ordinal, base, parent)
        if job.status is not None:
            await place(record, job, self._now, self._datasets)
            self._placed.append((record, job))
        elif job.outlooks:
            record.timeline = known_timeline(record, job)
        if job.signals:
            await signalled(record, job.signals, self._now, self._datasets)
        self._sandbox.jobs.add(job.id, record.created_at, record)
        expect_end(self._sandbox, record)
        return True

    def _refuse(self, job: JobState) -> None:
        for field, id in (("training_file", job.training_file), ("validation_file", job.validation_file)):
            if id is not None and self._file_of(id) is None:
                raise StateError(f"{field}: the state has no file '{id}'{self._nearest(id)}")
        raise StateError(
            f"model: '{job.model}' is no base model, no model of this state, and nothing that an earlier job of it has "
            "brought forth by now"
        )

    def _nearest(self, id: str) -> str:
        known = sorted(self._files)[:1000]
        return nearest(id, known) if known and len(known) <= 20 else ""

    def _record(self, job: JobState, ordinal: int, base: BaseModel, parent: ModelRecord | None) -> JobRecord:
        sandbox = self._sandbox
        training = self._file_of(job.training_file)
        validation = None if job.validation_file is None else self._file_of(job.validation_file)
        assert training is not None  # looked for before
        seed = derive_seed(sandbox.seed, "state job", job.id) if job.draw_seed is None else job.draw_seed
        record = JobRecord(
            id=job.id,
            ordinal=ordinal,
            seed=seed,
            created_at=_instant(job.created_at, self._now),
            request=request_of(job),
            model=base,
            scenario=scenario_of(job, sandbox.scenario),
            training=training,
            validation=validation,
            parent=parent,
            shown_seed=ids.service_seed(seed) if job.seed is None else job.seed,
            given_model=job.fine_tuned_model,
            given_result=job.result_file,
            quota=None if job.quota is None else Quota(job.quota.organization_id, job.quota.remaining_usd),
        )
        for file in (training, validation):
            if file is not None:
                file.jobs.append(record)
        return record

    # -- names -----------------------------------------------------------------------------------------------------

    def _check_names(self) -> None:
        """What jobs will bring forth must not collide, now or ever, with each other or with what there is."""
        files = {id: f"file '{id}'" for id in self._files}
        models = {each.id: f"model '{each.id}'" for each in self._state.models}
        seeds: dict[int, str] = {}
        for job in self._sandbox.jobs.oldest_first():
            this = f"job '{job.id}'"
            if job.seed in seeds:
                raise StateError(f"{this}: its draw_seed is that of {seeds[job.seed]} too")
            if job.result_file_id in files:
                raise StateError(
                    f"{this}: its result_file '{job.result_file_id}' is that of {files[job.result_file_id]}"
                )
            seeds[job.seed] = files[job.result_file_id] = this
            name = job.given_model
            if name is None:
                continue
            if name in models or self._base_of(name) is not None:
                raise StateError(f"{this}: its fine_tuned_model '{name}' is that of {models.get(name, 'a base model')}")
            models[name] = this

    def _forget(self, id: str) -> None:
        """Take out what a job brought forth and somebody deleted since."""
        sandbox = self._sandbox
        if (model := sandbox.models.get(id)) is not None:
            sandbox.models.remove(id)
            model.job.models_left = (model.job.models_left or 1) - 1
        elif (file := sandbox.files.get(id)) is not None and file.result_of is not None:
            file.listed = False
            sandbox.files.remove(id)
        elif sandbox.ledger("base_models").get(id) is not None:
            sandbox.ledger("base_models").remove(id)
        else:
            raise StateError(f"gone: '{id}' is nothing that a job of this state has brought forth by now")


def _brought_forth(job: JobRecord) -> tuple[ModelWindow, int]:
    """The window and the last step of a job that was placed as succeeded."""
    timeline = job.timeline
    assert timeline is not None
    window, training = timeline.window, timeline.plan.training
    assert window is not None
    assert training is not None
    return window, training.curve.total_steps


def _instant(written: Instant | None, default: VirtualTime) -> VirtualTime:
    return default if written is None else instant_of(written)


def _at(job: JobState) -> float:
    with told_of(f"job '{job.id}'"):
        return _instant(job.created_at, _LONG_AGO)


async def check_jobs(visit: Visit, datasets: Datasets) -> None:
    """Ask every job of a loaded sandbox for its future, so that no fault is left for later. Raises ``StateError``."""
    for job in visit.sandbox.jobs.oldest_first():
        with told_of(f"job '{job.id}'"):
            try:
                timeline = await timeline_of(job, datasets)
                timeline.landmarks()
            except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
                raise StateError(f"its future cannot be worked out: {error}") from error
