"""What is known of files, computed once per content, and for each method."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

from support import Lab, chat_line, dataset

from mocktune.domain.models import Method
from mocktune.domain.validation import FileOutlook
from mocktune.service.records import FileRecord


def in_lab(story: Callable[[Lab], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """A test that is a story told in a lab of its own."""

    def test() -> None:
        lab = Lab.open()
        asyncio.run(story(lab))
        lab.close()

    return test


async def record(lab: Lab, data: bytes) -> FileRecord:
    view = await lab.upload(data)
    file = (await lab.visit()).sandbox.files.get(view.id)
    assert isinstance(file, FileRecord)
    return file


def preference(number: int) -> str:
    asked = {"messages": [{"role": "user", "content": f"{number}?"}]}
    answers = {f"{kind}_output": [{"role": "assistant", "content": kind}] for kind in ("preferred", "non_preferred")}
    return json.dumps({"input": asked, **answers})


@in_lab
async def test_a_file_is_judged_by_the_method_of_the_job(lab: Lab) -> None:
    file = await record(lab, "\n".join(map(preference, range(12))).encode())
    datasets = lab.services.datasets
    formats = []
    methods: tuple[Method, ...] = ("supervised", "dpo", "reinforcement")
    for method in methods:
        outlook = await datasets.outlook(file, "o200k_base", method)
        assert outlook.report is not None
        formats.append((outlook.report.format, outlook.report.defect is None))
    assert formats == [("preference", True), ("preference", True), ("reinforcement", False)]


@in_lab
async def test_a_file_is_read_once_for_each_question(lab: Lab) -> None:
    file = await record(lab, dataset())
    datasets, blob = lab.services.datasets, file.blob
    assert blob is not None
    assert await datasets.report(blob) is await datasets.report(blob)
    assert await datasets.report(blob) is not await datasets.report(blob, "o200k_base", "dpo")
    assert await datasets.verdict(blob) is await datasets.verdict(blob)
    assert await datasets.examples(blob, [1, 3]) is await datasets.examples(blob, [1, 3])


@in_lab
async def test_examples_are_found_by_their_numbers(lab: Lab) -> None:
    file = await record(lab, dataset(12))
    assert file.blob is not None
    found = await lab.services.datasets.examples(file.blob, (2, 12, 13))
    asked = [each["messages"][0]["content"] if each else None for each in found]
    assert asked == ["What is 1 plus 1?", "What is 11 plus 11?", None]


@in_lab
async def test_a_file_is_screened_only_for_jobs_with_moderation(lab: Lab) -> None:
    lines = [chat_line(f"{n}?", "I want to kill them." if n in (4, 7) else "Fine.") for n in range(30)]
    file = await record(lab, "\n".join(lines).encode())
    outlook: FileOutlook = await lab.services.datasets.outlook(file, "o200k_base")
    assert outlook.screening is None
    outlook = await lab.services.datasets.outlook(file, "o200k_base", moderated=True)
    assert outlook.screening is not None
    assert outlook.screening.flagged_lines == (5, 8)
    assert (outlook.screening.examples, outlook.screening.flagged) == (30, 2)
    assert "violence" in outlook.screening.categories


@in_lab
async def test_a_file_that_is_no_json_is_not_screened(lab: Lab) -> None:
    file = await record(lab, dataset() + b"{")
    outlook = await lab.services.datasets.outlook(file, "o200k_base", moderated=True)
    assert outlook.screening is None
    assert outlook.status_details == await lab.services.datasets.status_details(file)


@in_lab
async def test_many_who_ask_at_once_wait_for_one_reading(lab: Lab) -> None:
    file = await record(lab, dataset(3_000))
    assert file.blob is not None
    first, *others = await asyncio.gather(*(lab.services.datasets.report(file.blob) for _ in range(5)))
    assert all(other is first for other in others)
