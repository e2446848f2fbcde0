"""A tuning under way in the foreground: shown, held to its budget, left or ended, each with its exit code.

=========  ==================================================================
exit code  meaning
=========  ==================================================================
0          the model is there, or with ``--detach`` the job
1          failed, cancelled or refused; the file has errors
2          cannot run like this; nothing was sent
3          over budget
130        interrupted; a job that there is goes on
=========  ==================================================================
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mocktune.cli.amounts import told_usd
from mocktune.cli.budget import OverBudget
from mocktune.cli.exits import NEGATIVE, OVER_BUDGET
from mocktune.cli.signals import INTERRUPTED
from mocktune.clock import stopwatch_ns

if TYPE_CHECKING:
    from mocktune.cli.targets import Target
    from mocktune.cli.tune_view import TuneView
    from mocktune_client import Tuned, Tuner
    from mocktune_client.progress import Progress

TERMINATED = 143


class ChangedSinceChecked(Exception):
    """A file is no longer the one whose price was estimated."""


class Detached(Exception):
    """The job is there, and nobody is to stay with it."""


@dataclass(slots=True)
class HourlyBudget:
    """Holds a budget in US dollars where time is billed: from the first event that the job runs to the latest, and the
    time since it came.
    """

    usd: float
    usd_per_hour: float
    _began_s: float | None = None
    _latest_s: float = 0.0
    _latest_ns: int = 0

    def take(self, told: Progress) -> None:
        from mocktune_client.progress import EventSeen

        if isinstance(told, EventSeen):
            at = float(told.event.created_at)
            if self._began_s is None and "started" not in told.event.message.lower():
                return
            self._began_s = at if self._began_s is None else self._began_s
            self._latest_s = max(self._latest_s, at)
            self._latest_ns = stopwatch_ns()

    def spent_usd(self) -> float:
        if self._began_s is None:
            return 0.0
        since_s = (stopwatch_ns() - self._latest_ns) / 1e9
        return (self._latest_s - self._began_s + since_s) / 3600 * self.usd_per_hour

    def check(self) -> None:
        if (spent := self.spent_usd()) >= self.usd:
            raise OverBudget(
                f"by the hour {told_usd(spent)} of training were used up, and --max-cost allows {told_usd(self.usd)}."
            )


@dataclass(slots=True)
class Going:
    """What a tuning needs to be shown and ended well. ``flags`` are those of the target, for the commands that the
    messages name; ``checked`` are the sha256 of the files whose price was estimated; ``clock`` is the pace and
    ``scenario`` the life of a server that was started, as they were asked for.
    """

    target: Target
    view: TuneView
    flags: list[str]
    detach: bool = False
    budget: HourlyBudget | None = None
    job_id: str | None = None
    checked: Mapping[str, str] = field(default_factory=dict)
    clock: str | None = None
    scenario: str | None = None

    def on(self, told: Progress) -> None:
        from mocktune_client.progress import JobKnown

        self._check_unchanged(told)
        self.view.progress(told)
        if self.budget is not None:
            self.budget.take(told)
        if isinstance(told, JobKnown):
            self.job_id = told.job.id
            if told.how == "found" and self.scenario is not None:
                self.view.note(
                    f"--scenario {self.scenario} has no say in a job that was there before. For a new one: --again"
                )
            if self.detach:
                raise Detached

    def _check_unchanged(self, told: Progress) -> None:
        """Stored files are named by what is in them: of one that was changed meanwhile nobody knows the price."""
        from mocktune_client.progress import FileSeen, Uploading

        if isinstance(told, Uploading):
            name = told.filename
        elif isinstance(told, FileSeen) and told.reused:
            name = told.file.filename or ""
        else:
            return
        if self.checked.get(told.which, "")[:12] not in name:
            raise ChangedSinceChecked(f"the {told.which} file has changed since it was checked. Run the command again.")

    def tick(self) -> None:
        """Called while the tuner waits. Raises ``OverBudget``."""
        if self.budget is not None:
            self.budget.check()

    def run(self, tuner: Tuner, work: Callable[[], Tuned]) -> int:
        """The exit code of ``work``, which tells ``on``."""
        try:
            tuned = work()
        except Detached:
            self.view.left("detached", attach=self.attach(), cancel=self.command("jobs", "cancel"))
            return 0
        except OverBudget as over:
            return self._stop(tuner, over)
        except (KeyboardInterrupt, SystemExit) as stopped:
            self._left()
            return INTERRUPTED if isinstance(stopped, KeyboardInterrupt) else TERMINATED
        except BrokenPipeError:
            raise
        except Exception as error:
            self.view.failed(error)
            return NEGATIVE
        self.view.done(tuned)
        return 0

    def command(self, *words: str) -> str:
        return shlex.join(["mocktune", *words, self.job_id or "ID", *self.flags])

    def attach(self) -> str:
        """The command that goes on with the job, at the pace it had."""
        command = self.command("attach")
        return command if self.clock is None else f"{command} --clock {shlex.quote(self.clock)}"

    def _left(self) -> None:
        if self.job_id is None:
            self.view.left("interrupted")
            return
        self.view.left(
            "interrupted",
            attach=self.attach(),
            cancel=self.command("jobs", "cancel"),
            stands_still=self.target.kind == "started",
        )

    def _stop(self, tuner: Tuner, over: OverBudget) -> int:
        """Pauses the job, so that what was paid for is not lost; cancels it where it cannot be paused."""
        import openai

        from mocktune_client import TuningError

        assert self.job_id is not None
        for name, done in (("pause", "paused"), ("cancel", "cancelled")):
            try:
                getattr(tuner, name)(self.job_id)
            except (openai.OpenAIError, TuningError):
                continue
            what = f"The job is {done}" + (
                "; resume it with " + self.command("jobs", "resume") if name == "pause" else ""
            )
            self.view.failed(OverBudget(f"{over} {what}."))
            return OVER_BUDGET
        self.view.failed(OverBudget(f"{over} THE JOB COULD NOT BE STOPPED: {self.command('jobs', 'cancel')}"))
        return OVER_BUDGET
