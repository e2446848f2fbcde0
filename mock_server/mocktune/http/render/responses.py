"""Responses, and the events that one is streamed as."""

from __future__ import annotations

from codecs import getincrementaldecoder
from collections.abc import Iterator

from mocktune.domain.clock import unix_seconds
from mocktune.domain.response_items import Item
from mocktune.http.pieces import pieces
from mocktune.http.render import Json
from mocktune.service.responses import ResponseRecord

_Decoder = getincrementaldecoder("utf-8")


def response(record: ResponseRecord, *, in_progress: bool = False) -> Json:
    """The object, with the keys in the order of recorded answers; ``in_progress`` as it was before its output."""
    echoed = record.request.echoed
    created = unix_seconds(record.created_at)
    ended_early = record.incomplete is not None
    status = "in_progress" if in_progress else "incomplete" if ended_early else "completed"
    return {
        "id": record.id,
        "object": "response",
        "created_at": created,
        "status": status,
        "background": False,
        "completed_at": created if status == "completed" else None,
        "error": None,
        "incomplete_details": {"reason": record.incomplete} if status == "incomplete" else None,
        "instructions": record.request.instructions,
        "max_output_tokens": record.request.max_output_tokens,
        "max_tool_calls": echoed.get("max_tool_calls"),
        "model": record.model,
        "output": [] if in_progress else list(record.output),
        "parallel_tool_calls": record.request.parallel_tool_calls,
        "previous_response_id": record.request.previous_response_id,
        "prompt_cache_key": echoed.get("prompt_cache_key"),
        "prompt_cache_retention": echoed.get("prompt_cache_retention"),
        "reasoning": {"effort": None, "summary": None, **echoed.get("reasoning", {})},
        "safety_identifier": echoed.get("safety_identifier"),
        "service_tier": "auto" if in_progress else "default",
        "store": record.request.store,
        "temperature": echoed.get("temperature", 1.0),
        "text": {"format": dict(record.request.text_format), "verbosity": echoed.get("verbosity", "medium")},
        "tool_choice": echoed.get("tool_choice", "auto"),
        "tools": [_tool(tool) for tool in record.request.tools],
        "top_logprobs": echoed.get("top_logprobs", 0),
        "top_p": echoed.get("top_p", 1.0),
        "truncation": record.request.truncation,
        "usage": None if in_progress else _usage(record),
        "user": echoed.get("user"),
        "metadata": echoed.get("metadata", {}),
    }


def _tool(tool: Item) -> Json:
    # Functions of this API are strict unless it is said otherwise (SPEC).
    return {"description": None, "parameters": None, "strict": True, **tool}


def _usage(record: ResponseRecord) -> Json:
    return {
        "input_tokens": record.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": record.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": record.input_tokens + record.output_tokens,
    }


def events(record: ResponseRecord) -> Iterator[Json]:
    """What the response is streamed as, numbered from 0 (SDK ``ResponseStreamEvent``)."""
    for number, (kind, said) in enumerate(_events(record)):
        yield {"type": kind, "sequence_number": number, **said}


def _events(record: ResponseRecord) -> Iterator[tuple[str, Json]]:
    begun = {"response": response(record, in_progress=True)}
    yield "response.created", begun
    yield "response.in_progress", begun
    for index, item in enumerate(record.output):
        steps = _call_steps if item["type"] == "function_call" else _message_steps
        begun_item: Json = {**item, "status": "in_progress"}
        begun_item["arguments" if "arguments" in item else "content"] = "" if "arguments" in item else []
        yield "response.output_item.added", {"output_index": index, "item": begun_item}
        for kind, said in steps(item):
            yield kind, {"item_id": item["id"], "output_index": index, **said}
        yield "response.output_item.done", {"output_index": index, "item": dict(item)}
    kind = "response.completed" if record.incomplete is None else "response.incomplete"
    yield kind, {"response": response(record)}


def _message_steps(item: Item) -> Iterator[tuple[str, Json]]:
    for index, part in enumerate(item["content"]):
        begun = {**part, "text": "", "logprobs": []}
        yield "response.content_part.added", {"content_index": index, "part": begun}
        for delta, logprobs in _deltas(part):
            said = {"content_index": index, "delta": delta, "logprobs": logprobs}
            yield "response.output_text.delta", said
        done = [_brief(each) for each in part["logprobs"]]
        yield "response.output_text.done", {"content_index": index, "text": part["text"], "logprobs": done}
        yield "response.content_part.done", {"content_index": index, "part": dict(part)}


def _deltas(part: Item) -> Iterator[tuple[str, list[Json]]]:
    """Pieces of the text; where log probabilities are given, token by token, each with its own."""
    if not part["logprobs"]:
        for piece in pieces(part["text"]):
            yield piece, []
        return
    decoder = _Decoder("replace")
    waiting: list[Json] = []
    for each in part["logprobs"]:
        waiting.append(_brief(each))
        if said := decoder.decode(bytes(each["bytes"])):
            yield said, waiting
            waiting = []


def _brief(logprob: Json) -> Json:
    """As the events of a text show them: without bytes (SDK ``ResponseTextDeltaEvent``)."""
    top = [{"token": each["token"], "logprob": each["logprob"]} for each in logprob["top_logprobs"]]
    return {"token": logprob["token"], "logprob": logprob["logprob"], "top_logprobs": top}


def _call_steps(item: Item) -> Iterator[tuple[str, Json]]:
    for piece in pieces(item["arguments"]):
        yield "response.function_call_arguments.delta", {"delta": piece}
    yield "response.function_call_arguments.done", {"name": item["name"], "arguments": item["arguments"]}
