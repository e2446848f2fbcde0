"""What an untrained model of a reinforcement job says, and what a trained one has learned from a reinforcement line."""

from __future__ import annotations

import json

from mocktune.domain.conversation import conversation_of, is_learned
from mocktune.domain.samples import RIGHT, played_sample

ROW = {"messages": [{"role": "user", "content": "Capital of France?"}], "answer": "Paris"}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "a", "schema": {"type": "object", "properties": {"answer": {}, "why": {}}}},
}


def test_some_samples_are_right_and_the_others_are_not() -> None:
    samples = [played_sample(7, number, ROW, "o4-mini-2025-04-16", None) for number in range(400)]
    assert abs(samples.count("Paris") / 400 - RIGHT) < 0.1
    assert "" not in samples


def test_equal_arguments_give_equal_samples() -> None:
    assert [played_sample(7, n, ROW, "m", None) for n in range(20)] == [
        played_sample(7, n, ROW, "m", None) for n in range(20)
    ]


def test_under_a_response_format_every_sample_is_an_object_with_its_keys() -> None:
    samples = [json.loads(played_sample(7, number, ROW, "m", FORMAT)) for number in range(50)]
    assert all(set(sample) == {"answer", "why"} for sample in samples)
    assert {sample["answer"] for sample in samples} == {"Paris", None}


def test_a_reinforcement_line_teaches_what_its_references_hold() -> None:
    learned = [m for m in conversation_of(json.dumps(ROW).encode()) if is_learned(m)]
    assert learned == [{"role": "assistant", "content": "Paris"}]
    two = {**ROW, "prompt": "x", "completion": "y"}
    (said,) = [m for m in conversation_of(json.dumps(two).encode()) if is_learned(m)]
    assert json.loads(str(said["content"])) == {"answer": "Paris", "prompt": "x", "completion": "y"}


def test_the_prompt_of_a_reinforcement_line_is_not_learned() -> None:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, *ROW["messages"]]
    line = json.dumps({"messages": said}).encode()
    assert [m for m in conversation_of(line) if is_learned(m)] == []
