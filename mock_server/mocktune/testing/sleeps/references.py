"""Names in other modules that are bound to a function of ``time``: ``from time import sleep``, defaults, attributes."""

from __future__ import annotations

import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_scanned: dict[str, types.ModuleType] = {}
_found: list[tuple[Any, Any, str]] = []
"""(where, its key, the module) of every name found in a module that was looked at."""

_STANDARD = frozenset(getattr(sys, "stdlib_module_names", ())) | set(sys.builtin_module_names)
_DEEP = frozenset(("sched",))


def scan(functions: dict[int, Any]) -> list[tuple[Any, Any, str]]:
    """Every such name in every module, as (where, key, module). Each module is looked at once, when it is
    first seen whole: the first scan costs milliseconds, the later ones what was imported in between."""
    for name, module in list(sys.modules.items()):
        if _scanned.get(name) is module or not isinstance(module, types.ModuleType):
            continue
        if getattr(getattr(module, "__spec__", None), "_initializing", False):
            continue  # it is being imported, and will bind more
        _scanned[name] = module
        if name in ("time", "__mp_main__") or name.startswith(__name__.rpartition(".")[0]):
            continue
        top = name.partition(".")[0]
        _look(module, name, functions, deep=top not in _STANDARD or top in _DEEP)
    return _found


def _look(module: types.ModuleType, name: str, functions: dict[int, Any], *, deep: bool) -> None:
    for key, value in list(vars(module).items()):
        if id(value) in functions:
            _found.append((vars(module), key, name))
        elif not deep:
            continue
        # By type(), which asks nothing of the value: openai's module-level client would be built to tell its class.
        elif type(value) is types.FunctionType:
            _look_at_defaults(value, name, functions)
        elif issubclass(type(value), type) and vars(value).get("__module__") == name:
            for attribute, held in list(vars(value).items()):
                inner = held.__func__ if type(held) is staticmethod else held
                if id(inner) in functions:
                    _found.append((value, attribute, name))
                elif type(inner) is types.FunctionType:
                    _look_at_defaults(inner, name, functions)


def _look_at_defaults(function: types.FunctionType, name: str, functions: dict[int, Any]) -> None:
    if function.__module__ != name:
        return
    if function.__defaults__ and any(id(each) in functions for each in function.__defaults__):
        _found.append((function, "__defaults__", name))
    if function.__kwdefaults__ and any(id(each) in functions for each in function.__kwdefaults__.values()):
        _found.append((function, "__kwdefaults__", name))
