"""``sleep`` for shell scripts under a rehearsal: moves the sandbox's clock on, in the place of the wall's.

Run as a file by a wrapper that stands in front of the real ``sleep`` on the command's PATH; it is to start fast, and
imports nothing of mocktune: ``python -I -S shell_sleep.py REAL_SLEEP DURATION...``. Durations are those of GNU's sleep:
``5``, ``0.5``, ``1m``, ``2h 30m``. Whatever is none of them, ``infinity`` included, goes to the real one, and so does
everything where no sandbox answers.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from math import isfinite

VARIABLE = "MOCKTUNE_SHELL_SLEEP"
"""``HOST PORT PATH KEY`` of the control plane that is asked."""

UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
TRIES = 500
BUSY_S = 0.01
TIMEOUT_S = 30

_DURATION = re.compile(r"(\d+\.?\d*|\.\d+)([smhd]?)", re.ASCII)


def seconds(words: list[str]) -> float | None:
    """The sum of the durations; None for what only the real ``sleep`` knows, or refuses."""
    found = [_DURATION.fullmatch(word) for word in words]
    if not found or not all(found):
        return None
    total = sum(float(each[1]) * UNITS[each[2]] for each in found if each)
    return total if isfinite(total) else None


def ask(where: str, method: str, path: str, body: str = "") -> tuple[int, dict[str, float]]:
    """A request to the control plane: the status, and the answer's JSON."""
    host, port, root, key = where.split(" ")
    lines = [f"{method} {root}/_mocktune/{path} HTTP/1.0", f"host: {host}:{port}", f"authorization: Bearer {key}"]
    lines += ["content-type: application/json", f"content-length: {len(body)}", "", body]
    with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(content)


def pass_time(where: str, duration_s: float) -> bool:
    """Move the clock to ``duration_s`` from now; False where it does not go."""
    import time

    until = None
    for _ in range(TRIES):
        status, clock = ask(where, "GET", "clock")
        if status != 200:
            return False
        if until is None:
            until = clock["now"] + duration_s
        if clock["now"] >= until:
            return True
        status, _ = ask(where, "POST", "clock/advance", json.dumps({"to": until}))
        if status == 200:
            return True
        if status != 409:
            return False
        time.sleep(BUSY_S)  # another command is moving it
    return False


def main(real: str, words: list[str]) -> None:
    where, duration_s = os.environ.get(VARIABLE, ""), seconds(words)
    try:
        if where and duration_s is not None and pass_time(where, duration_s):
            return
    except (OSError, ValueError, LookupError):
        pass  # no sandbox answers any more: then it is a sleep like any other
    os.execv(real, [real, *words])


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
