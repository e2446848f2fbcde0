"""The verdict on a client: its journal and its deliveries, judged by the predicates of ``domain/verdict.py``."""

from __future__ import annotations

from collections.abc import Collection

from mocktune.domain.documents import nearest
from mocktune.domain.error_kinds.requests import NO_SUCH_FINDING
from mocktune.domain.findings.conduct import Conduct, JobFacts
from mocktune.domain.verdict import BY_CODE, Verdict, judge
from mocktune.service.datasets import Datasets
from mocktune.service.deliveries import deliveries
from mocktune.service.sandboxes import Visit
from mocktune.service.timelines import timeline_of


class VerdictService:
    """Judges whoever used a sandbox. Asking changes nothing, and may be done at any time."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    async def judge(self, visit: Visit, allow: Collection[str] = (), *, done: bool = False) -> Verdict:
        """Without the findings that ``allow`` names. ``done``: the client has come to its end. Raises
        ``ParameterError`` for a name that is none.
        """
        for code in allow:
            if code not in BY_CODE:
                raise NO_SUCH_FINDING(code=code, near=nearest(code, BY_CODE))
        journal = visit.sandbox.journal
        dropped = journal.dropped
        conduct = Conduct(journal.entries(), deliveries(visit.sandbox).oldest_first(), now=visit.now, done=done)
        conduct.jobs = {
            job_id: facts for job_id in conduct.jobs_in_question if (facts := await self._facts(visit, job_id))
        }
        conduct.failed_files = {id for id in conduct.files_in_question if await self._failed(visit, id)}
        return judge(conduct, allow=allow, dropped=dropped)

    async def _facts(self, visit: Visit, job_id: str) -> JobFacts | None:
        job = visit.sandbox.jobs.get(job_id)
        if job is None:
            return None
        timeline = await timeline_of(job, self._datasets)
        if not timeline.succeeds:
            return JobFacts(timeline.ends_at)
        comes = job.scenario.result.missing == "no"
        return JobFacts(timeline.ends_at, timeline.succeeds_at, timeline.result_at if comes else None)

    async def _failed(self, visit: Visit, file_id: str) -> bool:
        """Whether the file has ended in ``error`` by now."""
        file = visit.sandbox.files.get(file_id)
        if file is None or file.result_of is not None or visit.now < file.ready_at:
            return False
        return await self._datasets.status_details(file) is not None
