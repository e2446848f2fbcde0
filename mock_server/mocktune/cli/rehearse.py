"""``mocktune rehearse``: a client's command under every scenario of a pack, and a report card."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.signals import INTERRUPTED, came_meanwhile, end_cleanly, held

if TYPE_CHECKING:
    from rich.console import Console

    from mocktune.rehearsal.judging import Judged
    from mocktune.rehearsal.performing import Performance
    from mocktune.rehearsal.rehearsing import Rehearsal
    from mocktune.rehearsal.stage import Piece

TERMINATED = 143
MAX_JOBS = 64
LONGEST_S = 24 * 3600
STDOUT = "-"


def rehearse(
    context: typer.Context,
    command: Annotated[list[str] | None, typer.Argument(metavar="[--] COMMAND...", show_default=False)] = None,
    pack: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Scenarios that belong together: core (the default), chaos, all. Repeatable."
        ),
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|FILE", help="A single scenario, in place of a pack or beside it. Repeatable."),
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", min=1, max=MAX_JOBS, help="How many runs side by side.")] = 1,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Start no more after a run that failed.")] = False,
    timeout: Annotated[str, typer.Option(metavar="DURATION", help="Wall time of each run.")] = "60s",
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="The same seed gives the same ids and draws.")] = 0,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="A finding that does not count, such as MT03; repeatable.")
    ] = None,
    real_sleeps: Annotated[
        bool, typer.Option("--real-sleeps", help="Let the command's own sleeps take the time they take.")
    ] = False,
    junit: Annotated[str, typer.Option(metavar="FILE", show_default=False, help="Write JUnit XML.")] = "",
    json_: Annotated[
        str, typer.Option("--json", metavar="FILE", show_default=False, help="Write JSON; - is stdout.")
    ] = "",
    html: Annotated[str, typer.Option(metavar="FILE", show_default=False, help="Write one HTML page.")] = "",
) -> None:
    """Run a client's command under every scenario of a pack, and say whether it is ready.

    mocktune rehearse --pack core -- python train.py data.jsonl

    Exit code 1 where it is not. Everything behind the first word that is no option belongs to the command.
    """
    if not command:
        fail("give a command to rehearse: mocktune rehearse -- python train.py data.jsonl")
    from mocktune.rehearsal.performing import Performance

    packs, scenarios = _chosen(context, pack or [], scenario or [])
    pieces = _pieces(packs, scenarios)
    how = Performance(command, seed, _timeout_s(timeout), real_sleeps, check_codes(allow or []))
    files = {"junit": junit, "json": json_, "html": html}
    for path in files.values():
        _check_path(path)
    end_cleanly(TERMINATED)
    rehearsal, interrupted = _rehearse(pieces, how, jobs, fail_fast=fail_fast)
    _write(rehearsal, files)
    from mocktune.rehearsal.card import print_card

    print_card(_console(to_stderr=json_ == STDOUT), rehearsal)
    if interrupted:
        sys.exit(INTERRUPTED)
    if not rehearsal.ready:
        sys.exit(NEGATIVE)


# -- what is asked for -------------------------------------------------------------------------------------------------


def _chosen(context: typer.Context, packs: list[str], scenarios: list[str]) -> tuple[list[str], list[str]]:
    """What the command line names wins over all that ``pyproject.toml`` names."""
    sources = {name: context.get_parameter_source(name) for name in ("pack", "scenario")}
    told = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    if told:
        packs, scenarios = (packs if "pack" in told else []), (scenarios if "scenario" in told else [])
    return packs, scenarios


def _pieces(packs: list[str], scenarios: list[str]) -> list[Piece]:
    from mocktune.domain.documents import ScenarioError, nearest
    from mocktune.rehearsal.stage import Piece
    from mocktune.storage.scenario_files import scenario_packs

    known = {each.name: each.scenarios for each in scenario_packs()}
    named: list[str] = []
    for pack in packs or ([] if scenarios else ["core"]):
        if pack not in known:
            fail(f"unknown pack '{pack}'{nearest(pack, known)}")
        named += known[pack]
    try:
        return [Piece.read(name) for name in dict.fromkeys([*named, *scenarios])]
    except ScenarioError as error:
        fail(str(error))


def _timeout_s(text: str) -> float:
    from mocktune.domain.clock import SECOND, ClockError, parse_duration

    try:
        timeout_s = parse_duration(text) / SECOND
    except ClockError as error:
        fail(f"--timeout: {error}")
    if not 0 < timeout_s <= LONGEST_S:
        fail("--timeout: a run takes some time, and a day at most")
    return timeout_s


def check_codes(allow: list[str]) -> tuple[str, ...]:
    """Ends the command for a finding that there is not."""
    from mocktune.domain.documents import nearest
    from mocktune.domain.verdict import BY_CODE

    for code in allow:
        if code not in BY_CODE:
            fail(f"--allow: there is no finding '{code}'{nearest(code, BY_CODE)}")
    return tuple(allow)


def _check_path(path: str) -> None:
    """What cannot be written is told before the runs, not after them."""
    if path in ("", STDOUT):
        return
    if not Path(path).parent.is_dir():
        fail(f"there is no folder for '{path}'")
    if Path(path).is_dir():
        fail(f"'{path}' is a folder")


# -- the runs ----------------------------------------------------------------------------------------------------------


def _rehearse(pieces: list[Piece], how: Performance, jobs: int, *, fail_fast: bool) -> tuple[Rehearsal, bool]:
    """What came of it, and whether it was interrupted: signals are looked for between two looks at the runs, since an
    exception that comes out of nowhere can be lost in what it hits."""
    interrupted = False
    try:
        with held():
            from mocktune.clock import stopwatch_ns
            from mocktune.rehearsal.rehearsing import Rehearsing
            from mocktune.rehearsal.stage import raised_stage

            begun_ns = stopwatch_ns()
            with raised_stage() as stage, _progress(len(pieces)) as progress:
                rehearsing = Rehearsing(stage, pieces, how)
                going = rehearsing.go(jobs, fail_fast=fail_fast, on_start=progress.begins, stopped=came_meanwhile)
                for judged in going:
                    progress.ended(judged)
    except KeyboardInterrupt:
        interrupted = True
    return rehearsing.finished((stopwatch_ns() - begun_ns) / 1e9), interrupted


class RunProgress:
    """A line for each run that ended."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.done = 0

    def begins(self, piece: Piece) -> None:
        pass

    def ended(self, judged: Judged) -> None:
        self.done += 1
        told = "passed" if judged.passed else "FAILED"
        self.tell(f"{self.done:>{len(str(self.count))}}/{self.count}  {told}  {judged.run.scenario}")

    def tell(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)


@contextmanager
def _progress(count: int) -> Iterator[RunProgress]:
    """A bar on a terminal, and lines anywhere else."""
    console = _console(to_stderr=True)
    if not console.is_terminal or console.is_dumb_terminal or not sys.stderr.isatty():
        yield RunProgress(count)
        return
    from mocktune.cli.rehearse_progress import bar

    with bar(console, count) as shown:
        yield shown


# -- what came of it ---------------------------------------------------------------------------------------------------


def _write(rehearsal: Rehearsal, files: dict[str, str]) -> None:
    for form, path in files.items():
        if not path:
            continue
        content = _content(rehearsal, form)
        if path == STDOUT:
            sys.stdout.buffer.write(content)
            sys.stdout.flush()
            continue
        try:
            Path(path).write_bytes(content)
        except OSError as error:
            print(f"mocktune: '{path}' cannot be written: {error.strerror or error}", file=sys.stderr, flush=True)


def _content(rehearsal: Rehearsal, form: str) -> bytes:
    if form == "junit":
        from mocktune.rehearsal.junit import junit_xml

        return junit_xml(rehearsal)
    if form == "html":
        from mocktune.rehearsal.page import html_page

        return html_page(rehearsal).encode("utf-8", "replace")
    import json

    from mocktune.rehearsal.document import document

    return (json.dumps(document(rehearsal), indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _console(*, to_stderr: bool) -> Console:
    from rich.console import Console

    from mocktune.rehearsal.card import WIDEST

    stream = sys.stderr if to_stderr else sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shall not end the rehearsal
    unknown = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(file=stream, highlight=False, markup=False, width=WIDEST if unknown else None)
