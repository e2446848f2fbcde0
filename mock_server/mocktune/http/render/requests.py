"""Requests of the journal, as people read them."""

from __future__ import annotations

import base64
from urllib.parse import parse_qsl

from mocktune.domain.clock import SECOND
from mocktune.domain.journal import MAX_BODY_BYTES, Entry
from mocktune.domain.request_filter import NearMiss, parsed
from mocktune.http.render import Json, cursor_page
from mocktune.service.paging import Page
from mocktune.service.requests import RequestPage, Verification

MAX_SHOWN_FIELDS = 100
"""Of a query."""


def entry(of: Entry) -> Json:
    return {
        "object": "request",
        "ordinal": of.ordinal,
        "id": of.id,
        "operation": of.operation,
        "method": of.method,
        "path": _printable(of.path),
        "query": _query(of.query),
        "headers": {name.decode("latin-1"): value.decode("latin-1") for name, value in of.headers},
        "at": of.at / SECOND,
        "answered_at": of.answered_at / SECOND,
        "wall": of.wall / SECOND,
        "answered_wall": of.answered_wall / SECOND,
        "status": of.status,
        "retry_after": of.retry_after or None,
        "committed": of.committed,
        "lost": of.lost,
        "faults": [{"rule_id": each.rule_id, "fired": each.fired, "reason": each.reason} for each in of.faults],
        "request": body(of.request_body, of.request_bytes),
        "response": body(of.response_body, of.response_bytes),
    }


def body(kept: bytes, size_bytes: int) -> Json:
    """JSON parsed, text as it is, anything else in base64."""
    form, content = _shown(kept)
    return {"form": form, "content": content, "bytes": size_bytes, "cut": bool(kept) and size_bytes > MAX_BODY_BYTES}


def _shown(kept: bytes) -> tuple[str, object]:
    if not kept:
        return "none", None
    value = parsed(kept)
    if value is not None or kept.strip() == b"null":
        return "json", value
    try:
        return "text", kept.decode()
    except UnicodeDecodeError:
        return "base64", base64.b64encode(kept).decode("ascii")


def _query(query: bytes) -> dict[str, str]:
    """Of a name that is given twice, the last value."""
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="replace")
    except ValueError:  # too many fields, in an interpreter that bounds them
        return {}
    return {_printable(name): _printable(value) for name, value in pairs[:MAX_SHOWN_FIELDS]}


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def page(of: RequestPage) -> Json:
    return {**cursor_page(Page(of.items, of.has_more), entry), "dropped": of.dropped}


def verification(of: Verification) -> Json:
    return {
        "verified": of.verified,
        "count": of.count,
        "expected": str(of.expected),
        "dropped": of.dropped,
        "near_misses": [_near_miss(each) for each in of.near_misses],
    }


def _near_miss(of: NearMiss) -> Json:
    differs = [{"what": each.what, "wanted": each.wanted, "found": _printable(each.found)} for each in of.differences]
    return {"entry": entry(of.entry), "differs": differs}
