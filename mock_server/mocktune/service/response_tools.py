"""Tools and formats as a response is asked for with them: flat, unlike those of chat completions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocktune.domain.error_kinds import responses as kinds
from mocktune.domain.response_items import Item
from mocktune.service.tools import ToolUse, is_name


def tool_use(choice: str | Mapping[str, Any] | None, offered: Sequence[str]) -> ToolUse:
    """What a checked ``tool_choice`` leaves of the functions on offer."""
    if choice == "none":
        return ToolUse(frozenset())
    if choice == "required":
        if not offered:
            raise kinds.REQUIRED_WITHOUT_TOOLS()
        return ToolUse(must_call=True)
    if not isinstance(choice, Mapping):
        return ToolUse()
    named = choice["type"] == "function"
    names = [str(each.get("name")) for each in ([choice] if named else choice["tools"])]
    for name in names:
        if name not in offered:
            raise kinds.TOOL_NOT_OFFERED(name=name)
    return ToolUse(frozenset(names), must_call=named or (choice["mode"] == "required" and bool(names)), named=named)


def check_tools(tools: Sequence[Item]) -> None:
    """Raises ``ParameterError`` for a name the API takes none of, and for a schema that strict mode refuses."""
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if not is_name(tool["name"]):
            raise kinds.NAME_PATTERN(param=f"{path}.name", name=f"{path}.name")
        if tool.get("strict") is True and isinstance(parameters := tool.get("parameters"), Mapping):
            from mocktune.domain.json_schema_rules import strict_defect

            if (defect := strict_defect(parameters)) is not None:
                raise kinds.INVALID_FUNCTION_SCHEMA(param=f"{path}.parameters", name=tool["name"], defect=defect)


def check_format(format: Mapping[str, Any]) -> None:
    """The same for ``text.format``."""
    if format["type"] != "json_schema":
        return
    from mocktune.domain.json_schema_rules import root_defect, strict_defect

    name, schema = format["name"], format["schema"]
    if not is_name(name):
        raise kinds.NAME_PATTERN(param="text.format.name", name="text.format.name")
    defect = strict_defect(schema) if format.get("strict") is True else root_defect(schema)
    if defect is not None:
        raise kinds.INVALID_FORMAT_SCHEMA(name=name, defect=defect)
