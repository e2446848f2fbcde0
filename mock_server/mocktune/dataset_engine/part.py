"""What one part of a dataset says, whole lines of it read once; a file is one part, or several put together.

A part does not know how many lines stand before it, so it numbers its own from 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, BinaryIO, Literal

import msgspec

from mocktune.dataset_engine.lines import LineTooLong, blocks
from mocktune.dataset_engine.syntax import json_fault, placed
from mocktune.dataset_engine.tokenizer import count_batch
from mocktune.domain.billing import (
    TOKENS_PER_EXAMPLE,
    TOKENS_PER_MESSAGE,
    ExampleTexts,
    count_examples,
    example_texts,
)
from mocktune.domain.formats import check_example, detect
from mocktune.domain.formats.defects import Defect
from mocktune.domain.models import TRAIN_CONTEXTS, Encoding, Method
from mocktune.domain.report import FileFormat

SAMPLE_BYTES = 256 << 10

_BLANKS = b" \t\r"
_DECODER = msgspec.json.Decoder()


class _PlainMessage(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["system", "user", "assistant"]
    content: str


class _PlainExample(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    messages: list[_PlainMessage]


_PLAIN_DECODER = msgspec.json.Decoder(_PlainExample)


@dataclass(frozen=True, slots=True)
class Part:
    """``fault`` says why the line after the examples is no JSON object; ``blank`` tells that the part ends in a blank
    line, which only the end of a file may. ``cut_tokens`` are those beyond each of ``TRAIN_CONTEXTS``. ``sample`` is
    the beginning of what is learned, enough texts for ``SAMPLE_BYTES`` of it.
    """

    format: FileFormat
    examples: int
    fault: str | None
    defect: Defect | None
    blank: bool
    total_tokens: int
    content_tokens: int
    assistant_tokens: int
    cut_tokens: tuple[int, ...]
    images: int
    skipped_images: int
    vision_examples: int
    sample: tuple[str, ...]


def read_part(
    source: BinaryIO,
    encoding: Encoding | None,
    method: Method = "supervised",
    *,
    format: FileFormat | None = None,
    length: int | None = None,
) -> Part:
    """Read ``length`` bytes from where ``source`` stands, or to its end.

    Without an ``encoding`` nothing is counted but examples. ``format`` is the file's; without it, its first example is
    taken for the file's first. Nothing is read after the first line that is not a JSON object. After a defect examples
    are still parsed and counted, but neither checked nor are their tokens counted: the job fails anyway.
    """
    reading = _Reading(encoding, method, format)
    try:
        for block in blocks(source, length):
            reading.add(block)
            if reading.fault is not None:
                break
    except LineTooLong as error:
        reading.fault = placed(f"Line is longer than {error.limit} bytes", 0)
    return reading.part()


def format_of(block: bytes, method: Method) -> FileFormat | None:
    """The format of a file whose first lines are ``block``; None where the first one is no JSON."""
    try:
        return detect(_DECODER.decode(block.partition(b"\n")[0]), method)
    except (ValueError, RecursionError):
        return None


def too_long(error: LineTooLong) -> Part:
    """The part that is a line too long to be read."""
    return replace(
        _Reading(None, "supervised", None).part(), fault=placed(f"Line is longer than {error.limit} bytes", 0)
    )


class _Reading:
    """What is known after the lines read so far."""

    def __init__(self, encoding: Encoding | None, method: Method, format: FileFormat | None) -> None:
        self.encoding = encoding
        self.count = partial(count_batch, encoding=encoding) if encoding else None
        self.method = method
        self.format = format
        self.examples = 0
        self.fault: str | None = None
        self.defect: Defect | None = None
        self.blank = False  # a line was blank: so must be all that follow
        self.total_tokens = self.content_tokens = self.assistant_tokens = 0
        self.cut_tokens = [0] * len(TRAIN_CONTEXTS)
        self.images = self.skipped_images = self.vision_examples = 0
        self.sample: list[str] = []
        self.sample_bytes = 0

    def add(self, block: bytes) -> None:
        if self.defect is None and not self.blank and self.format in ("chat", None) and self._add_plain(block):
            return
        self._add_lines(block)

    # -- plain chat: many lines at once --------------------------------------------------------------------------------

    def _add_plain(self, block: bytes) -> bool:
        """Take a block of which every line is a good chat example of nothing but plain messages, as most are; False,
        with nothing taken, for any other block."""
        examples = _plain_examples(block)
        # Only chat is decoded so, and under another method only a look at the whole example tells its format.
        if examples is None or (self.format is None and self.method != "supervised"):
            return False
        # A bar may also be written as an escape. Both single bytes are found much faster than what they begin.
        suspicious = b"|" in block or b"\\" in block
        for example in examples:
            messages = example.messages
            if not messages or messages[-1].role != "assistant":
                return False
            if suspicious:
                for message in messages:
                    if "|" in message.content and "<|" in message.content:
                        return False
        self.format = "chat"
        self.examples += len(examples)
        if self.count is not None:
            self._count_plain(block, examples)
        return True

    def _count_plain(self, block: bytes, examples: list[_PlainExample]) -> None:
        # No line has more tokens than bytes, its overhead included.
        if len(block) > TRAIN_CONTEXTS[0] and max(map(len, block.split(b"\n"))) > TRAIN_CONTEXTS[0]:
            self._count([_texts(example) for example in examples])
            return
        assert self.count is not None
        context: list[str] = []
        learned: list[str] = []
        for example in examples:
            for message in example.messages:
                (learned if message.role == "assistant" else context).append(message.content)
        counts = self.count(context + learned)
        content = sum(counts)
        self.content_tokens += content
        self.assistant_tokens += sum(counts[len(context) :])
        self.total_tokens += content + TOKENS_PER_MESSAGE * len(counts) + TOKENS_PER_EXAMPLE * len(examples)
        self._sample(learned)

    # -- anything: line by line ----------------------------------------------------------------------------------------

    def _add_lines(self, block: bytes) -> None:
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()  # what follows the last line end
        batch: list[ExampleTexts] = []
        for line in lines:
            if self.blank:
                if line.strip(_BLANKS):
                    self.fault = placed("Expecting value", 0)  # for the blank line, as Python's json words it
                    break
                continue
            try:
                example = _DECODER.decode(line)
            except (ValueError, RecursionError) as refusal:
                if line.strip(_BLANKS):
                    self.fault = json_fault(line, refusal)
                    break
                self.blank = True
                continue
            if type(example) is not dict:
                self.fault = placed("Expecting a JSON object", 0)
                break
            self._add_example(example, batch)
        self._count(batch)

    def _add_example(self, example: dict[str, Any], batch: list[ExampleTexts]) -> None:
        self.examples += 1
        if self.format is None:
            self.format = detect(example, self.method)
        if self.defect is None:
            self.defect = check_example(self.format, example, self.examples)
            if self.defect is None and self.encoding:
                batch.append(example_texts(example, self.format, self.encoding))

    def _count(self, batch: list[ExampleTexts]) -> None:
        if self.count is None:
            return
        for tokens in count_examples(batch, self.count):
            self.total_tokens += tokens.total
            self.content_tokens += tokens.content
            self.assistant_tokens += tokens.assistant
            if tokens.total > TRAIN_CONTEXTS[0]:
                for index, context in enumerate(TRAIN_CONTEXTS):
                    self.cut_tokens[index] += max(0, tokens.total - context)
        for texts in batch:
            if texts.images:
                self.images += texts.images
                self.skipped_images += texts.skipped_images
                self.vision_examples += 1
        self._sample(text for texts in batch for text in texts.learned)

    def _sample(self, learned: Iterable[str]) -> None:
        if self.sample_bytes >= SAMPLE_BYTES:
            return
        for text in learned:
            piece = sample_piece(text, SAMPLE_BYTES - self.sample_bytes)
            self.sample.append(piece)
            self.sample_bytes += sampled_bytes(piece)
            if self.sample_bytes >= SAMPLE_BYTES:
                return

    def part(self) -> Part:
        return Part(
            self.format or "unknown",
            self.examples,
            self.fault,
            self.defect,
            self.blank,
            self.total_tokens,
            self.content_tokens,
            self.assistant_tokens,
            tuple(self.cut_tokens),
            self.images,
            self.skipped_images,
            self.vision_examples,
            tuple(self.sample),
        )


def sample_piece(text: str, room: int) -> str:
    """What of ``text`` goes into a sample with ``room`` bytes left."""
    return text[:room]


def sampled_bytes(piece: str) -> int:
    return len(piece.encode("utf-8", "replace")) + 1


def _plain_examples(block: bytes) -> list[_PlainExample] | None:
    """The examples of a block of lines; None where a line is not one plain chat example.

    Looking for ways in which lines decoded in one go may hide what they are takes longer than decoding one by one.
    """
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()  # what follows the last line end
    try:
        return list(map(_PLAIN_DECODER.decode, lines))
    except (ValueError, RecursionError):
        return None


def _texts(example: _PlainExample) -> ExampleTexts:
    context = [message.content for message in example.messages if message.role != "assistant"]
    learned = [message.content for message in example.messages if message.role == "assistant"]
    return ExampleTexts(context, learned, [], TOKENS_PER_EXAMPLE + TOKENS_PER_MESSAGE * len(example.messages))
