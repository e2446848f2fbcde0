"""Laws of the check of datasets.

1. A valid file of each format is accepted.
2. A valid file with one defect in it gives that defect, of that line, and nothing else.
3. No bytes make the check fail, whatever they are.
4. However a file is cut into parts at its line ends, the parts say together what the whole says.
5. A line says the same whether it is decoded with others in one go or by itself.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mocktune.dataset_engine.part import SAMPLE_BYTES, read_part
from mocktune.dataset_engine.report import read_report, read_verdict, report_of, sample_of, verdict_of
from mocktune.domain.formats import check_example
from mocktune.domain.formats.defects import KINDS
from mocktune.domain.models import Method
from mocktune.domain.report import FileFormat

METHODS: tuple[Method, ...] = ("supervised", "dpo", "reinforcement")

TEXTS = st.sampled_from(["", "a", "Fog.\n", "é日本", '"said" \\ {}', "\u2028\x7f", "}\n{", "<b> |>", "yes " * 40, "😀"])
NAMES = st.sampled_from(["tide", "fog_horn"])
CALLS = st.builds(lambda name, text: {"name": name, "arguments": json.dumps({"at": text})}, NAMES, TEXTS)
TOOLS = st.builds(
    lambda name, said: {"type": "function", "function": {"name": name, "description": said}}, NAMES, TEXTS
)
IMAGES = st.sampled_from(["https://example.com/sea.png", "data:image/png;base64,AAAA", "data:image/webp;base64,"])
PARTS = st.builds(lambda text: {"type": "text", "text": text}, TEXTS)
IMAGE_PARTS = st.builds(
    lambda url, detail: {"type": "image_url", "image_url": {"url": url, "detail": detail}},
    IMAGES,
    st.sampled_from(["low", "high", "auto"]),
)


def said_by(role: str, content: st.SearchStrategy[Any] = TEXTS, **more: st.SearchStrategy[Any]) -> Any:
    return st.fixed_dictionaries({"role": st.just(role), "content": content}, optional=more)


CONTENT = TEXTS | st.lists(PARTS, min_size=1, max_size=2)
OTHERS = said_by("system") | said_by("developer", CONTENT) | said_by("user", CONTENT, name=NAMES)
LOOKING = said_by("user", st.lists(PARTS | IMAGE_PARTS, min_size=1, max_size=3))
ANSWERS = said_by("assistant", CONTENT, name=NAMES, weight=st.just(1))
UNTAUGHT = said_by("assistant", CONTENT, weight=st.sampled_from([0, 1]))
CALLING = st.builds(
    lambda call, result, legacy: (
        [{"role": "assistant", "function_call": call}, {"role": "function", "name": call["name"], "content": result}]
        if legacy
        else [
            {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": call}]},
            {"role": "tool", "tool_call_id": "c1", "content": result},
        ]
    ),
    CALLS,
    TEXTS,
    st.booleans(),
)


def turns(*messages: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    each = st.one_of(*messages).map(lambda message: [message]) | CALLING
    return st.lists(each, max_size=3).map(lambda groups: [message for group in groups for message in group])


EXTRAS = {"tools": st.lists(TOOLS, max_size=2), "parallel_tool_calls": st.booleans()}
ASKING = turns(OTHERS, UNTAUGHT)
VALID: dict[FileFormat, st.SearchStrategy[dict[str, Any]]] = {
    "chat": st.builds(
        lambda asked, last, more: {"messages": [*asked, last], **more},
        turns(OTHERS, LOOKING, UNTAUGHT),
        ANSWERS,
        st.fixed_dictionaries({}, optional=EXTRAS),
    ),
    "preference": st.fixed_dictionaries(
        {
            "input": st.fixed_dictionaries({"messages": ASKING.filter(bool)}, optional=EXTRAS),
            "preferred_output": ANSWERS.map(lambda message: [message]),
            "non_preferred_output": ANSWERS.map(lambda message: [message]),
        }
    ),
    "reinforcement": st.builds(
        lambda asked, last, more: {"messages": [*asked, last], **more},
        ASKING,
        said_by("user", CONTENT, name=NAMES),
        st.fixed_dictionaries({}, optional={**EXTRAS, "answer": TEXTS, "score": st.floats(0, 1), "input": TEXTS}),
    ),
    "prompt_completion": st.fixed_dictionaries({"prompt": TEXTS, "completion": TEXTS.filter(bool)}),
}
METHOD_OF: dict[FileFormat, Method] = {"preference": "dpo", "reinforcement": "reinforcement"}


def lines(examples: list[Any], *, escaped: bool = True) -> bytes:
    return "".join(json.dumps(each, ensure_ascii=escaped) + "\n" for each in examples).encode()


@pytest.mark.parametrize("format", VALID)
@settings(deadline=None, max_examples=30)
@given(st.data(), st.booleans())
def test_a_valid_file_is_accepted(format: FileFormat, data: st.DataObject, escaped: bool) -> None:
    examples = data.draw(st.lists(VALID[format], min_size=1, max_size=6))
    report = read_report(BytesIO(lines(examples, escaped=escaped)), "o200k_base", METHOD_OF.get(format, "supervised"))
    assert (report.format, report.examples, report.syntax_error, report.defect) == (format, len(examples), None, None)
    assert report.content_tokens >= report.assistant_tokens
    assert report.billable_tokens[4096] >= report.content_tokens


Inject = Callable[[dict[str, Any]], object]


def changed(**changes: Any) -> Inject:
    return lambda example: {**example, **changes}


def without(key: str) -> Inject:
    return lambda example: {name: value for name, value in example.items() if name != key}


def messages_of(example: dict[str, Any]) -> list[Any]:
    messages: list[Any] = (example.get("input") if "preferred_output" in example else example)["messages"]  # type: ignore[index]
    return messages


def in_message(change: Callable[[dict[str, Any]], object]) -> Inject:
    """Change the first message, which a valid example has, and which nothing before it can spoil."""

    def inject(example: dict[str, Any]) -> object:
        messages = messages_of(example)
        messages[0] = change(messages[0])
        return example

    return inject


def last_by(role: str) -> Inject:
    def inject(example: dict[str, Any]) -> object:
        messages_of(example).append({"role": role, "content": "and then"})
        return example

    return inject


def in_output(message: object) -> Inject:
    return changed(non_preferred_output=[message])


IN_MESSAGES: list[tuple[str, Inject]] = [
    ("missing_role", in_message(without("role"))),
    ("bad_message", in_message(changed(role="sailor"))),
    ("bad_message", in_message(changed(mood="calm"))),
    ("bad_message", in_message(changed(name=7))),
    ("bad_message", in_message(lambda message: "ahoy")),
    ("bad_message", in_message(lambda message: {"role": "user", "content": 7})),
    ("bad_message", in_message(lambda message: {"role": "user"})),
    ("bad_message", in_message(lambda message: {"role": "assistant", "content": "a", "weight": True})),
    ("bad_message", in_message(lambda message: {"role": "assistant", "tool_calls": []})),
    ("bad_message", in_message(lambda message: {"role": "tool", "tool_call_id": "c9", "content": ""})),
    ("bad_message", in_message(lambda message: {"role": "user", "content": []})),
    ("special_token", in_message(lambda message: {"role": "system", "content": "<|endoftext|>"})),
    ("bad_message", changed(tools={})),
]
DEFECTS: dict[FileFormat, list[tuple[str, Inject]]] = {
    "chat": [
        *IN_MESSAGES,
        ("missing_messages", without("messages")),
        ("extra_key", changed(weight=1)),
        ("bad_message", changed(messages=[])),
        ("bad_message", changed(messages="ahoy")),
        ("bad_message", last_by("user")),
        ("bad_message", in_message(lambda message: {"role": "assistant", "content": [{"type": "image_url"}]})),
    ],
    "preference": [
        *[(kind, inject) for kind, inject in IN_MESSAGES[:-1]],
        ("missing_messages", without("input")),
        ("missing_messages", without("preferred_output")),
        ("missing_messages", without("non_preferred_output")),
        ("extra_key", changed(weight=1)),
        ("bad_message", changed(input=[])),
        ("bad_message", changed(preferred_output=[])),
        ("bad_message", in_output({"role": "user", "content": "a"})),
        ("missing_role", in_output({"content": "a"})),
        ("special_token", in_output({"role": "assistant", "content": "<|im_end|>"})),
    ],
    "reinforcement": [
        *IN_MESSAGES,
        ("missing_messages", without("messages")),
        ("bad_message", changed(messages=[])),
        ("bad_message", last_by("assistant")),
    ],
    "prompt_completion": [
        ("missing_messages", without("prompt")),
        ("missing_messages", without("completion")),
        ("extra_key", changed(weight=1)),
        ("bad_message", changed(prompt=7)),
        ("bad_message", changed(completion="")),
        ("special_token", changed(completion="<|endoftext|>")),
    ],
}


@pytest.mark.parametrize("format", VALID)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_one_defect_gives_its_code_and_its_line(format: FileFormat, data: st.DataObject) -> None:
    examples = data.draw(st.lists(VALID[format], min_size=2, max_size=6))
    kind, inject = data.draw(st.sampled_from(DEFECTS[format]))
    place = data.draw(st.integers(1, len(examples) - 1))  # the first example tells the format
    examples[place] = inject(copy.deepcopy(examples[place]))  # type: ignore[assignment]  # it may be anything
    report = read_report(BytesIO(lines(examples)), "o200k_base", METHOD_OF.get(format, "supervised"))
    assert report.defect is not None
    assert (report.defect.kind, report.defect.line) == (kind, place + 1)
    assert report.defect.code == KINDS[kind].code
    assert report.defect.detail.startswith(f"Invalid file format. Example {place + 1}")
    assert report.examples == len(examples)
    good = read_report(BytesIO(lines(examples[:place])), "o200k_base", METHOD_OF.get(format, "supervised"))
    assert report.billable_tokens == good.billable_tokens


NASTY = [
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"messages": "\xed\xa0\x80"}', b'{"a": 1e999}', b'{"a": "\\ud800"}',
    b'{"a": ' + b"9" * 5_000 + b"}", b"[" * 100_000, b'{"messages":' * 50_000, b'{"messages": [[[[[[]]]]]]}',
    b'{"messages": {"role": "user"}}', b'{"input": {"input": {}}}', b"{}", b"null", b"", b" ", b"\r", b"\xc3",
    b'{"messages":\n[]}', b'{"prompt": 1, "prompt": "a", "completion": "b"}', b'{"messages": [{"role": ["user"]}]}',
    b'{"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:;base64,"}}]}]}',
]  # fmt: skip
GOOD_LINES = st.sampled_from(
    [lines([{"messages": [{"role": "user", "content": "é" * n}, {"role": "assistant", "content": "yes"}]}]).strip()
     for n in (1, 30, 5_000)]
)  # fmt: skip
FILES = st.lists(
    st.one_of(VALID["chat"], VALID["preference"], VALID["reinforcement"]).map(lambda each: lines([each]).strip())
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
    each = [lines([{"messages": [asked, {"role": "assistant", "content": text}]}], escaped=False) for text in texts]
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
    injected = {kind for defects in DEFECTS.values() for kind, _ in defects}
    assert injected == {"missing_role", "bad_message", "special_token", "missing_messages", "extra_key"}
    assert check_example("unknown", {}, 1) is not None
