"""Nothing leaves the machine: no telemetry, no look for a newer version, no download at run time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from mocktune.testing.environment import LOOPBACK

PROGRAM = Path(__file__).with_name("watched_life.py")


def test_a_whole_life_connects_to_loopback_alone() -> None:
    done = subprocess.run([sys.executable, str(PROGRAM)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    life = json.loads(done.stdout)
    assert (life["status"], life["answer"], life["delivered"]) == ("succeeded", "Hello.", True)
    assert {host for _, _, host in life["ways_out"]} <= set(LOOPBACK)
    of_server = {(event, host) for thread, event, host in life["ways_out"] if thread.startswith("mocktune")}
    assert ("socket.connect", "127.0.0.1") in of_server  # the webhook: the hook sees what the server does
