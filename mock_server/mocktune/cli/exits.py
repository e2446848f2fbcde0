"""How a command ends early: one line on stderr, and an exit code."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import NoReturn

NEGATIVE = 1
"""The command ran, and the answer is no."""
USAGE = 2
"""The command cannot run like this."""
OVER_BUDGET = 3
"""It would cost, or has cost, more than was allowed."""


def fail(message: str, exit_code: int = USAGE) -> NoReturn:
    """End the command, saying why on stderr."""
    tell(message)
    sys.exit(exit_code)


def tell(message: str) -> None:
    """One line on stderr. A terminal gets it broken between words, which it does not do itself; others as it is."""
    line = f"mocktune: {message}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, max(20, width), break_long_words=False, break_on_hyphens=False)
    print(line, file=sys.stderr, flush=True)
