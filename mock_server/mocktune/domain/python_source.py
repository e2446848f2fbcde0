"""The source of a python grader, looked at and never run.

GRADDOC: less than 256 kB, with a function ``grade`` that takes exactly two arguments. What it would answer is not known
here; reinforcement jobs play a score for it (``grading.py``).
"""

from __future__ import annotations

import ast
import warnings

MAX_SOURCE_BYTES = 256 * 1024

IMAGE_TAGS = ("2025-05-08",)
"""GRADDOC names no other."""


def too_large(source: str) -> str | None:
    """Why ``source`` is not even read; None for one of less than 256 kB."""
    if len(source) < MAX_SOURCE_BYTES and len(source.encode("utf-8", "surrogatepass")) < MAX_SOURCE_BYTES:
        return None
    return "the source code must be smaller than 256kB"


def source_defect(source: str) -> str | None:
    """Why ``source`` is no grader, in words that end a sentence; None for one that is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # doubtful escapes in the client's texts
            module = ast.parse(source)
    except SyntaxError as error:
        return f"the source code is not valid Python: {error.msg} (line {error.lineno or 1})"
    except (ValueError, RecursionError, MemoryError):  # null bytes, lone surrogates, nested too deeply
        return "the source code is not valid Python"
    found = [each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == "grade"]
    if len(found) != 1:
        return f"the source code must contain exactly one function 'grade', and has {len(found)}"
    given = found[0].args
    if len(given.posonlyargs) + len(given.args) != 2 or given.vararg or given.kwarg or given.kwonlyargs:
        return "the function 'grade' must take exactly two arguments"
    return None
