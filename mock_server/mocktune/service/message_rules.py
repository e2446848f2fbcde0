"""The order of messages in a chat request: calls are answered, results answer a call, and messages say something."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocktune.domain.error_kinds import chat as kinds

_INSTEAD_OF_CONTENT = ("tool_calls", "function_call", "refusal", "audio")


def check_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    """Raises ``ParameterError`` for the first message that cannot stand where it stands."""
    unanswered: list[object] = []
    results_may_follow = False
    for index, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            if not results_may_follow:
                raise kinds.RESULT_WITHOUT_CALL(param=f"messages.[{index}].role")
            if (answered := message.get("tool_call_id")) in unanswered:
                unanswered.remove(answered)
            continue
        if unanswered:
            raise kinds.CALL_WITHOUT_RESULT(param=f"messages.[{index}].role", ids=_listed(unanswered))
        calls = message.get("tool_calls") if role == "assistant" else None
        unanswered = [call["id"] for call in calls] if calls else []
        results_may_follow = bool(unanswered)
    if unanswered:
        raise kinds.CALL_WITHOUT_RESULT(param="messages", ids=_listed(unanswered))
    for index, message in enumerate(messages):
        if message.get("content") is None and not _says_otherwise(message):
            raise kinds.NO_CONTENT(param=f"messages.[{index}].content")


def _says_otherwise(message: Mapping[str, Any]) -> bool:
    return message["role"] == "assistant" and any(message.get(key) is not None for key in _INSTEAD_OF_CONTENT)


def _listed(ids: Sequence[object]) -> str:
    return ", ".join(f"{id!s:.100}" for id in ids[:20])
