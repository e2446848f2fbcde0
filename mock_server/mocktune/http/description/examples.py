"""Requests and answers that were recorded from this server: the examples of the description.

They stand in ``data/openapi_examples.json``, which a test writes by playing the whole surface and every kind of error
(``mock_server/tests/test_description_examples.py``). Lists in long answers are cut after their first entries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

Json = dict[str, Any]

FILE = "openapi_examples.json"


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """``body`` is JSON where ``media_type`` is that, else text."""

    status: str
    media_type: str
    body: Any


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One call that succeeded: parameters by name, the body as JSON or as the fields of a form."""

    path: Mapping[str, str]
    query: Mapping[str, Any]
    request: Any
    answers: tuple[RecordedAnswer, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """``calls`` by operation; ``errors`` are bodies by kind (``jobs.NO_SUCH_JOB``) and operation, ``*`` for any."""

    calls: Mapping[str, RecordedCall]
    errors: Mapping[str, Mapping[str, Json]]


@cache
def recorded() -> Recorded:
    """What was recorded; nothing where the file is missing, which is so while it is being written."""
    file = resources.files("mocktune") / "data" / FILE
    read = json.loads(file.read_bytes()) if file.is_file() else {"calls": {}, "errors": {}}
    calls = {
        name: RecordedCall(
            call["path"], call["query"], call["request"], tuple(RecordedAnswer(**each) for each in call["answers"])
        )
        for name, call in read["calls"].items()
    }
    return Recorded(calls, read["errors"])
