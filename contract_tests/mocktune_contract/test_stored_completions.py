"""Completions that were asked for with ``store: true``.

::

    GET    /chat/completions                 {"object": "list", "data": [...], "first_id", "last_id", "has_more"}
    GET    /chat/completions/{id}            the completion, with its metadata and what of its request is kept
    POST   /chat/completions/{id}            {"metadata": {...}} takes the place of what it had
    DELETE /chat/completions/{id}            {"object": "chat.completion.deleted", "id", "deleted": true}
    GET    /chat/completions/{id}/messages   the messages it answered, each with an id
"""

from __future__ import annotations

from typing import Any

import pytest
from openai import BadRequestError, NotFoundError

from mocktune_contract.lab import MODEL, Lab, Labs

pytestmark = [pytest.mark.source("SPEC"), pytest.mark.operation("chat.completions.create")]


def store(lab: Lab, question: Any = "Hi", **parameters: Any) -> str:
    id: str = lab.ask(MODEL, question, store=True, **parameters).id
    return id


def listed(lab: Lab, **query: Any) -> list[str]:
    return [each.id for each in lab.client().chat.completions.list(**query).data]


@pytest.mark.operation("chat.completions.list")
def test_only_what_was_asked_to_be_stored_is(lab: Lab) -> None:
    """SPEC."""
    lab.ask(MODEL, "Hi")
    kept = store(lab)
    lab.ask(MODEL, "Hi", store=False)
    (streamed,) = {chunk.id for chunk in lab.ask(MODEL, "Hi", store=True, stream=True)}
    assert listed(lab) == [kept, streamed]


@pytest.mark.operation("chat.completions.retrieve")
def test_a_stored_completion_is_the_one_that_was_answered(lab: Lab) -> None:
    """SPEC's example: the completion, and what of its request is shown with it."""
    asked = {
        "model": MODEL,
        "messages": [{"role": "user", "content": "Hi"}],
        "store": True,
        "metadata": {"run": "7"},
        "seed": 5,
        "temperature": 0.5,
        "logprobs": True,
        "user": "me",
    }
    made = lab.http.post("/chat/completions", json=asked).json()
    kept = lab.http.get(f"/chat/completions/{made['id']}").json()
    assert "metadata" not in made
    assert {key: kept[key] for key in made} == made
    assert {key: kept[key] for key in kept if key not in made} == {
        "tool_choice": None,
        "seed": 5,
        "top_p": 1.0,
        "temperature": 0.5,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "input_user": "me",
        "tools": None,
        "metadata": {"run": "7"},
        "response_format": None,
    }


@pytest.mark.operation("chat.completions.retrieve", "chat.completions.update")
def test_its_metadata_can_be_replaced(lab: Lab) -> None:
    id = store(lab, metadata={"a": "1", "b": "2"})
    completions = lab.client().chat.completions
    assert completions.update(id, metadata={"c": "3"}).metadata == {"c": "3"}
    assert completions.retrieve(id).metadata == {"c": "3"}
    assert completions.update(id, metadata=None).metadata == {}
    with pytest.raises(BadRequestError) as caught:
        completions.update(id, metadata={"k": "x" * 513})
    assert caught.value.param == "metadata.k"


@pytest.mark.operation(
    "chat.completions.list",
    "chat.completions.retrieve",
    "chat.completions.update",
    "chat.completions.delete",
    "chat.completions.messages.list",
)
def test_a_deleted_one_is_gone(lab: Lab) -> None:
    id = store(lab)
    completions = lab.client().chat.completions
    deleted = completions.delete(id)
    assert (deleted.id, deleted.object, deleted.deleted) == (id, "chat.completion.deleted", True)
    assert listed(lab) == []
    for ask in (completions.retrieve, completions.delete, completions.messages.list):
        with pytest.raises(NotFoundError) as caught:
            ask(id)
        assert caught.value.param == "completion_id"
    with pytest.raises(NotFoundError):
        completions.update(id, metadata={})


@pytest.mark.needs("sandboxes")
@pytest.mark.source("mocktune")
@pytest.mark.operation("chat.completions.retrieve")
def test_another_key_does_not_see_it(lab: Lab, labs: Labs) -> None:
    id = store(lab)
    with pytest.raises(NotFoundError):
        labs("somebody else").client().chat.completions.retrieve(id)


@pytest.mark.operation("chat.completions.list")
def test_a_list_is_read_page_by_page(lab: Lab) -> None:
    """SPEC: the oldest first unless told otherwise."""
    made = [store(lab, f"Question {n}") for n in range(5)]
    assert listed(lab) == made
    assert listed(lab, order="desc") == made[::-1]
    assert [each.id for each in lab.client().chat.completions.list(limit=2)] == made
    page = lab.http.get("/chat/completions", params={"limit": 2, "after": made[0]}).json()
    assert (page["object"], page["has_more"]) == ("list", True)
    assert (page["first_id"], page["last_id"]) == (made[1], made[2])
    with pytest.raises(BadRequestError) as caught:
        listed(lab, after="chatcmpl-none")
    assert caught.value.param == "after"


@pytest.mark.operation("chat.completions.list")
def test_a_list_can_be_narrowed_by_model_and_metadata(lab: Lab) -> None:
    first = store(lab, metadata={"run": "1", "kind": "a"})
    second = store(lab, metadata={"run": "2", "kind": "a"})
    assert listed(lab, metadata={"kind": "a"}) == [first, second]
    assert listed(lab, metadata={"kind": "a", "run": "2"}) == [second]
    assert listed(lab, metadata={"kind": "b"}) == []
    assert listed(lab, model=MODEL) == [first, second]
    assert listed(lab, model="gpt-4o") == []
    answer = lab.http.get("/chat/completions?metadata=run")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "metadata")


@pytest.mark.operation("chat.completions.messages.list")
@pytest.mark.observed_wire("the SDK's type knows no role but the assistant's")
def test_its_messages_are_those_that_were_sent(lab: Lab) -> None:
    """SPEC's example; a list of parts is shown as ``content_parts``."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    parts = [{"type": "text", "text": "What is this?"}, image]
    system = {"role": "system", "content": "Be brief.", "name": "boss"}
    id = lab.ask(MODEL, system, {"role": "user", "content": parts}, store=True).id
    page = lab.http.get(f"/chat/completions/{id}/messages").json()
    assert page == {
        "object": "list",
        "data": [
            {"id": f"{id}-0", "role": "system", "content": "Be brief.", "name": "boss", "content_parts": None},
            {"id": f"{id}-1", "role": "user", "content": None, "name": None, "content_parts": parts},
        ],
        "has_more": False,
        "first_id": f"{id}-0",
        "last_id": f"{id}-1",
    }
    listed = lab.client().chat.completions.messages.list
    assert [each.id for each in listed(id, limit=1)] == [f"{id}-0", f"{id}-1"]
    assert [each.id for each in listed(id, order="desc", limit=1).data] == [f"{id}-1"]
    assert [each.id for each in listed(id, after=f"{id}-0").data] == [f"{id}-1"]
    with pytest.raises(BadRequestError):
        listed(id, after="no-such-message")


@pytest.mark.source("SDK")
@pytest.mark.operation(
    "chat.completions.list",
    "chat.completions.retrieve",
    "chat.completions.update",
    "chat.completions.delete",
    "chat.completions.messages.list",
)
@pytest.mark.shape
def test_the_strict_sdk_reads_them_where_values_are_to_be_within_its_types(own_server: Labs) -> None:
    """``--wire sdk``: the SDK's type of a message knows no role but the assistant's."""
    lab = own_server(wire="sdk")
    tools: Any = [{"type": "function", "function": {"name": "f"}}]
    with lab.strict_client() as client:
        made = client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": "Hi"}],
            store=True,
            tools=tools,
            tool_choice="required",
            metadata={"a": "b"},
        )
        assert client.chat.completions.retrieve(made.id).metadata == {"a": "b"}
        assert [each.id for each in client.chat.completions.list()] == [made.id]
        (message,) = client.chat.completions.messages.list(made.id).data
        assert (message.role, message.content) == ("assistant", "Hi")
        assert client.chat.completions.update(made.id, metadata={"c": "d"}).metadata == {"c": "d"}
        assert client.chat.completions.delete(made.id).deleted


@pytest.mark.needs("time")
@pytest.mark.source("DOC")
@pytest.mark.operation("chat.completions.list", "chat.completions.retrieve")
def test_they_are_kept_for_30_days(lab: Lab) -> None:
    """DOC."""
    id = store(lab)
    lab.clock.advance(by="29d")
    assert listed(lab) == [id]
    lab.clock.advance(by="1d")
    assert listed(lab) == []
    with pytest.raises(NotFoundError):
        lab.client().chat.completions.retrieve(id)
