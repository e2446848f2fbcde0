"""Scenarios in files: packaged ones by name, a user's own by path, and nothing else by neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from mocktune import make_settings
from mocktune.domain.documents import ScenarioError
from mocktune.storage.scenario_files import MAX_FILE_BYTES, load_scenario, named_document, packaged_scenario


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    return tmp_path / "ours.toml"


def test_a_file_is_read_on_top_of_the_packaged_scenario_it_extends(ours: Path) -> None:
    """Also of one that extends another itself."""
    ours.write_text('schema = 1\nextends = "cold-model-404"\nsummary = "Ours"\n[job]\nstep = "1s"\n', "utf-8")
    scenario, parent = load_scenario(str(ours)), packaged_scenario("cold-model-404")
    assert (scenario.name, scenario.summary) == ("ours", "Ours")
    assert (scenario.model, scenario.job.validating) == (parent.model, parent.job.validating)
    assert scenario.job.step != parent.job.step
    assert make_settings(str(ours)).scenario == scenario


def test_a_file_may_name_itself_and_extend_nothing(ours: Path) -> None:
    ours.write_text('name = "Monday"\n[job]\nstep = "1s"\n', "utf-8")
    assert load_scenario(str(ours)).name == "Monday"


@pytest.mark.parametrize(
    ("content", "problem", "key"),
    [
        (b'[job]\nstp = "2s"', "unknown key 'job.stp'; did you mean 'job.step'?", "job.stp"),
        (b'extends = "realistc"', "extends: 'realistc' is no packaged scenario; did you mean 'realistic'?", "extends"),
        (b'extends = "./other.toml"', "extends: './other.toml' is no packaged scenario", "extends"),
        (b'extends = ["quick"]', "extends: ['quick'] is no packaged scenario", "extends"),
        (b"name = 5", "name: expected a printable text", "name"),
        (b'name = "a\\u0000b"', "name: expected a printable text", "name"),
        (b"[job\n", "is no TOML: ", ""),
        (b"\xff\xfe", "is no TOML: ", ""),
        (b"a=" + b"[" * 100_000, "is no TOML: ", ""),
        (b"#" * (MAX_FILE_BYTES + 1), f"is longer than {MAX_FILE_BYTES} bytes", ""),
    ],
    ids=["key", "parent", "path", "list", "number", "null", "syntax", "bytes", "depth", "length"],
)
def test_a_file_that_is_no_scenario_says_what_is_wrong_with_it(
    ours: Path, content: bytes, problem: str, key: str
) -> None:
    ours.write_bytes(content)
    with pytest.raises(ScenarioError) as refused:
        load_scenario(str(ours))
    assert problem in str(refused.value)
    assert refused.value.key == key
    assert len(str(refused.value)) < 2000


@pytest.mark.parametrize("path", ["./none.toml", "none.toml", "/nowhere/at/all", "a\x00b.toml"])
def test_a_file_that_is_not_there_is_told_by_its_path(path: str) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        load_scenario(path)


def test_a_name_is_never_a_path(ours: Path) -> None:
    """What arrives over a network is asked for among the packaged ones alone."""
    ours.write_text('summary = "Ours"', "utf-8")
    for name in (str(ours), "../scenarios/quick", "quick.toml", "packs", "", "."):
        with pytest.raises(ScenarioError, match="unknown scenario"):
            packaged_scenario(name)


def test_a_document_without_a_name_gets_one() -> None:
    assert named_document({"job": {}}, "inline") == ("inline", {"job": {}})
    assert named_document({"name": "Monday"}, "inline") == ("Monday", {})
