"""Retrieve a finished job over HTTP, against a bare ASGI callable on an identical uvicorn.

Goal 1: requests per second at 16 connections, over those of the bare callable, which answers 1 KB of ready JSON.
Goal 4: p99 at 64 connections, over its p99.
"""

from __future__ import annotations

from _data import examples
from _lib import MOCKTUNE, LoadGenerator, Server, alternate, arguments, get_request, print_table, ratio_row


def main() -> None:
    given = arguments(__doc__)
    seconds = 0.3 if given.quick else 2.0
    with Server(*MOCKTUNE) as ours, Server("_servers.py", "bare") as bare, LoadGenerator() as load:
        request = get_request(f"/v1/fine_tuning/jobs/{ours.finished_job(examples(40), suffix='benchmark')}")
        for server in (ours, bare):
            load.run(server, [request], connections=16, seconds=seconds / 2)
        throughput = alternate(
            lambda: load.run(ours, [request], connections=16, seconds=seconds),
            lambda: load.run(bare, [request], connections=16, seconds=seconds),
            given.pairs,
        )
        tail = alternate(
            lambda: load.run(ours, [request], connections=64, seconds=seconds),
            lambda: load.run(bare, [request], connections=64, seconds=seconds),
            given.pairs,
        )
    print_table(
        [
            ratio_row(
                "1  req/s, 16 connections",
                [(a.requests_per_s, b.requests_per_s) for a, b in throughput],
                "req/s",
                (">=", 0.35),
            ),
            ratio_row("   server CPU a request", [(a.cpu_us, b.cpu_us) for a, b in throughput], "us"),
            ratio_row("4  p99, 64 connections", [(a.p99_ms, b.p99_ms) for a, b in tail], "ms", ("<=", 3)),
        ],
        peer="bare ASGI",
    )


if __name__ == "__main__":
    main()
