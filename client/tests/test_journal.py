"""The journal: notes that are whole or absent, locks that end with their process, nothing secret, nothing endless."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from openai import OpenAI

from mocktune_client import Journal
from mocktune_client.journal import FileNotes, RequestNotes, scope_of

from .lab import MARV, MODEL, ONE_EPOCH, Lab, fixtures

server, lab = fixtures("job.step=100ms")


@pytest.mark.parametrize("on_disk", [True, False], ids=["disk", "memory"])
def test_what_is_noted_is_read_again(tmp_path: Path, on_disk: bool) -> None:
    journal = Journal(tmp_path / "deep" / "down" if on_disk else None)
    notes = FileNotes(1, ["file-a"], "upload_x", 10, {0: "part_a", 1: "part_b"})
    journal.save("file-x", notes)
    again = Journal(tmp_path / "deep" / "down") if on_disk else journal
    assert again.load("file-x", FileNotes) == notes
    assert again.load("file-y", FileNotes) == FileNotes()
    again.forget("file-x")
    again.forget("file-x")
    assert journal.load("file-x", FileNotes) == FileNotes()


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"job_id": 7}', b"\xff\x00", b"null"], ids=lambda damage: repr(damage)
)
def test_a_damaged_note_counts_as_none_and_its_job_is_found_all_the_same(
    lab: Lab, tmp_path: Path, damage: bytes
) -> None:
    def tune() -> str:
        tuner = lab.tuner(journal=tmp_path, poll_s=120)
        return tuner.tune(MARV, model=MODEL, method=ONE_EPOCH, wait_for_model=False).job.id

    first = tune()
    for path in tmp_path.glob("*.json"):
        path.write_bytes(damage)
    assert tune() == first


def test_neither_keys_nor_contents_are_written_down(lab: Lab, tmp_path: Path) -> None:
    lab.tuner(journal=tmp_path).tune(MARV, model=MODEL, method=ONE_EPOCH, wait_for_model=False, suffix="secretive")
    written = b"".join(path.name.encode() + path.read_bytes() for path in tmp_path.iterdir())
    assert b"ftjob-" in written
    for secret in (lab.key, "secretive", "marv"):
        assert secret.encode() not in written
    if os.name == "posix":
        new = Journal(tmp_path / "new")
        new.save("file-x", FileNotes())
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_each_server_and_key_has_notes_of_its_own() -> None:
    scopes = set()
    for url, key, project in (("a", "k", None), ("b", "k", None), ("a", "l", None), ("a", "k", "p")):
        with closing(OpenAI(base_url=f"http://{url}.invalid/v1", api_key=key, project=project)) as client:
            scopes |= {scope_of(client), scope_of(client.with_options(max_retries=0))}
    assert len(scopes) == 4


def test_old_notes_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune_client.journal.MAX_ENTRIES", 3)
    journal, memory = Journal(tmp_path), Journal(None)
    (tmp_path / ".writing-old").touch()
    os.utime(tmp_path / ".writing-old", (1, 1))
    for number in range(6):
        for each in (journal, memory):
            each.save(f"request-{number}", RequestNotes(job_id=str(number)))
        os.utime(tmp_path / f"request-{number}.json", (number + 10, number + 10))
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"request-{number}.json" for number in (3, 4, 5)]
    assert [memory.load(f"request-{number}", RequestNotes).job_id for number in range(6)] == [None] * 3 + [
        "3",
        "4",
        "5",
    ]


def test_a_lock_is_held_by_one_and_ends_with_its_process(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    code = f"""
import sys
from mocktune_client import Journal
held = Journal({str(tmp_path)!r}).try_lock("request-a")
print("held" if held else "not held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "held\n"
        assert journal.try_lock("request-a") is None
        free = journal.try_lock("file-a")
        assert free is not None
        free()
        other.kill()
        other.wait()
    release = journal.try_lock("request-a")
    assert release is not None
    assert Journal(tmp_path).try_lock("request-a") is None
    release()
    again = Journal(tmp_path).try_lock("request-a")
    assert again is not None
    again()


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path, lab: Lab) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        lab.tuner(journal=tmp_path / "file").tune(MARV, model=MODEL)
    assert lab.sent == []
