"""What is found wrong with a part of a dataset: all of it counted, the first of it kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from mocktune.dataset_engine.syntax import placed
from mocktune.domain.formats import defects
from mocktune.domain.report import FileFormat
from mocktune_client.dataset import excerpts
from mocktune_client.dataset.remedies import BLANK_LINE, REMEDIES, Rule, rule_of, rule_of_fault
from mocktune_client.dataset.report import MAX_FINDINGS, Severity
from mocktune_client.dataset.survey import Flaw

MAX_DEFECTS_OF_LINE = 100


class Flaws:
    """Collects them in the order of lines; a text is only made for those that are kept."""

    def __init__(self) -> None:
        self.counts: dict[Severity, Counter[str]] = {"error": Counter(), "warning": Counter()}
        self._kept: dict[Severity, list[Flaw]] = {"error": [], "warning": []}
        self._faulted = False

    @property
    def kept(self) -> list[Flaw]:
        return [*self._kept["error"], *self._kept["warning"]]

    def add_fault(self, number: int, line: bytes, fault: str) -> None:
        """Line ``number`` is no JSON object, as its reader says."""
        shown = partial(excerpts.of_fault, line, fault)
        self._add("error", number, rule_of_fault(line, fault), None, fault, shown)

    def add_blank(self, number: int) -> None:
        """Line ``number`` is blank, and something follows it."""
        self._add("error", number, BLANK_LINE, None, placed("Expecting value", 0), str)

    def add_defects(self, number: int, example: dict[str, Any], format: FileFormat) -> bool:
        """Whether the example has any."""
        found = False
        for defect in islice(defects(format, example, number), MAX_DEFECTS_OF_LINE):
            found = True
            shown = partial(excerpts.of_defect, example, defect.detail)
            self._add("error", number, rule_of(defect.detail), defect.kind, defect.detail, shown)
        return found

    def warn(self, number: int, rule: str, said: str, line: bytes) -> None:
        cut = line[: 4 * excerpts.MAX_CHARS + 4]
        named = Rule(rule, REMEDIES[rule])
        self._add("warning", number, named, None, said, lambda: excerpts.around(cut.decode("utf-8", "replace")))

    def _add(
        self, severity: Severity, number: int, rule: Rule, kind: str | None, detail: str, excerpt: Callable[[], str]
    ) -> None:
        self.counts[severity][rule.name] += 1
        kept = self._kept[severity]
        # The first line that is no JSON outweighs all defects before it, however many.
        first_fault = severity == "error" and kind is None and not self._faulted
        self._faulted = self._faulted or first_fault
        if len(kept) < MAX_FINDINGS or first_fault:
            kept.append(Flaw(severity, number, rule.name, kind, detail, excerpt() or None, rule.remedy))
