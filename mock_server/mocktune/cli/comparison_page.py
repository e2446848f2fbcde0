"""A comparison as one HTML page: no script, nothing loaded from elsewhere, and everything that was said escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from mocktune.cli.comparison import SIDES, Given, Row, Summary
from mocktune.cli.listing import usd
from mocktune.cli.printing import printable_lines
from mocktune.html_frame import framed

_STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --line: #8884; --soft: #8881 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } table { border-collapse: collapse; width: 100%; table-layout: fixed; margin: 1rem 0 }
th, td { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  white-space: pre-wrap; overflow-wrap: anywhere }
table.figures { width: auto; table-layout: auto } table.figures td { text-align: right; white-space: nowrap }
col.number { width: 3rem } .good { color: var(--good) } .bad { color: var(--bad) } .soft { opacity: .7 }
small { display: block; opacity: .7 }
"""


def comparison_page(rows: Sequence[Row], summaries: Sequence[Summary]) -> str:
    """The page, whole."""
    base, tuned = summaries
    return framed(f"{_text(base.model)} and {_text(tuned.model)}", _STYLE, _body(rows, summaries))


def _body(rows: Sequence[Row], summaries: Sequence[Summary]) -> Iterator[str]:
    yield "<h1>mocktune compare</h1>"
    yield '<table class="figures">'
    yield "<tr><th>" + "".join(f"<th>{_text(each.model)}" for each in summaries) + "</tr>"
    for name, cells in _figures(summaries):
        yield f"<tr><th>{name}" + "".join(f"<td>{_text(cell)}" for cell in cells) + "</tr>"
    yield "</table>"
    with_expected = any(row.prompt.expected is not None for row in rows)
    heads = ["prompt", *SIDES, *(["expected"] if with_expected else [])]
    yield '<table>\n<colgroup><col class="number"></colgroup>'
    yield "<tr><th>" + "".join(f"<th>{head}" for head in heads) + "</tr>"
    for row in rows:
        cells = [_text(row.prompt.text), *(_given(row.of(which)) for which in SIDES)]
        if with_expected:
            cells.append(_text(row.prompt.expected or ""))
        yield f'<tr><td class="soft">{row.number}' + "".join(f"<td>{cell}" for cell in cells) + "</tr>"
    yield "</table>"


def _figures(summaries: Sequence[Summary]) -> Iterator[tuple[str, list[str]]]:
    yield "answered", [f"{each.answered:,} of {each.answered + each.failed:,}" for each in summaries]
    if any(each.expected for each in summaries):
        yield "as expected", [f"{each.exact:,} of {each.expected:,}" for each in summaries]
        yield "mean similarity", [f"{each.mean_similarity or 0:.2f}" for each in summaries]
    yield "tokens in", [f"{each.input_tokens:,}" for each in summaries]
    yield "tokens out", [f"{each.output_tokens:,}" for each in summaries]
    yield "price", ["not known" if each.usd is None else usd(each.usd) for each in summaries]
    yield "mean time", ["-" if each.mean_s is None else f"{each.mean_s:.2f} s" for each in summaries]


def _given(given: Given) -> str:
    if given.answer is None:
        return f'<span class="bad">{_text(given.error or "")}</span>'
    told = _text(given.answer.text)
    if given.is_expected:
        return f'<span class="good">{told}</span><small>as expected</small>'
    if given.similarity is not None:
        return f"{told}<small>similarity {given.similarity:.2f}</small>"
    return told


def _text(text: str) -> str:
    return escape(printable_lines(text), quote=True)
