"""Files read in worker processes: the same answers as in this one, whatever becomes of the workers."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from mocktune.dataset_engine.lines import MAX_LINE_BYTES
from mocktune.dataset_engine.picking import MAX_PICKED, MAX_PICKED_BYTES
from mocktune.dataset_engine.report import read_report, read_verdict
from mocktune.dataset_engine.screening import screen
from mocktune.dataset_engine.worker import Answer, Task, read_frame, write_frame
from mocktune.domain.models import Encoding, Method
from mocktune.domain.moderation import flagged_categories
from mocktune.storage.dataset_reader import ThreadedDatasetReader
from mocktune.storage.dataset_workers import DatasetWorkers, Ranges

PART_BYTES = 2_000
WORKER = [sys.executable, "-P", "-m", "mocktune.dataset_engine.worker"]


def chat(number: int, answer: str = "It is deep.") -> str:
    asked = {"role": "user", "content": f"Question {number}: how deep is it?"}
    return json.dumps({"messages": [asked, {"role": "assistant", "content": answer}]})


def chats(count: int) -> list[str]:
    return [chat(number) for number in range(count)]


def preferences(count: int) -> list[str]:
    outputs = {f"{name}_output": [{"role": "assistant", "content": name}] for name in ("preferred", "non_preferred")}
    example = {"input": {"messages": [{"role": "user", "content": "how?"}]}, **outputs}
    return [json.dumps({**example, "extra": 1} if number == 70 else example) for number in range(count)]


def with_line(place: int, line: str, count: int = 100) -> list[str]:
    each = chats(count)
    each[place] = line
    return each


def source_of(lines: list[str]) -> BinaryIO:
    return io.BytesIO("".join(line + "\n" for line in lines).encode())


def border(which: int) -> int:
    """The index of a line near the border of two parts, the last one before it or the first one after."""
    parts = DatasetWorkers(1, part_bytes=PART_BYTES).parts(source_of(chats(100)))
    sizes = [b"".join(blocks).count(b"\n") for _, blocks in parts]
    assert len(sizes) > 3
    return sum(sizes[: which + 1])


@pytest.fixture(scope="module")
def workers() -> Iterator[DatasetWorkers]:
    workers = DatasetWorkers(2, part_bytes=PART_BYTES)
    yield workers
    workers.close()


FILES: dict[str, list[str]] = {
    "good": chats(100),
    "one line": chats(1),
    "empty": [],
    "a defect at the end of a part": with_line(border(0) - 1, '{"messages": []}'),
    "a defect at the start of a part": with_line(border(0), '{"messages": []}'),
    "two defects": [*with_line(border(1), '{"id": 7}'), '{"id": 8}'],
    "no JSON at the start of a part": with_line(border(1), "{"),
    "no JSON after a defect": [*with_line(border(0), '{"messages": []}'), "["],
    "no JSON at all": ["{"] * 100,
    "a blank line at the end of a part": with_line(border(1) - 1, ""),
    "blank to the end": [*chats(60), *[""] * 3_000],
    "blank at first": ["", *chats(100)],
    "preferences": preferences(100),
    "prompt and completion": [json.dumps({"prompt": "a", "completion": "b"})] * 200,
    "neither": ['{"text": "a"}'] * 300,
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(("encoding", "method"), [("o200k_base", "supervised"), ("cl100k_base", "dpo")])
def test_workers_say_what_one_reading_says(
    workers: DatasetWorkers, name: str, encoding: Encoding, method: Method
) -> None:
    reader = ThreadedDatasetReader(workers, worker_bytes=0)
    whole = read_report(source_of(FILES[name]), encoding, method)
    assert asyncio.run(reader.report(source_of(FILES[name]), 1 << 30, encoding, method)) == whole
    verdict = asyncio.run(reader.verdict(source_of(FILES[name]), 1 << 30, method))
    assert verdict == read_verdict(source_of(FILES[name]), method)


def test_a_line_too_long_is_told_with_its_number(workers: DatasetWorkers) -> None:
    lines = with_line(70, chat(70, "x" * MAX_LINE_BYTES))
    report = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).verdict(source_of(lines), 1 << 30))
    assert report == read_verdict(source_of(lines))
    assert "(line 71)" in str(report.syntax_error)


def test_workers_screen_as_one_reading_does(workers: DatasetWorkers) -> None:
    lines = [*with_line(border(0), chat(1, "I want to kill them.")), chat(2, "you are worthless")]
    screened = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).screen(source_of(lines), 1 << 30))
    assert screened == screen(source_of(lines), flagged_categories)
    assert screened.flagged_lines == (border(0) + 1, 101)
    assert screened.categories == ("harassment", "harassment/threatening", "violence")


@pytest.mark.parametrize(
    "command",
    [
        [sys.executable, "-c", "raise SystemExit(3)"],
        [sys.executable, "-c", "import os, sys; sys.stdin.buffer.read(300); os._exit(9)"],
        [sys.executable, "-c", "import sys; sys.stdin.buffer.read(10); print('no frame at all')"],
    ],
    ids=["ends at once", "dies in the middle", "answers nonsense"],
)
def test_a_worker_that_fails_costs_nothing_but_time(command: list[str], caplog: pytest.LogCaptureFixture) -> None:
    workers = DatasetWorkers(1, command, part_bytes=5_000)
    with caplog.at_level(logging.WARNING, "mocktune"):
        report = asyncio.run(
            ThreadedDatasetReader(workers, worker_bytes=0).report(source_of(chats(100)), 1, "o200k_base")
        )
    assert report == read_report(source_of(chats(100)), "o200k_base")
    assert "its part is read in a thread" in caplog.text
    workers.close()


def test_where_no_process_can_be_started_threads_read(caplog: pytest.LogCaptureFixture) -> None:
    workers = DatasetWorkers(2, ["/nowhere/at/all"], part_bytes=PART_BYTES)
    reader = ThreadedDatasetReader(workers, worker_bytes=0)
    with caplog.at_level(logging.WARNING, "mocktune"):
        for _ in range(2):
            report = asyncio.run(reader.report(source_of(chats(100)), 1, "o200k_base"))
            assert report == read_report(source_of(chats(100)), "o200k_base")
    assert caplog.text.count("so threads do") == 1


def test_a_file_may_be_deleted_while_it_is_read(workers: DatasetWorkers, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(source_of(chats(100)).read())
    source = path.open("rb")
    path.unlink()
    report = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).report(source, 1, "o200k_base"))
    assert report.examples == 100
    assert source.closed


def test_small_files_need_no_process() -> None:
    workers = DatasetWorkers(2, ["/nowhere/at/all"])
    reader = ThreadedDatasetReader(workers)
    report = asyncio.run(reader.report(source_of(chats(100)), 15 << 20, "o200k_base"))
    assert report.examples == 100
    assert workers.started == 0


def test_workers_end_with_their_pool() -> None:
    workers = DatasetWorkers(1)
    asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).verdict(source_of(chats(3)), 1))
    (worker,) = workers.processes
    assert worker.poll() is None
    workers.close()
    assert worker.poll() is not None
    later = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).verdict(source_of(chats(3)), 1))
    assert later.examples == 3
    assert not workers.processes


def started(*command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_a_worker_ends_with_its_input() -> None:
    """So it does not outlive a server that was killed: the system closes the pipe."""
    with started(*WORKER) as worker:
        worker.stdin.close()  # type: ignore[union-attr]
        assert worker.wait(20) == 0


def test_a_worker_ends_in_the_middle_of_a_part_too() -> None:
    with started(*WORKER) as worker:
        stdin: Any = worker.stdin
        write_frame(stdin, Task("part", 10_000_000))
        stdin.write(b"{}\n" * 100)
        stdin.close()
        assert worker.wait(20) == 0


def test_a_worker_that_nobody_asks_ends() -> None:
    serve = "import sys; from mocktune.dataset_engine.worker import serve; "
    with started(sys.executable, "-c", serve + "serve(sys.stdin.buffer, sys.stdout.buffer, 0.01)") as worker:
        assert worker.wait(20) == 0


def test_an_idle_worker_that_ended_is_replaced() -> None:
    serve = "import sys; from mocktune.dataset_engine.worker import serve; "
    workers = DatasetWorkers(1, [sys.executable, "-c", serve + "serve(sys.stdin.buffer, sys.stdout.buffer, 0.3)"])
    reader = ThreadedDatasetReader(workers, worker_bytes=0)
    for count in (1, 2):
        assert asyncio.run(reader.verdict(source_of(chats(3)), 1)).examples == 3
        for worker in workers.processes:
            worker.wait(20)
        assert workers.started == count
    workers.close()


def test_frames_are_bounded() -> None:
    frame = io.BytesIO()
    write_frame(frame, Answer())
    assert read_frame(io.BytesIO(frame.getvalue()))
    for broken in (b"", frame.getvalue()[:-1], b"\xff\xff\xff\xff"):
        with pytest.raises(EOFError):
            read_frame(io.BytesIO(broken))


# -- single examples -----------------------------------------------------------------------------------------------


def picked(lines: list[str], *numbers: int) -> list[Any]:
    source = source_of(lines)
    found = asyncio.run(ThreadedDatasetReader().examples(source, 1, numbers))
    assert source.closed
    return found


def test_examples_are_picked_by_their_numbers() -> None:
    lines = chats(20_000)  # several blocks
    numbers = (1, 2, 9_000, 9_001, 20_000)
    assert picked(lines, *numbers) == [json.loads(lines[number - 1]) for number in numbers]
    assert picked(lines) == []


def test_what_cannot_be_picked_is_empty() -> None:
    assert picked(['{"a": 1}', "[]", "{", "", '{"a": 2}'], 1, 2, 3, 4, 5, 99) == [{"a": 1}, {}, {}, {}, {"a": 2}, {}]


def test_picked_examples_are_bounded() -> None:
    big = chat(1, "x" * (MAX_PICKED_BYTES // 3))
    assert [bool(each) for each in picked([big] * 5, 1, 2, 3, 4, 5)] == [True, True, False, False, False]
    for numbers in ([*range(1, MAX_PICKED + 2)], [2, 1], [3, 3]):
        with pytest.raises(ValueError, match="numbers"):
            picked(chats(3), *numbers)


def on_disk(folder: Path, lines: list[str]) -> BinaryIO:
    path = folder / "examples.jsonl"
    path.write_text("".join(line + "\n" for line in lines))
    return path.open("rb")


@pytest.mark.parametrize("name", FILES)
def test_workers_read_their_parts_of_a_file_on_disk_themselves(
    workers: DatasetWorkers, name: str, tmp_path: Path
) -> None:
    reader = ThreadedDatasetReader(workers, worker_bytes=0)
    whole = read_report(source_of(FILES[name]), "o200k_base")
    source = on_disk(tmp_path, FILES[name])
    assert asyncio.run(reader.report(source, 1 << 30, "o200k_base")) == whole
    assert source.closed


@pytest.mark.parametrize("part_bytes", [1, 97, 5_000, 10**9])
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_parts_of_a_file_on_disk_are_whole_lines_and_all_of_it(tmp_path: Path, part_bytes: int, end: str) -> None:
    path = tmp_path / "examples.jsonl"
    data = ("\n".join(chats(50)) + end).encode()
    path.write_bytes(data)
    with path.open("rb") as source:
        parts = [part for _, part in Ranges(source, str(path), part_bytes)]
    assert [part.offset for part in parts[1:]] == [part.offset + part.length for part in parts[:-1]]
    assert parts[-1].offset + parts[-1].length == len(data)
    assert all(data[part.offset + part.length - 1 : part.offset + part.length] == b"\n" for part in parts[:-1])


def test_a_file_that_is_deleted_meanwhile_is_read_through_the_open_handle(
    workers: DatasetWorkers, tmp_path: Path
) -> None:
    source = on_disk(tmp_path, chats(100))
    (tmp_path / "examples.jsonl").unlink()
    report = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).report(source, 1 << 30, "o200k_base"))
    assert report == read_report(source_of(chats(100)), "o200k_base")


def test_a_line_too_long_is_told_with_its_number_on_disk_too(workers: DatasetWorkers, tmp_path: Path) -> None:
    lines = with_line(70, chat(70, "x" * MAX_LINE_BYTES))
    source = on_disk(tmp_path, lines)
    report = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).verdict(source, 1 << 30))
    assert report == read_verdict(source_of(lines))


def test_workers_screen_a_file_on_disk_as_one_reading_does(workers: DatasetWorkers, tmp_path: Path) -> None:
    lines = [*with_line(border(0), chat(1, "I want to kill them.")), chat(2, "you are worthless")]
    source = on_disk(tmp_path, lines)
    screened = asyncio.run(ThreadedDatasetReader(workers, worker_bytes=0).screen(source, 1 << 30))
    assert screened == screen(source_of(lines), flagged_categories)
