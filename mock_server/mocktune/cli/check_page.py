"""A check as one HTML page: no script, nothing loaded from elsewhere, and everything that was written escaped."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from mocktune.cli.amounts import told_size
from mocktune.cli.check_histograms import Bar, bars
from mocktune.cli.check_verdict import (
    SEVERITIES,
    Group,
    Judged,
    ends_told,
    example_texts,
    groups,
    place,
    price_told,
)
from mocktune.html_frame import framed
from mocktune.rehearsal.evidence import printable
from mocktune_client.dataset.report import Distribution, FileReport

MAX_BARS = 20
MAX_FINDINGS = 100
"""Of one rule; those beyond the first ten are folded away."""
UNFOLDED = 10

_BAR, _GAP, _LABELS, _WIDTH = 18, 4, 90, 360

STYLE = """
:root { color-scheme: light dark; --good: #1a7f37; --bad: #cf222e; --warn: #9a6700; --line: #8884; --soft: #8881;
  --bar: #2f81f7 }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem } h3 { font-size: 1rem; margin-bottom: .2rem }
code, pre { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
pre { background: var(--soft); padding: .3rem .6rem; margin: .2rem 0; white-space: pre-wrap }
table { border-collapse: collapse } .wide { overflow-x: auto }
th, td { text-align: left; padding: .25rem 1.2rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap } .dim { opacity: .65 }
.good { color: var(--good) } .bad { color: var(--bad) } .warn { color: var(--warn) }
.banner { font-size: 1.2rem; font-weight: 600 } .chosen { font-weight: 600 }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; margin-top: 1rem }
figure { margin: 0 } figcaption { font-weight: 600 }
svg { font: 12px ui-monospace, monospace; fill: currentColor; max-width: 100% } rect { fill: var(--bar) }
ul { list-style: none; padding: 0; margin: 0 } li { margin: .5rem 0 } summary { cursor: pointer }
"""


def html_page(of: Judged) -> str:
    """The page, whole."""
    title = f"{'ok' if of.exit_code == 0 else 'not ok'}: {_text(of.report.training.path)}"
    return framed(title, STYLE, _body(of))


def _body(of: Judged) -> Iterator[str]:
    name = _text(of.report.training.path)
    yield f"<h1>mocktune check <code>{name}</code></h1>"
    how = {0: "good", 1: "bad"}.get(of.exit_code, "warn")
    yield f'<p class="banner {how}">{_text(of.line)}</p>'
    yield from _files(of)
    for severity in SEVERITIES:
        found = [group for file in of.files for group in groups(file, severity)]
        if found:
            yield f"<h2>{severity.capitalize()}s</h2>"
        for group in found:
            yield from _group(group)
    yield from _job_error(of)
    yield from _prices(of)
    yield from _first_example(of)
    for file in of.files:
        yield from _spread(file)


def _files(of: Judged) -> Iterator[str]:
    yield '<div class="wide"><table>'
    heads = "examples", "errors", "warnings", "tokens", "learned", "no system message", "no user message"
    yield f"<tr><th>file<th>format<th>size{''.join(f'<th class=n>{head}' for head in heads)}</tr>"
    for file in of.files:
        told = file.statistics
        yield f"<tr><td>{_text(file.path)}<td>{file.format.replace('_', '/')}<td>{told_size(file.size_bytes)}"
        for number in (told.examples, file.errors, file.warnings, told.total_tokens, told.assistant_tokens,
                       told.missing_system, told.missing_user):  # fmt: skip
            yield f'<td class="n">{number:,}'
        yield "</tr>"
    yield "</table></div>"


def _group(group: Group) -> Iterator[str]:
    how = "bad" if group.severity == "error" else "warn"
    times = f' <span class="dim">{group.count:,} times</span>' if group.count > 1 else ""
    yield f'<h3><code class="{how}">{_text(group.rule)}</code>{times}</h3>'
    for remedy in dict.fromkeys(finding.remedy for finding in group.findings):
        yield f'<div class="good">→ {_text(remedy)}</div>'
    shown = group.findings[:MAX_FINDINGS]
    yield from _findings(group, 0, UNFOLDED)
    if len(shown) > UNFOLDED:
        yield f"<details><summary>{len(shown) - UNFOLDED:,} more</summary>"
        yield from _findings(group, UNFOLDED, MAX_FINDINGS)
        yield "</details>"
    if group.count > len(shown):
        yield f'<p class="dim">and {group.count - len(shown):,} that are not listed here</p>'


def _findings(group: Group, first: int, end: int) -> Iterator[str]:
    yield "<ul>"
    for finding in group.findings[first:end]:
        yield f"<li><code>{_text(place(finding))}</code> {_text(finding.message)}"
        if finding.excerpt:
            yield f"<pre>{_text(finding.excerpt)}</pre>"
        yield "</li>"
    yield "</ul>"


def _job_error(of: Judged) -> Iterator[str]:
    error = of.report.job_error
    if error is not None:
        yield "<p>The service tells the first alone, when it fails the job:</p>"
        yield f"<pre>{_text(f'{error.code}: {error.message}')}</pre>"


def _prices(of: Judged) -> Iterator[str]:
    if not of.report.prices:
        return
    yield f"<h2>What training costs</h2>\n<p>Prices of {_text(of.report.priced_on)}.</p>"
    yield '<div class="wide"><table><tr><th>model<th class="n">epochs<th class="n">tokens'
    yield '<th class="n">examples cut<th class="n">price<th>new training until</tr>'
    for price in of.report.prices:
        yield f"<tr{' class=chosen' if price is of.price else ''}><td>{_text(price.model)}"
        yield f'<td class="n">{price.n_epochs}<td class="n">{price.trained_tokens:,}'
        yield f'<td class="n">{price.truncated_examples:,}<td class="n">{price_told(price)}'
        yield f"<td>{_text(ends_told(price, of.report.priced_on))}</tr>"
    yield "</table></div>"


def _first_example(of: Judged) -> Iterator[str]:
    example = of.report.training.statistics.first_example
    if example is None:
        return
    yield "<h2>First example</h2>\n<table>"
    for who, text in example_texts(example):
        yield f"<tr><td><code>{_text(who)}</code><td>{_text(text)}</tr>"
    yield "</table>"


def _spread(file: FileReport) -> Iterator[str]:
    statistics = file.statistics
    found = (
        ("messages", statistics.messages_per_example),
        (f"tokens ({statistics.encoding})", statistics.total_tokens_per_example),
        ("assistant tokens", statistics.assistant_tokens_per_example),
    )
    spreads = [(what, each) for what, each in found if each is not None]
    if not spreads:
        return
    faulty = statistics.faulty_examples
    left_out = f", without the {faulty:,} with errors" if faulty else ""
    yield f"<h2>Per example of {_text(file.path)}{left_out}</h2>\n<div class='wide'><table><tr><th>"
    yield "".join(f'<th class="n">{head}' for head in ("min", "p5", "median", "mean", "p95", "max")) + "</tr>"
    for what, each in spreads:
        yield f"<tr><td>{_text(what)}"
        for number in (each.min, each.p5, each.median, each.mean, each.p95, each.max):
            yield f'<td class="n">{number:,.1f}'.replace(".0", "")
        yield "</tr>"
    yield '</table></div>\n<div class="charts">'
    for what, each in spreads:
        if each.min < each.max:
            yield from _chart(what, each)
    yield "</div>"


def _chart(what: str, spread: Distribution) -> Iterator[str]:
    rows = bars(spread.buckets, MAX_BARS)
    height = len(rows) * (_BAR + _GAP)
    most = max(bar.count for bar in rows)
    yield f"<figure><figcaption>{_text(what)}</figcaption>"
    label = f"How many examples have how many {_text(what)}"
    yield f'<svg role="img" aria-label="{label}" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}">'
    for number, bar in enumerate(rows):
        yield from _bar(bar, number * (_BAR + _GAP), most)
    yield "</svg></figure>"


def _bar(bar: Bar, y: int, most: int) -> Iterator[str]:
    middle = y + _BAR - 5
    yield f'<text x="{_LABELS - 8}" y="{middle}" text-anchor="end">{bar.label}</text>'
    if bar.low is None:
        return
    room = _WIDTH - _LABELS - 64
    width = max(1.0, bar.count / most * room) if bar.count else 0.0
    yield f'<rect x="{_LABELS}" y="{y}" width="{width:.1f}" height="{_BAR}"/>'
    yield f'<text x="{_LABELS + width + 6:.1f}" y="{middle}">{bar.count:,}</text>'


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
