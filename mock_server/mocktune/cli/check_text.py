"""A check as text for people: what the files are, how their examples spread, what training costs, what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mocktune.cli.amounts import counted, told_size
from mocktune.cli.check_histograms import bars, line_of
from mocktune.cli.check_verdict import (
    SEVERITIES,
    Group,
    Judged,
    cut,
    ends_told,
    example_texts,
    groups,
    has_ended,
    place,
    price_told,
)
from mocktune.rehearsal.evidence import printable
from mocktune_client.dataset.report import Distribution, FileReport, FileStatistics

WIDEST = 116
"""Columns that are used at most, and where nobody says how many there are."""

SIDE_BY_SIDE = 100
"""Columns from which on histograms stand beside one another."""

MAX_FINDINGS = 5
"""Of one rule that are shown with their text; the lines of so many more are named as fit."""

MAX_LINES_NAMED = 20
_STYLES = {"error": "bold red", "warning": "bold yellow"}


def print_check(console: Console, of: Judged) -> None:
    """The whole of it. Lines that are to be searched or copied are not broken where the output is no terminal."""
    _Page(console, of).print()


class _Page:
    def __init__(self, console: Console, of: Judged) -> None:
        self.console = console
        self.of = of
        self.width = min(console.width, WIDEST)
        self.blocks = _can_show(console, "█▏⋮")

    def print(self) -> None:
        for file in self.of.files:
            self.line(Text.assemble((printable(file.path), "bold"), "  ", _headline(file)))
        self.first_example()
        self.distributions()
        self.histograms()
        self.prices()
        for severity in SEVERITIES:
            for file in self.of.files:
                for group in groups(file, severity):
                    self.group(group)
        error = self.of.report.job_error
        if error is not None:
            self.line()
            self.line("The service tells the first alone, when it fails the job:")
            self.line(printable(f"{error.code}: {error.message}"), 2, 4)
        self.line()
        style = {0: "bold green", 1: "bold red"}.get(self.of.exit_code, "bold yellow")
        self.line(Text(printable(self.of.line), style))

    # -- lines ---------------------------------------------------------------------------------------------------------

    def line(self, text: Text | str = "", indent: int = 0, hanging: int | None = None, label: str = "") -> None:
        """A line, broken on a terminal where it is too long; what follows is indented by ``hanging``. A ``label``
        stands in the room that is left for it."""
        text = Text(text) if isinstance(text, str) else text
        hanging = indent if hanging is None else hanging
        begin = Text(" " * indent) + Text(label, "cyan")
        begin.pad_right(hanging - len(begin) if label else 0)
        if not self.console.is_terminal:
            self.console.print(begin + text, soft_wrap=True)
            return
        first, *rest = text.wrap(self.console, max(20, self.width - max(indent, hanging)), overflow="fold")
        for number, each in enumerate((first, *rest)):
            each.rstrip()
            self.console.print((Text(" " * hanging) if number else begin) + each, soft_wrap=True)

    def title(self, text: str, note: str = "") -> None:
        self.line()
        self.line(Text.assemble((text, "bold"), (f"  {note}" if note else "", "dim")))

    def table(self, table: Table) -> None:
        """Without the blanks that fill its last column."""
        with self.console.capture() as drawn:
            self.console.print(table, width=self.width)
        for each in Text.from_ansi(drawn.get()).split("\n"):
            each.rstrip()
            self.console.print(each, soft_wrap=True)

    # -- what there is -------------------------------------------------------------------------------------------------

    def first_example(self) -> None:
        example = self.of.report.training.statistics.first_example
        if example is None:
            return
        self.title("first example")
        texts = [*example_texts(example)]
        label = max((len(who) for who, _ in texts), default=0) + 2
        for who, text in texts:
            self.line(text if self.console.is_terminal else cut(text, 200), 2, 2 + label, who)

    def distributions(self) -> None:
        rows = [row for file in self.of.files for row in _rows(file, named=len(self.of.files) > 1)]
        if not rows:
            return
        self.title("per example", _left_out(self.of.report.training.statistics))
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
        for column in ("", "min", "p5", "median", "mean", "p95", "max"):
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        for what, spread in rows:
            if spread is None:
                table.add_row(what)
                continue
            numbers = (spread.min, spread.p5, spread.median, spread.mean, spread.p95, spread.max)
            table.add_row(what, *map(_number, numbers))
        self.table(table)
        for told in _missing(self.of):
            self.line(told, 1)

    def histograms(self) -> None:
        spreads = _spreads(self.of.report.training.statistics)
        shown = [(what, each) for what, each in spreads if each.min < each.max]
        if not shown:
            return
        beside = len(shown) if self.width >= SIDE_BY_SIDE else 1
        gap = 3
        columns = min(60, (self.width - 1 - gap * (beside - 1)) // beside)
        drawn = [[*self.histogram(what, each, columns)] for what, each in shown]
        for start in range(0, len(drawn), beside):
            self.line()
            for row in zip_longest(*drawn[start : start + beside], fillvalue=Text()):
                joined = Text(" ")
                for number, part in enumerate(row):
                    part = part.copy()
                    part.align("left", columns)
                    joined += (Text(" " * gap) if number else Text()) + part
                joined.rstrip()
                self.console.print(joined, soft_wrap=True)

    def histogram(self, what: str, spread: Distribution, columns: int) -> Iterator[Text]:
        yield Text(what, "bold")
        rows = bars(spread.buckets)
        most = max(bar.count for bar in rows)
        labels = max(len(bar.label) for bar in rows)
        counts = max(len(f"{bar.count:,}") for bar in rows)
        room = max(4, columns - labels - counts - 3)
        for bar in rows:
            if bar.low is None:
                yield Text(("⋮" if self.blocks else ":").rjust(labels), "dim")
                continue
            drawn = line_of(bar.count, most, room, blocks=self.blocks)
            count = (f"{bar.count:,}" if bar.count else "0", "dim")
            yield Text.assemble(bar.label.rjust(labels), "  ", (drawn, "cyan"), " " if drawn else "", count)

    # -- what it costs -------------------------------------------------------------------------------------------------

    def prices(self) -> None:
        prices = self.of.report.prices
        if not prices:
            return
        once = len({price.n_epochs for price in prices}) == 1
        epochs = f"{counted(prices[0].n_epochs, 'epoch')}; " if once else ""
        self.title("training", f"{epochs}prices of {self.of.report.priced_on}")
        cuts = any(price.truncated_examples for price in prices)
        table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1), show_edge=False)
        table.add_column("model", no_wrap=True)
        if not once:
            table.add_column("epochs", justify="right")
        table.add_column("tokens", justify="right")
        if cuts:
            table.add_column("examples cut", justify="right")
        table.add_column("price", justify="right", no_wrap=True)
        table.add_column("new training until", no_wrap=True)
        for price in prices:
            cells = [
                price.model,
                f"{price.trained_tokens:,}",
                price_told(price),
                ends_told(price, self.of.report.priced_on),
            ]
            if cuts:
                cells.insert(2, f"{price.truncated_examples:,}")
            if not once:
                cells.insert(1, str(price.n_epochs))
            ended = has_ended(price, self.of.report.priced_on)
            style = "bold" if price is self.of.price else "bright_black" if ended else ""
            table.add_row(*cells, style=style)
        self.table(table)

    # -- what is wrong -------------------------------------------------------------------------------------------------

    def group(self, group: Group) -> None:
        self.line()
        times = f"  {group.count:,} times" if group.count > 1 else ""
        self.line(Text.assemble((group.severity, _STYLES[group.severity]), "  ", (group.rule, "bold"), (times, "dim")))
        remedies = dict.fromkeys(finding.remedy for finding in group.findings)
        for finding in group.findings[:MAX_FINDINGS]:
            self.line(Text.assemble((place(finding), "cyan"), "  ", printable(finding.message)), 2, 6)
            if finding.excerpt:
                self.excerpt(printable(finding.excerpt))
            if len(remedies) > 1:
                self.line(Text(f"{self.arrow} {printable(finding.remedy)}", "green"), 6, 8)
        left = group.count - min(len(group.findings), MAX_FINDINGS)
        if left:
            self.line(Text(f"{left:,} more{_lines_of(group)}", "dim"), 2, 6)
        if len(remedies) == 1:
            self.line(Text(f"{self.arrow} {printable(group.findings[0].remedy)}", "green"), 2, 4)

    @property
    def arrow(self) -> str:
        return "→" if self.blocks else "->"

    def excerpt(self, text: str) -> None:
        shown = Text(f"      | {text}", "dim")
        if self.console.is_terminal:
            shown.truncate(self.width, overflow="ellipsis")
        self.console.print(shown, soft_wrap=True)


def _headline(file: FileReport) -> str:
    statistics = file.statistics
    parts = [counted(statistics.examples, "example")]
    if statistics.faulty_examples:
        parts.append(f"{statistics.faulty_examples:,} with errors")
    if file.format != "unknown":
        parts.append(file.format.replace("_", "/"))
    parts.append(told_size(file.size_bytes))
    if statistics.total_tokens:
        parts.append(f"{statistics.total_tokens:,} tokens, {statistics.assistant_tokens:,} of them learned")
    if statistics.images:
        parts.append(counted(statistics.images, "image"))
    return ", ".join(parts)


def _left_out(statistics: FileStatistics) -> str:
    return f"without the {statistics.faulty_examples:,} with errors" if statistics.faulty_examples else ""


def _spreads(statistics: FileStatistics) -> list[tuple[str, Distribution]]:
    found = (
        ("messages", statistics.messages_per_example),
        (f"tokens ({statistics.encoding})", statistics.total_tokens_per_example),
        ("assistant tokens", statistics.assistant_tokens_per_example),
    )
    return [(what, each) for what, each in found if each is not None]


def _rows(file: FileReport, *, named: bool) -> Iterator[tuple[Text, Distribution | None]]:
    spreads = _spreads(file.statistics)
    if named and spreads:
        yield Text(cut(file.path, 40), "dim"), None
    for what, each in spreads:
        yield Text(f"  {what}" if named else what), each


def _missing(of: Judged) -> Iterator[str]:
    files = [file for file in of.files if file.format in ("chat", "preference", "reinforcement")]
    for role in ("system", "user"):
        counts = [
            f"{getattr(file.statistics, f'missing_{role}'):,}{f' in {printable(file.path)}' * (len(files) > 1)}"
            for file in files
        ]
        if counts:
            yield f"without a {role} message: {', '.join(counts)}"
    price = of.price
    if price is not None and of.report.training.statistics.total_tokens_per_example is not None:
        yield f"too long for {price.model}, and cut: {price.truncated_examples:,}"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 or float(number).is_integer() else f"{number:,.1f}"


def _lines_of(group: Group) -> str:
    lines = [str(each.line) for each in group.findings[MAX_FINDINGS:] if each.line is not None]
    if not lines:
        return ""
    more = ", …" if len(lines) > MAX_LINES_NAMED or group.count > len(group.findings) else ""
    return f", at lines {', '.join(lines[:MAX_LINES_NAMED])}{more}"


def _can_show(console: Console, signs: str) -> bool:
    try:
        signs.encode(console.encoding)
    except (LookupError, UnicodeEncodeError):
        return False
    return True
