"""What the benchmarks share: servers as subprocesses, CPU time and memory of a process, pairs, medians and the table.

Every figure of merit is a ratio of two measurements of one run, taken in turn (A B, B A, A B, …); the table shows the
median of these ratios and, in brackets, the lowest and the highest of them.
"""

from __future__ import annotations

import argparse
import gc
import http.client
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

HERE = Path(__file__).resolve().parent
KEY = "sk-benchmark"
SERVER_SEED = 42
MOCKTUNE = f"-m mocktune serve --port 0 --scenario realistic --clock frozen --seed {SERVER_SEED}".split()
"""The command, as people start it; every sandbox has a frozen clock."""

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def arguments(description: str | None, **more: tuple[type, Any, str]) -> argparse.Namespace:
    """``--pairs``, ``--quick`` and whatever else a benchmark takes: ``name=(type, default, help)``."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n\n")[0])
    parser.add_argument("--pairs", type=int, default=5, help="pairs of measurements, ours and the peer's in turn")
    parser.add_argument("--quick", action="store_true", help="small amounts: shows that it runs, no more")
    for name, (kind, default, text) in more.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=default, help=f"{text} ({default})")
    return parser.parse_args()


# -- servers -------------------------------------------------------------------------------------------------------


class Server:
    """A server in a process of its own. Its first line on stdout, a JSON object with ``root``, says that it listens."""

    def __init__(self, *command: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by __exit__
        self.process = subprocess.Popen(
            [sys.executable, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=HERE,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.strip():
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace")
            raise RuntimeError(f"{command} ended with {self.process.wait(10)} before it was ready:\n{said}")
        self.ready: dict[str, Any] = json.loads(line)
        self.pid = self.process.pid
        address = urlsplit(self.ready["root"])
        self.host, self.port = address.hostname or "", address.port or 0

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._errors.close()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """One request on a connection of its own: the JSON answer. Raises ``RuntimeError`` unless it is a 200."""
        data = None if body is None else json.dumps(body).encode()
        return self._ask(method, path, data, "application/json")

    def upload(self, content: bytes, filename: str = "examples.jsonl") -> str:
        """A training file's id."""
        head, tail = multipart(filename)
        id: str = self._ask("POST", "/v1/files", head + content + tail, MULTIPART)["id"]
        return id

    def finished_job(self, content: bytes, **request: object) -> str:
        """A job over ``content`` that has succeeded. The server's clock must be frozen."""
        body = {"model": "gpt-4o-mini-2024-07-18", "training_file": self.upload(content), **request}
        id: str = self.ask("POST", "/v1/fine_tuning/jobs", body)["id"]
        self.ask("POST", "/_mocktune/clock/advance", {"until": {"job": id, "status": "terminal"}})
        self.ask("POST", "/_mocktune/clock/advance", {"by": "1h"})
        return id

    def _ask(self, method: str, path: str, data: bytes | None, content_type: str) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=600)
        try:
            headers = {"authorization": f"Bearer {KEY}", "content-type": content_type}
            connection.request(method, path, data, headers)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 200:
            raise RuntimeError(f"{method} {path}: {response.status} {text[:500]!r}")
        answer: dict[str, Any] = json.loads(text)
        return answer

    # -- what it costs ---------------------------------------------------------------------------------------------

    def cpu_s(self) -> float:
        """CPU seconds, user and system, of all its threads so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S

    def memory_mb(self, key: Literal["VmRSS", "VmHWM"]) -> float:
        """Resident memory now, or the most since ``forget_peak``, in MB of 2**20 bytes."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f"no {key} in /proc/PID/status")

    def forget_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


MULTIPART = "multipart/form-data; boundary=benchmark"


def multipart(filename: str) -> tuple[bytes, bytes]:
    """What stands before and after the file's bytes in an upload for fine-tuning."""
    purpose = 'Content-Disposition: form-data; name="purpose"\r\n\r\nfine-tune'
    file = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\nContent-Type: application/jsonl'
    return f"--benchmark\r\n{purpose}\r\n--benchmark\r\n{file}\r\n\r\n".encode(), b"\r\n--benchmark--\r\n"


def get_request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode()


# -- load ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement under load. ``cpu_us`` is the server's CPU time per request, all threads."""

    requests_per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float


class LoadGenerator:
    """Keep-alive connections that each ask again as soon as they were answered, in a process of its own."""

    def __init__(self) -> None:
        command = [sys.executable, str(HERE / "_load.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> LoadGenerator:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, server: Server, requests: Sequence[bytes], *, connections: int, seconds: float) -> Sample:
        """Ask the ``requests`` in turn. Raises ``RuntimeError`` when one answer is not a 200."""
        cpu_s = server.cpu_s()
        answer = self._do(
            kind="requests",
            host=server.host,
            port=server.port,
            requests=[request.decode("latin-1") for request in requests],
            connections=connections,
            seconds=seconds,
        )
        cpu_us = (server.cpu_s() - cpu_s) / answer["count"] * 1e6
        return Sample(answer["count"] / answer["seconds"], cpu_us, answer["p50_ms"], answer["p99_ms"])

    def upload(self, server: Server, path: Path) -> tuple[float, dict[str, Any]]:
        """Upload the file at ``path`` by a raw socket: seconds from the first byte to the whole answer, and that."""
        head, tail = multipart(path.name)
        length = len(head) + path.stat().st_size + len(tail)
        request = (
            f"POST /v1/files HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: {MULTIPART}\r\nContent-Length: {length}\r\n\r\n"
        )
        answer = self._do(
            kind="upload",
            host=server.host,
            port=server.port,
            path=str(path),
            head=request + head.decode(),
            tail=tail.decode(),
        )
        return answer["seconds"], json.loads(answer["answer"])

    def _do(self, **job: object) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"error": "the generator ended"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer


# -- pairs and the table -------------------------------------------------------------------------------------------


def alternate(ours: Callable[[], T], peer: Callable[[], T], pairs: int) -> list[tuple[T, T]]:
    """``pairs`` measurements of each, in turn, the first of a pair changing sides; garbage is collected before each."""
    measured: list[tuple[T, T]] = []
    for number in range(pairs):
        both: dict[str, T] = {}
        for side in ("ours", "peer") if number % 2 == 0 else ("peer", "ours"):
            gc.collect()
            both[side] = ours() if side == "ours" else peer()
        measured.append((both["ours"], both["peer"]))
    return measured


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``goal`` is the bound of the ratio (or of the value, where there is no peer)."""

    question: str
    ours: str
    peer: str
    values: Sequence[float]
    goal: tuple[Literal["<=", ">="], float] | None = None
    unit: str = ""

    @property
    def value(self) -> float:
        return median(self.values)

    def cells(self) -> tuple[str, ...]:
        spread = f" [{min(self.values):.2f}-{max(self.values):.2f}]" if len(self.values) > 1 else ""
        if self.goal is None:
            return self.question, self.ours, self.peer, f"{self.value:.2f}{self.unit}{spread}", "", ""
        sign, bound = self.goal
        met = self.value <= bound if sign == "<=" else self.value >= bound
        figure = f"{self.value:.2f}{self.unit}{spread}"
        return self.question, self.ours, self.peer, figure, f"{sign} {bound:g}{self.unit}", "yes" if met else "NO"


def ratio_row(
    question: str,
    measured: Sequence[tuple[float, float]],
    unit: str,
    goal: tuple[Literal["<=", ">="], float] | None = None,
) -> Row:
    """Ours over the peer's. ``unit`` describes both sides; the medians of each are shown beside the ratio."""
    ours, peer = zip(*measured, strict=True)
    ratios = [a / b for a, b in measured]
    return Row(question, figure(median(ours), unit), figure(median(peer), unit), ratios, goal)


def figure(value: float, unit: str) -> str:
    """Three digits are as many as mean something."""
    return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"


def print_table(rows: Sequence[Row], peer: str) -> None:
    """The rows under their headings; ``peer`` names what was measured beside ours."""
    heads = ("question", "mocktune", peer, "ratio [lowest-highest]", "goal", "met")
    cells = [heads, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for number, line in enumerate(cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))
