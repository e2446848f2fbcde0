"""The one look at every line of a part of a dataset, whatever is wrong with those before it."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Sequence
from typing import BinaryIO, Literal

import msgspec

from mocktune.dataset_engine.syntax import json_fault, placed
from mocktune.domain.billing import example_texts
from mocktune_client.dataset import examples as single
from mocktune_client.dataset.accounts import Accounts, Good, Shape
from mocktune_client.dataset.excerpts import MAX_CHARS
from mocktune_client.dataset.flaws import Flaws
from mocktune_client.dataset.reading import TooLong, line_lists
from mocktune_client.dataset.survey import Counts, Question, Survey, SystemPrompt
from mocktune_client.dataset.tallies import Tally, coarse

MAX_SYSTEM_PROMPTS = 200
"""Different system prompts that are kept apart; a file with more of them has one for each example, on purpose."""

_BLANKS = b" \t\r"
_TOKEN = re.compile(r"<(?=\|)")
"""Where a control token may begin; an expression with one character to look for is found four times as fast as two."""

_DECODER = msgspec.json.Decoder()


class _PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    content: str


class _PlainExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_PlainMessage]


_PLAIN_DECODER = msgspec.json.Decoder(_PlainExample)


def survey(source: BinaryIO, length: int, question: Question) -> Survey:
    """Read ``length`` bytes, whole lines, from where ``source`` stands."""
    reading = _Reading(question)
    for lines in line_lists(source, length):
        reading.add(lines)
    return reading.survey()


class _Reading:
    """What is known after the lines read so far."""

    def __init__(self, question: Question) -> None:
        self.format = question.format
        self.encodings = question.encodings
        self.flaws = Flaws()
        self.accounts = Accounts(question, self.flaws)
        self.lines = self.blanks = self.examples = self.good = 0
        self.shapes: Counter[Shape] = Counter()
        self.missing_system = self.missing_user = 0
        self.system_prompts: dict[int, SystemPrompt] = {}
        self.messages = Tally()
        self.images = self.vision_examples = 0
        self.numbers, self.prompts, self.hashes = array("q"), array("q"), array("q")

    def add(self, lines: list[bytes] | TooLong) -> None:
        if isinstance(lines, TooLong):
            self._blanks_were_inside()
            self.lines += 1
            self.flaws.add_fault(self.lines, b"", placed(f"Line is longer than {lines.limit} bytes", 0))
            return
        if self.format == "chat":
            try:
                examples = list(map(_PLAIN_DECODER.decode, lines))
            except (ValueError, RecursionError):
                pass
            else:
                if self._add_plain(examples, lines):
                    return
        self._add_lines(lines)

    # -- plain chat: many lines at once --------------------------------------------------------------------------------

    def _add_plain(self, examples: list[_PlainExample], lines: Sequence[bytes]) -> bool:
        """Take good examples of nothing but plain messages, as most are; False, with nothing taken, for any others.

        This is what the check of most files spends its time with, so it does no more than it has to.
        """
        prompts: list[int] = []
        hashes: list[int] = []
        texts: list[str] = []
        shapes: list[Shape] = []
        empty: list[int] = []
        for example in examples:
            contents = []
            roles = []
            for message in example.messages:
                roles.append(message.role)
                contents.append(message.content)
            if not roles or roles[-1] != "assistant":
                return False
            shape = tuple(roles)
            shapes.append(shape)
            texts += contents
            answer = contents.pop()
            if not answer or answer.isspace():
                empty.append(len(shapes))
            prompt = hash((shape, *contents)) if contents else 0
            prompts.append(prompt)
            hashes.append(hash((prompt, answer)))
        if _TOKEN.search("".join(texts)):
            return False
        self._blanks_were_inside()
        before = self.lines
        count = len(examples)
        self.lines += count
        self.examples += count
        self.good += count
        self.numbers.extend(range(before + 1, before + count + 1))
        self.prompts.extend(prompts)
        self.hashes.extend(hashes)
        self.shapes.update(shapes)
        if len(self.shapes) > MAX_SYSTEM_PROMPTS:
            self._count_shapes()
        self._plain_system_prompts(shapes, texts, before)
        for place in empty:
            if not any(
                message.role == "assistant" and message.content.strip() for message in examples[place - 1].messages
            ):
                self.flaws.warn(before + place, "nothing_to_learn", "The answer is empty.", lines[place - 1])
        if self.encodings:
            self.accounts.count_plain(shapes, texts, lines, before + 1)
        return True

    def _plain_system_prompts(self, shapes: list[Shape], texts: list[str], before: int) -> None:
        known = self.system_prompts
        if len(known) > MAX_SYSTEM_PROMPTS:
            return
        start = 0
        for number, shape in enumerate(shapes, before + 1):
            text = texts[start] if shape[0] == "system" else None
            start += len(shape)
            # As _system_prompt has it, without a call for those that are known.
            entry = known.get(0 if text is None else hash(text))
            if entry is not None:
                entry.count += 1
            else:
                self._system_prompt(text, number)

    # -- anything: line by line ----------------------------------------------------------------------------------------

    def _add_lines(self, lines: list[bytes]) -> None:
        batch: list[Good] = []
        for line in lines:
            if not line.strip(_BLANKS):
                self.lines += 1
                self.blanks += 1
                continue
            self._blanks_were_inside()
            self.lines += 1
            try:
                example = _DECODER.decode(line)
            except (ValueError, RecursionError) as refusal:
                self.flaws.add_fault(self.lines, line, json_fault(line, refusal))
                continue
            if type(example) is not dict:
                self.flaws.add_fault(self.lines, line, placed("Expecting a JSON object", 0))
                continue
            self.examples += 1
            if not self.flaws.add_defects(self.lines, example, self.format):
                texts = example_texts(example, self.format, self.encodings[0] if self.encodings else "o200k_base")
                batch.append(Good(self.lines, line, example, texts))
                self._add_good(batch[-1])
        if self.encodings and batch:
            self.accounts.count(batch)

    def _add_good(self, each: Good) -> None:
        """All of a good example but its tokens."""
        example, texts = each.example, each.texts
        self.good += 1
        try:
            prompt, hashed = single.hashes(example, self.format)
            warnings = list(single.warnings(example, self.format, texts))
        except RecursionError:  # what can just be read can sometimes not be written or compared
            prompt, hashed, warnings = 0, hash(each.line), []
        self.numbers.append(each.number)
        self.prompts.append(prompt)
        self.hashes.append(hashed)
        if self.format != "prompt_completion":
            messages = single.messages_of(example, self.format)
            self.shapes[tuple(message["role"] for message in messages)] += 1
            if len(self.shapes) > MAX_SYSTEM_PROMPTS:
                self._count_shapes()
            self._system_prompt(single.system_prompt(messages), each.number)
        if texts.images:
            self.images += texts.images
            self.vision_examples += 1
        for rule, said in warnings:
            self.flaws.warn(each.number, rule, said, each.line)

    def _blanks_were_inside(self) -> None:
        """A line with something on it comes: those before it that are blank are faults."""
        for number in range(self.lines - self.blanks + 1, self.lines + 1):
            self.flaws.add_blank(number)
        self.blanks = 0

    # -- numbers -------------------------------------------------------------------------------------------------------

    def _system_prompt(self, text: str | None, line: int) -> None:
        key = 0 if text is None else hash(text)
        entry = self.system_prompts.get(key)
        if entry is not None:
            entry.count += 1
        elif len(self.system_prompts) <= MAX_SYSTEM_PROMPTS:  # one more tells that there are too many
            self.system_prompts[key] = SystemPrompt(1, line, None if text is None else text[: MAX_CHARS + 1])

    def _count_shapes(self) -> None:
        for shape, count in self.shapes.items():
            self.missing_system += 0 if single.SYSTEM_ROLES.intersection(shape) else count
            self.missing_user += 0 if "user" in shape else count
            self.messages.add_counts({coarse(len(shape)): count}, len(shape) * count, len(shape))
        self.shapes.clear()

    def survey(self) -> Survey:
        self._count_shapes()
        return Survey(
            lines=self.lines,
            blanks=self.blanks,
            examples=self.examples,
            good=self.good,
            flaws=self.flaws.kept,
            counts={severity: dict(counts) for severity, counts in self.flaws.counts.items()},
            missing_system=self.missing_system,
            missing_user=self.missing_user,
            system_prompts=self.system_prompts,
            messages=_handed_on(self.messages),
            totals=_handed_on(self.accounts.totals),
            assistants=_handed_on(self.accounts.assistants),
            tokens=self.accounts.tokens,
            images=self.images,
            vision_examples=self.vision_examples,
            numbers=self.numbers.tobytes(),
            prompts=self.prompts.tobytes(),
            hashes=self.hashes.tobytes(),
        )


def _handed_on(tally: Tally) -> Counts:
    return Counts(dict(tally.counts), tally.total, tally.max)
