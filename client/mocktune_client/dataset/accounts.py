"""The tokens of a part of a dataset: of each example, and what is billed for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from mocktune.dataset_engine.tokenizer import count_batch
from mocktune.domain.billing import (
    TOKENS_PER_EXAMPLE,
    TOKENS_PER_MESSAGE,
    Count,
    ExampleTexts,
    count_examples,
    example_texts,
)
from mocktune.domain.models import TRAIN_CONTEXTS, Encoding
from mocktune.domain.report import FileFormat
from mocktune_client.dataset.examples import has_one_answer
from mocktune_client.dataset.flaws import Flaws
from mocktune_client.dataset.survey import Question, Tokens
from mocktune_client.dataset.tallies import Tally

Shape = tuple[str, ...]
"""The roles of an example's messages."""


class Good(NamedTuple):
    """An example without defects, its line's number and text, and its texts for the first encoding."""

    number: int
    line: bytes
    example: dict[str, Any]
    texts: ExampleTexts

    def texts_for(self, encoding: Encoding, format: FileFormat) -> ExampleTexts:
        # Only the overhead of definitions depends on it.
        return example_texts(self.example, format, encoding) if self.texts.definitions else self.texts


class Accounts:
    """Counts in every encoding of the question; examples that are cut are told to ``flaws``."""

    def __init__(self, question: Question, flaws: Flaws) -> None:
        self._format = question.format
        self._encodings = question.encodings
        self._context = question.context
        self._flaws = flaws
        self.totals, self.assistants = Tally(), Tally()
        self.tokens = {
            encoding: Tokens(0, [0] * len(TRAIN_CONTEXTS), [0] * len(TRAIN_CONTEXTS)) for encoding in self._encodings
        }

    def count(self, batch: Sequence[Good]) -> None:
        for encoding in self._encodings:
            texts = [each.texts_for(encoding, self._format) for each in batch]
            tokens = count_examples(texts, _counter(encoding))
            totals = [each.total for each in tokens]
            self._bill(encoding, totals)
            if encoding != self._encodings[0]:
                continue
            self.totals.add(totals)
            self.assistants.add([each.assistant for each in tokens])
            for good, each in zip(batch, tokens, strict=True):
                if each.total > self._context:
                    alone = has_one_answer(good.example, self._format)
                    self._tell_cut(good.number, each.total, each.assistant if alone else None, good.line)

    def count_plain(self, shapes: Sequence[Shape], texts: list[str], lines: Sequence[bytes], first: int) -> None:
        """Of chats of nothing but roles and texts, the ``texts`` of all in a row; their lines are numbered from
        ``first`` on."""
        for encoding in self._encodings:
            counts = count_batch(texts, encoding)
            if encoding == self._encodings[0]:
                totals = list(_plain_totals(shapes, counts))
                assistants = list(_plain_assistants(shapes, counts))
                self.totals.add(totals)
                self.assistants.add(assistants)
                self._bill(encoding, totals)
                if max(totals) > self._context:
                    for number, (shape, total, learned) in enumerate(
                        zip(shapes, totals, assistants, strict=True), first
                    ):
                        answer = learned if shape.count("assistant") == 1 else None
                        self._tell_cut(number, total, answer, lines[number - first])
            elif max(map(len, lines)) <= TRAIN_CONTEXTS[0]:
                # No line has more tokens than bytes, its overhead included: nothing is cut.
                overhead = TOKENS_PER_MESSAGE * len(counts) + TOKENS_PER_EXAMPLE * len(shapes)
                self.tokens[encoding].total += sum(counts) + overhead
            else:
                self._bill(encoding, list(_plain_totals(shapes, counts)))

    def _tell_cut(self, number: int, total: int, answer: int | None, line: bytes) -> None:
        """``answer`` is the length of the one answer at the end, None where there is none or more than one."""
        if total <= self._context:
            return
        said = f"The example has {total:,} tokens, and is cut after {self._context:,}"
        if answer is not None and total - answer >= self._context:
            self._flaws.warn(number, "answer_cut_off", f"{said}, before its answer begins: nothing is learned.", line)
        else:
            self._flaws.warn(number, "example_cut", f"{said}.", line)

    def _bill(self, encoding: Encoding, totals: list[int]) -> None:
        tokens = self.tokens[encoding]
        tokens.total += sum(totals)
        if max(totals) <= TRAIN_CONTEXTS[0]:
            return
        for total in totals:
            for index, context in enumerate(TRAIN_CONTEXTS):
                if total > context:
                    tokens.beyond[index] += total - context
                    tokens.examples_beyond[index] += 1


def _plain_totals(shapes: Sequence[Shape], counts: list[int]) -> Iterator[int]:
    start = 0
    for shape in shapes:
        end = start + len(shape)
        yield sum(counts[start:end]) + TOKENS_PER_MESSAGE * (end - start) + TOKENS_PER_EXAMPLE
        start = end


def _plain_assistants(shapes: Sequence[Shape], counts: list[int]) -> Iterator[int]:
    start = 0
    for shape in shapes:
        end = start + len(shape)
        if shape.count("assistant") == 1:  # the last one
            yield counts[end - 1]
        else:
            yield sum(count for count, role in zip(counts[start:end], shape, strict=True) if role == "assistant")
        start = end


def _counter(encoding: Encoding) -> Count:
    return lambda texts: count_batch(texts, encoding)
