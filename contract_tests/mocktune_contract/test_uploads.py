"""Uploads: a file that arrives in parts.

::

    upload  {"id", "object": "upload", "bytes", "created_at", "filename", "purpose", "status", "expires_at", "file"}
    part    {"id", "object": "upload.part", "created_at", "upload_id"}

    pending ── complete ──> completed     with the file it became
            ── cancel ────> cancelled
            ── one hour ──> expired

SPEC describes what is refused; nobody recorded in which words.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI
from openai.types import Upload

from mocktune_contract.lab import Lab, chat_file, training_file

pytestmark = pytest.mark.source("SPEC")

PLAIN = training_file("valid/plain.jsonl")
HALVES = (PLAIN[: len(PLAIN) // 2], PLAIN[len(PLAIN) // 2 :])
MB = 1024 * 1024


@pytest.fixture
def client(lab: Lab) -> Iterator[OpenAI]:
    """Every answer is held to the SDK's own types: nothing recorded leaves them here."""
    with lab.strict_client() as client:
        yield client


def begin(client: OpenAI, data: bytes = PLAIN, filename: str = "pip.jsonl", purpose: Any = "fine-tune") -> Upload:
    return client.uploads.create(filename=filename, purpose=purpose, bytes=len(data), mime_type="text/jsonl")


def add(client: OpenAI, upload: Upload, data: bytes) -> str:
    return client.uploads.parts.create(upload.id, data=data).id


@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
@pytest.mark.shape
def test_an_upload_and_its_parts_are_shown_as_described(lab: Lab) -> None:
    """SPEC Upload, UploadPart."""
    body = {"filename": "pip.jsonl", "purpose": "fine-tune", "bytes": len(PLAIN), "mime_type": "text/jsonl"}
    upload = lab.http.post("/uploads", json=body).json()
    assert re.fullmatch("upload_[0-9a-z]+", upload["id"])
    assert list(upload.items()) == [
        ("id", upload["id"]),
        ("object", "upload"),
        ("bytes", len(PLAIN)),
        ("created_at", upload["created_at"]),
        ("filename", "pip.jsonl"),
        ("purpose", "fine-tune"),
        ("status", "pending"),
        ("expires_at", upload["created_at"] + 3600),
        ("file", None),
    ]
    part = lab.http.post(f"/uploads/{upload['id']}/parts", files={"data": ("upload", PLAIN)}).json()
    assert re.fullmatch("part_[0-9a-z]+", part["id"])
    assert list(part.items()) == [
        ("id", part["id"]),
        ("object", "upload.part"),
        ("created_at", part["created_at"]),
        ("upload_id", upload["id"]),
    ]
    completed = lab.http.post(f"/uploads/{upload['id']}/complete", json={"part_ids": [part["id"]]}).json()
    file = lab.http.get(f"/files/{completed['file']['id']}").json()
    assert completed == {**upload, "status": "completed", "file": file}


@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_the_parts_make_a_file_in_the_order_they_are_named(lab: Lab, client: OpenAI) -> None:
    """SPEC: the order of the parts is that of ``part_ids``."""
    upload = begin(client)
    end, start = add(client, upload, HALVES[1]), add(client, upload, HALVES[0])
    file = client.uploads.complete(upload.id, part_ids=[start, end]).file
    assert file is not None
    assert (file.filename, file.purpose, file.bytes) == ("pip.jsonl", "fine-tune", len(PLAIN))
    assert client.files.content(file.id).read() == PLAIN


@pytest.mark.needs("time")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_a_file_of_an_upload_is_trained_on(lab: Lab, client: OpenAI) -> None:
    """SPEC: a regular file. Through the SDK's helper, in parts that end in the middle of lines."""
    data = chat_file(*((f"Who is {n}?", f"{n} is a number of the sea.") for n in range(40)))
    upload = client.uploads.upload_file_chunked(
        file=data, filename="sea.jsonl", bytes=len(data), mime_type="text/jsonl", purpose="fine-tune", part_size=997
    )
    assert upload.status == "completed"
    assert upload.file is not None
    lab.clock.advance(by="10m")
    assert client.files.retrieve(upload.file.id).status == "processed"
    job = lab.create_job(upload.file.id)
    lab.clock.until(job.id, "terminal")
    assert lab.job(job.id).status == "succeeded"


@pytest.mark.source("SDK, assumed")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_the_checksum_is_verified(lab: Lab, client: OpenAI) -> None:
    """SDK: ``md5`` of the whole. That the upload stays pending is assumed."""
    upload = begin(client)
    part = add(client, upload, PLAIN)
    with pytest.raises(openai.BadRequestError):
        client.uploads.complete(upload.id, part_ids=[part], md5="0" * 32)
    completed = client.uploads.complete(upload.id, part_ids=[part], md5=hashlib.md5(PLAIN).hexdigest())
    assert completed.file is not None


@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_the_bytes_must_be_those_that_were_announced(client: OpenAI) -> None:
    """SPEC: the number of bytes must match the one given at creation."""
    upload = begin(client)
    first, again = add(client, upload, HALVES[0]), add(client, upload, PLAIN)
    for part_ids in ([], [first], [first, again]):
        with pytest.raises(openai.BadRequestError):
            client.uploads.complete(upload.id, part_ids=part_ids)


@pytest.mark.needs("mocktune")
@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_a_part_that_is_not_named_is_dropped(lab: Lab, client: OpenAI) -> None:
    """Assumed: a part that was sent twice after a lost answer must not spoil the file."""
    upload = begin(client)
    add(client, upload, HALVES[0])
    parts = [add(client, upload, half) for half in HALVES]
    file = client.uploads.complete(upload.id, part_ids=parts).file
    assert file is not None
    assert file.bytes == len(PLAIN)


@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
@pytest.mark.parametrize(
    ("data", "filename"), [(PLAIN, "pip.json"), (b"no JSON", "pip.jsonl"), (b"[1]\n", "pip.jsonl")]
)  # fmt: skip
def test_what_files_refuses_is_refused_here_in_the_same_words(
    lab: Lab, client: OpenAI, data: bytes, filename: str
) -> None:
    upload = begin(client, data, filename)
    part = add(client, upload, data)
    with pytest.raises(openai.BadRequestError) as posted:
        lab.upload(data, filename)
    with pytest.raises(openai.BadRequestError) as completed:
        client.uploads.complete(upload.id, part_ids=[part])
    assert completed.value.body == posted.value.body


@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.create")
def test_a_purpose_is_refused_in_the_words_of_files(lab: Lab, client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as posted:
        lab.upload(PLAIN, purpose="fun")
    with pytest.raises(openai.BadRequestError) as created:
        begin(client, purpose="fun")
    assert created.value.body == posted.value.body


@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_other_purposes_may_be_uploaded_for(lab: Lab, client: OpenAI) -> None:
    for purpose in ("assistants", "batch", "user_data", "vision"):
        upload = begin(client, b"anything", "notes.txt", purpose)
        file = client.uploads.complete(upload.id, part_ids=[add(client, upload, b"anything")]).file
        assert file is not None
        assert (file.purpose, file.status) == (purpose, "processed")


@pytest.mark.needs("time")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_the_file_expires_after_its_own_creation(lab: Lab, client: OpenAI) -> None:
    """SPEC: ``expires_after`` is the file's."""
    upload = client.uploads.create(
        filename="pip.jsonl",
        purpose="fine-tune",
        bytes=len(PLAIN),
        mime_type="text/jsonl",
        extra_body={"expires_after": {"anchor": "created_at", "seconds": 7200}},
    )
    assert upload.expires_at == upload.created_at + 3600
    part = add(client, upload, PLAIN)
    lab.clock.advance(by="10m")
    file = client.uploads.complete(upload.id, part_ids=[part]).file
    assert file is not None
    assert (file.created_at, file.expires_at) == (upload.created_at + 600, upload.created_at + 600 + 7200)
    lab.clock.advance(by="2h")
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


# -- ends --------------------------------------------------------------------------------------------------------------


@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete", "uploads.cancel")
def test_a_cancelled_upload_takes_nothing_any_more(client: OpenAI) -> None:
    """SPEC."""
    upload = begin(client)
    part = add(client, upload, PLAIN)
    cancelled = client.uploads.cancel(upload.id)
    assert (cancelled.id, cancelled.status, cancelled.file) == (upload.id, "cancelled", None)
    assert_over(client, upload, part)


@pytest.mark.source("SPEC, assumed")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete", "uploads.cancel")
def test_a_completed_upload_takes_nothing_any_more(lab: Lab, client: OpenAI) -> None:
    """SPEC; that it cannot be cancelled any more is assumed."""
    upload = begin(client)
    part = add(client, upload, PLAIN)
    file = client.uploads.complete(upload.id, part_ids=[part]).file
    assert file is not None
    assert_over(client, upload, part)


@pytest.mark.needs("time")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete", "uploads.cancel")
def test_an_upload_expires_after_an_hour(lab: Lab, client: OpenAI) -> None:
    """SPEC. In time to the second, and not after."""
    in_time, late = begin(client), begin(client)
    parts = [add(client, upload, PLAIN) for upload in (in_time, late)]
    lab.clock.advance(by="59m59s")
    assert client.uploads.complete(in_time.id, part_ids=parts[:1]).status == "completed"
    lab.clock.advance(by="1s")
    assert_over(client, late, parts[1])


def assert_over(client: OpenAI, upload: Upload, part: str) -> None:
    commands: list[Callable[[], object]] = [
        lambda: add(client, upload, b"more"),
        lambda: client.uploads.complete(upload.id, part_ids=[part]),
        lambda: client.uploads.cancel(upload.id),
    ]
    for command in commands:
        with pytest.raises(openai.BadRequestError):
            command()


# -- refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.parts.create", "uploads.complete", "uploads.cancel")
def test_an_upload_that_does_not_exist_is_not_found(client: OpenAI) -> None:
    commands: list[Callable[[], object]] = [
        lambda: client.uploads.parts.create("upload_none", data=b"x"),
        lambda: client.uploads.complete("upload_none", part_ids=["part_none"]),
        lambda: client.uploads.cancel("upload_none"),
    ]
    for command in commands:
        with pytest.raises(openai.NotFoundError):
            command()


@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
def test_parts_must_be_the_uploads_own_and_named_once(client: OpenAI) -> None:
    upload, other = begin(client), begin(client)
    part, foreign = add(client, upload, HALVES[0]), add(client, other, HALVES[1])
    for part_ids in ([part, foreign], [part, "part_none"], [part, part]):
        with pytest.raises(openai.BadRequestError) as refused:
            client.uploads.complete(upload.id, part_ids=part_ids)
        assert refused.value.param == "part_ids"


@pytest.mark.source("SPEC, REC")
@pytest.mark.operation("uploads.create")
@pytest.mark.needs("tcp")
def test_a_part_over_64_mb_is_too_large(lab: Lab, client: OpenAI) -> None:
    """SPEC: 64 MB, which the SDK takes as binary. The words are those of other routes (REC).

    Only the head of the request is sent: it declares the length.
    """
    url = httpx2.URL(f"{lab.base_url}/uploads/{begin(client).id}/parts")
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.host, url.port, timeout=20)
    connection.putrequest("POST", url.path)
    connection.putheader("authorization", f"Bearer {lab.key}")
    connection.putheader("content-type", "multipart/form-data; boundary=x")
    connection.putheader("content-length", str(66 * MB))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    connection.close()


@pytest.mark.needs("mocktune")
@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.create")
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"bytes": 0}, "integer_below_min_value", "bytes"),
        ({"bytes": 8 * 1024 * MB + 1}, "integer_above_max_value", "bytes"),
        ({"bytes": "7"}, "invalid_type", "bytes"),
        ({"bytes": ...}, "missing_required_parameter", "bytes"),
        ({"filename": ...}, "missing_required_parameter", "filename"),
        ({"mime_type": ...}, "missing_required_parameter", "mime_type"),
        ({"purpose": ...}, "missing_required_parameter", "purpose"),
        ({"size": 7}, "unknown_parameter", "size"),
        ({"expires_after": {"anchor": "created_at", "seconds": 10}}, "integer_below_min_value",
         "expires_after.seconds"),
    ],
)  # fmt: skip
def test_a_bad_create_names_its_field(lab: Lab, body: dict[str, Any], code: str, param: str) -> None:
    whole = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 7, "mime_type": "text/jsonl", **body}
    answer = lab.http.post("/uploads", json={key: value for key, value in whole.items() if value is not ...})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


@pytest.mark.needs("mocktune")
@pytest.mark.source("assumed")
@pytest.mark.operation("uploads.create", "uploads.complete")
@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({}, "missing_required_parameter", "part_ids"),
        ({"part_ids": "part_1"}, "invalid_type", "part_ids"),
        ({"part_ids": [1]}, "invalid_type", "part_ids[0]"),
        ({"part_ids": ["x"] * 10_001}, "array_above_max_length", "part_ids"),
    ],
)
def test_a_bad_completion_names_its_field(lab: Lab, client: OpenAI, body: Any, code: str, param: str) -> None:
    answer = lab.http.post(f"/uploads/{begin(client).id}/complete", json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param)


@pytest.mark.operation("uploads.create", "uploads.parts.create", "uploads.complete")
@pytest.mark.anyio
async def test_the_asynchronous_helper_uploads_in_parts(lab: Lab) -> None:
    async with lab.async_client() as client:
        upload = await client.uploads.upload_file_chunked(
            file=PLAIN,
            filename="pip.jsonl",
            bytes=len(PLAIN),
            mime_type="text/jsonl",
            purpose="fine-tune",
            part_size=99,
        )
        assert upload.file is not None
        assert (await client.files.content(upload.file.id)).read() == PLAIN
