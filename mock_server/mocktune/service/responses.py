"""Responses: the chat service's answers as items, kept for 30 days so that a conversation can go on from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from mocktune.domain import ids
from mocktune.domain.billing import chat_prompt_tokens
from mocktune.domain.draws import text
from mocktune.domain.error_kinds import responses as kinds
from mocktune.domain.errors import NotFoundError, ParameterError
from mocktune.domain.logprobs import TokenLogprob
from mocktune.domain.models import BaseModel, Encoding
from mocktune.domain.response_items import (
    Item,
    as_kept,
    call_without_output,
    conversation,
    item_type,
    output_without_call,
    says_json,
)
from mocktune.service.chat import ChatRequest, ChatService, Choice, Completion, ResponseFormat
from mocktune.service.models import answering_model, base_model, find_tuned
from mocktune.service.paging import Page, take, unknown_cursor
from mocktune.service.response_store import ResponseRecord, ResponseRequest, keep, kept, kept_item, ledger
from mocktune.service.sandboxes import Visit

__all__ = ["ResponseRecord", "ResponseRequest", "ResponseService"]

MAX_ITEMS = 10_000
"""Items of one conversation; ``truncation: "auto"`` drops the oldest, otherwise the context window is full."""

LOOSE_MODEL = "gpt-4o-mini-2024-07-18"
"""What ``--loose`` takes for a request that names no model."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request put together with what it refers to: the conversation so far, the new items, its size in bytes."""

    name: str
    model: BaseModel
    earlier: tuple[Item, ...]
    given: tuple[Item, ...]
    size_bytes: int


class ResponseService:
    """Everything under ``/responses``."""

    def __init__(self, chat: ChatService, count: Callable[[list[str], Encoding], list[int]]) -> None:
        self._chat = chat
        self._count = count

    async def create(self, visit: Visit, request: ResponseRequest) -> ResponseRecord:
        """Raises ``ParameterError`` for what the request cannot mean, and what ``ChatService.complete`` raises."""
        asked = self._asked(visit, request)
        sandbox = visit.sandbox
        completion = await self._complete(visit, _chat_request(asked, request))

        ordinal = sandbox.next_ordinal("response")
        id = ids.object_id("response", sandbox.seed, ordinal)
        new = tuple(
            as_kept(item, ids.object_id("response_item", sandbox.seed, ordinal, "input", index))
            for index, item in enumerate(asked.given)
        )
        choice = completion.choices[0]
        output = tuple(_output(completion, choice, sandbox.seed, ordinal))
        record = ResponseRecord(
            id=id,
            created_at=visit.now,
            model=completion.model,
            request=request,
            earlier=asked.earlier,
            input=new,
            output=output,
            incomplete=_incomplete(choice),
            input_tokens=completion.prompt_tokens,
            output_tokens=completion.completion_tokens,
            size_bytes=asked.size_bytes + len(msgspec.json.encode((new, output))),
        )
        if request.store:
            keep(visit, record)
        return record

    async def _complete(self, visit: Visit, request: ChatRequest) -> Completion:
        try:
            return await self._chat.complete(visit, request)
        except ParameterError as error:  # in the words of this route, which knows no ``messages``
            if error.code == "context_length_exceeded":
                raise kinds.CONTEXT_EXCEEDED() from error
            if error.param == "response_format":
                error.param = "text.format"
            raise

    async def count_input_tokens(self, visit: Visit, request: ResponseRequest) -> int:
        """What ``usage.input_tokens`` of the response would be."""
        return self._input_tokens(self._asked(visit, request), request)

    def _input_tokens(self, asked: _Asked, request: ResponseRequest) -> int:
        would_ask = _chat_request(asked, request)

        def count(texts: list[str]) -> list[int]:
            return self._count(texts, asked.model.encoding)

        return chat_prompt_tokens(would_ask.messages, would_ask.tools, count, asked.model.encoding)

    def _fitting(self, asked: _Asked, request: ResponseRequest) -> _Asked:
        """As much of the end of the conversation as fits the context window, by halving."""
        if self._input_tokens(asked, request) <= asked.model.context:
            return asked
        keep, too_many = 0, len(asked.earlier)
        while too_many - keep > 1:
            middle = (keep + too_many) // 2
            shorter = replace(asked, earlier=asked.earlier[len(asked.earlier) - middle :])
            if self._input_tokens(shorter, request) <= asked.model.context:
                keep = middle
            else:
                too_many = middle
        return replace(asked, earlier=asked.earlier[len(asked.earlier) - keep :])

    def _asked(self, visit: Visit, request: ResponseRequest) -> _Asked:
        previous = None
        if request.previous_response_id is not None:
            previous = kept(visit, request.previous_response_id)
            if previous is None:
                raise kinds.PREVIOUS_NOT_FOUND(id=request.previous_response_id)
        if not request.items and previous is None and not visit.loose:
            raise kinds.NOTHING_ASKED()
        name = request.model or LOOSE_MODEL
        model = _model_behind(visit, name)
        earlier = previous.conversation if previous else ()
        given = tuple(_resolved(visit, request.items or ()))
        too_many = len(earlier) + len(given) - MAX_ITEMS
        if too_many > 0:
            if request.truncation != "auto":
                raise kinds.CONTEXT_EXCEEDED()
            earlier = earlier[too_many:]
        _check_items(visit, request, earlier, given)
        asked = _Asked(name, model, earlier, given, previous.size_bytes if previous else 0)
        return self._fitting(asked, request) if request.truncation == "auto" else asked

    async def retrieve(self, visit: Visit, id: str) -> ResponseRecord:
        record = kept(visit, id)
        if record is None:
            raise kinds.RESPONSE_NOT_FOUND(id=id)
        return record

    async def delete(self, visit: Visit, id: str) -> None:
        """Conversations that went on from it keep what was said (assumed)."""
        await self.retrieve(visit, id)
        ledger(visit).remove(id)

    async def cancel(self, visit: Visit, id: str) -> ResponseRecord:
        """Only background responses can be cancelled, and none is ever in the background here."""
        record = await self.retrieve(visit, id)
        if not visit.loose:
            raise kinds.NOT_BACKGROUND()
        return record

    async def input_items(
        self, visit: Visit, id: str, *, after: str | None, limit: int, order: Literal["asc", "desc"]
    ) -> Page[Item]:
        """What the model was shown: the conversation so far and the new input, without instructions (assumed)."""
        record = await self.retrieve(visit, id)
        items = list(record.earlier + record.input)
        if order == "desc":
            items.reverse()
        if after is not None:
            place = next((index for index, item in enumerate(items) if item["id"] == after), None)
            if place is None and not visit.loose:
                raise unknown_cursor(after)
            items = items[place + 1 :] if place is not None else items
        return take(items, limit)


def _model_behind(visit: Visit, name: str) -> BaseModel:
    """The base model that answers for ``name``, if it answers on this route."""
    name = answering_model(visit, name)
    try:
        model = base_model(visit, name) or find_tuned(visit, name).job.model
    except NotFoundError:
        raise kinds.MODEL_NOT_FOUND(model=name) from None
    if model.dataset_format == "prompt_completion":
        raise kinds.NO_RESPONSES_MODEL(model=name)
    return model


def _resolved(visit: Visit, items: Sequence[Item]) -> Iterator[Item]:
    """The items, with those that are only named put in the place of their reference."""
    for item in items:
        if item_type(item) != "item_reference":
            yield item
        elif (referenced := kept_item(visit, str(item.get("id")))) is not None:
            yield referenced
        else:
            raise kinds.ITEM_NOT_FOUND(id=item.get("id"))


def _check_items(visit: Visit, request: ResponseRequest, earlier: tuple[Item, ...], given: tuple[Item, ...]) -> None:
    if visit.loose:
        return
    everything = earlier + tuple(as_kept(item, "") for item in given)
    if (call_id := output_without_call(everything)) is not None:
        raise kinds.NO_CALL_FOR_OUTPUT(call_id=call_id)
    if (call_id := call_without_output(everything)) is not None:
        raise kinds.NO_OUTPUT_FOR_CALL(call_id=call_id)
    if request.text_format.get("type") == "json_object" and not says_json(everything):
        raise kinds.JSON_NOT_MENTIONED()


def _chat_request(asked: _Asked, request: ResponseRequest) -> ChatRequest:
    messages = conversation((*asked.earlier, *(as_kept(item, "") for item in asked.given)))
    if request.instructions:
        messages.insert(0, {"role": "system", "content": request.instructions})
    return ChatRequest(
        model=asked.name,
        messages=messages,
        tools=[{"type": "function", "function": _without_type(tool)} for tool in request.tools],
        callable_tools=request.callable_tools,
        must_call=request.must_call,
        named_tool=request.named_tool,
        parallel_tool_calls=request.parallel_tool_calls,
        response_format=_response_format(request.text_format),
        top_logprobs=request.top_logprobs,
        max_tokens=request.max_output_tokens,
    )


def _response_format(format: Mapping[str, Any]) -> ResponseFormat | None:
    match format.get("type"):
        case "json_object":
            return ResponseFormat()
        case "json_schema":
            return ResponseFormat(schema=format["schema"], name=format["name"])
    return None


def _without_type(tool: Item) -> dict[str, Any]:
    return {key: value for key, value in tool.items() if key != "type"}


def _incomplete(choice: Choice) -> Literal["max_output_tokens", "content_filter"] | None:
    return "max_output_tokens" if choice.finish_reason == "length" else None


def _output(completion: Completion, choice: Choice, seed: int, ordinal: int) -> Iterator[Item]:
    """A message for what is said, then one item a call. What was cut is the last of them."""
    last_status = "completed" if _incomplete(choice) is None else "incomplete"

    def id(index: int) -> str:
        return ids.object_id("response_item", seed, ordinal, "output", index)

    if choice.content is not None or not choice.tool_calls:
        said = {
            "type": "output_text",
            "annotations": [],
            "logprobs": [_logprob(each) for each in choice.logprobs or ()],
            "text": choice.content or "",
        }
        status = "completed" if choice.tool_calls else last_status
        yield {"id": id(0), "type": "message", "status": status, "content": [said], "role": "assistant"}
    for index, call in enumerate(choice.tool_calls):
        yield {
            "id": "fc_" + id(index + 1).removeprefix("msg_"),
            "type": "function_call",
            "status": last_status if index == len(choice.tool_calls) - 1 else "completed",
            "arguments": call.arguments,
            "call_id": "call_" + text(completion.call_seed, 24, "call", 0, index),
            "name": call.name,
        }


def _logprob(of: TokenLogprob) -> Item:
    top = [{"token": each.token, "bytes": list(each.bytes), "logprob": each.logprob} for each in of.top]
    return {"token": of.token, "bytes": list(of.bytes), "logprob": of.logprob, "top_logprobs": top}
