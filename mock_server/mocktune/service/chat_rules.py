"""Parameters of a chat request that do not go together, each refused in the API's own words.

The types of all of them have been checked before. ``--loose`` skips this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mocktune.domain.conversation import text_of
from mocktune.domain.error_kinds import chat as kinds
from mocktune.service.message_rules import check_messages
from mocktune.service.tools import check_tools, is_name

_RARE = frozenset({
    "stream_options", "top_logprobs", "max_completion_tokens", "tool_choice", "parallel_tool_calls", "function_call",
    "tools", "functions", "response_format",
})  # fmt: skip
"""A request with none of these breaks no rule but those of its messages."""


def check_request(raw: Mapping[str, Any]) -> None:
    """Raises ``ParameterError`` for the first rule that the request breaks."""
    check_messages(raw["messages"])
    if _RARE.isdisjoint(raw):
        return
    if raw.get("tools") is not None or raw.get("functions") is not None:
        check_tools(raw)
    if raw.get("max_tokens") is not None and raw.get("max_completion_tokens") is not None:
        raise kinds.BOTH_MAX_TOKENS()
    if raw.get("top_logprobs") is not None and not raw.get("logprobs"):
        raise kinds.TOP_LOGPROBS_WITHOUT_LOGPROBS()
    if raw.get("stream_options") is not None and not raw.get("stream"):
        raise kinds.STREAM_OPTIONS_WITHOUT_STREAM()
    for name, tools in (("tool_choice", "tools"), ("parallel_tool_calls", "tools"), ("function_call", "functions")):
        if raw.get(name) is not None and raw.get(tools) is None:
            raise kinds.ONLY_WITH_TOOLS(param=name, name=name, tools=tools)
    if isinstance(format := raw.get("response_format"), Mapping):
        _check_format(format, raw)


def _check_format(format: Mapping[str, Any], raw: Mapping[str, Any]) -> None:
    if format["type"] == "json_object" and not any("json" in text.casefold() for text in _texts(raw["messages"])):
        raise kinds.JSON_NOT_MENTIONED()
    if format["type"] != "json_schema":
        return
    from mocktune.domain.json_schema_rules import root_defect, strict_defect

    described = format.get("json_schema")
    if described is None:
        raise kinds.MISSING_PARAMETER(param="response_format.json_schema", name="response_format.json_schema")
    name, schema = described["name"], described.get("schema")
    if not is_name(name):
        path = "response_format.json_schema.name"
        raise kinds.NAME_PATTERN(param=path, name=path)
    if isinstance(schema, Mapping):
        defect = strict_defect(schema) if described.get("strict") is True else root_defect(schema)
        if defect is not None:
            raise kinds.INVALID_FORMAT_SCHEMA(name=name, defect=defect)


def _texts(messages: list[Mapping[str, Any]]) -> Iterator[str]:
    return (text_of(message.get("content")) for message in messages)
