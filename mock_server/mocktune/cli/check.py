"""``mocktune check``: everything that is wrong with a training file, and what training on it would cost."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.exits import fail
from mocktune.cli.signals import end_cleanly

if TYPE_CHECKING:
    from rich.console import Console

    from mocktune.cli.check_verdict import Judged
    from mocktune.domain.models import BaseModel
    from mocktune_client.dataset.report import DatasetReport, ModelPrice

MAX_EPOCHS = 1000
TERMINATED = 143


class MethodOption(StrEnum):
    supervised = "supervised"
    dpo = "dpo"
    reinforcement = "reinforcement"


class FormatOption(StrEnum):
    text = "text"
    json = "json"
    junit = "junit"
    github = "github"
    html = "html"


class SeverityOption(StrEnum):
    error = "error"
    warning = "warning"


def check(
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="A training file: JSONL.")],
    valid: Annotated[
        str, typer.Option("--valid", metavar="FILE", show_default=False, help="The validation file beside it.")
    ] = "",
    model: Annotated[
        str, typer.Option(metavar="MODEL", show_default=False, help="Whether it suits this model, and its price first.")
    ] = "",
    method: Annotated[
        MethodOption | None,
        typer.Option(
            metavar="supervised|dpo|reinforcement", show_default=False, help="Of training; by the first example."
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, max=MAX_EPOCHS, show_default=False, help="For the price; as the service else."
        ),
    ] = None,
    format: Annotated[
        FormatOption, typer.Option(metavar="text|json|junit|github|html", help="Of the report.")
    ] = FormatOption.text,
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", show_default=False, help="Write the report there, and print text.")
    ] = "",
    max_cost: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, show_default=False, help="End with 3 where training would cost more."),
    ] = None,
    fail_on: Annotated[
        SeverityOption, typer.Option(metavar="error|warning", help="End with 1 for findings as bad as this.")
    ] = SeverityOption.error,
) -> None:
    """Say everything that is wrong with a training file, and what training on it would cost. Sends nothing.

    mocktune check train.jsonl --valid valid.jsonl --model gpt-4o-mini-2024-07-18

    Exit codes: 0 ok, 1 findings, 2 usage, 3 over budget.
    """
    for path in filter(None, (file, valid)):
        check_readable(path)
    if out:
        check_writable(out, file, valid)
    if max_cost is not None and not isfinite(max_cost):
        fail("--max-cost: an amount in US dollars")
    base = _base_model(model, method)
    end_cleanly(TERMINATED)  # and with it the processes that read
    report = _checked(file, valid, base, method, epochs)
    judged = _judged(report, base, fail_on, max_cost)
    if format is FormatOption.text and not out:
        _print_text(judged, sys.stdout)
    else:
        _deliver(judged, format, out)
    sys.exit(judged.exit_code)


# -- what is asked for -------------------------------------------------------------------------------------------------


def check_readable(path: str) -> None:
    """Ends the command for what is no file."""
    if Path(path).is_dir():
        fail(f"'{path}' is a folder")
    try:
        # Anything that can be opened: a pipe of the shell too, which is read but once.
        if not Path(path).exists():
            fail(f"there is no file '{path}'")
        if not os.access(path, os.R_OK):
            fail(f"'{path}' cannot be read: permission denied")
    except (OSError, ValueError) as error:
        fail(f"'{path}' cannot be read: {error}")


def check_writable(path: str, *read: str) -> None:
    """What cannot be written is told before the work, not after it; what is ``read`` is not written over."""
    if any(each and Path(path).resolve() == Path(each).resolve() for each in read):
        fail(f"'{path}' would be written over what is read")
    if Path(path).is_dir():
        fail(f"'{path}' is a folder")
    if not Path(path).parent.is_dir():
        fail(f"there is no folder for '{path}'")


def _base_model(model: str, method: MethodOption | None) -> BaseModel | None:
    """The base model that a name stands for, also that of a tuned model; None for no name. Ends the command for a name
    that stands for none, and for a method that is not the model's."""
    from mocktune.domain.documents import nearest
    from mocktune.domain.models import ALIASES, BASE_MODELS
    from mocktune_client.model_names import base_model_of

    if not model:
        return None
    base = base_model_of(model)
    if base is None:
        fail(f"--model: there is no model '{model}' that can be tuned{nearest(model, [*BASE_MODELS, *ALIASES])}")
    if method is not None and method.value not in base.methods:
        fail(f"--method: {base.id} is not trained by {method.value}; it is by {' and '.join(base.methods)}")
    return base


def _checked(
    file: str, valid: str, base: BaseModel | None, method: MethodOption | None, epochs: int | None
) -> DatasetReport:
    from mocktune.cli.byte_progress import byte_progress
    from mocktune_client.dataset import check_dataset

    try:
        with byte_progress("checking") as on_progress:
            return check_dataset(
                file,
                validation=valid or None,
                model=base.id if base else None,
                method=method.value if method else None,
                n_epochs=epochs,
                on_progress=on_progress,
            )
    except OSError as error:
        fail(f"'{error.filename or file}' cannot be read: {error.strerror or error}")


def _judged(report: DatasetReport, base: BaseModel | None, fail_on: SeverityOption, max_cost: float | None) -> Judged:
    from mocktune.cli.check_verdict import Judged

    return Judged(report, fail_on.value, max_cost, _price(report, base))


def _price(report: DatasetReport, base: BaseModel | None) -> ModelPrice | None:
    """That of the model that was asked for; where nobody asked, of the usual one, or else of the first."""
    from mocktune_client.dataset.plan import DEFAULT_MODEL

    wanted = base.id if base else DEFAULT_MODEL
    found = next((price for price in report.prices if price.model == wanted), None)
    return found or (None if base else next(iter(report.prices), None))


# -- what is told ------------------------------------------------------------------------------------------------------


def _deliver(judged: Judged, format: FormatOption, out: str) -> None:
    if not out:
        sys.stdout.buffer.write(_content(judged, format))
        sys.stdout.flush()
        return
    from mocktune_client.writing import replacing

    try:
        with ExitStack() as stack:
            stack.enter_context(replacing(out)).write(_content(judged, format))
    except OSError as error:
        fail(f"'{out}' cannot be written: {error.strerror or error}")
    _print_text(judged, sys.stdout)


def _content(judged: Judged, format: FormatOption) -> bytes:
    from mocktune.cli import check_formats

    if format is FormatOption.html:
        from mocktune.cli.check_page import html_page

        return html_page(judged).encode("utf-8", "replace")
    if format is FormatOption.text:
        import io

        text = io.StringIO()
        _print_text(judged, text)
        return text.getvalue().encode("utf-8", "replace")
    if format is FormatOption.junit:
        return check_formats.junit_xml(judged)
    if format is FormatOption.github:
        return check_formats.workflow_commands(judged, os.environ.get("GITHUB_WORKSPACE")).encode("utf-8", "replace")
    return check_formats.json_document(judged)


def _print_text(judged: Judged, stream: object) -> None:
    from mocktune.cli.check_text import print_check

    print_check(console_on(stream), judged)


def console_on(stream: object) -> Console:
    """For text that may have anything in it; as wide as it is useful where nobody says how wide."""
    from rich.console import Console

    from mocktune.cli.check_text import WIDEST

    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")  # a terminal that cannot show a sign shall not end the command
    seen = hasattr(stream, "isatty") and stream.isatty()
    unknown = not seen and "COLUMNS" not in os.environ
    return Console(file=stream, highlight=False, markup=False, width=WIDEST if unknown else None)  # type: ignore[arg-type]
