"""From a stored completion to a training example: what the big model was asked, and its answer as what is learned.

Nothing about the shape of a completion is taken for granted: they were made by other programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from mocktune.domain.formats import check_example
from mocktune.domain.formats.messages import MESSAGE_KEYS

Reason: TypeAlias = Literal[
    "cut_off", "filtered", "refused", "empty", "no_prompt", "not_trainable", "invalid", "gone", "rejected"
]

REASONS: dict[Reason, str] = {
    "cut_off": "the answer was cut off at its token limit",
    "filtered": "the answer was stopped by the content filter",
    "refused": "the model refused to answer",
    "empty": "the answer says nothing",
    "no_prompt": "no user message is known for it",
    "not_trainable": "it holds what no training file may: sound, files or custom tools",
    "invalid": "the service's rules for training files do not allow it",
    "gone": "it was deleted while it was read",
    "rejected": "the service refused the prompt",
}
"""Why a completion is left out of the dataset."""

_SYSTEM = ("system", "developer")
_WHOLE_ANSWERS = ("stop", "tool_calls", "function_call")


class LeftOut(Exception):
    """No example can be made: ``reason``, and ``detail`` where there is more to say."""

    def __init__(self, reason: Reason, detail: str | None = None) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def example_of(
    completion: Mapping[str, Any], asked: Iterable[Mapping[str, Any]], *, system: str | None = None
) -> dict[str, Any]:
    """The training example for ``completion`` and the messages ``asked``, both as the API's JSON.

    The answer is the one thing that is learned: assistant messages before it get weight 0, since each of them was a
    completion of its own. ``system`` replaces the system messages, "" takes them away: a small model can learn without
    them what the big one was told. Raises ``LeftOut``.
    """
    answer = _answer(completion)
    prompt = [_message(each) for each in asked]
    if prompt and prompt[-1]["role"] == "assistant" and _same(prompt[-1], answer):
        prompt.pop()  # some services list the answer among the messages
    if not any(each["role"] == "user" for each in prompt):
        raise LeftOut("no_prompt")
    for each in prompt:
        if each["role"] == "assistant":
            each["weight"] = 0
    if system is not None:
        prompt = [each for each in prompt if each["role"] not in _SYSTEM]
        prompt[:0] = [{"role": "system", "content": system}] if system else []
    example: dict[str, Any] = {"messages": [*prompt, answer]}
    if tools := [_tool(each) for each in completion.get("tools") or ()]:
        example["tools"] = tools
    if defect := check_example("chat", example, 1):
        # It has no number yet: the words before the comma are about that.
        raise LeftOut("invalid", defect.detail.partition("Example 1")[2].lstrip(",: ") or defect.detail)
    return example


def _answer(completion: Mapping[str, Any]) -> dict[str, Any]:
    """The first whole answer of several; for none, the first one's reason."""
    why: LeftOut | None = None
    for choice in completion.get("choices") or ():
        try:
            return _whole_answer(choice)
        except LeftOut as left_out:
            why = why or left_out
    raise why or LeftOut("empty")


def _whole_answer(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = choice.get("message") or {}
    ended = choice.get("finish_reason")
    if message.get("refusal"):
        raise LeftOut("refused")
    if ended == "length":
        raise LeftOut("cut_off")
    if ended == "content_filter":
        raise LeftOut("filtered")
    if ended not in _WHOLE_ANSWERS:
        raise LeftOut("cut_off", f"it ended with {ended!r}")
    if message.get("audio"):
        raise LeftOut("not_trainable")
    answer = _message({**message, "role": "assistant"})
    if not (str(answer.get("content") or "").strip() or answer.get("tool_calls") or answer.get("function_call")):
        raise LeftOut("empty")
    return answer


def _message(told: Mapping[str, Any]) -> dict[str, Any]:
    """``told`` with what a training file may hold of it; the rulebook judges the rest."""
    role = told.get("role")
    kept = {key: told[key] for key in MESSAGE_KEYS.get(str(role), ()) if told.get(key) is not None}
    kept.pop("weight", None)
    kept.pop("refusal", None)
    if kept.pop("audio", None):
        raise LeftOut("not_trainable")
    if "content" not in kept and told.get("content_parts"):  # a stored message has its parts under another name
        kept["content"] = told["content_parts"]
    if isinstance(kept.get("content"), list):
        kept["content"] = _parts(kept["content"])
    calls = kept.pop("tool_calls", None)
    if calls:
        kept["tool_calls"] = [_call(each) for each in calls]
        if not kept.get("content"):
            kept.pop("content", None)
    if "function_call" in kept and not kept.get("content"):
        kept.pop("content", None)
    return {"role": role, **{key: kept[key] for key in sorted(kept, key=_place) if key != "role"}}


def _place(key: str) -> int:
    order = ("name", "tool_call_id", "content", "function_call", "tool_calls")
    return order.index(key) if key in order else len(order)


def _parts(parts: Sequence[Any]) -> str | list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for part in parts:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in ("text", "image_url"):
            raise LeftOut("not_trainable", f"a part of type {kind!r}")
        kept.append({"type": kind, kind: _without_nulls(part.get(kind))})
    if len(kept) == 1 and isinstance(text := kept[0].get("text"), str):
        return text
    return kept


def _call(call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        raise LeftOut("not_trainable", "a call of a custom tool")
    called = {"name": function.get("name"), "arguments": function.get("arguments")}
    return {"id": call.get("id"), "type": "function", "function": called}


def _tool(tool: Any) -> dict[str, Any]:
    if not isinstance(tool, Mapping) or tool.get("type") != "function":
        raise LeftOut("not_trainable", "a custom tool")
    return {"type": "function", "function": _without_nulls(tool.get("function"))}


def _without_nulls(value: Any) -> Any:
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, Mapping) else value


def _same(message: Mapping[str, Any], answer: Mapping[str, Any]) -> bool:
    keys = ("content", "tool_calls", "function_call")
    return all(message.get(key) == answer.get(key) for key in keys)
