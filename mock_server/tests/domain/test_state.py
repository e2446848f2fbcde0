"""The document of a seed state: what is read, what is refused, and in which words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain.clock import MAX_VIRTUAL, SECOND
from mocktune.domain.state import (
    FileState,
    State,
    StateError,
    instant_of,
    read_state,
    state_schema,
    write_state,
    written_instant,
)


def read(**parts: Any) -> State:
    return read_state(json.dumps({"schema": 1, **parts}).encode())


def test_what_is_left_out_has_its_default_and_is_not_written() -> None:
    state = read(files=[{"id": "file-a"}])
    assert state.files == [FileState(id="file-a")]
    assert json.loads(write_state(state)) == {"schema": 1, "files": [{"id": "file-a"}]}


def test_editors_may_name_the_schema() -> None:
    assert read(**{"$schema": "http://127.0.0.1:4141/_mocktune/schemas/state"}).files == []


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "the state is no JSON: Input data was truncated"),
        (b"{schema: 1}", "the state is no JSON: JSON is malformed: object keys must be strings (byte 1)"),
        (b"\xff\xfe", "the state is no JSON: JSON is malformed: invalid character (byte 0)"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "Object missing required field `schema`"),
        (b'{"schema": 2}', "Invalid enum value 2 - at `$.schema`"),
        (b'{"schema": 1, "objects": {"a": [{"b": ' + b"[" * 100_000, "the state is nested too deeply"),
    ],
)
def test_what_is_no_state_is_refused(document: bytes, message: str) -> None:
    with pytest.raises(StateError) as refused:
        read_state(document)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"fils": []}, "unknown key 'fils' at $; did you mean 'files'?"),
        ({"files": [{"id": "a", "contents": ""}]}, "unknown key 'contents' at $.files[0]; did you mean 'content'?"),
        ({"jobs": [{"id": "a", "trainingfile": ""}]}, "unknown key 'trainingfile' at $.jobs[0]; did you mean"),
        (
            {"jobs": [{"id": "a", "model": "m", "training_file": "f", "failure": {"mesage": ""}}]},
            "unknown key 'mesage' at $.jobs[0].failure; did you mean 'message'?",
        ),
        (
            {"jobs": [{"id": "a", "model": "m", "training_file": "f", "signals": [{"when": 1}]}]},
            "unknown key 'when' at $.jobs[0].signals[0]; known are at, do, file",
        ),
        ({"schem": 1}, "unknown key 'schem' at $; did you mean 'schema'?"),
        ({"files": [{"id": 5}]}, "Expected `str`, got `int` - at `$.files[0].id`"),
        ({"files": [{"id": ""}]}, "Expected `str` of length >= 1 - at `$.files[0].id`"),
        ({"files": [{"filename": "a"}]}, "Object missing required field `id` - at `$.files[0]`"),
        ({"jobs": [{"id": "a", "model": "m", "training_file": "f", "status": "done"}]}, "Invalid enum value 'done'"),
        ({"files": [{"id": "a"}, {"id": "a"}]}, "files: the id 'a' is there twice"),
        ({"jobs": [{"id": "a", "model": "m", "training_file": "f"}] * 2}, "jobs: the id 'a' is there twice"),
        ({"models": [{"id": "a"}] * 2}, "models: the id 'a' is there twice"),
        ({"now": -1}, "Expected `float` >= 0.0 - at `$.now`"),
        ({"now": 1e18}, "Expected `float` <= 32503680000.0 - at `$.now`"),
        ({"now": "2026-01-15"}, "Invalid RFC3339 encoded datetime - at `$.now`"),
        ({"now": "2026-01-15T00:00:00"}, "Expected `datetime` with a timezone component - at `$.now`"),
        ({"counts": {"job": -1}}, "Expected `int` >= 0 - at `$.counts[...]`"),
    ],
)
def test_every_fault_is_told_with_its_place(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(StateError) as refused:
        read(**parts)
    assert message in str(refused.value)


def test_a_state_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mocktune.domain.state.MAX_STATE_BYTES", 20)
    with pytest.raises(StateError, match="a state has at most 20 bytes, this one has more"):
        read_state(b'{"schema": 1, "files": []}')
    with pytest.raises(StateError, match="a state has at most 20 bytes, this one would have"):
        write_state(State(schema=1, files=[FileState(id="file-a")]))


def test_a_fault_is_one_line_whatever_is_in_it() -> None:
    with pytest.raises(StateError) as refused:
        read(files=[{"id": "a\nb\x1b"}, {"id": "a\nb\x1b"}])
    assert "\n" not in str(refused.value)


def test_instants_are_seconds_or_dates() -> None:
    state = read(files=[{"id": "a", "created_at": 1768435200.5, "ready_at": "2026-01-15T01:00:00.25+01:00"}])
    created_at, ready_at = state.files[0].created_at, state.files[0].ready_at
    assert created_at is not None
    assert ready_at is not None
    assert instant_of(created_at) == 1_768_435_200_500_000
    assert instant_of(ready_at) == 1_768_435_200_250_000


@pytest.mark.parametrize("date", [datetime(1969, 12, 31, tzinfo=UTC), datetime(3000, 1, 2, tzinfo=UTC)])
def test_dates_beyond_any_clock_are_refused(date: datetime) -> None:
    with pytest.raises(StateError, match="is no instant: those from 1970 to 2999 are"):
        instant_of(date)


@given(st.integers(0, MAX_VIRTUAL))
def test_every_instant_survives_being_written_down(instant: int) -> None:
    document = msgspec.json.encode(State(schema=1, now=written_instant(instant)))
    now = read_state(document).now
    assert now is not None
    assert instant_of(now) == instant


@given(st.integers(0, 4_294_967_296 * SECOND - 1))
def test_until_2106_instants_are_numbers(instant: int) -> None:
    assert isinstance(written_instant(instant), float)


def test_the_schema_describes_every_object_and_field() -> None:
    schema = state_schema()
    assert schema["title"] == "mocktune state"
    assert schema["required"] == ["schema"]
    assert set(schema["$defs"]) == {
        "FileState", "FailureState", "SignalState", "QuotaState", "JobState", "ModelState",
    }  # fmt: skip
    for each in (schema, *schema["$defs"].values()):
        assert each["description"]
        assert "\n " not in each["description"]
        assert each["additionalProperties"] is False
    assert "$schema" in schema["properties"]


def test_the_states_that_come_with_the_project_are_valid() -> None:
    for path in Path(__file__).parents[3].joinpath("fixtures", "states").glob("*.json"):
        document = path.read_bytes()
        read_state(document)
        jsonschema.validate(json.loads(document), state_schema())


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(State.__struct_encode_fields__), VALUES))
def test_nothing_but_a_state_error_comes_of_any_document(document: dict[str, Any]) -> None:
    fault = "none"
    try:
        read_state(json.dumps(document).encode())
    except StateError as error:
        fault = str(error)
    assert fault
    assert "\n" not in fault


@given(st.binary(max_size=64))
def test_nothing_but_a_state_error_comes_of_any_bytes(document: bytes) -> None:
    with pytest.raises(StateError):
        read_state(document)
