"""Laws of the check of datasets.

1. A valid file of each format is accepted.
2. A valid file with one defect in it gives that defect, of that line, and nothing else.
3. No bytes make the check fail, whatever they are.
4. However a file is cut into parts at its line ends, the parts say together what the whole says.
5. A line says the same whether it is decoded with others in one go or by itself.
"""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mocktune.dataset_engine.part import SAMPLE_BYTES, read_part
from mocktune.dataset_engine.report import read_report, read_verdict, report_of, sample_of, verdict_of
from mocktune.domain.formats import check_example
from mocktune.domain.models import Method
from mocktune.domain.report import FileFormat
from mocktune.testing.strategies import DatasetFormat, broken_datasets, datasets, examples
from mocktune.testing.strategies.broken_datasets import in_lines
from mocktune.testing.strategies.datasets import jsonl

METHODS: tuple[Method, ...] = ("supervised", "dpo", "reinforcement")

FORMATS: tuple[DatasetFormat, ...] = ("chat", "preference", "reinforcement", "completion")
VALID = {format: examples(format, images=True) for format in FORMATS}
METHOD_OF: dict[DatasetFormat, Method] = {"preference": "dpo", "reinforcement": "reinforcement"}
NAMES: dict[DatasetFormat, FileFormat] = {
    "chat": "chat", "preference": "preference", "reinforcement": "reinforcement", "completion": "prompt_completion"
}  # fmt: skip


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_valid_file_is_accepted(format: DatasetFormat, data: st.DataObject) -> None:
    """Also where every example is another one than those before it."""
    many = st.lists(VALID[format], min_size=1, max_size=6).map(jsonl)
    file = data.draw(many | datasets(format, images=True, min_examples=1, max_examples=12))
    report = read_report(BytesIO(file), "o200k_base", METHOD_OF.get(format, "supervised"))
    expected = (NAMES[format], file.count(b"\n"), None, None)
    assert (report.format, report.examples, report.syntax_error, report.defect) == expected
    assert report.content_tokens >= report.assistant_tokens
    assert report.billable_tokens[4096] >= report.content_tokens


@pytest.mark.parametrize("format", FORMATS)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_one_defect_gives_its_code_and_its_line(format: DatasetFormat, data: st.DataObject) -> None:
    broken = data.draw(broken_datasets(format, min_examples=2, max_examples=6))
    method = METHOD_OF.get(format, "supervised")
    report = read_report(BytesIO(broken.data), "o200k_base", method)
    if broken.line is None:
        assert (broken.defect, report.syntax_error, report.defect) == ("too_few_examples", None, None)
        assert report.examples < 10
        return
    if broken.defect == "not_json":
        assert f"Example {broken.line} cannot be parsed" in str(report.syntax_error)
        return
    assert report.defect is not None
    assert (report.defect.kind, report.defect.line, report.defect.code) == (broken.defect, broken.line, broken.code)
    assert report.defect.detail.startswith(f"Invalid file format. Example {broken.line}")
    assert report.examples == broken.data.count(b"\n")
    good = b"".join(broken.data.splitlines(keepends=True)[: broken.line - 1])
    assert report.billable_tokens == read_report(BytesIO(good), "o200k_base", method).billable_tokens


NASTY = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"messages": "\xed\xa0\x80"}', b'{"a": 1e999}', b'{"a": "\\ud800"}',
    b'{"a": ' + b"9" * 5_000 + b"}", b"[" * 100_000, b'{"messages":' * 50_000, b'{"messages": [[[[[[]]]]]]}',
    b'{"messages": {"role": "user"}}', b'{"input": {"input": {}}}', b"{}", b"null", b"", b" ", b"\r", b"\xc3",
    b'{"messages":\n[]}', b'{"prompt": 1, "prompt": "a", "completion": "b"}', b'{"messages": [{"role": ["user"]}]}',
    b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,"}}]}]}',
]  # fmt: skip
GOOD_LINES = st.sampled_from(
    [jsonl([{"messages": [{"role": "user", "content": "é" * n}, {"role": "assistant", "content": "yes"}]}]).strip()
     for n in (1, 30, 5_000)]
)  # fmt: skip
FILES = st.lists(
    st.one_of(VALID["chat"], VALID["preference"], VALID["reinforcement"]).map(lambda each: jsonl([each]).strip())
    | GOOD_LINES
    | GOOD_LINES
    | st.sampled_from([b'{"messages": []}', b'{"messages": [{"content": "a"}]}', b'{"input": 1}'])
    | st.sampled_from(NASTY)
    | st.binary(max_size=20),
    max_size=10,
).flatmap(lambda each: st.sampled_from([b"\n", b"\r\n"]).map(lambda end: end.join(each)))


@settings(deadline=None, max_examples=80)
@given(FILES | st.binary(max_size=200), st.sampled_from(METHODS))
def test_no_bytes_make_the_check_fail(data: bytes, method: Method) -> None:
    report = read_report(BytesIO(data), "o200k_base", method)
    verdict = read_verdict(BytesIO(data), method)
    for field in ("format", "examples", "syntax_error", "defect"):
        assert getattr(report, field) == getattr(verdict, field)
    assert report.syntax_error is None or report.defect is None
    assert report.examples <= data.count(b"\n") + 1
    assert 0 <= report.predictability <= 1


@settings(deadline=None, max_examples=120)
@given(FILES, st.sampled_from(METHODS), st.lists(st.integers(0, 12), max_size=4))
@example(b"{}\n\n{}\n", "supervised", [1, 2])
@example(b"\n\n{}", "supervised", [1])
def test_parts_say_together_what_the_whole_says(data: bytes, method: Method, cuts: list[int]) -> None:
    each = data.splitlines(keepends=True) if b"\r" not in data else data.replace(b"\r", b" ").splitlines(keepends=True)
    data = b"".join(each)
    borders = sorted({min(cut, len(each)) for cut in cuts} | {0, len(each)})
    pieces = [b"".join(each[a:b]) for a, b in pairwise(borders)] or [data]
    whole = read_part(BytesIO(data), "cl100k_base", method)
    format = read_part(BytesIO(pieces[0].partition(b"\n")[0]), None, method).format if whole.examples else None
    parts = [read_part(BytesIO(piece), "cl100k_base", method, format=format) for piece in pieces]
    assert report_of(parts) == read_report(BytesIO(data), "cl100k_base", method)
    assert verdict_of(parts) == read_verdict(BytesIO(data), method)


def test_the_sample_of_parts_is_that_of_the_whole() -> None:
    """Answers that fill the sample in the middle of a part, and in the middle of a character's bytes."""
    texts = [("é" * n) + str(n) for n in (60_000, 50_001, 50_003, 90_007, 3)]
    asked = {"role": "user", "content": "why"}
    each = [jsonl([{"messages": [asked, {"role": "assistant", "content": text}]}], escaped=False) for text in texts]
    assert sum(map(len, each)) > SAMPLE_BYTES
    whole = read_part(BytesIO(b"".join(each)), "o200k_base")
    parts = [read_part(BytesIO(line), "o200k_base") for line in each]
    assert SAMPLE_BYTES <= len(sample_of([whole])) < SAMPLE_BYTES + 60_000
    assert sample_of(parts) == sample_of([whole])
    assert report_of(parts) == report_of([whole])


PLAIN = b'{"messages": [{"role": "assistant", "content": "a"}]}'
ODD = [
    b'{"messages": []}',
    b'{"messages": [{"role": "user", "content": "a"}]}',
    b'{"messages": [{"role": "assistant", "content": "<|endoftext|>"}]}',
    b'{"messages": [{"role": "assistant", "content": "\\u003c\\u007cendoftext\\u007c>"}]}',
    b'{"messages": [{"role": "assistant", "content": "a", "weight": 0}]}',
    b'{"messages": [{"role": "assistant", "content": "a"}], "id": 1}',
    b'{"messages": [{"role": "assistant", "content": "a"}',
    PLAIN + b" " + PLAIN,
    PLAIN.replace(b": [", b":\n["),
    PLAIN + PLAIN.replace(b": [", b":\n["),
    PLAIN + b" " + PLAIN + b"\n" + PLAIN.replace(b": [", b":\n["),
    PLAIN + PLAIN + b"\n",
    b"",
]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("odd", [*ODD, PLAIN])
def test_an_odd_line_among_plain_ones_says_what_it_says_by_itself(odd: bytes, end: bytes) -> None:
    data = end.join([PLAIN, PLAIN, odd, PLAIN])
    whole = read_report(BytesIO(data), "o200k_base")
    by_itself = [read_part(BytesIO(line), "o200k_base", format="chat") for line in data.splitlines(keepends=True)]
    assert whole == report_of(by_itself)
    assert (whole.defect is None and whole.syntax_error is None) == (odd == PLAIN)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(GOOD_LINES | st.sampled_from(ODD), min_size=1, max_size=6),
    st.sampled_from([b"\n", b"\r\n", b"\n\n"]),
    st.booleans(),
)
def test_lines_decoded_together_say_what_they_say_one_by_one(each: list[bytes], end: bytes, closed: bool) -> None:
    data = end.join(each) + (end if closed else b"")
    together = read_report(BytesIO(data), "o200k_base")
    slowly = read_part(BytesIO(b" " + data.replace(b"\n", b"\n ")), "o200k_base")  # a blank first: nothing is plain
    one_by_one = report_of([slowly])
    assert together.examples == one_by_one.examples
    assert together.defect == one_by_one.defect
    assert together.billable_tokens == one_by_one.billable_tokens
    assert together.assistant_tokens == one_by_one.assistant_tokens
    assert (together.syntax_error is None) == (one_by_one.syntax_error is None)


def test_every_kind_that_a_line_can_have_is_injected() -> None:
    injected = {kind for format in FORMATS for kind, _ in in_lines(format)}
    assert injected == {"missing_role", "bad_message", "special_token", "missing_messages", "extra_key"}
    assert check_example("unknown", {}, 1) is not None
