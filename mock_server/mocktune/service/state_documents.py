"""Records as documents: field by field, with their instants written as everywhere in a state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

import msgspec

from mocktune.domain.clock import VirtualTime, printable
from mocktune.domain.documents import nearest
from mocktune.domain.state import Instant, StateError, instant_of, told_of

Document = dict[str, Any]


def converted(document: Any, kind: type[Any]) -> Any:
    """``document`` as ``kind``. Raises ``StateError``."""
    try:
        return msgspec.convert(document, kind, str_keys=True)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        raise StateError(str(error)) from error


def read_instant(written: Any) -> VirtualTime:
    """The instant that was written down. Raises ``StateError``."""
    return instant_of(converted(written, Instant))  # type: ignore[arg-type]  # a union is what convert takes


def with_instants(document: Document, record: type[Any], change: Callable[[Any], Any]) -> Document:
    """The document of a record with its instants changed, those of the records inside too. Raises ``StateError`` for
    unknown keys.
    """
    changed = dict(document)
    known = [each.name for each in fields(record)]
    instants, inner = _places(record)  # type: ignore[arg-type]  # every type can be hashed
    for key, value in document.items():
        if key not in known:
            raise StateError(f"unknown key '{printable(key)}'{nearest(printable(key), known)}")
        if key in instants and value is not None:
            with told_of(key):
                changed[key] = change(value)
        elif key in inner:
            with told_of(key):
                changed[key] = _inner(value, inner[key], change)
    return changed


def _inner(value: Any, record: type[Any], change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return with_instants(value, record, change)
    if isinstance(value, list | tuple):
        return [_inner(each, record, change) for each in value]
    return value


@cache
def _places(record: Any) -> tuple[frozenset[str], dict[str, type[Any]]]:
    """The fields of a record that are instants, and those that hold records."""
    instants, inner = set(), {}
    for name, hint in get_type_hints(record).items():
        for kind in _types_in(hint):
            if kind is VirtualTime:
                instants.add(name)
            elif is_dataclass(kind) and isinstance(kind, type):
                inner[name] = kind
    return frozenset(instants), inner


def _types_in(hint: Any) -> Iterator[Any]:
    yield hint
    for each in get_args(hint):
        yield from _types_in(each)
