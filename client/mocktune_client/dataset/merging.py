"""A file's parts put together, in their order: however it is cut, the file has one report."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator

from mocktune.dataset_engine.syntax import placed, syntax_error
from mocktune.domain.formats.defects import KINDS, Defect, Which
from mocktune.domain.models import TRAIN_CONTEXTS, Encoding
from mocktune_client.dataset.prices import Billed
from mocktune_client.dataset.remedies import BLANK_LINE
from mocktune_client.dataset.repeats import Repeats
from mocktune_client.dataset.report import MAX_FINDINGS, Finding, Severity
from mocktune_client.dataset.survey import Counts, Flaw, Survey, SystemPrompt
from mocktune_client.dataset.surveying import MAX_SYSTEM_PROMPTS
from mocktune_client.dataset.tallies import Tally


class Merged:
    """What is known of one file after the parts added so far."""

    def __init__(self, path: str, which: Which, encodings: tuple[Encoding, ...]) -> None:
        self.path = path
        self.which = which
        self.lines = self.examples = self.good = 0
        self._blanks = 0  # at the end so far
        self.findings: dict[Severity, list[Finding]] = {"error": [], "warning": []}
        self.counts: dict[Severity, Counter[str]] = {"error": Counter(), "warning": Counter()}
        self.syntax_error: str | None = None
        self.defect: Defect | None = None
        self.missing_system = self.missing_user = 0
        self.system_prompts: dict[int, SystemPrompt] = {}
        self.messages, self.totals, self.assistants = Tally(), Tally(), Tally()
        self._totals = dict.fromkeys(encodings, 0)
        self._beyond = {encoding: [0] * len(TRAIN_CONTEXTS) for encoding in encodings}
        self._examples_beyond = {encoding: [0] * len(TRAIN_CONTEXTS) for encoding in encodings}
        self.images = self.vision_examples = 0

    def add(self, part: Survey, repeats: Repeats) -> None:
        before = self.lines
        if part.blanks < part.lines:
            self._blanks_were_inside()
            self._blanks = part.blanks
        else:
            self._blanks += part.blanks
        for flaw in part.flaws:
            self._keep(flaw, before)
        for severity, counts in part.counts.items():
            self.counts[severity].update(counts)
        self._remember(part, repeats, before)
        for key, prompt in part.system_prompts.items():
            known = self.system_prompts.get(key)
            if known is not None:
                known.count += prompt.count
            elif len(self.system_prompts) <= MAX_SYSTEM_PROMPTS:  # one more tells that there are too many
                self.system_prompts[key] = SystemPrompt(prompt.count, before + prompt.line, prompt.text)
        self.lines += part.lines
        self.examples += part.examples
        self.good += part.good
        self.missing_system += part.missing_system
        self.missing_user += part.missing_user
        self.images += part.images
        self.vision_examples += part.vision_examples
        _add(self.messages, part.messages)
        _add(self.totals, part.totals)
        _add(self.assistants, part.assistants)
        for encoding, tokens in part.tokens.items():
            self._totals[encoding] += tokens.total
            for index in range(len(TRAIN_CONTEXTS)):
                self._beyond[encoding][index] += tokens.beyond[index]
                self._examples_beyond[encoding][index] += tokens.examples_beyond[index]

    def billed(self, encoding: Encoding, context: int) -> Billed:
        """Tokens of one epoch, cut at one of ``TRAIN_CONTEXTS``."""
        index = TRAIN_CONTEXTS.index(context)
        cut = self._beyond[encoding][index]
        return Billed(self._totals[encoding] - cut, self._examples_beyond[encoding][index])

    @property
    def written(self) -> int:
        """Lines with something on them: the examples there will be when all errors are mended."""
        return self.lines - self._blanks - self.counts["error"][BLANK_LINE.name]

    def warn(self, finding: Finding, times: int = 1) -> None:
        """A finding that only all lines together could show."""
        self.counts["warning"][finding.rule] += times
        self.findings["warning"].append(finding)

    def kept(self, severity: Severity) -> Iterator[Finding]:
        """The first of them, by line."""
        found = sorted(self.findings[severity], key=lambda finding: finding.line or 0)
        return iter(found[:MAX_FINDINGS])

    def _remember(self, part: Survey, repeats: Repeats, before: int) -> None:
        sign = 1 if self.which == "training" else -1
        if sign == 1 and part.good == part.lines:
            numbers = array("q", range(before + 1, before + part.lines + 1))
        else:
            numbers = array("q", [sign * (before + number) for number in array("q", part.numbers)])
        repeats.add(numbers, array("q", part.prompts), array("q", part.hashes))

    def _blanks_were_inside(self) -> None:
        """A line with something on it comes: those before it that are blank are faults."""
        first = self.lines - self._blanks + 1
        for line in range(first, min(self.lines, first + MAX_FINDINGS) + 1):
            flaw = Flaw("error", line, BLANK_LINE.name, None, placed("Expecting value", 0), None, BLANK_LINE.remedy)
            self._keep(flaw, 0)
        if self._blanks:
            self.counts["error"][BLANK_LINE.name] += self._blanks

    def _keep(self, flaw: Flaw, before: int) -> None:
        line = before + flaw.line
        message, code = flaw.detail, None
        if flaw.severity == "error" and flaw.kind is None:
            message = syntax_error(flaw.detail, line)
            code = Defect("not_json", message).code_for(self.which)
            self.syntax_error = self.syntax_error or message
        elif flaw.kind is not None:
            defect = Defect(flaw.kind, flaw.detail, flaw.line).moved(before)
            message, code = defect.detail, defect.code_for(self.which)
            self.defect = self.defect or defect
        kept = self.findings[flaw.severity]
        if len(kept) < MAX_FINDINGS:
            found = Finding(flaw.severity, flaw.rule, self.path, line, message, flaw.excerpt, flaw.remedy, None, code)
            kept.append(found)


def finding_of(defect: Defect, merged: Merged, remedy: str) -> Finding:
    """Of a defect that lies in no line."""
    assert defect.kind in KINDS
    code = defect.code_for(merged.which)
    return Finding("error", defect.kind, merged.path, defect.line, defect.detail.strip(), None, remedy, None, code)


def _add(tally: Tally, counts: Counts) -> None:
    tally.add_counts(counts.counts, counts.total, counts.max)
