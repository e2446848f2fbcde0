"""A command's connection: a target, a client of the official SDK for it, and a tuner on that client."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mocktune.cli.exits import fail
from mocktune.cli.printing import told_errors
from mocktune.cli.targets import Target, open_target

if TYPE_CHECKING:
    from openai import OpenAI

    from mocktune_client import Tuner

SHORT_PATIENCE_S = 60.0
RETRIES = 4
"""Of a single question, by the SDK: some ten seconds. Who waits for hours asks the tuner."""


@dataclass(frozen=True, slots=True)
class Session:
    """``json``: the output is for a program."""

    target: Target
    client: OpenAI
    json: bool

    @property
    def is_live(self) -> bool:
        return self.target.kind == "live"

    def tuner(self, *, patience_s: float = 3600.0) -> Tuner:
        """``patience_s``: how long errors in a row are waited out; short where somebody waits for one answer."""
        from mocktune.cli.pace import poll_s
        from mocktune.cli.state_folder import state_folder
        from mocktune_client import Tuner

        journal = state_folder() / "journal"
        return Tuner(self.client, poll_s=poll_s(self.target), patience_s=patience_s, journal=journal)

    def confirm(self, what: str, *, yes: bool) -> None:
        """Ends the command unless something live may be given up: ``yes`` says so, or whoever sits at the terminal."""
        if yes or not self.is_live:
            return
        if self.json or not sys.stdin.isatty():
            fail(f"{what} for good on a live service: say so with --yes")
        import typer

        if not typer.confirm(f"{what} for good?", err=True):
            fail("nothing was done", 1)


@contextmanager
def session(
    *, live: bool, max_cost: float | None, base_url: str | None, json: bool, dry_run: bool = False
) -> Iterator[Session]:
    """An open session, whose errors end the command. Its target is the first line of the output."""
    with (
        told_errors(json=json),
        open_target(live=live, max_cost=max_cost, base_url=base_url, json=json, dry_run=dry_run) as target,
        target.client(max_retries=RETRIES) as client,
    ):
        yield Session(target, client, json)
