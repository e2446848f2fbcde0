"""What every page that a command writes has around it: it is read offline, runs nothing and loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def framed(title: str, style: str, body: Iterable[str]) -> str:
    """The page, whole. ``title`` and ``body`` are HTML: what is not ours in them was escaped."""
    return "\n".join(_page(title, style, body)) + "\n"


def _page(title: str, style: str, body: Iterable[str]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    # Should something get past the escaping, a browser still runs and loads nothing.
    yield """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{title}</title>"
    yield f"<style>{style}</style>\n</head>\n<body>"
    yield from body
    yield "</body>\n</html>"
