"""``mocktune explain``: what a finding of the verdict means."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from mocktune.cli.exits import fail

if TYPE_CHECKING:
    from mocktune.domain.findings.kind import FindingKind

WIDTH = 100


def explain(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="A finding, such as MT01; without one, all are listed.")
    ] = None,
) -> None:
    """Tell what a finding of the verdict means: when it is raised, why it matters, what to do instead."""
    from mocktune.domain.documents import nearest
    from mocktune.domain.verdict import BY_CODE

    if code is None:
        for kind in BY_CODE.values():
            print(f"{kind.code}  {kind.title}")
        return
    wanted = BY_CODE.get(code.upper())
    if wanted is None:
        fail(f"there is no finding '{code:.100}'{nearest(code.upper(), BY_CODE)}")
    print(explanation(wanted))


def explanation(kind: FindingKind) -> str:
    """A finding as a terminal shows it."""
    paragraphs = [f"{kind.code}  {kind.title}"]
    paragraphs += ["\n".join(wrap(f"{about}: {text.replace('`', '')}", WIDTH)) for about, text in kind.paragraphs]
    return "\n\n".join(paragraphs)
