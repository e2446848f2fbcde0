"""Prints one of README's two commands, so that what is run in CI is what a reader is told."""

from __future__ import annotations

import sys
from pathlib import Path

ENDINGS = {"demo": ".venv/bin/mocktune demo", "test": ".venv/bin/python -m pytest -q"}
README = Path(__file__).resolve().parent.parent / "README.md"


def readme_command(which: str) -> str:
    """The one line of a README code block that sets an environment up and runs ``which``: ``demo`` or ``test``."""
    lines = [line.strip() for line in README.read_text("utf-8").splitlines() if line.startswith("python3 -m venv ")]
    (line,) = [line for line in lines if line.endswith(ENDINGS[which])]
    return line


if __name__ == "__main__":
    print(readme_command(sys.argv[1]))
