"""One pass over an uploaded dataset: is it JSON, what is wrong with it, and how many tokens are in it.

The file is read in blocks of 1 MiB, and what a block holds is decoded, checked and counted before the next is read, so
memory does not grow with the file. The tokens of a block are counted in one call.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterable, Iterator
from functools import partial
from math import log, log10
from typing import BinaryIO

import msgspec

from mocktune.dataset_engine.tokenizer import count_batch
from mocktune.domain.billing import ExampleTexts, count_examples, example_texts
from mocktune.domain.formats import check_example, detect
from mocktune.domain.formats.defects import Defect
from mocktune.domain.models import TRAIN_CONTEXTS, Encoding
from mocktune.domain.report import FileFormat, FileReport

BLOCK_BYTES = 1 << 20
MAX_LINE_BYTES = 16 << 20
SAMPLE_BYTES = 256 << 10

_BLANKS = b" \t\r"
_DECODER = msgspec.json.Decoder()

_ORDINARY = 0.4
"""The predictability of ordinary prose."""


def read_report(source: BinaryIO, encoding: Encoding) -> FileReport:
    """The report of the dataset in ``source``, read from where it stands to its end.

    Lines are numbered from 1 and hold one example each; only the end of the file may be blank. Nothing is read after
    the first line that is not a JSON object (a ``syntax_error``, which outweighs a defect before it). After a defect
    examples are still parsed and counted, but neither checked nor are their tokens counted: the job fails anyway.
    """
    reading = _Reading(encoding)
    try:
        for lines in _blocks_of_lines(source):
            reading.add(lines)
            if reading.syntax_error:
                break
    except _LineTooLong:
        reading.fail(_placed(f"Line is longer than {MAX_LINE_BYTES} bytes", 0))
    return reading.report()


class _LineTooLong(Exception):
    """The line after those handed out so far is over ``MAX_LINE_BYTES``."""


def _blocks_of_lines(source: BinaryIO) -> Iterator[list[bytes]]:
    """The lines of ``source`` without their line ends, those that end in one block of it at a time."""
    begun: list[bytes] = []  # the pieces of a line whose end was not read yet
    begun_bytes = 0
    while block := source.read(BLOCK_BYTES):
        lines = block.split(b"\n")
        begun_bytes += len(lines[0])
        if begun_bytes > MAX_LINE_BYTES:
            raise _LineTooLong
        begun.append(lines[0])
        if len(lines) == 1:
            continue
        lines[0] = b"".join(begun)
        begun = [lines.pop()]
        begun_bytes = len(begun[0])
        yield lines
    if begun_bytes:
        yield [b"".join(begun)]


class _Reading:
    """What is known after the lines read so far."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self.count = partial(count_batch, encoding=encoding)
        self.format: FileFormat = "unknown"
        self.examples = 0
        self.syntax_error: str | None = None
        self.defect: Defect | None = None
        self.blank_line = False  # a line was blank: so must be all that follow
        self.total_tokens = self.content_tokens = self.assistant_tokens = 0
        self.cut_tokens = dict.fromkeys(TRAIN_CONTEXTS, 0)
        self.sample: list[bytes] = []
        self.sample_bytes = 0

    def add(self, lines: list[bytes]) -> None:
        batch: list[ExampleTexts] = []
        for line in lines:
            if self.blank_line:
                if line.strip(_BLANKS):
                    self.fail(_placed("Expecting value", 0))  # for the blank line, as Python's json words it
                    break
                continue
            try:
                example = _DECODER.decode(line)
            except (ValueError, RecursionError) as refusal:
                if line.strip(_BLANKS):
                    self.fail(_json_fault(line, refusal))
                    break
                self.blank_line = True
                continue
            if type(example) is not dict:
                self.fail(_placed("Expecting a JSON object", 0))
                break
            self.examples += 1
            if self.examples == 1:
                self.format = detect(example)
            if self.defect is None:
                self.defect = check_example(self.format, example, self.examples)
                if self.defect is None:
                    batch.append(example_texts(example, self.format, self.encoding))
        self._count(batch)

    def fail(self, fault: str) -> None:
        """Note that the line after the examples read so far is not JSON (words: OBS, openai-php fixture)."""
        number = self.examples + 1
        self.syntax_error = (
            f"Invalid file format. Example {number} cannot be parsed. "
            f"Error: line contains invalid json: {fault} (line {number})"
        )

    def _count(self, batch: list[ExampleTexts]) -> None:
        for tokens in count_examples(batch, self.count):
            self.total_tokens += tokens.total
            self.content_tokens += tokens.content
            self.assistant_tokens += tokens.assistant
            if tokens.total > TRAIN_CONTEXTS[0]:
                for context in TRAIN_CONTEXTS:
                    self.cut_tokens[context] += max(0, tokens.total - context)
        if self.sample_bytes < SAMPLE_BYTES:
            self._sample(text for texts in batch for text in texts.learned)

    def _sample(self, learned: Iterable[str]) -> None:
        for text in learned:
            piece = text[: SAMPLE_BYTES - self.sample_bytes].encode("utf-8", "replace") + b"\n"
            self.sample.append(piece)
            self.sample_bytes += len(piece)
            if self.sample_bytes >= SAMPLE_BYTES:
                return

    def report(self) -> FileReport:
        return FileReport(
            format=self.format,
            examples=self.examples,
            syntax_error=self.syntax_error,
            defect=None if self.syntax_error else self.defect,
            content_tokens=self.content_tokens,
            assistant_tokens=self.assistant_tokens,
            billable_tokens={context: self.total_tokens - self.cut_tokens[context] for context in TRAIN_CONTEXTS},
            predictability=predictability(b"".join(self.sample)),
        )


def _json_fault(line: bytes, refusal: Exception) -> str:
    """What Python's json says of a line that msgspec refused: the service's recorded words are Python's."""
    try:
        json.loads(line.decode())
    except json.JSONDecodeError as error:
        return str(error)
    except UnicodeDecodeError as error:
        return _placed("Invalid UTF-8", len(line[: error.start].decode()))
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits, and ten thousand brackets
        return _placed("Nesting is too deep" if isinstance(error, RecursionError) else "Number out of range", 0)
    # Python takes more than JSON allows: NaN, 1e400, half a surrogate pair. msgspec says where, sometimes.
    place = re.search(r"\(byte (\d+)\)", str(refusal))
    return _placed("Invalid value", len(line[: int(place[1])].decode("utf-8", "replace")) if place else 0)


def _placed(said: str, position: int) -> str:
    return f"{said}: line 1 column {position + 1} (char {position})"


def predictability(text: bytes) -> float:
    """How predictable ``text`` is, in 0..1: about 1 for a few answers again and again, 0.4 for prose, 0 for noise.

    The measure is the share that repetition saves (*gain*): the size after deflate over the size after its Huffman
    coding alone, so that a small alphabet, as of hexadecimal digits, does not pass for repetition. Prose repeats
    itself the more the longer it is: its gain was measured as 0.15 at 1 kB and 0.16 more for each factor of 10, up to
    0.48. The exponent that maps the gain of prose *of this size* to 0.4 leaves 0 and 1 where they are.

    A text too small to repeat itself proves no noise, so what it gets at least falls from 0.4 as it grows.
    """
    size = len(text)
    if not size:
        return _ORDINARY
    gain = 1 - _deflated_bytes(text, zlib.Z_DEFAULT_STRATEGY) / _deflated_bytes(text, zlib.Z_HUFFMAN_ONLY)
    gain_of_prose = min(0.48, max(0.05, 0.15 + 0.16 * log10(size / 1000)))
    mapped: float = max(0.0, gain) ** (log(_ORDINARY) / log(gain_of_prose))
    # Rounded, since another build of zlib may save a few bytes more.
    return round(max(mapped, _ORDINARY * 200 / (size + 200)), 2)


def _deflated_bytes(text: bytes, strategy: int) -> int:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, 9, strategy)
    return len(compressor.compress(text)) + len(compressor.flush())
