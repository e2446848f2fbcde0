"""The fixture ``mocktune``: tests with whole lives, over the same SDK calls against a server of recorded answers.

Goal 11: 1,000 tests under ``pytest -n 2``, each of which uploads, creates a job, polls with ``sleep(60)`` until it has
succeeded, reads all events and the result file, and asks the tuned model until it answers, may cost 1.5 times the same
calls, same in number and kind, to a server that answers recorded bytes, in a thread of each worker as the fixture's
server is, with sleeps that do nothing. Both are ``pytest`` as a process from its start to its end, and the fixture does
all it does by default: a sandbox a test, its environment, refused hosts, skipped sleeps, the verdict.

``OpenAI()`` alone costs 20 to 40 ms, most of it its TLS context, and programs make one a run: so do the tests of the
goal. Below, the same with one client for all tests, where nothing hides what the fixture costs.
"""

from __future__ import annotations

import os
import pickle
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx2
from _lib import HERE, Row, alternate, arguments, print_table, ratio_row
from openai import OpenAI

PROJECT = HERE / "_harness"
MARV = files("mocktune") / "data" / "marv.jsonl"
QUICK_TESTS = 20


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one ``pytest``, its workers included."""

    wall_s: float
    cpu_s: float


def main() -> None:
    given = arguments(__doc__, tests=(int, 1000, "tests of a run"), workers=(int, 2, "pytest-xdist's -n"))
    tests, pairs = (QUICK_TESTS, 1) if given.quick else (given.tests, given.pairs)
    with tempfile.TemporaryDirectory(prefix="harness-") as folder:
        project = Path(folder)
        for path in PROJECT.glob("*.py"):
            shutil.copy(path, project)
        (project / "pytest.ini").write_text("[pytest]\n")
        data = project / "examples.jsonl"
        data.write_bytes(MARV.read_bytes())
        calls = record(project, data)
        rows: list[Row] = []
        for client, title, count in (("each", "a client each", tests), ("one", "one client", max(tests // 2, 1))):

            def run(recorded: bool, client: str = client, count: int = count) -> Cost:
                return pytest_run(project, data, client, count, given.workers, recorded)

            measured = alternate(lambda: run(False), lambda: run(True), pairs)
            name = f"{count:,} tests of {calls} calls, -n {given.workers}, {title}"
            goal = ("<=", 1.5) if client == "each" else None
            wall = [(ours.wall_s, peer.wall_s) for ours, peer in measured]
            rows.append(ratio_row(f"{'11' if goal else '  '} {name}: wall", wall, "s", goal))  # type: ignore[arg-type]
            cpu = [(ours.cpu_s / count * 1e3, peer.cpu_s / count * 1e3) for ours, peer in measured]
            rows.append(ratio_row("   the same: CPU a test, all threads", cpu, "ms"))
    print_table(rows, peer="recorded answers")


def pytest_run(project: Path, data: Path, client: str, count: int, workers: int, recorded: bool) -> Cost:
    """Raises ``RuntimeError`` unless every test passed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", str(workers), str(project)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HARNESS_", "OPENAI_"))}
    environment |= {"HARNESS_COUNT": str(count), "HARNESS_CLIENT": client, "HARNESS_DATA": str(data)}
    if recorded:
        environment["HARNESS_RECORDED"] = str(project / "recorded.pickle")
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=False)
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0 or not re.search(rf"\b{count} passed", done.stdout):
        raise RuntimeError(f"not all of {count} tests passed:\n{done.stdout[-6000:]}{done.stderr[-2000:]}")
    return Cost(wall_s, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


# -- the recording -------------------------------------------------------------------------------------------------


class Recorder(httpx2.BaseTransport):
    """Passes requests on and keeps what was answered: method, path from ``/v1`` on, status, headers, body."""

    def __init__(self) -> None:
        self._inner = httpx2.HTTPTransport()
        self.recorded: list[tuple[str, str, int, list[tuple[bytes, bytes]], bytes]] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        response = self._inner.handle_request(request)
        body = response.read()
        path = request.url.raw_path.decode()
        headers = [(name.lower(), value) for name, value in response.headers.raw]
        kept = [header for header in headers if header[0] not in (b"date", b"server")]
        self.recorded.append((request.method, path[path.index("/v1") :], response.status_code, kept, body))
        return httpx2.Response(response.status_code, headers=headers, content=body)

    def close(self) -> None:
        self._inner.close()


def record(project: Path, data: Path) -> int:
    """One life in a sandbox as the fixture opens it: how many calls it took."""
    from mocktune.testing import sandbox

    os.environ |= {"HARNESS_COUNT": "1", "HARNESS_CLIENT": "each", "HARNESS_DATA": str(data)}
    sys.path.insert(0, str(project))
    import test_lives  # type: ignore[import-not-found]  # the project's, which is now in the path

    recorder = Recorder()
    with sandbox():
        client: Any = OpenAI(http_client=httpx2.Client(transport=recorder))
        test_lives.live(client)
        client.close()
    (project / "recorded.pickle").write_bytes(pickle.dumps(recorder.recorded))
    return len(recorder.recorded)


if __name__ == "__main__":
    main()
