"""``python -m mocktune_contract --target URL [--api-key KEY]``: the contract tests, wherever the package is installed.

The same as ``python -m pytest --pyargs mocktune_contract``. Tests marked ``soak``, which take minutes, run with
``-m soak`` only.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    # Imported by `-m` already; pytest finds the package by its entry point, and would warn that it cannot rewrite it.
    sys.modules.pop("mocktune_contract", None)
    options = ["--import-mode=importlib", str(Path(__file__).parent)]
    sys.exit(pytest.main([*options, *sys.argv[1:]]))
