"""Big and many uploads against a server in a process of its own: its memory stays bounded. Run by hand: -m soak."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from support import dataset

pytestmark = pytest.mark.soak

MB = 1024 * 1024
HEAD = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n--b\r\n'
HEAD += b'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
TAIL = b"\r\n--b--\r\n"


@dataclass
class Served:
    root: str
    pid: int

    def client(self, key: str) -> httpx2.Client:
        headers = {"authorization": f"Bearer {key}", "content-type": "multipart/form-data; boundary=b"}
        limits = httpx2.Limits(max_connections=200)
        return httpx2.Client(base_url=self.root, headers=headers, timeout=300, limits=limits)

    def peak_mb(self) -> float:
        """The most memory the server ever had resident."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found
        return int(found[1]) / 1024

    def reset_peak(self) -> None:
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")


@pytest.fixture
def served() -> Iterator[Served]:
    command = [sys.executable, "-m", "mocktune", "serve", "--port", "0", "--scenario", "quick"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    yield Served(ready["root"], ready["pid"])
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    process.stdout.close()


def pieces(size_bytes: int, first: bytes = b'{"messages": [') -> Iterator[bytes]:
    yield HEAD + first
    piece = b"x" * MB
    for _ in range(size_bytes // MB):
        yield piece
    yield TAIL


def test_a_line_of_two_gigabytes_is_a_413_in_bounded_memory(served: Served) -> None:
    with served.client("sk-soak") as http:
        response = http.post("/v1/files", content=pieces(2048 * MB))
        assert response.status_code == 413
        assert http.get("/v1/files").json()["data"] == []
    assert served.peak_mb() < 160


def test_a_line_of_400_megabytes_ends_as_a_file_in_error_in_bounded_memory(served: Served) -> None:
    with served.client("sk-soak") as http:
        uploaded = http.post("/v1/files", content=pieces(400 * MB)).json()
        http.post("/_mocktune/clock/advance", json={"by": "2s"}, headers={"content-type": "application/json"})
        file = http.get(f"/v1/files/{uploaded['id']}").json()
        assert file["status"] == "error"
        assert file["status_details"].startswith("Invalid file format. Example 1 cannot be parsed.")
    assert served.peak_mb() < 200


def test_two_hundred_uploads_of_five_megabytes_at_once_stay_in_bounded_memory(served: Served) -> None:
    data = HEAD + dataset(40_000)[: 5 * MB] + TAIL
    with served.client("sk-soak") as http, ThreadPoolExecutor(200) as pool:
        http.get("/v1/models")
        before = served.peak_mb()
        answers = list(pool.map(lambda _: http.post("/v1/files", content=data).status_code, range(200)))
        assert answers == [200] * 200
        grown = served.peak_mb() - before
        assert len(http.get("/v1/files").json()["data"]) == 200
    print(f"\n200 uploads of 5 MB at once: +{grown:.0f} MB")
    assert grown < 200


def test_the_server_answers_others_while_big_uploads_come_in(served: Served) -> None:
    done = threading.Event()

    def upload(number: int) -> int:
        with served.client(f"sk-{number}") as http:
            return http.post("/v1/files", content=pieces(200 * MB)).status_code

    with ThreadPoolExecutor(4) as pool, served.client("sk-other") as other:
        uploads = [pool.submit(upload, number) for number in range(3)]
        answered = 0
        while not done.is_set():
            assert other.get("/v1/models").status_code == 200
            answered += 1
            if all(each.done() for each in uploads):
                done.set()
    assert [each.result() for each in uploads] == [200] * 3
    assert answered > 20
