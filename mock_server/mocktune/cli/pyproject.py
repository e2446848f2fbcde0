"""``[tool.mocktune]`` of the ``pyproject.toml`` in the current folder: what ``mocktune serve`` starts with by default.

::

    [tool.mocktune]
    scenario = "realistic"
    clock    = "x60"
    set      = ["model.absent_for=20s"]

Its keys are the flags of ``serve`` without their dashes in front.
"""

from __future__ import annotations

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


def serve_defaults(folder: Path | None = None) -> dict[str, Any]:
    """The table as defaults of the command's parameters; empty where there is no file or no table.

    Ends the command when the file is no TOML, or names a key that no flag has.
    """
    path = (folder or Path.cwd()) / "pyproject.toml"
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    if "mocktune" not in text:
        return {}  # spares most projects the parser
    return {parameter_name(key): _value(key, value) for key, value in _table(text).items()}


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


def _value(key: str, value: object) -> object:
    from mocktune.domain.documents import nearest

    if key not in KEYS:
        fail(f"./pyproject.toml: [tool.mocktune] has no key '{key}'{nearest(key, KEYS)}")
    if key in LISTS:
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            fail(f"./pyproject.toml: [tool.mocktune] {key} must be a list of texts")
    elif key in SWITCHES:
        if not isinstance(value, bool):
            fail(f"./pyproject.toml: [tool.mocktune] {key} must be true or false")
    elif isinstance(value, bool) or not isinstance(value, str | int):
        fail(f"./pyproject.toml: [tool.mocktune] {key} must be a text or a whole number")
    return value
