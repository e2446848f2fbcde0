"""The real clock and the real sleep, whoever else has put something in their place.

A second, fresh copy of the module ``time`` is made: mocks of time replace the names in the one that everybody sees.
"""

from __future__ import annotations

import _thread
import importlib.machinery
import importlib.util
import time as _public
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _fresh() -> ModuleType:
    spec = importlib.machinery.BuiltinImporter.find_spec("time")
    if spec is None or spec.loader is None:
        return _public  # an interpreter that ships time as a file
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_time = _fresh()

monotonic = _time.monotonic
perf_counter = _time.perf_counter
sleep = _time.sleep
allocate_lock = _thread.allocate_lock
get_ident = _thread.get_ident


def is_builtin(function: object) -> bool:
    """Whether nobody has replaced it."""
    return type(function) is type(monotonic)


def unwrapped(function: Any) -> Any:
    """What this engine, or another copy of it, was put in the place of."""
    return getattr(function, "mocktune_original", function)
