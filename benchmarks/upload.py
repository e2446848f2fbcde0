"""Upload a training file by a raw socket: stored and hashed by the server, against a socket that is written to a file.

Goal 7: MB/s over the ceiling, an asyncio protocol under uvloop that writes what it receives and does nothing else; and
how much the server's resident memory grows at its highest. The second ceiling hashes too (SHA-256, as the server does).
MB are 2**20 bytes. Files go to the folder of temporary files, and are deleted after each upload.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median

from _data import examples
from _lib import MOCKTUNE, LoadGenerator, Row, Server, alternate, arguments, print_table, ratio_row


def write_examples(path: Path, size_mb: int) -> None:
    block = examples(5000)
    with path.open("wb") as file:
        left = size_mb * 2**20
        while left > 0:
            # Cut in the middle of a line at the end: the server judges lines when it processes the file.
            left -= file.write(block[:left])


def main() -> None:
    given = arguments(__doc__, size=(int, 512, "size of the file in MB"))
    size_mb = 32 if given.quick else given.size
    growths: list[float] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, LoadGenerator() as load:
        path = Path(folder) / "examples.jsonl"
        write_examples(path, size_mb)
        sink = ("_servers.py", "sink", "--folder", folder)

        with Server(*MOCKTUNE) as ours, Server(*sink) as plain, Server(*sink, "--hash") as hashing:

            def upload() -> float:
                ours.forget_peak()
                before = ours.memory_mb("VmRSS")
                seconds, file = load.upload(ours, path)
                growths.append(ours.memory_mb("VmHWM") - before)
                ours.ask("POST", "/_mocktune/clock/advance", {"by": "1h"})  # no file is deleted while it is processed
                ours.ask("DELETE", f"/v1/files/{file['id']}")
                return size_mb / seconds

            warm = Path(folder) / "warm.jsonl"
            warm.write_bytes(examples(10))
            for server in (ours, plain, hashing):
                load.upload(server, warm)
            against_plain = alternate(upload, lambda: size_mb / load.upload(plain, path)[0], given.pairs)
            against_hashing = alternate(upload, lambda: size_mb / load.upload(hashing, path)[0], given.pairs)
    print_table(
        [
            ratio_row(f"7  upload of {size_mb} MB", against_plain, "MB/s", (">=", 0.45)),
            ratio_row("   the ceiling hashes too", against_hashing, "MB/s"),
            Row("7  growth of memory, first upload", f"{growths[0]:.1f} MB", "", growths[:1], ("<=", 24), " MB"),
            Row("   most of all uploads", f"{max(growths):.1f} MB", "", [max(growths)], ("<=", 24), " MB"),
            Row("   median of all uploads", f"{median(growths):.1f} MB", "", [median(growths)], None, " MB"),
        ],
        peer="socket to file",
    )


if __name__ == "__main__":
    main()
