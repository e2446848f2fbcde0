"""Uploads: a file is good when the service has processed it, not when it has taken it."""

from __future__ import annotations

import asyncio
from typing import Any

import openai
import pytest

from mocktune_client import FileFailed, WaitTimeout

from .lab import MARV, Lab, change, fixtures, html, lose_answer

server, lab = fixtures()


BROKEN = MARV + b'{"messages": [}\n'


def as_status(status: str | None) -> Any:
    def edit(file: Any) -> None:
        file["status"] = status

    return change(edit)


def test_a_file_in_error_raises_with_the_services_details(lab: Lab) -> None:
    with pytest.raises(FileFailed) as caught:
        lab.tuner().upload(BROKEN, filename="broken.jsonl")
    failed = caught.value
    assert failed.file.status == "error"
    assert failed.file.filename == "broken.jsonl"
    assert failed.details
    assert failed.details == lab.unbroken.files.retrieve(failed.file.id).status_details
    assert failed.details in str(failed)
    assert "upload it again" in str(failed)


def test_a_file_in_error_raises_from_an_asynchronous_client_too(lab: Lab) -> None:
    async def upload() -> None:
        async with lab.async_client as client:
            await lab.async_tuner(client).upload(BROKEN)

    with pytest.raises(FileFailed, match="could not be processed"):
        asyncio.run(upload())


def test_a_file_that_is_ready_in_the_upload_answer_is_not_asked_for_again(lab: Lab) -> None:
    lab.breaks("POST /files", as_status("processed"))
    lab.tuner().upload(MARV)
    assert lab.sent == ["POST /files"]


def test_an_upload_is_refused_at_once_where_the_service_refuses_it(lab: Lab) -> None:
    with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
        lab.tuner().upload(MARV, filename="marv.txt")
    assert lab.sent == ["POST /files"]


def test_a_lost_upload_is_sent_again_whole(lab: Lab, tmp_path: Any) -> None:
    path = tmp_path / "marv.jsonl"
    path.write_bytes(MARV)
    lab.breaks("POST /files", lose_answer, times=1)
    lab.breaks("POST /files", html(502), times=1)
    assert lab.tuner().upload(path).bytes == len(MARV)
    assert lab.count("POST /files") == 3


def test_a_lost_upload_is_sent_again_whole_by_an_asynchronous_client(lab: Lab, tmp_path: Any) -> None:
    path = tmp_path / "marv.jsonl"
    path.write_bytes(MARV)
    lab.breaks("POST /files", lose_answer, times=1)

    async def upload() -> int:
        async with lab.async_client as client:
            return (await lab.async_tuner(client).upload(path)).bytes

    assert asyncio.run(upload()) == len(MARV)


def test_statuses_that_the_sdk_does_not_know_are_waited_out(lab: Lab) -> None:
    lab.breaks("GET /files/.*", as_status("pending"), times=2)
    assert lab.tuner().upload(MARV).status == "processed"
    assert lab.count("GET /files/.*") == 3


def test_a_file_deleted_while_waited_for_has_failed(lab: Lab) -> None:
    lab.breaks("GET /files/.*", as_status("deleted"))
    with pytest.raises(FileFailed, match="was deleted"):
        lab.tuner().upload(MARV)


def test_waiting_for_a_file_ends_after_its_timeout(lab: Lab) -> None:
    lab.breaks("GET /files/.*", as_status("uploaded"))
    file = lab.upload()
    with pytest.raises(WaitTimeout, match=f"File {file} is still 'uploaded' after 60 s") as caught:
        lab.tuner().wait_for_file(file, timeout_s=60)
    assert lab.now == pytest.approx(60)
    assert (caught.value.status, caught.value.timeout_s) == ("uploaded", 60)
