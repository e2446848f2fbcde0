"""Uploads: what may follow what, which bytes are kept, and what overlapping commands come to."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import io
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, BinaryIO, TypeVar

import pytest
from support import Lab, dataset

from mocktune.domain.clock import VirtualTime
from mocktune.domain.errors import ApiError, InvalidRequestError, NotFoundError, ParameterError, ServiceUnavailableError
from mocktune.domain.lifecycle import JobStatus
from mocktune.domain.uploads import MAX_BYTES, MAX_PARTS, MAX_PENDING, UploadRequest, UploadView
from mocktune.service.files import Upload
from mocktune.service.sandboxes import Rules, Visit, release_blobs
from mocktune.service.upload_records import UploadRecord

T = TypeVar("T")
DATA = dataset(12)


class UploadLab(Lab):
    """A lab with words for uploads; ``loose`` switches the rules off."""

    loose = False

    async def visit(self) -> Visit:
        visit = await super().visit()
        return dataclasses.replace(visit, rules=Rules(loose=True)) if self.loose else visit

    @property
    def used_bytes(self) -> int:
        return self.services.blobs.used_bytes  # type: ignore[attr-defined,no-any-return]  # the shipped adapter tells

    async def begin(self, size_bytes: int = len(DATA), purpose: str = "fine-tune", **more: Any) -> str:
        request = UploadRequest(more.pop("filename", "a.jsonl"), purpose, size_bytes, "text/jsonl", **more)
        return self.services.uploads.create(await self.visit(), request).id

    async def add(self, id: str, data: Any) -> str:
        """A part of ``data``, bytes or a blob; refused ones are dropped as the route drops them."""
        blob = self.blob(data) if isinstance(data, bytes) else data
        try:
            return (await self.services.uploads.add_part(await self.visit(), id, blob)).id
        except ApiError:
            blob.delete()
            raise

    async def complete(self, id: str, *part_ids: str, md5: str | None = None) -> UploadView:
        return await self.services.uploads.complete(await self.visit(), id, part_ids, md5)

    async def cancel(self, id: str) -> UploadView:
        return await self.services.uploads.cancel(await self.visit(), id)

    async def record(self, id: str) -> UploadRecord:
        record: UploadRecord = (await self.visit()).sandbox.ledger("upload").get(id)
        return record

    async def content(self, file_id: str) -> bytes:
        return b"".join((await self.services.files.content(await self.visit(), file_id)).pieces)

    async def let_expire(self) -> None:
        """An hour later, and a request that comes then: bytes are given back before it is answered."""
        await self.advance(3600)
        await self.visit()

    async def file_ids(self) -> list[str]:
        page = await self.services.files.list(await self.visit(), purpose=None, after=None, limit=100, order="desc")
        return [file.id for file in page.items]


@pytest.fixture
def lab() -> Iterator[UploadLab]:
    lab = UploadLab.open("realistic")
    yield lab
    lab.close()


def story(told: Callable[[UploadLab], Coroutine[Any, Any, None]]) -> Callable[[UploadLab], None]:
    """A test that is written as a coroutine."""

    def test(lab: UploadLab) -> None:
        asyncio.run(told(lab))

    test.__name__, test.__doc__ = told.__name__, told.__doc__
    return test


async def refused(kind: type[T], command: Awaitable[object]) -> T:
    with pytest.raises(kind) as caught:  # type: ignore[type-var]
        await command
    return caught.value


# -- completing --------------------------------------------------------------------------------------------------------


@story
async def test_the_parts_become_a_file_in_the_order_they_are_named(lab: UploadLab) -> None:
    id = await lab.begin()
    end = await lab.add(id, DATA[100:])
    start = await lab.add(id, DATA[:100])
    upload = await lab.complete(id, start, end)
    assert (upload.status, upload.request.size_bytes) == ("completed", len(DATA))
    assert upload.file is not None
    assert await lab.content(upload.file.id) == DATA
    assert await lab.file_ids() == [upload.file.id]
    file = (await lab.visit()).sandbox.files.get(upload.file.id)
    assert file is not None
    assert file.blob is not None
    assert file.blob.sha256 == hashlib.sha256(DATA).hexdigest()


@story
async def test_its_file_is_processed_and_tuned_on_like_any_other(lab: UploadLab) -> None:
    id = await lab.begin()
    parts = [await lab.add(id, DATA[at : at + 100]) for at in range(0, len(DATA), 100)]
    file = (await lab.complete(id, *parts)).file
    assert file is not None
    posted = await lab.upload(DATA)
    assert (file.status, file.size_bytes, file.created_at) == (posted.status, posted.size_bytes, posted.created_at)
    assert file.status == "uploaded"
    job = await lab.run_to_end((await lab.create(file.id)).id)
    assert job.status is JobStatus.SUCCEEDED
    assert (await lab.services.files.retrieve(await lab.visit(), file.id)).status == "processed"


@story
async def test_parts_that_are_not_named_are_dropped(lab: UploadLab) -> None:
    id = await lab.begin()
    await lab.add(id, b"not wanted")
    wanted = await lab.add(id, DATA)
    upload = await lab.complete(id, wanted)
    assert lab.used_bytes == len(DATA)
    assert upload.file is not None
    await lab.advance(3600)
    await lab.services.files.delete(await lab.visit(), upload.file.id)
    assert lab.used_bytes == 0


@story
async def test_the_file_expires_as_the_upload_was_told(lab: UploadLab) -> None:
    id = await lab.begin(expires_after_s=7200)
    part = await lab.add(id, DATA)
    await lab.advance(600)
    file = (await lab.complete(id, part)).file
    assert file is not None
    assert file.expires_at == file.created_at + 7200 * 1_000_000
    await lab.advance(7200)
    assert await lab.file_ids() == []
    assert lab.used_bytes == 0


@pytest.mark.parametrize(
    ("name", "begin", "parts", "param"),
    [
        ("too few bytes", {}, [DATA[:-1]], None),
        ("too many bytes", {}, [DATA, b"\n"], None),
        ("no JSONL", {"size_bytes": 5}, [b"plain"], None),
        ("no .jsonl", {"filename": "a.txt"}, [DATA], None),
    ],
)
def test_what_does_not_fit_is_refused_and_the_upload_stays_pending(
    lab: UploadLab, name: str, begin: dict[str, Any], parts: list[bytes], param: str | None
) -> None:
    async def told() -> None:
        id = await lab.begin(**begin)
        part_ids = [await lab.add(id, part) for part in parts]
        error = await refused(InvalidRequestError, lab.complete(id, *part_ids))
        assert error.param == param
        assert lab.used_bytes == sum(map(len, parts))
        assert await lab.file_ids() == []
        assert (await lab.record(id)).status_at((await lab.visit()).now) == "pending"
        await lab.cancel(id)
        assert lab.used_bytes == 0

    asyncio.run(told())


@story
async def test_what_was_missing_may_be_added_after_a_refusal(lab: UploadLab) -> None:
    id = await lab.begin()
    first = await lab.add(id, DATA[:7])
    error = await refused(InvalidRequestError, lab.complete(id, first))
    assert error.message == f"The parts hold 7 bytes, but upload {id} was created for {len(DATA)} bytes."
    second = await lab.add(id, DATA[7:])
    assert (await lab.complete(id, first, second)).file is not None


@story
async def test_the_checksum_is_compared_if_one_is_given(lab: UploadLab) -> None:
    md5 = hashlib.md5(DATA).hexdigest()
    id = await lab.begin()
    part = await lab.add(id, DATA)
    error = await refused(ParameterError, lab.complete(id, part, md5="0" * 32))
    assert (error.param, md5 in error.message) == ("md5", True)
    assert (await lab.complete(id, part, md5=md5.upper())).status == "completed"


@story
async def test_parts_must_be_the_uploads_own_and_named_once(lab: UploadLab) -> None:
    id, other = await lab.begin(), await lab.begin()
    part, foreign = await lab.add(id, DATA), await lab.add(other, DATA)
    for part_ids in ([foreign], ["part_none"], [part, part]):
        assert (await refused(ParameterError, lab.complete(id, *part_ids))).param == "part_ids"
    assert (await lab.complete(id, part)).status == "completed"


@story
async def test_a_file_larger_than_posted_ones_may_be_is_accepted(lab: UploadLab) -> None:
    assert lab.services.settings.max_file_bytes < MAX_BYTES
    id = await lab.begin(MAX_BYTES, purpose="user_data")
    huge = Gated(b"abc", size_bytes=MAX_BYTES)
    huge.gate.set()
    upload = await lab.complete(id, await lab.add(id, huge))
    assert upload.file is not None
    assert upload.file.size_bytes == MAX_BYTES


# -- ends --------------------------------------------------------------------------------------------------------------

ENDS: dict[str, Callable[[UploadLab, str, str], Awaitable[object]]] = {
    "completed": lambda lab, id, part: lab.complete(id, part),
    "cancelled": lambda lab, id, part: lab.cancel(id),
    "expired": lambda lab, id, part: lab.let_expire(),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_follows_an_end(lab: UploadLab, end: str) -> None:
    async def told() -> None:
        id = await lab.begin()
        part = await lab.add(id, DATA)
        await ENDS[end](lab, id, part)
        kept = lab.used_bytes
        for do, command in {
            "add a part to": lambda: lab.add(id, b"more"),
            "complete": lambda: lab.complete(id, part),
            "cancel": lambda: lab.cancel(id),
        }.items():
            error = await refused(InvalidRequestError, command())
            assert error.message == f'Cannot {do} upload {id}: it already has status "{end}".'
        assert lab.used_bytes == kept
        assert len(await lab.file_ids()) == (1 if end == "completed" else 0)

    asyncio.run(told())


@story
async def test_an_upload_expires_after_an_hour_and_gives_its_bytes_back(lab: UploadLab) -> None:
    id = await lab.begin()
    part = await lab.add(id, DATA)
    await lab.advance(3599.999999)
    assert (await lab.record(id)).status_at((await lab.visit()).now) == "pending"
    assert lab.used_bytes == len(DATA)
    await lab.advance(0.000001)
    await lab.visit()
    assert lab.used_bytes == 0
    await refused(InvalidRequestError, lab.complete(id, part))


@story
async def test_the_status_is_derived_from_the_instant_that_is_asked_for(lab: UploadLab) -> None:
    record = await lab.record(await lab.begin())
    before = VirtualTime(record.expires_at - 1)
    assert (record.status_at(before), record.status_at(record.expires_at)) == ("pending", "expired")


@pytest.mark.parametrize("end", ["completed", "cancelled"])
def test_the_hour_changes_nothing_for_an_upload_that_ended_before(lab: UploadLab, end: str) -> None:
    async def told() -> None:
        id = await lab.begin()
        part = await lab.add(id, DATA)
        await ENDS[end](lab, id, part)
        kept = lab.used_bytes
        await lab.let_expire()
        assert f'already has status "{end}"' in (await refused(InvalidRequestError, lab.cancel(id))).message
        assert lab.used_bytes == kept

    asyncio.run(told())


@story
async def test_the_file_of_an_upload_outlives_the_hour(lab: UploadLab) -> None:
    id = await lab.begin()
    file = (await lab.complete(id, await lab.add(id, DATA))).file
    assert file is not None
    await lab.advance(7200)
    assert await lab.content(file.id) == DATA


@story
async def test_cancelling_gives_the_bytes_back(lab: UploadLab) -> None:
    id = await lab.begin()
    await lab.add(id, DATA)
    upload = await lab.cancel(id)
    assert (upload.status, upload.file, lab.used_bytes) == ("cancelled", None, 0)


@story
async def test_closing_a_sandbox_gives_the_bytes_of_its_uploads_back(lab: UploadLab) -> None:
    pending, done = await lab.begin(), await lab.begin()
    await lab.add(pending, DATA)
    await lab.complete(done, await lab.add(done, DATA))
    release_blobs((await lab.visit()).sandbox)
    assert lab.used_bytes == 0


@story
async def test_what_is_due_at_one_instant_is_entered_in_one_order(lab: UploadLab) -> None:
    """The first file and the first upload of a sandbox, gone at the same microsecond."""
    whole = Upload("a.jsonl", "fine-tune", lab.blob(DATA), DATA, 3600)
    await lab.services.files.create(await lab.visit(), whole)
    await lab.add(await lab.begin(), DATA)
    await lab.let_expire()
    assert (await lab.file_ids(), lab.used_bytes) == ([], 0)


# -- bounds ------------------------------------------------------------------------------------------------------------


@story
async def test_an_upload_that_does_not_exist_is_not_found(lab: UploadLab) -> None:
    for command in (lab.add("upload_none", b"x"), lab.complete("upload_none", "part"), lab.cancel("upload_none")):
        assert (await refused(NotFoundError, command)).message == "No such Upload object: upload_none"


@story
async def test_a_purpose_is_checked_when_the_upload_is_created(lab: UploadLab) -> None:
    error = await refused(ParameterError, lab.begin(purpose="fun"))
    assert error.message.startswith("'fun' is not one of ['fine-tune', 'assistants'")


@story
async def test_the_bytes_of_all_parts_are_bounded(lab: UploadLab) -> None:
    id = await lab.begin(MAX_BYTES)
    await lab.add(id, Gated(b"", size_bytes=MAX_BYTES))
    error = await refused(ParameterError, lab.add(id, b"x"))
    assert (error.param, str(MAX_BYTES + 1) in error.message) == ("data", True)
    await refused(ParameterError, lab.add(id, b""))
    assert lab.used_bytes == 0


@story
async def test_the_number_of_parts_is_bounded(lab: UploadLab) -> None:
    id, part = await lab.begin(), Gated(b"x")
    for _ in range(MAX_PARTS):
        await lab.add(id, part)
    error = await refused(InvalidRequestError, lab.add(id, b"x"))
    assert error.message == f"Upload {id} has {MAX_PARTS} parts; mocktune takes no more."


@story
async def test_pending_uploads_are_bounded_and_ended_ones_do_not_count(lab: UploadLab) -> None:
    begun = [await lab.begin() for _ in range(MAX_PENDING)]
    assert str(MAX_PENDING) in (await refused(ServiceUnavailableError, lab.begin())).message
    await lab.cancel(begun[0])
    await lab.begin()
    await refused(ServiceUnavailableError, lab.begin())
    await lab.advance(3600)
    await lab.begin()


# -- at once -----------------------------------------------------------------------------------------------------------


class Gated:
    """A blob whose readers, in their thread, wait for a gate to be opened."""

    def __init__(self, data: bytes, *, size_bytes: int | None = None) -> None:
        self.data, self.size_bytes, self.sha256 = data, len(data) if size_bytes is None else size_bytes, "-"
        self.gate = threading.Event()
        self.opened = threading.Event()
        self.deleted = 0

    def open(self) -> BinaryIO:
        self.opened.set()
        assert self.gate.wait(10)
        assert not self.deleted
        return io.BytesIO(self.data)

    def delete(self) -> None:
        self.deleted += 1


class Completing:
    """A completion that is under way: its one part is being read."""

    def __init__(self, lab: UploadLab, data: bytes = DATA) -> None:
        self.lab, self.blob = lab, Gated(data)

    async def begin(self) -> Completing:
        self.id = await self.lab.begin()
        self.part = await self.lab.add(self.id, self.blob)
        self.task = asyncio.ensure_future(self.lab.complete(self.id, self.part))
        await asyncio.to_thread(self.blob.opened.wait, 10)
        return self

    async def meanwhile(self, command: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """``command``, begun and left to get as far as it can."""
        task = asyncio.ensure_future(command)
        for _ in range(10):
            await asyncio.sleep(0)
        return task

    async def end(self) -> UploadView:
        self.blob.gate.set()
        return await self.task


@story
async def test_other_requests_go_on_while_an_upload_is_completed(lab: UploadLab) -> None:
    completing = await Completing(lab).begin()
    assert (await lab.upload(DATA)).status == "uploaded"
    other = await lab.begin()
    assert (await lab.complete(other, await lab.add(other, DATA))).status == "completed"
    assert not completing.task.done()
    assert (await completing.end()).status == "completed"


@story
async def test_of_two_completions_at_once_one_makes_the_file_and_one_is_refused(lab: UploadLab) -> None:
    completing = await Completing(lab).begin()
    second = await completing.meanwhile(lab.complete(completing.id, completing.part))
    assert not second.done()
    file = (await completing.end()).file
    assert file is not None
    assert 'it already has status "completed"' in (await refused(InvalidRequestError, second)).message
    assert await lab.file_ids() == [file.id]


@story
async def test_what_comes_while_an_upload_is_completed_comes_after_it(lab: UploadLab) -> None:
    completing = await Completing(lab).begin()
    cancel = await completing.meanwhile(lab.cancel(completing.id))
    part = await completing.meanwhile(lab.add(completing.id, b"late"))
    assert not cancel.done()
    assert not part.done()
    assert (await completing.end()).status == "completed"
    for task in (cancel, part):
        assert 'it already has status "completed"' in (await refused(InvalidRequestError, task)).message
    assert (completing.blob.deleted, lab.used_bytes) == (0, 0)


@story
async def test_a_part_that_arrives_after_the_completion_is_refused_and_dropped(lab: UploadLab) -> None:
    id = await lab.begin()
    part = await lab.add(id, DATA)
    await lab.complete(id, part)
    await refused(InvalidRequestError, lab.add(id, b"late"))
    assert lab.used_bytes == len(DATA)


@story
async def test_a_completion_that_began_in_time_ends_well_though_the_hour_goes_by(lab: UploadLab) -> None:
    completing = await Completing(lab).begin()
    await lab.let_expire()
    upload = await completing.end()
    assert upload.status == "completed"
    assert upload.file is not None
    assert await lab.content(upload.file.id) == DATA
    assert completing.blob.deleted == 0


@story
async def test_a_completion_that_fails_after_the_hour_gives_the_bytes_back(lab: UploadLab) -> None:
    completing = await Completing(lab, b"no JSON".ljust(len(DATA))).begin()
    await lab.let_expire()
    assert completing.blob.deleted == 0
    await refused(ParameterError, asyncio.ensure_future(completing.end()))
    assert completing.blob.deleted == 1
    await refused(InvalidRequestError, lab.complete(completing.id, completing.part))


# -- loose -------------------------------------------------------------------------------------------------------------


@story
async def test_loose_every_command_succeeds_in_every_status(lab: UploadLab) -> None:
    lab.loose = True
    for end in ENDS:
        id = await lab.begin()
        part = await lab.add(id, DATA)
        await ENDS[end](lab, id, part)
        kept = lab.used_bytes
        assert (await lab.add(id, b"more")).startswith("part_")
        assert (await lab.cancel(id)).status == "cancelled"
        completed = await lab.complete(id, part)
        assert completed.status == "completed"
        assert (completed.file is None) == (end != "completed")
        assert lab.used_bytes == kept
    assert len(await lab.file_ids()) == 1


@story
async def test_loose_unknown_parts_sizes_sums_and_purposes_pass(lab: UploadLab) -> None:
    lab.loose = True
    id = await lab.begin(0, purpose="fun")
    upload = await lab.complete(id, "string", md5="md5")
    assert upload.file is not None
    assert (upload.file.size_bytes, upload.file.purpose) == (0, "fun")
    other = await lab.begin(0)
    part = await lab.add(other, DATA)
    file = (await lab.complete(other, "string", part, part)).file
    assert file is not None
    assert file.size_bytes == len(DATA)
