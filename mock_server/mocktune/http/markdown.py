"""The pieces of Markdown that pages written from the code are made of."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap

LINE = 125


def table(*head: str) -> Iterator[str]:
    """The first two lines of a table."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)


def row(*cells: object) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def code(text: str | None) -> str:
    """A text as code, whatever backticks are in it."""
    if text is None:
        return "null"
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def paragraph(text: str, indent: str = "") -> list[str]:
    """Its lines. Prose may be broken anywhere but inside code, where a line break would be shown as a blank."""
    return wrap(text, LINE, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def plain(message: str) -> str:
    """A template with ``{}`` for what is filled in, its own braces as they are answered."""
    text, depth, found = message.replace("{{", "\0").replace("}}", "\1"), 0, ""
    for character in text:
        if character == "{":
            depth += 1
            found += "{}"
        elif character == "}":
            depth -= 1
        elif not depth:
            found += character
    return found.replace("\0", "{").replace("\1", "}")
