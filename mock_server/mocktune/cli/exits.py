"""How a command ends early: one line on stderr, and an exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

NEGATIVE = 1
"""The command ran, and the answer is no."""
USAGE = 2
"""The command cannot run like this."""
OVER_BUDGET = 3
"""It would cost, or has cost, more than was allowed."""


def fail(message: str, exit_code: int = USAGE) -> NoReturn:
    """End the command, saying why on stderr."""
    print(f"mocktune: {message}", file=sys.stderr, flush=True)
    sys.exit(exit_code)
