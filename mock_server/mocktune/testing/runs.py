"""A test's run in its sandbox, as the plugin of pytest tells it: what failed, what happened, and how to repeat it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from mocktune.domain.clock import SECOND, format_duration
from mocktune.testing.control import ControlError
from mocktune.testing.requests import last_requests
from mocktune.testing.sandboxes import Sandbox
from mocktune.testing.sleeps.originals import perf_counter
from mocktune.testing.verdict import told

SHOWN_REQUESTS = 20
SHOWN_HAPPENED = 30


@dataclass(slots=True)
class Run:
    """``verdict`` is what becomes of findings: ``report``, ``fail`` or ``off``. ``changes`` are the fields in which the
    scenario was changed, ``notes`` what the server could not do.
    """

    item: pytest.Item
    box: Sandbox
    scenario: str
    changes: Any
    verdict: str
    began_s: float = field(default_factory=lambda: perf_counter())
    lasted_s: float = 0.0
    account: Mapping[str, Any] | None = None
    section: str = ""

    def close(self) -> None:
        """The test is done: what it came to is remembered, and the clock's guard has no more to say."""
        self.box.tells_of_frozen_clock = False
        if self.account is None:
            self._look()

    def stop_interrupting(self) -> None:
        """Before anything of pytest's own could be hit."""
        if self.box.interruption is not None:
            self.box.interruption.stop()

    def _look(self) -> None:
        self.lasted_s = perf_counter() - self.began_s
        try:
            self.account = self.box.account()
        except ControlError:
            self.account = None  # the server is gone, or the test closed the sandbox

    def check(self) -> None:
        """Fail a test that passed although its client hung, or (where findings fail) did what goes wrong in reality."""
        __tracebackhide__ = True
        self.close()
        if self.account is not None and (because := self.account["refused_because"]):
            pytest.fail(because, pytrace=False)
        if self.verdict == "fail":
            answer = self.box.verdict.answer()
            if not answer["clean"]:
                pytest.fail(told(answer), pytrace=False)

    # -- what is told ------------------------------------------------------------------------------------------------

    def figures(self) -> dict[str, float] | None:
        """What the summary counts, as plain numbers: they travel from a worker to whoever started it."""
        if self.account is None:
            return None
        elapsed, cost = self.account["elapsed"], self.account["cost_usd"]
        return {"elapsed_s": elapsed, "cost_usd": cost, "lasted_s": self.lasted_s}

    def report(self) -> str:
        """The section of a failed test, asked for while its sandbox is open; after that, what was told then."""
        if not self.section:
            self.section = "\n".join(self._lines())
        return self.section

    def _lines(self) -> list[str]:
        box = self.box
        self._look()
        set_ = "" if not self.changes else f"  with {self.changes}"
        lines = [f"seed      {box.seed}", f"scenario  {self.scenario}{set_}"]
        lines += [f"note      {note}" for note in box.notes]
        account = self.account
        if account is None:
            return [*lines, "the sandbox is closed", f"repeat    {self.repeat()}"]
        if because := account["refused_because"]:
            lines.append(f"frozen    {because}")
        if box.refusals.count:
            hosts = ", ".join(dict.fromkeys(box.refusals.hosts))
            lines.append(f"refused   {_times(box.refusals.count)}: {hosts} (the real service)")
        lines.append(f"timeline  {format_duration(round(account['elapsed'] * SECOND))} of virtual time")
        dropped = account["happened_dropped"] + max(0, len(account["happened"]) - SHOWN_HAPPENED)
        if dropped:
            lines.append(f"          … {dropped} earlier")
        for each in account["happened"][-SHOWN_HAPPENED:]:
            lines.append(f"          {_since(each['at'], account)}  {each['kind']} {each['id']}  {each['status']}")
        lines += self._requests(account)
        if self.verdict != "off":
            first, *rest = self._asked(lambda: told(box.verdict.answer())).splitlines()
            lines += [f"verdict   {first}", *(f"          {line}".rstrip() for line in rest)]
        return [*lines, f"repeat    {self.repeat()}"]

    def _requests(self, account: Mapping[str, Any]) -> list[str]:
        try:
            requests = last_requests(self.box.control, SHOWN_REQUESTS)
        except ControlError as error:
            return [f"requests  {error}"]
        lines = [f"requests  the last {len(requests)}" if requests else "requests  none"]
        for each in requests:
            what = each.operation or f"{each.method} {each.path}"
            at = _since(each.at.timestamp(), account)
            lines.append(
                f"          {at}  {each.status or '-':>3}  {what}{'  (its answer was lost)' if each.lost else ''}"
            )
        return lines

    @staticmethod
    def _asked(ask: Any) -> str:
        try:
            return str(ask())
        except ControlError as error:
            return str(error)

    def repeat(self) -> str:
        """The command that runs this test again, with this seed, from where pytest was started."""
        config = self.item.config
        words = ["python", "-m", "pytest", _reachable(self.item.nodeid, config), "--mocktune-seed", str(self.box.seed)]
        for option in ("scenario", "server", "url"):
            value = config.getoption(f"mocktune_{option}")
            if value:
                words += [f"--mocktune-{option}", value]
        return shlex.join(words)


def _reachable(node_id: str, config: pytest.Config) -> str:
    """A node id, relative to the root folder, as one that leads there from the folder pytest was started in."""
    path, colons, rest = node_id.partition("::")
    here = config.invocation_params.dir
    file = config.rootpath / path
    if here == config.rootpath or not file.exists():
        return node_id
    return Path(os.path.relpath(file, here)).as_posix() + colons + rest


def _since(at: float, account: Mapping[str, Any]) -> str:
    return f"{'+' + format_duration(round(max(0.0, at - account['started']) * SECOND)):>10}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def summary(runs: int, elapsed_s: float, cost_usd: float, lasted_s: float) -> str:
    """What the runs would have taken and cost."""
    took = format_duration(round(elapsed_s) * SECOND)
    cost = f"{cost_usd:,.2f}" if cost_usd >= 0.1 or not cost_usd else f"{cost_usd:.4f}"
    return (
        f"mocktune: {runs} {'run' if runs == 1 else 'runs'} in {lasted_s:.1f} s; "
        f"in reality {'it' if runs == 1 else 'they'} would have taken {took} and cost ${cost}"
    )
