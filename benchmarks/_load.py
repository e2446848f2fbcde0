"""The load generator's process: one JSON job a line on stdin, one JSON answer a line on stdout.

Raw sockets under asyncio, so that it costs the machine as little as possible beside the server it measures.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time
from functools import partial
from typing import Any, cast

import uvloop

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_SEND_BYTES = 1024 * 1024


class Connection(asyncio.Protocol):
    """Asks the requests in turn, each as soon as the one before was answered, until ``deadline``."""

    def __init__(self, requests: list[bytes], first: int, deadline: float, done: asyncio.Future[None]) -> None:
        self._requests = requests
        self._next = first
        self._deadline = deadline
        self._done = done
        self._waiting = b""
        self._asked = 0.0
        self.latencies: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own class is no subclass
        self._ask()

    def _ask(self) -> None:
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        self._asked = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        data = self._waiting + data if self._waiting else data
        if not _is_whole(data):
            self._waiting = data
            return
        self._waiting = b""
        now = time.perf_counter()
        self.latencies.append(now - self._asked)
        if not data.startswith(b"HTTP/1.1 200"):
            self._end(RuntimeError(f"answered {data[:600]!r}"))
        elif now < self._deadline:
            self._ask()
        else:
            self._end(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(RuntimeError(f"the server closed the connection: {exc}"))

    def _end(self, error: Exception | None) -> None:
        if not self._done.done():
            if error is None:
                self._done.set_result(None)
            else:
                self._done.set_exception(error)
        self._transport.close()


def _is_whole(data: bytes) -> bool:
    """Whether an answer has arrived: as many bytes as it said, or the chunk that ends those it did not count."""
    head_ends = data.find(b"\r\n\r\n")
    if head_ends < 0:
        return False
    length = _LENGTH.search(data, 0, head_ends)
    if length is None:
        return data.endswith(b"\r\n0\r\n\r\n")
    return len(data) >= head_ends + 4 + int(length[1])


def _itself(connection: Connection) -> Connection:
    return connection


async def run_requests(job: dict[str, Any]) -> dict[str, Any]:
    """Counts and latencies of ``connections`` connections over ``seconds``."""
    loop = asyncio.get_running_loop()
    requests = [each.encode("latin-1") for each in job["requests"]]
    started = time.perf_counter()
    connections, ends = [], []
    for number in range(job["connections"]):
        done: asyncio.Future[None] = loop.create_future()
        connection = Connection(requests, number, started + job["seconds"], done)
        await loop.create_connection(partial(_itself, connection), job["host"], job["port"])
        connections.append(connection)
        ends.append(done)
    async with asyncio.timeout(job["seconds"] + 60):
        await asyncio.gather(*ends)
    seconds = time.perf_counter() - started
    latencies = sorted(latency for connection in connections for latency in connection.latencies)
    return {
        "count": len(latencies),
        "seconds": seconds,
        "p50_ms": latencies[len(latencies) // 2] * 1e3,
        "p99_ms": latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)] * 1e3,
    }


def run_upload(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds from the first byte sent to the last byte of the answer."""
    with open(job["path"], "rb") as source, socket.create_connection((job["host"], job["port"])) as connection:
        piece = bytearray(_SEND_BYTES)
        started = time.perf_counter()
        connection.sendall(job["head"].encode("latin-1"))
        while size := source.readinto(piece):
            connection.sendall(memoryview(piece)[:size])
        connection.sendall(job["tail"].encode("latin-1"))
        answer = b""
        while True:
            head_ends = answer.find(b"\r\n\r\n")
            length = _LENGTH.search(answer, 0, head_ends) if head_ends >= 0 else None
            if length is not None and len(answer) >= head_ends + 4 + int(length[1]):
                break
            received = connection.recv(65536)
            if not received:
                raise RuntimeError(f"the server closed the connection after {answer[:600]!r}")
            answer += received
        seconds = time.perf_counter() - started
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"answered {answer[:600]!r}")
    return {"seconds": seconds, "answer": answer[head_ends + 4 :].decode()}


def main() -> None:
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = uvloop.run(run_requests(job)) if job["kind"] == "requests" else run_upload(job)
        except (OSError, RuntimeError, TimeoutError) as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
