"""``[tool.mocktune]`` of the ``pyproject.toml`` in the current folder: what ``mocktune serve`` starts with by default,
and ``[tool.mocktune.rehearse]``, what ``mocktune rehearse`` does.

::

    [tool.mocktune]
    scenario = "realistic"
    clock    = "x60"
    set      = ["model.absent_for=20s"]

    [tool.mocktune.rehearse]
    pack    = "core"
    command = ["python", "train.py", "data.jsonl"]

Keys are the flags of the command without their dashes in front; ``scenarios`` is ``--scenario``, ``command`` what comes
behind ``--``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from mocktune.cli.exits import fail

KEYS = (
    "host", "port", "scenario", "set", "clock", "seed", "wire", "profile", "known-organization", "loose",
    "state-file", "save-on-exit", "stateless", "advance-on-poll", "inband", "admin-token", "known-keys-only",
    "allowed-host", "allow-origin", "allow-webhook-host", "max-file-size", "max-disk", "max-sandboxes", "sandbox-ttl",
)  # fmt: skip
SWITCHES = frozenset({"loose", "save-on-exit", "stateless", "inband", "known-keys-only"})
LISTS = frozenset({"set", "known-organization", "allowed-host", "allow-origin", "allow-webhook-host"})

REHEARSE = "rehearse"
"""The table within the table."""
REHEARSE_KEYS = (
    "pack", "scenarios", "jobs", "timeout", "command", "allow", "junit", "json", "html", "seed", "fail-fast",
    "real-sleeps",
)  # fmt: skip
REHEARSE_SWITCHES = frozenset({"fail-fast", "real-sleeps"})
REHEARSE_LISTS = frozenset({"pack", "scenarios", "command", "allow"})
_REHEARSE_PARAMETERS = {"scenarios": "scenario", "json": "json_"}


def serve_defaults(folder: Path | None = None) -> dict[str, Any]:
    """The table as defaults of the command's parameters; empty where there is no file or no table.

    Ends the command when the file is no TOML, or names a key that no flag has.
    """
    table = _table_of(folder)
    table.pop(REHEARSE, None)
    return {parameter_name(key): _value(key, value) for key, value in table.items()}


def rehearse_defaults(folder: Path | None = None) -> dict[str, Any]:
    """The same for ``rehearse``. A list may be a single text; ``command`` as one is read as a shell would."""
    table = _table_of(folder).get(REHEARSE, {})
    if not isinstance(table, dict):
        fail(f"./pyproject.toml: [tool.mocktune.{REHEARSE}] must be a table")
    return {
        _REHEARSE_PARAMETERS.get(key, key.replace("-", "_")): _rehearse_value(key, value)
        for key, value in table.items()
    }


def _table_of(folder: Path | None) -> dict[str, Any]:
    path = (folder or Path.cwd()) / "pyproject.toml"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if "mocktune" not in text:
        return {}  # spares most projects the parser
    return _table(text)


def parameter_name(key: str) -> str:
    """``allowed-host`` as the parameter of ``serve`` is called."""
    return key.replace("-", "_") + ("_" if key == "set" else "")


def _table(text: str) -> dict[str, Any]:
    import tomllib

    try:
        table = tomllib.loads(text).get("tool", {}).get("mocktune", {})
    except tomllib.TOMLDecodeError as error:
        fail(f"./pyproject.toml is no TOML: {error}")
    if not isinstance(table, dict):
        fail("./pyproject.toml: [tool.mocktune] must be a table")
    return table


def _rehearse_value(key: str, value: object) -> object:
    if key in REHEARSE_LISTS and isinstance(value, str):
        value = _words(value) if key == "command" else [value]
    return _checked(f"tool.mocktune.{REHEARSE}", REHEARSE_KEYS, REHEARSE_SWITCHES, REHEARSE_LISTS, key, value)


def _words(command: str) -> list[str]:
    import shlex

    try:
        return shlex.split(command)
    except ValueError as error:
        fail(f"./pyproject.toml: [tool.mocktune.{REHEARSE}] command: {error}")


def _value(key: str, value: object) -> object:
    return _checked("tool.mocktune", KEYS, SWITCHES, LISTS, key, value)


def _checked(
    table: str, keys: Sequence[str], switches: Collection[str], lists: Collection[str], key: str, value: object
) -> object:
    from mocktune.domain.documents import nearest

    if key not in keys:
        fail(f"./pyproject.toml: [{table}] has no key '{key}'{nearest(key, keys)}")
    if key in lists:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            fail(f"./pyproject.toml: [{table}] {key} must be a list of texts")
    elif key in switches:
        if not isinstance(value, bool):
            fail(f"./pyproject.toml: [{table}] {key} must be true or false")
    elif isinstance(value, bool) or not isinstance(value, str | int):
        fail(f"./pyproject.toml: [{table}] {key} must be a text or a whole number")
    return value
