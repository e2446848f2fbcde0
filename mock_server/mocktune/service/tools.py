"""Tools as a request offers them: their names, what ``tool_choice`` leaves of them, what strict ones must look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mocktune.domain.error_kinds import chat as kinds
from mocktune.service.chat_objects import Message

_NAME = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ToolUse:
    """What ``tool_choice`` means: the tools it leaves (None: all), whether one must be called, whether it named one."""

    callable_tools: frozenset[str] | None = None
    must_call: bool = False
    named: bool = False


def definition_of(tool: Message) -> Message:
    """The function, or the custom tool, that an entry of ``tools`` or of legacy ``functions`` describes."""
    for kind in ("function", "custom"):
        inner = tool.get(kind)
        if isinstance(inner, Mapping):
            return inner
    return tool


def is_name(text: str) -> bool:
    """Whether the API takes ``text`` as the name of a function or of a schema."""
    return _NAME.fullmatch(text) is not None


def is_custom(tool: Message) -> bool:
    return isinstance(tool.get("custom"), Mapping)


def tool_names(tools: Sequence[Message]) -> list[str]:
    return [name for tool in tools if isinstance(name := definition_of(tool).get("name"), str)]


def tool_use(raw: Mapping[str, Any], offered: Sequence[str], *, loose: bool) -> ToolUse:
    """What ``tool_choice`` of a request, or its legacy ``function_call``, leaves of the tools on offer.

    Raises ``ParameterError`` for a choice that means nothing; ``loose`` takes words it does not know for ``auto``.
    """
    for name, tools in (("tool_choice", "tools"), ("function_call", "functions")):
        choice = raw.get(name)
        if choice is None or choice == "auto":
            continue
        if choice == "none":
            return ToolUse(frozenset())
        if choice == "required" and name == "tool_choice":
            return ToolUse(must_call=bool(offered))
        if isinstance(choice, Mapping):
            use = _chosen(choice, name, tools)
            for each in sorted(use.callable_tools or ()):
                if each not in offered:
                    kind = "custom tool" if choice.get("type") == "custom" else "function"
                    raise kinds.TOOL_NOT_OFFERED(param=name, name=name, kind=kind, tool=each, tools=tools)
            return use
        if not loose:
            values = "'none', 'auto', and 'required'" if name == "tool_choice" else "'none' and 'auto'"
            raise kinds.UNKNOWN_TOOL_CHOICE(param=name, value=str(choice), values=values)
    return ToolUse()


def _chosen(choice: Mapping[str, Any], name: str, tools: str) -> ToolUse:
    if name == "function_call":
        return ToolUse(frozenset({_text(choice, "name", name)}), must_call=True, named=True)
    match choice.get("type"):
        case "allowed_tools":
            allowed = _mapping(choice, "allowed_tools", name)
            listed = allowed.get("tools")
            if not isinstance(listed, list):
                raise kinds.MISSING_PARAMETER(param=f"{name}.allowed_tools.tools", name=f"{name}.allowed_tools.tools")
            names = tool_names([each for each in listed if isinstance(each, Mapping)])
            return ToolUse(frozenset(names), must_call=allowed.get("mode") == "required" and bool(names))
        case "custom":
            named = _text(_mapping(choice, "custom", name), "name", f"{name}.custom")
        case _:
            named = _text(_mapping(choice, "function", name), "name", f"{name}.function")
    return ToolUse(frozenset({named}), must_call=True, named=True)


def _mapping(value: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    inner = value.get(key)
    if not isinstance(inner, Mapping):
        raise kinds.MISSING_PARAMETER(param=f"{path}.{key}", name=f"{path}.{key}")
    return inner


def _text(value: Mapping[str, Any], key: str, path: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise kinds.MISSING_PARAMETER(param=f"{path}.{key}", name=f"{path}.{key}")
    return text


def check_tools(raw: Mapping[str, Any]) -> None:
    """Raises ``ParameterError`` for a list without tools, a name the API takes none of, and a schema it refuses."""
    for name in ("functions", "tools"):
        if raw.get(name) == []:
            raise kinds.NO_TOOLS(param=name, name=name)
    for index, tool in enumerate(raw.get("tools") or ()):
        if tool.get(tool["type"]) is None:
            missing = f"tools[{index}].{tool['type']}"
            raise kinds.MISSING_PARAMETER(param=missing, name=missing)
    for path, definition in _definitions(raw):
        given = definition.get("name")
        if isinstance(given, str) and not is_name(given):
            raise kinds.NAME_PATTERN(param=f"{path}.name", name=f"{path}.name")
        parameters = definition.get("parameters")
        if not isinstance(parameters, Mapping):
            continue
        from mocktune.domain.json_schema_rules import root_defect, strict_defect

        if definition.get("strict") is True:
            defect = strict_defect(parameters)
        else:
            defect = root_defect(parameters) if "type" in parameters else None
        if defect is not None:
            raise kinds.INVALID_FUNCTION_SCHEMA(param=f"{path}.parameters", name=str(given), defect=defect)


def _definitions(raw: Mapping[str, Any]) -> Iterator[tuple[str, Message]]:
    for index, function in enumerate(raw.get("functions") or ()):
        yield f"functions[{index}]", function
    for index, tool in enumerate(raw.get("tools") or ()):
        yield f"tools[{index}].{'custom' if is_custom(tool) else 'function'}", definition_of(tool)
