"""``mocktune files`` against a running server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from client_commands import MARV, Desk, desk_at, serving

from mocktune import RunningServer
from mocktune.cli.downloads import local_name


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with serving("realistic", "files.processing=10s") as server:
        yield server


@pytest.fixture
def desk(
    server: RunningServer, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.jsonl").write_bytes(MARV)
    with desk_at(server, request.node.name, monkeypatch, tmp_path) as desk:
        yield desk


def test_a_training_file_is_uploaded_once_waited_for_and_listed(desk: Desk) -> None:
    (line,) = desk("files", "upload", "train.jsonl").lines
    id, status, name = line.split()
    assert status == "processed"
    assert re.fullmatch(r"train-[0-9a-f]{12}\.jsonl", name)
    assert desk("files", "upload", "train.jsonl").lines == [f"{line}  (was there already)"]
    assert desk("files", "list").lines[1].split()[:7] == [
        id, "processed", "18.8", "kB", name, "fine-tune", "2026-01-15T00:00:00Z",
    ]  # fmt: skip
    assert len(desk.client.files.list().data) == 1
    # A name asks for a file of its own.
    assert (
        desk("files", "upload", "train.jsonl", "--name", "mine.jsonl", "--json").objects[0]["filename"] == "mine.jsonl"
    )
    assert len(desk.client.files.list().data) == 2


def test_other_purposes_are_sent_as_they_are_and_listed_apart(desk: Desk) -> None:
    desk("files", "upload", "train.jsonl")
    (line,) = desk("files", "upload", "train.jsonl", "--purpose", "user_data").lines
    assert line.endswith("train.jsonl")
    objects = desk("files", "list", "--purpose", "user_data", "--json").objects
    assert [each["id"] for each in objects] == [line.split()[0]]


def test_a_file_is_downloaded_under_its_own_name_or_another_and_nothing_is_overwritten(
    desk: Desk, tmp_path: Path
) -> None:
    id = desk.client.files.create(file=("../../evil:name.jsonl", MARV), purpose="fine-tune").id
    desk.advance(by="10s")
    assert desk("files", "download", id).lines == [f"evil_name.jsonl  {len(MARV):,} bytes"]
    assert (tmp_path / "evil_name.jsonl").read_bytes() == MARV
    assert desk("files", "download", id).exit_code == 2
    out = tmp_path / "there.jsonl"
    assert desk("files", "download", id, "-o", out, "--json").objects == [
        {"event": "written", "id": id, "path": str(out), "bytes": len(MARV)}
    ]
    out.write_text("mine")
    refused = desk("files", "download", id, "-o", out)
    assert (refused.exit_code, out.read_text()) == (2, "mine")
    assert desk("files", "download", id, "-o", out, "--force").exit_code == 0
    assert out.read_bytes() == MARV
    folder = tmp_path / "folder"
    folder.mkdir()
    assert desk("files", "download", id, "-o", folder).exit_code == 0
    assert [each.name for each in folder.iterdir()] == ["evil_name.jsonl"]


def test_a_download_that_breaks_off_leaves_what_was_there(desk: Desk, tmp_path: Path) -> None:
    id = desk.client.files.create(file=("a.jsonl", MARV), purpose="fine-tune").id
    desk.advance(by="10s")
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    desk.fault(operation="files.content", answer={"status": 404, "code": "gone"})
    assert desk("files", "download", id, "-o", out, "--force").exit_code == 1
    assert out.read_text() == "mine"
    assert [each.name for each in tmp_path.glob(".*")] == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\a.jsonl", "a.jsonl"),
        ("ft:x::y.csv", "ft_x__y.csv"),
        ("..", "file-1"),
        ("", "file-1"),
        (None, "file-1"),
        ("a\x1b[2J\n.jsonl", "a_[2J_.jsonl"),
        ("x" * 500, "x" * 200),
    ],
)
def test_a_name_of_the_service_is_no_path_here(given: object, name: str) -> None:
    assert local_name(given, "file-1") == name


def test_a_file_that_is_still_processed_is_deleted_when_it_is_not(desk: Desk) -> None:
    id = desk.client.files.create(file=("a.jsonl", MARV), purpose="fine-tune").id
    before = desk.asked()
    assert desk("files", "delete", id, "--dry-run").lines == [f"would delete {id}"]
    assert desk.asked() == before
    assert desk("files", "delete", id).lines == [f"deleted {id}"]
    assert desk.client.files.list().data == []
    gone = desk("files", "delete", id)
    assert (gone.exit_code, f"No such File object: {id}" in gone.stderr) == (1, True)


def test_a_file_in_error_says_why_and_what_to_do(desk: Desk) -> None:
    desk.scenario("file-error")
    id = desk.client.files.create(file=("a.jsonl", MARV), purpose="fine-tune").id
    desk.advance(by="1h")
    lines = dict(re.split("  +", line, maxsplit=1) for line in desk("files", "show", id).lines)  # type: ignore[misc]
    assert lines["status"] == "error"
    assert lines["size"] == f"18.8 kB ({len(MARV):,} bytes)"
    assert "upload it again" in lines["details"]


def test_what_cannot_be_uploaded_is_refused_before_anything_is_sent(desk: Desk, tmp_path: Path) -> None:
    before = desk.asked()
    for words, message in (
        (["nope.jsonl"], "there is no such file"),
        ([str(tmp_path)], "is a folder"),
        (["train.jsonl", "train.jsonl", "--name", "x"], "--name is for a single file"),
    ):
        ended = desk("files", "upload", *words)
        assert (ended.exit_code, message in ended.stderr) == (2, True)
    assert desk("files", "upload", "train.jsonl", "--dry-run").lines == [
        f"would upload train.jsonl, {len(MARV):,} bytes, as fine-tune"
    ]
    assert desk.asked() == before


def test_on_a_live_service_deleting_needs_a_yes(desk: Desk) -> None:
    id = desk.client.files.create(file=("a.jsonl", MARV), purpose="fine-tune").id
    desk.advance(by="10s")
    live = ("--live", "--max-cost", "0")
    listed = desk("files", "list", *live)
    assert listed.stdout.startswith("target: LIVE, ")
    assert listed.lines[1].startswith(id)
    silent = desk("files", "delete", id, *live)
    assert (silent.exit_code, "--yes" in silent.stderr) == (2, True)
    assert desk.client.files.retrieve(id).status == "processed"
    assert desk("files", "delete", id, "--yes", *live).lines == [f"deleted {id}"]
