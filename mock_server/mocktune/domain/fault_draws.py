"""Whether a rule of faults is about a request, and whether it fires.

A draw is ``H(seed, rule, ordinal of the match)``: no state but the counters, so the same requests meet the same faults
on every run, and no draw shifts another. Every "no" says why, beginning with the field that said it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mocktune.domain.draws import derive_seed, uniform
from mocktune.domain.faults import MAX_DELAY, FaultRule, FaultSubject, Firing

MAX_PATH_SEGMENTS = 16
"""Of a dotted path into a body."""

_MISSING = object()


def names_operation(glob: str, operation: str) -> bool:
    """Whether ``operation`` is ``glob``, in which ``*`` stands for any text. Takes linear time."""
    first, *others = glob.split("*")
    if not others:
        return glob == operation
    *middle, last = others
    if not operation.startswith(first) or not operation.endswith(last) or len(operation) < len(first) + len(last):
        return False
    rest = operation[len(first) : len(operation) - len(last)]
    for part in middle:
        _, found, rest = rest.partition(part) if part else ("", "*", rest)
        if not found:
            return False
    return True


def why_no_match(rule: FaultRule, subject: FaultSubject) -> str:
    """Why a request with the rule's operation is no match of it; empty where it is one."""
    for name, expected in rule.headers.items():
        given = subject.headers.get(name.lower())
        if given != _as_header(expected):
            return f"headers: {name:.100} is {_shown(given)}"
    for path, expected in rule.body.items():
        found = value_at(subject.body, path)
        if not _equal(found, expected):
            return f"body: {path:.100} is {_shown(None if found is _MISSING else found)}"
    if rule.job_status is not None and subject.job_status != rule.job_status:
        return f"job_status: is {subject.job_status or 'that of no job'}"
    return ""


def why_it_passes(rule: FaultRule, seed: int, ordinal: int, fired: int) -> str:
    """Why the rule, which fired ``fired`` times, lets its match number ``ordinal`` (from 1) pass; empty: it fires."""
    if rule.times is not None and fired >= rule.times:
        return f"times: fired {fired} of {rule.times}"
    if ordinal <= rule.skip_first:
        return f"skip_first: match {ordinal} of the first {rule.skip_first}"
    if (ordinal - rule.skip_first) % rule.every_nth:
        return f"every_nth: match {ordinal - rule.skip_first}, fires every {rule.every_nth}"
    if rule.probability < 1 and (drawn := uniform(seed, "fires", ordinal)) >= rule.probability:
        return f"probability: drew {drawn:.3f}, fires below {rule.probability:g}"
    return ""


def rule_seed(sandbox_seed: int, rule_id: str) -> int:
    """The seed of everything that is drawn for a rule."""
    return derive_seed(sandbox_seed, "fault", rule_id)


def drawn_for(rule: FaultRule, seed: int, ordinal: int) -> Firing:
    """The rule at the match at which it fires, with what is drawn for it."""
    delay = None if rule.delay is None else max(0, rule.delay.drawn(seed, f"delay {ordinal}"))
    if delay is not None and rule.webhook is None:
        delay = min(delay, MAX_DELAY)
    return Firing(rule, delay, derive_seed(seed, "fired", ordinal))


def value_at(body: object, path: str) -> object:
    """What stands at a dotted path of parsed JSON, lists by index; ``_MISSING`` where nothing does."""
    found = body
    for segment in path.split(".")[:MAX_PATH_SEGMENTS]:
        if isinstance(found, Mapping) and segment in found:
            found = found[segment]
        elif isinstance(found, list) and segment.isascii() and segment.isdigit() and int(segment[:9]) < len(found):
            found = found[int(segment[:9])]
        else:
            return _MISSING
    return found


def _equal(found: object, expected: Any) -> bool:
    """As JSON: 1 is 1.0, but true is not 1; null is what is missing too."""
    if expected is None:
        return found is None or found is _MISSING
    return isinstance(found, bool) is isinstance(expected, bool) and found == expected


def _as_header(expected: Any) -> str | None:
    if expected is None or isinstance(expected, str):
        return expected
    return str(expected).lower() if isinstance(expected, bool) else f"{expected}"


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "an array"
    return "missing" if value is None else f"{value!r:.80}"
