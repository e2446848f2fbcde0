"""``python -m mocktune_contract --target URL [--api-key KEY]``: the contract tests, wherever the package is installed.

Tests marked ``soak``, which take minutes, run with ``-m soak`` only. ``pytest --pyargs mocktune_contract`` runs them
too, but finds the options only when it is given the folder's path.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    options = ["--import-mode=importlib", "-m", "not soak", str(Path(__file__).parent)]
    sys.exit(pytest.main([*options, *sys.argv[1:]]))
