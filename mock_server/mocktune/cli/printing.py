"""What commands of the client print: objects as JSON lines, and errors as one line that says what to do next."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from json import dumps
from typing import Any

from mocktune.cli.exits import NEGATIVE, fail, tell


def print_json(thing: Any) -> None:
    """One line: an object of the SDK as the service wrote it, or a mapping."""
    document = thing if isinstance(thing, Mapping) else thing.to_dict(mode="json", warnings=False)
    print(dumps(document, allow_nan=False, default=str), flush=True)


def printable(text: object) -> str:
    """Text of a service on one line, without what a terminal would obey."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "�" for each in str(text))


def printable_lines(text: object) -> str:
    """The same, keeping its lines and their indents."""
    return "\n".join(printable(line.expandtabs(4)) for line in str(text).splitlines())


def note(text: str) -> None:
    """A line for people, beside the output."""
    tell(text)


@contextmanager
def told_errors(*, json: bool) -> Iterator[None]:
    """What goes wrong inside ends the command with one line on stderr and exit code 1; ``json``: with an object on
    stdout as well. Mistakes of ours pass.
    """
    try:
        yield
    except BrokenPipeError:
        # Whoever read the output has seen enough. Without this, the interpreter would complain once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NEGATIVE)
    except Exception as error:
        said = words(error)
        if said is None:
            raise
        if json:
            print_json({"event": "error", "code": getattr(error, "code", None), "message": said})
        fail(said, NEGATIVE)


def words(error: Exception) -> str | None:
    """What went wrong and what to do, on one line; None for an error that is no answer to the user."""
    import openai

    from mocktune_client import TuningError
    from mocktune_client.refusals import told

    error = told(error)
    if isinstance(error, OSError):
        return printable(f"{error.filename}: {error.strerror}" if error.filename else error)
    return printable(error) if isinstance(error, TuningError | openai.OpenAIError) else None
