"""What the service takes without a word, and what makes a model worse: what only all lines together can show."""

from __future__ import annotations

from collections.abc import Iterator

from mocktune.domain.report import FileFormat
from mocktune_client.dataset.excerpts import around
from mocktune_client.dataset.merging import Merged
from mocktune_client.dataset.remedies import REMEDIES
from mocktune_client.dataset.repeats import AllFound, Kind
from mocktune_client.dataset.report import Finding
from mocktune_client.dataset.surveying import MAX_SYSTEM_PROMPTS

MOSTLY = 0.5
FEW = 5
"""System prompts that differ are told where one is that of half of the examples, or where there are at most five."""

_SAID: dict[Kind, str] = {
    "duplicate_example": "The same example as line {}.",
    "in_both_files": "The same example is line {} of the training file.",
    "conflicting_answers": "Another answer to the same prompt than line {}.",
    "prompt_in_both_files": "The same prompt is line {} of the training file, with another answer.",
}
_SAID_OTHERWISE: dict[FileFormat, str] = {
    "preference": "Prefers the answer that line {} rejects, to the same prompt.",
    "reinforcement": "Other references to the same prompt than line {}.",
}


def add_repeats(merged: Merged, found: AllFound, training_path: str, format: FileFormat) -> None:
    """Enter what occurs more than once into the findings of one file."""
    for kind, said in _SAID.items():
        repeats = found.of(kind, validation=merged.which == "validation")
        if kind == "conflicting_answers":
            said = _SAID_OTHERWISE.get(format, said)
        elif kind == "prompt_in_both_files" and format == "preference":
            said = "Prefers the answer that line {} of the training file rejects, to the same prompt."
        told = 0
        for repeat in repeats:
            other = training_path if repeat.first > 0 else merged.path
            finding = Finding(
                "warning", kind, merged.path, abs(repeat.line), said.format(f"{abs(repeat.first):,}"), None,
                REMEDIES[kind], (other, abs(repeat.first)),
            )  # fmt: skip
            merged.warn(finding)
            told += 1
        if repeats.count > told:
            merged.counts["warning"][kind] += repeats.count - told


def add_system_prompts(merged: Merged) -> None:
    """Enter the examples whose system prompt is another one than that of most examples, one finding for each prompt.

    Where there are many and none is usual, or more than two hundred, they differ on purpose.
    """
    for finding, times in _other_system_prompts(merged):
        merged.warn(finding)
        merged.counts["warning"][finding.rule] += times - 1


def _other_system_prompts(merged: Merged) -> Iterator[tuple[Finding, int]]:
    prompts = sorted(merged.system_prompts.values(), key=lambda prompt: (-prompt.count, prompt.line))
    if len(prompts) < 2 or len(prompts) > MAX_SYSTEM_PROMPTS or merged.good <= 2 * len(prompts):
        return
    usual = prompts[0]
    if len(prompts) > FEW and usual.count < MOSTLY * merged.good:
        return
    most = f"{usual.count:,} of {merged.good:,} examples"
    for prompt in sorted(prompts[1:], key=lambda prompt: prompt.line):
        what = "No system prompt" if prompt.text is None else "Another system prompt"
        more = f", here and in {prompt.count - 1:,} more" if prompt.count > 1 else ""
        shown = None if prompt.text is None else around(prompt.text)
        than = f"{most} have none" if usual.text is None else f"{most} have the one of line {usual.line:,}"
        yield (
            Finding(
                "warning", "inconsistent_system_prompt", merged.path, prompt.line, f"{what}{more}; {than}.",
                shown, REMEDIES["inconsistent_system_prompt"], (merged.path, usual.line),
            ),
            prompt.count,
        )  # fmt: skip
