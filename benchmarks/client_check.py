"""The client's whole check of a training file (``check_dataset``), against the logic of the data-preparation notebook.

Goals 8 and 9, for all that a check tells: every defect, duplicates, conflicts, system prompts, SHA-256, distributions.
Without tokens beside the notebook without tokens; and with every token counted, in both encodings, so that each model
has its price, beside the notebook on tiktoken in one. The same examples, distributions and epochs have to come out.
Memory is how much that of a fresh process grows at its highest, over a check of a few lines, which loads the tokenizer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from _lib import HERE, Row, alternate, arguments, print_table, ratio_row
from _texts import write_conversations
from count_tokens import peer

from mocktune_client.dataset import DatasetReport, Distribution, check_dataset

sys.path.insert(0, str(HERE.parent / "client" / "tests"))
import notebook

MODEL = "gpt-4o-mini-2024-07-18"

GROWTH = """
import sys
from pathlib import Path
from mocktune_client.dataset import check_dataset

def memory_kb(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key + ":"))

def check(path):
    assert check_dataset(path, processes=1, count_tokens=sys.argv[3] == "tokens").errors == 0

check(sys.argv[1])
before = memory_kb("VmRSS")
Path("/proc/self/clear_refs").write_text("5")
check(sys.argv[2])
print(memory_kb("VmHWM") - before)
"""


def growth_mb(few: Path, path: Path, *, tokens: bool) -> float:
    command = [sys.executable, "-c", GROWTH, str(few), str(path), "tokens" if tokens else "none"]
    return int(subprocess.check_output(command)) / 1024


def compare(report: DatasetReport, said: notebook.Said) -> None:
    """The same verdict and the same numbers. The notebook counts two tokens of an example that are not billed."""
    statistics = report.training.statistics
    assert (report.errors, dict(said.errors), statistics.examples) == (0, {}, said.examples)
    assert (statistics.missing_system, statistics.missing_user) == (said.missing_system, said.missing_user)
    same(statistics.messages_per_example, said.messages)
    if said.tokens:
        same(statistics.total_tokens_per_example, [tokens - 2 for tokens in said.tokens])
        same(statistics.assistant_tokens_per_example, said.assistant_tokens)
        assert report.prices[0].n_epochs == said.epochs


def same(ours: Distribution | None, theirs: list[int]) -> None:
    assert ours is not None
    expected = notebook.distribution(theirs)
    found = (ours.min, ours.max, ours.mean, ours.median, ours.p5, ours.p95)
    assert all(abs(a - b) <= 1e-9 * max(1, abs(b)) for a, b in zip(found, expected, strict=True)), (found, expected)


def main() -> None:
    given = arguments(__doc__, size=(int, 300, "size of the file in MB"), counted=(int, 64, "MB of it with tokens"))
    size_mb, counted_mb = (16, 4) if given.quick else (given.size, given.counted)
    name, count = peer()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        few, path, counted = (Path(folder) / f"{each}.jsonl" for each in ("few", "big", "counted"))
        write_conversations(few, 1)
        write_conversations(path, size_mb)
        write_conversations(counted, counted_mb)

        def ours(path: Path, size_mb: int, processes: int, tokens: bool) -> float:
            return rate(size_mb, lambda: check_dataset(path, model=MODEL, processes=processes, count_tokens=tokens))

        def theirs(path: Path, size_mb: int, count: Callable[[str], int] | None) -> float:
            def look() -> None:
                said = notebook.look(path, count)
                for numbers in filter(None, (said.messages, said.tokens, said.assistant_tokens)):
                    notebook.distribution(numbers)

            return rate(size_mb, look)

        compare(check_dataset(path, model=MODEL, count_tokens=False), notebook.look(path))
        compare(check_dataset(counted, model=MODEL), notebook.look(counted, count))
        rows = []
        for tokens, file, mb, counter, goals in (
            (False, path, size_mb, None, (2.5, 4.5)),
            (True, counted, counted_mb, count, (3.5, 6.0)),
        ):
            what = f"9  check with tokens, {mb} MB" if tokens else f"8  check, {mb} MB"
            for processes, goal in zip((1, 2), goals, strict=True):
                pairs = alternate(
                    partial(ours, file, mb, processes, tokens), partial(theirs, file, mb, counter), given.pairs
                )
                where = "one process" if processes == 1 else "two processes, started each time"
                rows.append(ratio_row(f"{what}, {where}", pairs, "MB/s", (">=", goal)))
            growth = growth_mb(few, path, tokens=tokens)
            memory = f"{'9' if tokens else '8'}  growth of memory, {size_mb} MB"
            rows.append(Row(memory, f"{growth:.1f} MB", "", [growth], ("<=", 64), " MB"))
    print_table(rows, peer=name.replace("cookbook", "notebook"))


def rate(size_mb: int, check: Callable[[], object]) -> float:
    begun = perf_counter()
    check()
    return size_mb / (perf_counter() - begun)


if __name__ == "__main__":
    main()
