"""``/moderations``: a keyword table answers in the shapes of the real service.

::

    {"id": "modr-…", "model": "omni-moderation-latest", "results": [{"flagged": true, "categories": {"violence": true,
     …13}, "category_scores": {"violence": 0.9, …13}, "category_applied_input_types": {"violence": ["text"], …13}}]}
"""

from __future__ import annotations

from typing import Any

import pytest

from mocktune_contract.lab import Lab

pytestmark = [pytest.mark.source("SDK"), pytest.mark.operation("moderations.create")]

THREAT = "I want to kill them."
"""The sentence of the official reference."""


@pytest.mark.source("DOC")
def test_the_sentence_of_the_reference_is_flagged_as_violence(lab: Lab) -> None:
    answered = lab.client().moderations.create(input=THREAT)
    (result,) = answered.results
    assert result.flagged
    assert result.categories.violence
    assert not result.categories.sexual
    assert result.category_scores.violence > 0.5 > result.category_scores.sexual
    assert answered.model == "omni-moderation-latest"
    assert answered.id.startswith("modr-")


@pytest.mark.shape
def test_every_answer_fits_the_strict_types_of_the_sdk(lab: Lab) -> None:
    image = "https://example.com/a.png"
    parts: Any = [{"type": "text", "text": "A quiet day."}, {"type": "image_url", "image_url": {"url": image}}]
    with lab.strict_client() as client:
        answered = client.moderations.create(model="omni-moderation-latest", input=parts)
    (result,) = answered.results
    assert not result.flagged
    assert result.category_applied_input_types.violence == ["text", "image"]
    assert result.category_applied_input_types.hate == ["text"]


def test_each_text_of_a_list_gets_a_result_of_its_own(lab: Lab) -> None:
    answered = lab.client().moderations.create(input=["A quiet day.", THREAT, "Another."])
    assert [result.flagged for result in answered.results] == [False, True, False]


def test_an_unflagged_text_has_thirteen_low_scores_the_same_each_time(lab: Lab) -> None:
    first, again = (
        lab.http.post("/moderations", json={"input": "A quiet day."}).json()["results"][0] for _ in range(2)
    )
    assert first == again
    assert first["flagged"] is False
    assert len(first["categories"]) == len(first["category_scores"]) == len(first["category_applied_input_types"]) == 13
    assert not any(first["categories"].values())
    assert max(first["category_scores"].values()) < 0.1


@pytest.mark.source("assumed")
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ("missing_required_parameter", "input")),
        ({"input": 7}, ("invalid_type", "input")),
        ({"input": []}, ("array_below_min_length", "input")),
        ({"input": "x", "model": "gpt-4o"}, (None, "model")),
        ({"input": [{"type": "audio"}]}, ("invalid_value", "input[0].type")),
        ({"input": [{"type": "text"}]}, ("missing_required_parameter", "input[0].text")),
        ({"input": ["a", 7]}, ("invalid_type", "input[1]")),
        ({"input": "x", "threshold": 1}, ("unknown_parameter", "threshold")),
    ],
)
def test_a_request_that_is_wrong_says_where(
    lab: Lab, request_: dict[str, Any], expected: tuple[str | None, str]
) -> None:
    answer = lab.http.post("/moderations", json=request_)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, *expected)


def test_images_are_for_the_omni_models(lab: Lab) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    answer = lab.http.post("/moderations", json={"input": [image], "model": "text-moderation-latest"})
    assert answer.status_code == 400
    assert "omni-moderation-latest" in answer.json()["error"]["message"]


@pytest.mark.source("mocktune")
def test_loose_takes_any_model(own_server: Any) -> None:
    lab: Lab = own_server(loose=True)
    assert lab.client().moderations.create(input=THREAT, model="anything").results[0].flagged
