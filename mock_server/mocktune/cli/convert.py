"""``mocktune convert``: tables and other datasets turned into training files."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.signals import end_cleanly
from mocktune.cli.split import TERMINATED, check_file, check_new

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mocktune_client.dataset.converting import BadRow, Columns, Converted, Target

STDOUT = "-"

Column = list[str] | None


class TargetOption(StrEnum):
    chat = "chat"
    preference = "preference"


def _column(flag: str, help: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, metavar="COLUMN", show_default=False, help=help)
    return option


def convert(
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="A table (CSV), or a dataset (JSONL).")
    ],
    to: Annotated[
        TargetOption | None,
        typer.Option(metavar="chat|preference", show_default=False, help="The format; by the columns otherwise."),
    ] = None,
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", show_default=False, help="Beside FILE otherwise; - is stdout.")
    ] = "",
    prompt: Annotated[
        Column, _column("--prompt", "What is asked. Repeatable: texts are joined by a blank line.")
    ] = None,
    completion: Annotated[Column, _column("--completion", "What is to be answered.")] = None,
    preferred: Annotated[Column, _column("--preferred", "The better of two answers.")] = None,
    non_preferred: Annotated[Column, _column("--non-preferred", "The other one.")] = None,
    system_column: Annotated[Column, _column("--system-column", "The system message of each row.")] = None,
    system: Annotated[
        str, typer.Option(metavar="TEXT", show_default=False, help="The system message of rows that have none.")
    ] = "",
    delimiter: Annotated[
        str, typer.Option(metavar="SIGN", show_default=False, help="Between cells; found out otherwise. TAB is a tab.")
    ] = "",
    encoding: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help="Of a table, such as cp1252; UTF-8 otherwise.")
    ] = "",
    keep_ends: Annotated[
        bool, typer.Option("--keep-ends", help="Keep separators and stop sequences that all texts end with.")
    ] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad rows out, and write the others.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Make a training file of a table, of prompt/completion pairs, or of preference pairs.

    mocktune convert faq.csv --prompt Question --completion Answer

    Columns with usual names, such as question and answer, need not be named.
    """
    check_file(file)
    if len(delimiter) > 1 and delimiter not in ("TAB", "\\t"):
        fail("--delimiter: one sign, or TAB")
    target: Target | None = to.value if to else None

    from mocktune_client.dataset.converting import BadRows, Columns, convert_dataset
    from mocktune_client.dataset.tables import ConvertError

    columns = Columns(*(tuple(each or ()) for each in (system_column, prompt, completion, preferred, non_preferred)))
    to_stdout = out == STDOUT
    written = _temporary() if to_stdout else out or _beside(file, target, columns)
    if not to_stdout:
        check_new(written, file, force=force)

    from mocktune.cli.byte_progress import byte_progress

    end_cleanly(TERMINATED)  # what is half written goes
    try:
        with byte_progress("converting") as told:
            done = convert_dataset(
                file, written, target=target, columns=columns, system=system or None,
                delimiter="\t" if len(delimiter) > 1 else delimiter or None, encoding=encoding or None,
                keep_ends=keep_ends, skip_bad=skip_bad, on_progress=told,
            )  # fmt: skip
        if to_stdout:
            with open(written, "rb") as source:
                shutil.copyfileobj(source, sys.stdout.buffer)
            sys.stdout.flush()
    except BadRows as error:
        _tell_bad(file, error.count, error.told)
        fail("nothing was written; mend the rows, or leave them out with --skip-bad", NEGATIVE)
    except ConvertError as error:
        fail(f"'{file}': {error}", NEGATIVE)
    except OSError as error:
        fail(f"'{error.filename or file}': {error.strerror or error}", NEGATIVE)
    finally:
        if to_stdout:
            Path(written).unlink(missing_ok=True)
    _tell_bad(file, done.bad, done.told)
    for line in _told(done, "stdout" if to_stdout else written):
        print(line, file=sys.stderr if to_stdout else sys.stdout, flush=True)


def _temporary() -> str:
    number, name = tempfile.mkstemp(prefix="mocktune-", suffix=".jsonl")
    os.close(number)
    return name


def _beside(file: str, target: Target | None, columns: Columns) -> str:
    """``faq.csv`` becomes ``faq.jsonl``, and what is JSONL already gets the format into its name."""
    path = Path(file)
    if path.suffix.lower() not in (".jsonl", ".ndjson", ".json"):
        return str(path.with_suffix(".jsonl"))
    if target is None:
        from mocktune_client.dataset.converting import target_of
        from mocktune_client.dataset.tables import ConvertError

        try:
            target = target_of(file, columns)
        except ConvertError as error:
            fail(f"'{file}': {error}", NEGATIVE)
        except OSError as error:
            fail(f"'{file}': {error.strerror or error}", NEGATIVE)
    return str(path.with_name(f"{path.stem}.{target}.jsonl"))


def _tell_bad(file: str, count: int, told: tuple[BadRow, ...]) -> None:
    from mocktune.rehearsal.evidence import printable

    for row in told:
        print(printable(f"{file}:{row.line}: {row.why}"), file=sys.stderr)
    if count > len(told):
        print(f"and {count - len(told):,} more bad rows", file=sys.stderr)


def _told(done: Converted, written: str) -> Iterator[str]:
    from mocktune.cli.amounts import counted
    from mocktune.rehearsal.evidence import printable

    skipped = f"; {counted(done.bad, 'bad row')} left out" if done.bad else ""
    yield f"{written}  {counted(done.examples, 'example')}, {done.target}{skipped}"
    columns = done.columns
    parts = (
        ("system", columns.system), ("prompt", columns.prompt), ("completion", columns.completion),
        ("preferred", columns.preferred), ("non-preferred", columns.non_preferred),
    )  # fmt: skip
    yield printable("  from " + ", ".join(f"{part}: {' + '.join(names)}" for part, names in parts if names))
    if done.unused:
        yield printable(f"  not used: {', '.join(done.unused[:20])}{', …' if len(done.unused) > 20 else ''}")
    for what, end in (("prompts", done.ends.prompt), ("completions", done.ends.completion)):
        if end:
            yield f"  taken off the end of {what}: {end!a} (--keep-ends keeps it)"
    if written != "stdout":
        yield f"Look at it with: mocktune check {shlex.quote(written)}"
