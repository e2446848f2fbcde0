"""``mocktune tune`` under every shipped scenario. Run by hand: -m soak; the core pack is a step of .ci/run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / ".ci" / "rehearse_tune.py"
TIMEOUT_S = 1800


@pytest.mark.soak
def test_it_is_ready_under_all_of_them_and_says_why_nothing_can_be_done() -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--pack", "all"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
