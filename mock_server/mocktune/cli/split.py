"""``mocktune split``: a dataset divided into a training and a validation file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mocktune.cli.check import check_readable, check_writable
from mocktune.cli.exits import NEGATIVE, fail
from mocktune.cli.signals import end_cleanly

TERMINATED = 143

MIN_TRAINING = 10
"""Examples that the service wants of a training file."""


def split(
    file: Annotated[str, typer.Argument(metavar="FILE", show_default=False, help="A dataset: JSONL of any format.")],
    valid: Annotated[
        str, typer.Option("--valid", metavar="SHARE|COUNT", help="For validation: such as 10%, 0.1 or 200 examples.")
    ] = "10%",
    seed: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="The same seed divides in the same way.")] = 0,
    train_out: Annotated[
        str, typer.Option(metavar="FILE", show_default=False, help="Beside FILE, with .train in its name.")
    ] = "",
    valid_out: Annotated[
        str, typer.Option(metavar="FILE", show_default=False, help="Beside FILE, with .valid in its name.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over files that are there.")] = False,
) -> None:
    """Divide a dataset into a training and a validation file, so that nothing is asked in both.

    mocktune split data.jsonl --valid 10%

    Lines stay as they are, in their order. Examples that ask the same stay together.
    """
    check_file(file)
    share, count = _wanted(valid)
    training, validation = train_out or _beside(file, "train"), valid_out or _beside(file, "valid")
    for path in (training, validation):
        check_new(path, file, force=force)
    if Path(training).resolve() == Path(validation).resolve():
        fail("--train-out and --valid-out are the same file")

    from mocktune.cli.amounts import counted
    from mocktune.cli.byte_progress import byte_progress
    from mocktune_client.dataset.splitting import SplitError, split_dataset

    end_cleanly(TERMINATED)  # what is half written goes
    try:
        with byte_progress("dividing") as told:
            done = split_dataset(file, training, validation, share=share, count=count, seed=seed, on_progress=told)
    except SplitError as error:
        fail(f"'{file}': {error}", NEGATIVE)
    except OSError as error:
        fail(f"'{error.filename or file}': {error.strerror or error}", NEGATIVE)
    width = max(len(training), len(validation))
    print(f"{training.ljust(width)}  {counted(done.training, 'example')}")
    part = done.validation / (done.training + done.validation)
    print(f"{validation.ljust(width)}  {counted(done.validation, 'example')}, {part:.1%}")
    if done.training < MIN_TRAINING:
        print(f"A training file needs at least {MIN_TRAINING} examples: give fewer to validation.")


def check_file(path: str) -> None:
    """Ends the command for what is no file on disk: it is read twice, or its end is looked for."""
    check_readable(path)
    if not Path(path).is_file():
        fail(f"'{path}' is no file on disk")


def check_new(path: str, *read: str, force: bool) -> None:
    """Ends the command for what cannot be written, and without ``force`` for what is there."""
    check_writable(path, *read)
    if Path(path).exists() and not force:
        fail(f"'{path}' is there already; --force writes over it")


def _wanted(text: str) -> tuple[float | None, int | None]:
    """A share, or a number of examples."""
    try:
        if text.endswith("%"):
            share: float | None = float(text[:-1]) / 100
        elif text.isdecimal():
            if int(text) < 1:
                fail("--valid: at least one example")
            return None, int(text)
        else:
            share = float(text)
    except ValueError:
        share = None
    if share is None or not 0 < share < 1:
        fail(f"--valid: '{text}' is no part of the examples, such as 10%, and no number of them, such as 200")
    return share, None


def _beside(file: str, what: str) -> str:
    path = Path(file)
    return str(path.with_name(f"{path.stem}.{what}.jsonl"))
