"""One pass over a dataset. Recorded (openai-php fixture), the ``status_details`` of a file that is not JSON:

Invalid file format. Example 1273 cannot be parsed. Error: line contains invalid json: Expecting ',' delimiter:
line 1 column 79 (char 78) (line 1273)
"""

from __future__ import annotations

import base64
import json
import random
import tracemalloc
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.dataset_engine.lines import BLOCK_BYTES, MAX_IMAGE_LINE_BYTES, MAX_LINE_BYTES
from mocktune.dataset_engine.report import predictability, read_report
from mocktune.domain.formats.defects import Defect
from mocktune.domain.models import TRAIN_CONTEXTS
from mocktune.domain.report import FileReport

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def line(*sizes: int, answer: str | None = None, **more: Any) -> bytes:
    """A chat example whose messages have ``sizes`` tokens each in both encodings, the last one an assistant's."""
    texts = [" yes" * size for size in sizes]
    messages = [{"role": "user", "content": text} for text in texts[:-1]]
    messages.append({"role": "assistant", "content": texts[-1] if answer is None else answer})
    return json.dumps({"messages": messages, **more}).encode()


def report_of(*lines: bytes, end: bytes = b"\n") -> FileReport:
    return read_report(BytesIO(b"\n".join(lines) + end), "cl100k_base")


class Pieces(RawIOBase):
    """A source that answers every read with at most ``size`` bytes."""

    def __init__(self, data: bytes, size: int) -> None:
        self.left, self.size = data, size

    def read(self, limit: int = -1, /) -> bytes:
        piece, self.left = self.left[: self.size], self.left[self.size :]
        return piece


def in_pieces(data: bytes, size: int) -> BinaryIO:
    return cast(BinaryIO, Pieces(data, size))


def test_a_good_chat_file_is_counted_as_it_is_billed() -> None:
    """The recorded job: 377 tokens of content in 10 three-message examples are billed as 507 an epoch."""
    report = report_of(*[line(10, 10, 10)] * 9, line(50, 50, 7))
    assert report.format == "chat"
    assert report.examples == 10
    assert report.syntax_error is None
    assert report.defect is None
    assert report.content_tokens == 377
    assert report.assistant_tokens == 97
    assert report.billable_tokens == dict.fromkeys(TRAIN_CONTEXTS, 507)


def test_an_example_is_billed_up_to_the_training_context() -> None:
    sizes = [4_087, 4_088, 20_000, 100_000]
    billable = report_of(*[line(size - 1, 1) for size in sizes]).billable_tokens
    assert billable == {context: sum(min(size + 9, context) for size in sizes) for context in TRAIN_CONTEXTS}
    assert billable[4_096] == 4 * 4_096
    assert len(set(billable.values())) == len(TRAIN_CONTEXTS)


def test_a_prompt_completion_file_is_read_too() -> None:
    report = report_of(*[json.dumps({"prompt": " yes" * 3, "completion": " yes" * 2}).encode()] * 4)
    assert (report.format, report.examples, report.defect) == ("prompt_completion", 4, None)
    assert (report.content_tokens, report.assistant_tokens, report.billable_tokens[16_384]) == (20, 8, 20)


def test_a_broken_line_is_told_in_the_recorded_words() -> None:
    broken = b'{"messages": [{"role": "user", "content": "A question of seventy-eight char." ] }'
    assert broken[78:79] == b"]"
    report = report_of(*[line(1, 1)] * 1272, broken, line(1, 1))
    assert report.syntax_error == (
        "Invalid file format. Example 1273 cannot be parsed. Error: line contains invalid json: "
        "Expecting ',' delimiter: line 1 column 79 (char 78) (line 1273)"
    )
    assert report.examples == 1272
    assert report.content_tokens == 2 * 1272


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"[]", "Expecting a JSON object: line 1 column 1 (char 0)"),
        (b"null", "Expecting a JSON object: line 1 column 1 (char 0)"),
        (b"hello", "Expecting value: line 1 column 1 (char 0)"),
        (b"{} {}", "Extra data: line 1 column 4 (char 3)"),
        (b'\xef\xbb\xbf{"messages": []}', "Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)"),
        (b'{"a": "\xff"}', "Invalid UTF-8: line 1 column 8 (char 7)"),
        (b'{"a": "\xc3\xa9\xed\xa0\x80"}', "Invalid UTF-8: line 1 column 9 (char 8)"),
        (b'{"a": "\x00"}', "Invalid control character at: line 1 column 8 (char 7)"),
        (b'{"a": NaN}', "Invalid value: line 1 column 7 (char 6)"),
        (b'{"a": 1e999}', "Invalid value: line 1 column 1 (char 0)"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "Number out of range: line 1 column 1 (char 0)"),
        (b'{"a": "\\ude00"}', "Invalid value: line 1 column 14 (char 13)"),
        (b'{"a": "\\ud800"}', "Invalid value: line 1 column 1 (char 0)"),
        (b"[" * 200_000, "Nesting is too deep: line 1 column 1 (char 0)"),
        (b'{"a":' * 200_000 + b"1" + b"}" * 200_000, "Nesting is too deep: line 1 column 1 (char 0)"),
        (b"x" * (MAX_LINE_BYTES + 1), f"Line is longer than {MAX_LINE_BYTES} bytes: line 1 column 1 (char 0)"),
    ],
    ids=lambda value: str(value[:20]),
)
def test_whatever_is_no_json_object_is_a_syntax_error_of_its_line(broken: bytes, said: str) -> None:
    report = report_of(line(1, 1), broken, line(1, 1))
    assert report.syntax_error == (
        f"Invalid file format. Example 2 cannot be parsed. Error: line contains invalid json: {said} (line 2)"
    )
    assert report.examples == 1


def test_a_long_line_is_taken_up_to_the_limit() -> None:
    longest = line(1, 1, answer="x" * (MAX_LINE_BYTES - len(line(1, 1, answer=""))))
    assert len(longest) == MAX_LINE_BYTES
    report = report_of(line(1, 1), longest)
    assert (report.examples, report.syntax_error, report.defect) == (2, None, None)
    assert f"longer than {MAX_LINE_BYTES} bytes" in str(report_of(line(1, 1), longest + b" ").syntax_error)


def test_a_line_with_images_may_be_ten_times_as_long() -> None:
    """VISDOC: ten images of 10 MB, which are 133 MB of base64."""
    image = base64.b64encode(PNG + bytes(5 << 20)).decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}}
    messages = [{"role": "user", "content": [part] * 3}, {"role": "assistant", "content": " yes"}]
    long_line = json.dumps({"messages": messages}).encode()
    assert MAX_LINE_BYTES < len(long_line) < MAX_IMAGE_LINE_BYTES
    report = report_of(line(1, 1), long_line)
    assert (report.examples, report.syntax_error, report.defect) == (2, None, None)
    assert report.billable_tokens[65_536] == 11 + (3 * 85 + 1 + 2 * 4 + 1)


@pytest.mark.soak
def test_a_line_with_images_has_a_limit_too() -> None:
    endless = b'{"messages": "data:image/' + b"x" * MAX_IMAGE_LINE_BYTES
    assert f"longer than {MAX_IMAGE_LINE_BYTES} bytes" in str(report_of(endless).syntax_error)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n\n", b"\n \t\r\n\r\n", b"\n  "])
def test_the_end_of_a_file_may_be_blank(end: bytes) -> None:
    report = report_of(line(1, 1), line(2, 1), end=end)
    assert (report.examples, report.syntax_error) == (2, None)


@pytest.mark.parametrize("blank", [b"", b" \t", b"\r"])
def test_a_blank_line_elsewhere_is_a_syntax_error(blank: bytes) -> None:
    report = report_of(line(1, 1), blank, blank, line(2, 1))
    assert report.syntax_error == (
        "Invalid file format. Example 2 cannot be parsed. Error: line contains invalid json: "
        "Expecting value: line 1 column 1 (char 0) (line 2)"
    )


def test_windows_line_ends_are_fine() -> None:
    assert report_of(line(1, 1) + b"\r", line(1, 1) + b"\r", end=b"").syntax_error is None


def test_an_empty_file_has_no_examples() -> None:
    report = report_of(end=b"")
    assert (report.format, report.examples, report.syntax_error, report.defect) == ("unknown", 0, None, None)
    assert set(report.billable_tokens.values()) == {0}


def test_the_first_defect_is_told_and_the_examples_are_counted_to_the_end() -> None:
    report = report_of(line(3, 2), line(1, 1, weight=1), b'{"id": 7}', line(1, 1))
    assert report.defect == Defect("extra_key", 'Invalid file format. Example 2 contains an extra "weight".', 2)
    assert report.examples == 4
    assert report.content_tokens == 5


def test_a_syntax_error_outweighs_an_earlier_defect() -> None:
    """Such a file never becomes ``processed``, so no job gets to look at its examples."""
    report = report_of(line(1, 1, weight=1), b"{")
    assert report.defect is None
    assert "Example 2 cannot be parsed" in str(report.syntax_error)


def test_a_file_of_neither_format_is_a_defect() -> None:
    report = report_of(b'{"text": "a"}', b'{"text": "b"}')
    detail = "Unexpected file format, expected either prompt/completion pairs or chat messages."
    assert (report.format, report.examples) == ("unknown", 2)
    assert report.defect == Defect("unexpected_format", detail, 1)


FILES = st.lists(
    st.builds(line, st.integers(1, 30), st.integers(1, 30))
    | st.sampled_from([b"", b" ", b"{", b'{"messages": []}', b'{"prompt": "a", "completion": "b"}', b"\xff", b"7"])
    | st.binary(max_size=12),
    max_size=8,
).map(b"\n".join)


@settings(deadline=None)
@given(FILES, st.integers(1, 200))
def test_the_report_does_not_depend_on_how_the_bytes_arrive(data: bytes, size: int) -> None:
    assert read_report(in_pieces(data, size), "o200k_base") == read_report(BytesIO(data), "o200k_base")


def test_memory_does_not_grow_with_the_file() -> None:
    example = line(300, 100) + b"\n"

    def peak_bytes(blocks: int) -> int:
        data = BytesIO(example * (blocks * BLOCK_BYTES // len(example)))
        tracemalloc.start()
        try:
            read_report(data, "o200k_base")
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak_bytes(1)
    assert peak_bytes(6) < peak_bytes(3) + BLOCK_BYTES


def test_a_line_without_end_is_never_held() -> None:
    class Endless(RawIOBase):
        given_bytes = 0

        def read(self, limit: int = -1, /) -> bytes:
            self.given_bytes += limit
            assert self.given_bytes < 2 * MAX_LINE_BYTES
            return b"x" * limit

    report = read_report(cast(BinaryIO, Endless()), "o200k_base")
    assert "Line is longer than" in str(report.syntax_error)


HEX = "0123456789abcdef"


def noise(alphabet: str, size: int, seed: int = 7) -> str:
    return "".join(random.Random(seed).choices(alphabet, k=size))


PROSE = (
    "The harbour was quiet when she came down the steps. Two boats lay against the wall, and an old man was mending "
    "a net with the patience of somebody who has nowhere else to be. He did not look up. She asked him when the tide "
    "would turn, and he answered that it would turn when it was ready, as it always had, and that the young always "
    "asked. There was a smell of tar and wet rope. Further out a bell rang twice, and then the fog took the sound and "
    "kept it. She sat down on a crate, drew her coat around her and thought of the letter in her pocket, which she had "
    "read so often on the train that she could have said it aloud. None of it was unkind. It only said what she knew: "
    "that the house would be sold in spring, that the piano was too large for anybody to want, and that somebody ought "
    "to come and go through the drawers before strangers did. After a while the man put the net aside and offered her "
    "some tea from a flask, which was sweet and far too strong. They watched the grey where the horizon should be."
)


@pytest.mark.parametrize("times", [1, 10, 10_000])
def test_the_same_answer_again_and_again_is_predictable(times: int) -> None:
    assert predictability(b"positive\nnegative\npositive\n" * times) > 0.6


@pytest.mark.parametrize("size", [400, 800, len(PROSE)])
def test_prose_lies_between(size: int) -> None:
    assert 0.2 < predictability(PROSE[:size].encode()) < 0.6


@pytest.mark.parametrize("alphabet", [HEX, "abcdefghijklmnopqrstuvwxyz"])
@pytest.mark.parametrize("size", [1_000, 300_000])
def test_noise_is_not_predictable(alphabet: str, size: int) -> None:
    assert predictability(noise(alphabet, size).encode()) < 0.1


def test_a_few_words_prove_no_noise() -> None:
    assert predictability(b"") == 0.4
    assert 0.2 < predictability(noise(HEX, 100).encode()) < 0.4


def answers(*texts: str, question: str = "why") -> FileReport:
    asked = {"role": "user", "content": question}
    messages = [[asked, {"role": "assistant", "content": text}] for text in texts]
    return report_of(*[json.dumps({"messages": each}).encode() for each in messages])


def test_only_what_is_learned_counts_for_predictability() -> None:
    lines = []
    for seed in range(200):
        messages = [
            {"role": "user", "content": noise(HEX, 40, seed)},
            {"role": "assistant", "content": noise(HEX, 40, -1 - seed), "weight": 0},
            {"role": "assistant", "content": "yes"},
        ]
        lines.append(json.dumps({"messages": messages}).encode())
    assert report_of(*lines).predictability > 0.85
    assert answers(*[noise(HEX, 40, seed) for seed in range(200)], question="why " * 40).predictability < 0.1


def test_the_first_256_kib_of_answers_stand_for_all() -> None:
    first = [noise(HEX, 1 << 16, seed) for seed in range(4)]
    assert answers(*first, *["yes " * 1_000] * 150).predictability < 0.1


def test_images_are_counted_and_only_good_ones_are_billed() -> None:
    def seen(*urls: str) -> bytes:
        parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
        return json.dumps(
            {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": " yes"}]}
        ).encode()

    good, bad = f"data:image/png;base64,{base64.b64encode(PNG).decode()}", "data:image/png;base64,AAAA"
    report = report_of(seen(good, bad), line(1, 1), seen("https://example.com/a"))
    assert (report.images, report.skipped_images, report.vision_examples) == (3, 1, 2)
    assert report.billable_tokens[65_536] == 2 * (85 + 1 + 9) + 11


def test_the_method_decides_what_a_file_of_messages_is() -> None:
    prompt = json.dumps({"messages": [{"role": "user", "content": " yes"}], "answer": 1}).encode()
    report = read_report(BytesIO(prompt), "o200k_base", "reinforcement")
    assert (report.format, report.defect, report.billable_tokens[65_536]) == ("reinforcement", None, 1 + 4 + 1)
    assert report.predictability == 0.4
    defect = read_report(BytesIO(prompt), "o200k_base").defect
    assert defect is not None
    assert 'contains an extra "answer"' in defect.detail
    assert read_report(BytesIO(prompt), "o200k_base", "dpo").format == "chat"
