"""Check a chat file line by line: the dataset engine against the cookbook's rules, both streamed.

Goal 8: MB/s over the cookbook's, in one process and on two, with the same verdicts, and how much memory it takes. No
token is counted. The two processes are the workers that a server starts for big files; their memory is theirs.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

from _lib import Row, alternate, arguments, print_table, ratio_row
from _texts import cookbook_check, write_conversations

from mocktune.dataset_engine.report import read_verdict
from mocktune.domain.report import Verdict
from mocktune.storage.dataset_reader import ThreadedDatasetReader
from mocktune.storage.dataset_workers import DatasetWorkers

USER = {"role": "user", "content": "How deep?"}
ANSWER = {"role": "assistant", "content": "Deep."}
VERDICTS: tuple[tuple[bool, object], ...] = (
    (True, {"messages": [USER, ANSWER]}),
    (False, {}),
    (False, {"messages": []}),
    (False, {"messages": [USER]}),
    (False, {"messages": [USER, {"role": "assistant"}]}),
    (False, {"messages": [USER, {**ANSWER, "role": "sailor"}]}),
    (False, {"messages": [USER, {**ANSWER, "mood": 1}]}),
    (False, {"messages": [{**USER, "content": 7}, ANSWER]}),
)
"""Examples that both judge, and whether they are good. (The cookbook knows fewer rules, and no tools.)"""


def checked(path: Path) -> Verdict:
    with path.open("rb") as source:
        return read_verdict(source)


def compare_verdicts(folder: Path) -> None:
    for good, example in VERDICTS:
        path = folder / "one.jsonl"
        path.write_text(json.dumps(example) + "\n")
        assert (checked(path).defect is None) == (not cookbook_check(path)[0]) == good, example


GROWTH = """
import sys
from pathlib import Path
from mocktune.dataset_engine.report import read_verdict

def memory_kb(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))

before = memory_kb("VmRSS")
with open(sys.argv[1], "rb") as source:
    assert read_verdict(source).examples
print(memory_kb("VmHWM") - before)
"""


def growth_mb(path: Path) -> float:
    """How much the memory of a fresh process grows at its highest."""
    return int(subprocess.check_output([sys.executable, "-c", GROWTH, str(path)])) / 1024


def main() -> None:
    given = arguments(__doc__, size=(int, 256, "size of the file in MB"))
    size_mb = 16 if given.quick else given.size
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        path = Path(folder) / "examples.jsonl"
        write_conversations(path, size_mb)
        compare_verdicts(Path(folder))
        growth = growth_mb(path)
        verdict = checked(path)
        assert verdict.defect is None
        assert verdict.syntax_error is None

        def rate(check: Callable[[], object]) -> float:
            begun = perf_counter()
            check()
            return size_mb / (perf_counter() - begun)

        def cookbook() -> float:
            def check() -> None:
                errors, examples, _ = cookbook_check(path)
                assert (len(errors), examples) == (0, verdict.examples)

            return rate(check)

        workers = DatasetWorkers(2)
        reader = ThreadedDatasetReader(workers, worker_bytes=0)

        def on_two() -> float:
            def check() -> None:
                assert asyncio.run(reader.verdict(path.open("rb"), path.stat().st_size)) == verdict

            return rate(check)

        on_two()  # starts them
        one = alternate(lambda: rate(lambda: checked(path)), cookbook, given.pairs)
        two = alternate(on_two, cookbook, given.pairs)
        workers.close()
    print_table(
        [
            ratio_row(f"8  check of {size_mb} MB, one process", one, "MB/s", (">=", 2.5)),
            ratio_row("8  on two worker processes", two, "MB/s", (">=", 4.5)),
            Row("8  growth of memory", f"{growth:.1f} MB", "", [growth], ("<=", 64), " MB"),
        ],
        peer="cookbook",
    )


if __name__ == "__main__":
    main()
