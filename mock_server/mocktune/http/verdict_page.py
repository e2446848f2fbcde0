"""``docs/reference/verdict.md``, written from the table of findings.

A test compares the page with what is written here; ``MOCKTUNE_UPDATE_GOLDENS=1 pytest mock_server/tests/test_docs.py``
rewrites it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mocktune.domain.findings.kind import FindingKind
from mocktune.domain.verdict import FINDINGS
from mocktune.http.markdown import paragraph, row, table

_INTRODUCTION = (
    "What is to be said of a client, from the [journal](control-plane.md#get-_mocktunerequests) of its requests and "
    "the webhooks it was sent: [`GET /_mocktune/verdict`](control-plane.md#get-_mocktuneverdict), or [`mocktune "
    "verdict`](cli.md#mocktune-verdict). `mocktune explain MT01` prints a section of this page.",
    "This page is written from the table in the code. A finding is a predicate over the journal: the same requests "
    "at the same instants give the same verdict. It is raised for what the client was shown alone: what an answer "
    "said that was lost on its way counts for nothing. Codes never change. `?allow=MT03`, `--allow MT03` and `allow` "
    "in the `[expect]` of a [scenario](scenarios.md) leave a finding out. Ask when the client is done: whoever is "
    "still at it has not come back yet.",
    "Three things hold for all of them.",
)
_COMMON = (
    "*Time* is the sandbox's. Where its clock stands still, wall time tells how long a client waited; skipped sleeps "
    "and `advance_on_poll` move the clock, and so count as waiting. Where both clocks moved, the one that moved more "
    "counts.",
    "*The retries an SDK makes on its own* (`x-stainless-retry-count` above 0) are not held against its caller, who "
    "sees one request, except where they cost money (MT04).",
    "*The journal is bounded*, and keeps the first 256 KiB of a body. Where it has dropped requests, the verdict "
    "says that it is not complete; what is not kept whole raises nothing.",
)


def verdict_page() -> str:
    """The page, from the table."""
    sections = [["# Verdict"], *(paragraph(each) for each in _INTRODUCTION), list(_points(_COMMON)), list(_contents())]
    sections += [list(_section(kind)) for kind in FINDINGS]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _points(texts: Iterable[str]) -> Iterator[str]:
    for each in texts:
        yield from paragraph(f"- {each}", indent="  ")


def _contents() -> Iterator[str]:
    yield from table("code", "")
    for kind in FINDINGS:
        yield row(f"[{kind.code}](#{kind.code.lower()})", kind.title)


def _section(kind: FindingKind) -> Iterator[str]:
    yield f"## {kind.code}\n"
    yield f"**{kind.title[0].upper()}{kind.title[1:]}.**\n"
    yield from _points(f"*{about}.* {text}" for about, text in kind.paragraphs)
