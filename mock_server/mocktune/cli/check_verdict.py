"""What ``mocktune check`` makes of a report: whether it is ok, and why not; its findings by rule; words for numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mocktune.cli.amounts import counted, told_usd
from mocktune.rehearsal.evidence import printable
from mocktune_client.dataset.report import DatasetReport, FileReport, Finding, ModelPrice, Severity

NEGATIVE = 1
OVER_BUDGET = 3

SEVERITIES: tuple[Severity, ...] = ("error", "warning")
MAX_MESSAGES = 8
MAX_TEXT = 400
"""Of the first example as it is shown: messages, and characters of each."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A report, and what it was asked against. ``price`` is that of the model the budget is for, None without one."""

    report: DatasetReport
    fail_on: Severity
    max_cost_usd: float | None
    price: ModelPrice | None

    @property
    def files(self) -> tuple[FileReport, ...]:
        validation = self.report.validation
        return (self.report.training,) if validation is None else (self.report.training, validation)

    @property
    def found(self) -> bool:
        """Whether there are findings that count."""
        return bool(self.report.errors or (self.fail_on == "warning" and self.report.warnings))

    @property
    def over_budget(self) -> str | None:
        """Why the budget is not known to be kept."""
        if self.max_cost_usd is None:
            return None
        if self.price is None:
            return None if self.found else "no model takes this file, so there is no price"
        if self.price.usd is None:
            return f"{self.price.model} is billed by time, at ${self.price.usd_per_hour:,.2f} an hour"
        if self.price.usd > self.max_cost_usd:
            return f"{told_usd(self.price.usd)} for {self.price.model}, more than {told_usd(self.max_cost_usd)}"
        return None

    @property
    def exit_code(self) -> int:
        if self.found:
            return NEGATIVE
        return OVER_BUDGET if self.over_budget else 0

    @property
    def line(self) -> str:
        """All of it in one line."""
        counts = counted(self.report.errors, "error"), counted(self.report.warnings, "warning")
        told = " and ".join(each for each in counts if not each.startswith("0 ")) or "no findings"
        if self.over_budget:
            return f"{'not ok' if self.found else 'over budget'}: {told}; {self.over_budget}"
        if self.price is not None and self.price.usd is not None:
            told = f"{told}; {told_usd(self.price.usd)} for {self.price.model}"
        return f"{'not ok' if self.found else 'ok'}: {told}"


@dataclass(frozen=True, slots=True)
class Group:
    """The findings of one rule in one file: ``count`` of them, of which ``findings`` are kept."""

    severity: Severity
    rule: str
    count: int
    findings: tuple[Finding, ...]


def groups(of: FileReport, severity: Severity) -> Iterator[Group]:
    """In the order of their first lines."""
    kept: dict[str, list[Finding]] = {}
    others = set()
    for finding in of.findings:
        if finding.severity == severity:
            kept.setdefault(finding.rule, []).append(finding)
        else:
            others.add(finding.rule)
    for rule, findings in kept.items():
        # A rule that is of both severities is counted as one.
        count = len(findings) if rule in others else max(len(findings), of.counts.get(rule, 0))
        yield Group(severity, rule, count, tuple(findings))


def place(finding: Finding) -> str:
    """Such as ``train.jsonl:17``, which editors and terminals open."""
    return printable(finding.path if finding.line is None else f"{finding.path}:{finding.line}")


def example_texts(example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who says what in an example, whatever it is; cut to what can be shown."""
    asked = example.get("input")
    holder = asked if isinstance(asked, dict) else example
    messages = holder.get("messages")
    shown = messages if isinstance(messages, list) else []
    for message in shown[:MAX_MESSAGES]:
        yield _message(message)
    if len(shown) > MAX_MESSAGES:
        yield "…", f"{len(shown) - MAX_MESSAGES} more messages"
    for key in ("preferred_output", "non_preferred_output"):
        for message in _list(example.get(key))[:1]:
            yield key.removesuffix("_output").replace("_", "-"), _message(message)[1]
    known = ("messages", "input", "preferred_output", "non_preferred_output")
    for key, value in [*example.items()][: MAX_MESSAGES + len(known)]:
        if key not in known or (key == "input" and holder is example) or (key == "messages" and not shown):
            yield cut(key, 20), cut(value if isinstance(value, str) else _json(value))


def _message(message: Any) -> tuple[str, str]:
    if not isinstance(message, dict):
        return "?", cut(_json(message))
    content = message.get("content")
    text = content if isinstance(content, str) else _json({**message, "role": None} if content is None else content)
    return cut(str(message.get("role", "?")), 20), cut(text)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(value: Any) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)


# -- words -------------------------------------------------------------------------------------------------------------


def cut(text: str, most: int = MAX_TEXT) -> str:
    text = printable(text[: most + 1])
    return text if len(text) <= most else f"{text[:most]}…"


def price_told(price: ModelPrice) -> str:
    if price.usd is None:
        return f"${price.usd_per_hour or 0:,.0f} an hour"
    return told_usd(price.usd) + (" (assumed)" if price.assumed_price else "")


def has_ended(price: ModelPrice, on: str) -> bool:
    """Whether no training begins any more on the date ``on``. That of the price table, and not today's: a report says
    the same whenever it is made."""
    return price.ends is not None and price.ends <= on


def ends_told(price: ModelPrice, on: str) -> str:
    return f"ended {price.ends}" if has_ended(price, on) else price.ends or ""
