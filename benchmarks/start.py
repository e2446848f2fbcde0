"""From the start of the process to the first 200 of a GET, against a one-route FastAPI application.

Goal 5: ``mocktune serve --port 0`` over that application under uvicorn. Each prints where it listens, and is asked
then; the application says so early, so that its first request waits in the socket's queue.
A first, unmeasured start of each writes the .pyc files.
"""

from __future__ import annotations

import http.client
import time

from _lib import Server, alternate, arguments, print_table, ratio_row

Started = tuple[float, float]
"""Milliseconds from before the process exists until its first 200 is read, and of CPU until then."""


def started(path: str, *command: str) -> Started:
    began = time.perf_counter()
    with Server(*command) as server:
        connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        taken, cpu = time.perf_counter() - began, server.cpu_s()
        connection.close()
    if response.status != 200:
        raise RuntimeError(f"{command}: {path} is answered {response.status}")
    return taken * 1e3, cpu * 1e3


def start_mocktune() -> Started:
    return started("/_mocktune/health", "-m", "mocktune", "serve", "--port", "0")


def start_fastapi() -> Started:
    return started("/", "_servers.py", "fastapi")


def main() -> None:
    given = arguments(__doc__)
    start_mocktune()
    start_fastapi()
    measured = alternate(start_mocktune, start_fastapi, given.pairs)
    print_table(
        [
            ratio_row("5  start to first 200", [(a[0], b[0]) for a, b in measured], "ms", ("<=", 1.4)),
            ratio_row("   CPU until then", [(a[1], b[1]) for a, b in measured], "ms"),
        ],
        peer="one-route FastAPI",
    )


if __name__ == "__main__":
    main()
