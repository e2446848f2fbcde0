"""GETs while a training file is uploaded and checked, against the same GETs while the server does nothing else.

Goal 13: p99 of retrieving a job at 8 connections, over the idle one. The check of the file, by a job that is about it,
is part of what goes on beside.
"""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from _data import examples
from _lib import MOCKTUNE, LoadGenerator, Row, Sample, Server, alternate, arguments, get_request, print_table, ratio_row
from upload import write_examples

CONNECTIONS = 8


class Beside:
    """Uploads the file and has it checked, over and over, until the block ends."""

    def __init__(self, server: Server, path: Path) -> None:
        self._server = server
        self._path = path
        self._over = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.failure: BaseException | None = None
        self.rounds = 0

    def __enter__(self) -> Beside:
        self._thread.start()
        self._begun.wait(60)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure

    def _run(self) -> None:
        try:
            with LoadGenerator() as load:
                while not self._over.is_set():
                    self._begun.set()
                    _, file = load.upload(self._server, self._path)
                    asked = {"model": "gpt-4o-mini-2024-07-18", "training_file": file["id"]}
                    job = self._server.ask("POST", "/v1/fine_tuning/jobs", asked)["id"]
                    self._server.ask("GET", f"/v1/fine_tuning/jobs/{job}")  # waits for the report of the file
                    self._server.ask("POST", "/_mocktune/clock/advance", {"by": "1h"})
                    self._server.ask("DELETE", f"/v1/files/{file['id']}")
                    self.rounds += 1
        except BaseException as error:
            self.failure = error
            self._begun.set()


def main() -> None:
    given = arguments(__doc__, size=(int, 300, "size of the file in MB"))
    size_mb, seconds = (8, 0.5) if given.quick else (given.size, 4.0)
    rounds: list[float] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, LoadGenerator() as load, Server(*MOCKTUNE) as ours:
        path = Path(folder) / "examples.jsonl"
        write_examples(path, size_mb)
        request = get_request(f"/v1/fine_tuning/jobs/{ours.finished_job(examples(40))}")

        def get() -> Sample:
            return load.run(ours, [request], connections=CONNECTIONS, seconds=seconds)

        def get_beside() -> Sample:
            with Beside(ours, path) as beside:
                sample = get()
            rounds.append(beside.rounds)
            return sample

        get()
        pairs = alternate(get_beside, get, given.pairs)
    print_table(
        [
            ratio_row("13 p99 of GETs", [(a.p99_ms, b.p99_ms) for a, b in pairs], "ms", ("<=", 2)),
            ratio_row("   p50", [(a.p50_ms, b.p50_ms) for a, b in pairs], "ms"),
            ratio_row("   req/s", [(a.requests_per_s, b.requests_per_s) for a, b in pairs], "req/s"),
            Row("   files uploaded and checked beside", "", "", rounds),
        ],
        peer="idle",
    )


if __name__ == "__main__":
    main()
