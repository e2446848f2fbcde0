"""``python -m mocktune_contract --target URL [--api-key KEY]``: the contract tests, wherever the package is installed.

``pytest --pyargs mocktune_contract`` runs them too, but finds the options only when it is given the folder's path.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    sys.exit(pytest.main(["--import-mode=importlib", str(Path(__file__).parent), *sys.argv[1:]]))
