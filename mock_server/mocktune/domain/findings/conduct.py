"""What a client is judged by: its requests in order, the deliveries it was sent, and what became of its jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from mocktune.domain.clock import VirtualTime
from mocktune.domain.findings.exchange import TERMINAL, Exchange, Json, text
from mocktune.domain.journal import Entry

if TYPE_CHECKING:
    from mocktune.domain.deliveries import Delivery

JOB = "fine_tuning.job"


@dataclass(frozen=True, slots=True)
class JobFacts:
    """When the job comes to an end, and when what comes of it is there: its checkpoints, its result file. None: never,
    as far as is known now.
    """

    ends_at: VirtualTime | None = None
    checkpoints_at: VirtualTime | None = None
    result_at: VirtualTime | None = None


NOTHING_KNOWN = JobFacts()


class Conduct:
    """Everything the predicates may look at. ``now`` is the sandbox's, when the verdict is asked for; ``failed_files``
    are those that have ended in ``error`` by then. ``done``: the client has come to its end, and what it has not looked
    at again it never will.
    """

    def __init__(
        self,
        entries: Iterable[Entry],
        deliveries: Iterable[Delivery] = (),
        jobs: Mapping[str, JobFacts] | None = None,
        now: VirtualTime | None = None,
        failed_files: Collection[str] = (),
        *,
        done: bool = False,
    ) -> None:
        self.exchanges = [Exchange(entry) for entry in entries]
        self.deliveries = list(deliveries)
        self.jobs = jobs or {}
        self.now = VirtualTime(0) if now is None else now
        self.failed_files = failed_files
        self.done = done

    @cached_property
    def as_sent(self) -> list[Exchange]:
        """In the order they were let in; the journal has them in that of their answers."""
        return sorted(self.exchanges, key=lambda each: (each.entry.wall, each.entry.ordinal))

    def of(self, *operations: str) -> list[Exchange]:
        return [each for each in self.exchanges if each.operation in operations]

    @cached_property
    def polls(self) -> dict[str, list[Exchange]]:
        """Every look at a job, by its id, in the order of the answers."""
        found: dict[str, list[Exchange]] = defaultdict(list)
        for each in self.of("fine_tuning.jobs.retrieve"):
            found[each.resource].append(each)
        return found

    @cached_property
    def shown_jobs(self) -> list[tuple[Exchange, Json]]:
        """Every job that an answer showed, alone or in a list, in the order of the answers."""
        return [
            (each, job)
            for each in self.exchanges
            if each.operation.startswith("fine_tuning.jobs.")
            for job in each.objects(JOB)
        ]

    @cached_property
    def tuned_models(self) -> frozenset[str]:
        """The names of models that jobs and their checkpoints showed to the client."""
        names = {text(job.get("fine_tuned_model")) for _, job in self.shown_jobs}
        for each in self.of("fine_tuning.jobs.checkpoints.list"):
            names |= {
                text(checkpoint.get("fine_tuned_model_checkpoint"))
                for checkpoint in each.objects("fine_tuning.job.checkpoint")
            }
        return frozenset(names - {""})

    @property
    def jobs_in_question(self) -> frozenset[str]:
        """The jobs whose end a predicate asks for: those that were looked at, or whose results were."""
        asked = {each.resource for each in self.of("fine_tuning.jobs.checkpoints.list")}
        listed = self.named_jobs if self.of("files.list") else frozenset()
        return frozenset(asked | listed | set(self.polls))

    @cached_property
    def files_in_question(self) -> frozenset[str]:
        """The files that jobs were created on."""
        names = ("training_file", "validation_file")
        created = (each for each in self.of("fine_tuning.jobs.create") if each.entry.committed)
        return frozenset(text(each.sent.get(name)) for each in created for name in names) - {""}

    @cached_property
    def named_jobs(self) -> frozenset[str]:
        return frozenset(text(job.get("id")) for _, job in self.shown_jobs) - {""}

    def ended(self, job_id: str) -> bool:
        """Whether the job has ended by now, seen or not."""
        return self._came(self._facts(job_id).ends_at)

    def has_checkpoints(self, job_id: str) -> bool:
        return self._came(self._facts(job_id).checkpoints_at)

    def has_result(self, job_id: str) -> bool:
        return self._came(self._facts(job_id).result_at)

    def _facts(self, job_id: str) -> JobFacts:
        return self.jobs.get(job_id, NOTHING_KNOWN)

    def _came(self, at: VirtualTime | None) -> bool:
        return at is not None and at <= self.now

    @cached_property
    def told_by_webhook(self) -> frozenset[str]:
        """The jobs of whose end a delivery told, and its receiver took it."""
        return frozenset(
            delivery.job_id
            for delivery in self.deliveries
            if delivery.job_id and delivery.signature == "good" and any(each.accepted for each in delivery.attempts)
        )


def is_over(job: Json) -> bool:
    return text(job.get("status")) in TERMINAL
