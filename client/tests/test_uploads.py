"""Uploading once: looked up before it is sent, in parts where it is large, and gone on with where it stopped."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import openai
import pytest

from mocktune_client import FileChanged, FileFailed, UploadLost, WaitTimeout
from mocktune_client.progress import FileSeen, Progress, Uploading
from mocktune_client.sources import file_id_of, read_source

from .lab import MARV, Killed, Lab, answer, change, die, fixtures, html, lose_answer, refuse

server, lab = fixtures()

PART = 4_000
BEGIN, ADD, COMPLETE = "POST /uploads", "POST /uploads/[^/]*/parts", "POST /uploads/[^/]*/complete"
SEND = "POST /files"


def upload(
    lab: Lab, file: Any = MARV, *, told: list[Progress] | None = None, journal: Any = None, **options: Any
) -> Any:
    tuner = lab.tuner(part_bytes=PART, journal=journal)
    return tuner.upload_once(file, on=told.append if told is not None else None, **options)


def files(lab: Lab) -> list[str]:
    return [file.id for file in lab.unbroken.files.list(purpose="fine-tune")]


def content(lab: Lab, file_id: str) -> bytes:
    return lab.unbroken.files.content(file_id).read()


# -- in one piece ------------------------------------------------------------------------------------------------------


SMALL = b"".join(MARV.splitlines(keepends=True)[:5])


def test_a_file_is_stored_under_its_stem_and_the_hash_of_its_bytes(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "my training: set.jsonl"
    path.write_bytes(SMALL)
    file = upload(lab, path)
    assert file.filename == f"my_training_set-{hashlib.sha256(SMALL).hexdigest()[:12]}.jsonl"
    assert (file.status, content(lab, file.id)) == ("processed", SMALL)
    assert upload(lab, SMALL).id == file.id
    assert lab.count(SEND) == 1


def test_a_file_of_the_same_bytes_is_found_on_a_later_page(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune_client.files.FILES_PER_PAGE", 2)
    file = upload(lab, SMALL)
    for number in range(5):
        lab.upload(SMALL + b"\n" * number)
    assert upload(lab, SMALL).id == file.id
    assert lab.count(SEND) == 1


@pytest.mark.parametrize("status", ["error", "deleted"])
def test_a_file_that_cannot_be_used_is_not_found(lab: Lab, status: str) -> None:
    file = upload(lab, SMALL)

    def spoil(page: Any) -> None:
        for each in page["data"]:
            if each["id"] == file.id:
                each["status"] = status

    lab.breaks("GET /files", change(spoil))
    other = upload(lab, SMALL)
    assert other.id != file.id
    assert upload(lab, SMALL).id == other.id


def test_a_shorter_file_with_the_same_name_is_not_taken_for_it(lab: Lab) -> None:
    name = f"training-{hashlib.sha256(SMALL).hexdigest()[:12]}.jsonl"
    other = lab.unbroken.files.create(file=(name, MARV), purpose="fine-tune")
    assert upload(lab, SMALL).id != other.id


@pytest.mark.parametrize("loss", [lose_answer, html(502), refuse(503, None)], ids=["timeout", "bad gateway", "503"])
def test_an_upload_that_was_answered_to_nobody_is_found_before_it_is_sent_again(lab: Lab, loss: Any) -> None:
    lab.breaks(SEND, loss, times=1)
    file = upload(lab, SMALL)
    assert files(lab) == [file.id]
    assert lab.count(SEND) == 1


def test_an_outage_is_waited_out_and_the_file_sent_whole(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "small.jsonl"
    path.write_bytes(SMALL)
    lab.breaks(SEND, html(502), times=9, reaches_service=False)
    assert content(lab, upload(lab, path).id) == SMALL
    assert lab.now > 60


def test_a_refused_upload_is_not_sent_again(lab: Lab) -> None:
    lab.breaks(SEND, refuse(413, None))
    with pytest.raises(openai.APIStatusError):
        upload(lab, SMALL)
    assert lab.count(SEND) == 1


def test_a_second_file_of_our_own_is_deleted_again(lab: Lab, tmp_path: Path) -> None:
    """The first answer was lost, and the file appeared only after it had been sent again."""
    lab.breaks(SEND, lose_answer, times=1)
    lab.breaks("GET /files", change(lambda page: page["data"].clear()), times=2)
    file = upload(lab, SMALL, journal=tmp_path)
    assert lab.count(SEND) == 2
    assert files(lab) == [file.id]
    assert upload(lab, SMALL, journal=tmp_path).id == file.id


def test_a_second_file_of_a_killed_process_is_deleted_by_the_next(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(SEND, die, times=1)
    with pytest.raises(Killed):
        upload(lab, SMALL, journal=tmp_path)
    lab.breaks("GET /files", change(lambda page: page["data"].clear()), times=1)
    lab.breaks("DELETE .*", refuse(409, None, "File is still processing. Check back later."), times=2)
    file = upload(lab, SMALL, journal=tmp_path)
    assert lab.count(SEND) == 2
    assert files(lab) == [file.id]


def test_files_of_others_and_of_jobs_are_left_alone(lab: Lab, tmp_path: Path) -> None:
    name = f"training-{hashlib.sha256(MARV).hexdigest()[:12]}.jsonl"
    theirs = [lab.unbroken.files.create(file=(name, MARV), purpose="fine-tune").id for _ in range(2)]
    tuner = lab.tuner(journal=tmp_path)
    assert tuner.upload_once(MARV).id == theirs[0]  # the oldest
    assert set(files(lab)) == set(theirs)

    lab.unbroken.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=theirs[1])
    lab.breaks("GET /files", change(lambda page: page["data"].clear()), times=1)
    assert tuner.upload_once(MARV).id == theirs[0]
    assert lab.count(SEND) == 1
    assert set(files(lab)) == set(theirs)  # ours, the third, is gone


def test_a_second_file_that_a_job_has_named_is_left_to_it(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(SEND, die, times=1)
    with pytest.raises(Killed):
        lab.tuner(journal=tmp_path).upload_once(MARV)
    (ours,) = lab.unbroken.files.list(purpose="fine-tune")
    other = lab.unbroken.files.create(file=(ours.filename, MARV), purpose="fine-tune")
    lab.unbroken.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=other.id)
    assert lab.tuner(journal=tmp_path).upload_once(MARV).id == ours.id
    assert set(files(lab)) == {ours.id, other.id}


def test_a_file_in_error_says_why_and_is_sent_anew_next_time(lab: Lab) -> None:
    for sent in (1, 2):
        with pytest.raises(FileFailed, match="could not be processed"):
            upload(lab, SMALL + b'{"messages": [}\n')
        assert lab.count(SEND) == sent


def test_waiting_for_an_uploaded_file_ends_after_its_timeout(lab: Lab) -> None:
    lab.breaks("GET /files/.*", change(lambda file: file.update(status="uploaded")))
    with pytest.raises(WaitTimeout):
        upload(lab, SMALL, timeout_s=60)


# -- in parts ----------------------------------------------------------------------------------------------------------


def test_a_large_file_goes_in_parts_and_tells_each(lab: Lab, tmp_path: Path) -> None:
    path, told = tmp_path / "large.jsonl", []
    path.write_bytes(MARV)
    file = upload(lab, path, told=told)
    assert (content(lab, file.id), file.status) == (MARV, "processed")
    assert (lab.count(BEGIN), lab.count(ADD), lab.count(COMPLETE), lab.count(SEND)) == (1, 5, 1, 0)
    assert [each.sent_bytes for each in told if isinstance(each, Uploading)] == [
        *range(0, len(MARV), PART),
        len(MARV),
        len(MARV),
    ]
    assert not next(each.reused for each in told if isinstance(each, FileSeen))
    assert upload(lab, MARV).id == file.id  # the same bytes, from memory


def test_bytes_go_in_parts_too_asynchronously(lab: Lab) -> None:
    async def life() -> Any:
        async with lab.async_client as client:
            return await lab.async_tuner(client, part_bytes=PART).upload_once(MARV)

    assert content(lab, asyncio.run(life()).id) == MARV
    assert lab.count(ADD) == 5


def test_an_upload_that_was_killed_goes_on_with_the_next_part(lab: Lab, tmp_path: Path) -> None:
    told: list[Progress] = []
    lab.breaks(ADD, lambda response: response, times=3)
    lab.breaks(ADD, die, times=1, reaches_service=False)
    with pytest.raises(Killed):
        upload(lab, journal=tmp_path)
    file = upload(lab, journal=tmp_path, told=told)
    assert (lab.count(BEGIN), lab.count(ADD)) == (1, 6)
    assert next(each.sent_bytes for each in told if isinstance(each, Uploading)) == 3 * PART
    assert content(lab, file.id) == MARV


def test_parts_of_another_size_are_not_gone_on_with(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(ADD, die, times=1)
    with pytest.raises(Killed):
        upload(lab, journal=tmp_path)
    file = lab.tuner(part_bytes=PART + 1, journal=tmp_path).upload_once(MARV)
    assert content(lab, file.id) == MARV
    assert lab.count(BEGIN) == 2


def test_an_upload_that_expired_meanwhile_is_begun_anew(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(ADD, lambda response: response, times=3)
    lab.breaks(ADD, die, times=1)
    with pytest.raises(Killed):
        upload(lab, journal=tmp_path)
    lab.advance(by="2h")
    assert content(lab, upload(lab, journal=tmp_path).id) == MARV
    assert lab.count(BEGIN) == 2


def test_an_upload_that_expires_while_parts_are_waited_for_is_begun_anew(lab: Lab) -> None:
    lab.breaks(ADD, refuse(503, None), times=145, reaches_service=False)  # more than an hour
    file = lab.tuner(part_bytes=PART, patience_s=6000).upload_once(MARV)
    assert content(lab, file.id) == MARV
    assert lab.now > 3600
    assert lab.count(BEGIN) == 2


@pytest.mark.parametrize("loss", [lose_answer, html(504)])
def test_a_completion_that_was_answered_to_nobody_is_not_a_second_file(lab: Lab, loss: Any) -> None:
    lab.breaks(COMPLETE, loss, times=1)
    lab.breaks("GET /files", lambda response: response, times=1)
    lab.breaks("GET /files", change(lambda page: page["data"].clear()), times=2)
    file = upload(lab)
    assert files(lab) == [file.id]
    assert lab.count(BEGIN) == 1


def test_a_completion_that_was_killed_is_not_a_second_file(lab: Lab, tmp_path: Path) -> None:
    lab.breaks(COMPLETE, die, times=1)
    with pytest.raises(Killed):
        upload(lab, journal=tmp_path)
    lab.breaks("GET /files", change(lambda page: page["data"].clear()), times=1)
    file = upload(lab, journal=tmp_path)
    assert files(lab) == [file.id]
    assert lab.count(BEGIN) == 1


def test_a_completed_upload_without_a_file_is_looked_for_and_then_lost(lab: Lab) -> None:
    lab.breaks(COMPLETE, change(lambda upload: upload.update(file=None)))
    file = upload(lab)
    assert files(lab) == [file.id]
    lab.breaks("GET /files", change(lambda page: page["data"].clear()))
    with pytest.raises(UploadLost, match="Start again"):
        upload(lab, MARV + SMALL)


def test_a_lost_part_is_sent_again_and_the_file_is_whole(lab: Lab) -> None:
    lab.breaks(ADD, lose_answer, times=2)
    assert content(lab, upload(lab).id) == MARV
    assert lab.count(ADD) == 7


def test_an_upload_that_is_refused_for_good_ends(lab: Lab) -> None:
    lab.breaks(COMPLETE, refuse(400, "invalid_file"))
    with pytest.raises(openai.BadRequestError):
        upload(lab)
    assert (lab.count(BEGIN), lab.slept) == (1, [])


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_service_without_uploads_gets_the_file_in_one_piece(lab: Lab, tmp_path: Path, status: int) -> None:
    path = tmp_path / "large.jsonl"
    path.write_bytes(MARV)
    lab.breaks(BEGIN, answer(status, {"error": {"message": "No such thing."}}), reaches_service=False)
    assert content(lab, upload(lab, path).id) == MARV
    assert lab.count(SEND) == 1


def test_a_file_that_changes_while_it_is_uploaded_is_not_taken(lab: Lab, tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    path.write_bytes(MARV)

    def write(progress: Progress) -> None:
        if isinstance(progress, Uploading) and progress.sent_bytes == PART:
            path.write_bytes(MARV[::-1])

    with pytest.raises(FileChanged, match=re.escape(str(path))):
        lab.tuner(part_bytes=PART).upload_once(path, on=write)
    assert files(lab) == []


# -- what is read here -------------------------------------------------------------------------------------------------


def test_an_id_is_an_id_unless_a_file_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert file_id_of("file-abc123") == "file-abc123"
    assert file_id_of("file-abc.jsonl") is None
    assert file_id_of(b"file-abc123") is None
    assert file_id_of(Path("file-abc123")) is None
    Path("file-abc123").touch()
    assert file_id_of("file-abc123") is None


def test_a_pipe_can_be_uploaded_as_far_as_it_fits_into_memory(tmp_path: Path) -> None:
    for size, fits in ((PART, True), (PART + 1, False)):
        reading, writing = os.pipe()
        os.write(writing, b"x" * size)
        os.close(writing)
        try:
            if fits:
                assert read_source(f"/dev/fd/{reading}", stem="x", part_bytes=PART).content == b"x" * size
            else:
                with pytest.raises(OSError, match="can be read only once"):
                    read_source(f"/dev/fd/{reading}", stem="x", part_bytes=PART)
        finally:
            os.close(reading)


def test_the_name_of_a_stored_file_is_short_and_plain() -> None:
    assert re.fullmatch(r"a{100}-[0-9a-f]{12}\.jsonl", read_source(b"", stem="a" * 300).name)
    assert read_source(b"", stem="../etc/passwd").name.startswith(".._etc_passwd-")
    assert read_source(b"", stem="").name.startswith("file-")
