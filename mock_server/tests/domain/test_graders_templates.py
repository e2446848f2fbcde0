"""``{{ item.answer }}``: filled in from a row and an answer."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.templates import (
    MAX_RENDERED_CHARS,
    MAX_VARIABLES,
    RenderError,
    TemplateError,
    render,
    scope_of,
    variables,
)

ITEM: dict[str, Any] = {
    "answer": "yes",
    "n": 1.0,
    "ok": True,
    "none": None,
    "deep": {"list": [{"a b": "x"}]},
    "é-1": "u",
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get", "arguments": "{}"}}


def filled(template: str, sample: str = "said") -> str:
    return render(template, scope_of(ITEM, sample)).text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{item.answer}}!", "yes!"),
        ("{{ item.answer }} {{  sample.output_text\n}}", "yes said"),
        ("{{ item.n }} {{ item.ok }} {{ item.none }}", "1.0 true null"),
        ("{{ item.deep }}", '{"list": [{"a b": "x"}]}'),
        ("{{ item.deep.list[0]['a b'] }}", "x"),
        ('{{ item["deep"]["list"][0]["a b"] }}', "x"),
        ("{{ item.é-1 }}", "u"),
        ("{{{ item.answer }}}", "{yes}"),
        ('{"smiles": "{{item.answer}}"}', '{"smiles": "yes"}'),
        ("}} {{ {a} {{", "}} {{ {a} {{"),
        ("{{ sample.choices[0].message.content }}", "said"),
        ("{{ sample.output_tools }}", "[]"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    assert filled(template) == text


def test_an_answer_in_json_can_be_asked_for_its_parts() -> None:
    sample = json.dumps({"a": [{"b": 2}], "tool_calls": [CALL]})
    assert filled("{{sample.output_json.a[0].b}}", sample) == "2"
    assert filled("{{sample.output_tools[0].function.name}}", sample) == "get"
    assert filled("{{sample.choices[0].message.tool_calls[0].id}}", sample) == "call_1"


@pytest.mark.parametrize(
    ("template", "flag"),
    [
        ("{{ sample.output_json.a }}", "sample_parse_error"),
        ("{{ sample.output_json }}", "sample_parse_error"),
        ("{{ item.missing }}", "invalid_variable_error"),
        ("{{ item.answer.more }}", "invalid_variable_error"),
        ("{{ item.answer[0] }}", "invalid_variable_error"),
        ("{{ item.deep.list[1] }}", "invalid_variable_error"),
        ("{{ item.deep.list.a }}", "invalid_variable_error"),
        ("{{ sample.final_answer }}", "invalid_variable_error"),
        ("{{ sample.output_tools[0].function.name }}", "invalid_variable_error"),
        ("{{ sample.output_audio.data }}", "invalid_variable_error"),
    ],
)
def test_a_variable_without_a_value_says_which_error_it_is(template: str, flag: str) -> None:
    with pytest.raises(RenderError) as caught:
        filled(template)
    assert caught.value.flag == flag
    assert caught.value.details


@pytest.mark.parametrize(
    "template",
    ["{{ answer }}", "{{ item }}", "{{ other.x }}", "{{ item.x | upper }}", "{{ item..x }}", "{{ item[x] }}", "{{}}",
     "{{ item.a" + ".a" * 40 + " }}", "{{item.a}}" * (MAX_VARIABLES + 1)],
)  # fmt: skip
def test_a_placeholder_that_names_no_variable_is_no_template(template: str) -> None:
    with pytest.raises(TemplateError):
        variables(template)


def test_the_variables_of_a_template_are_named() -> None:
    found = variables("{{ item['a'].b[0] }} {{sample.output_text}} {{item.c}}")
    assert [str(each) for each in found] == ["item.a.b[0]", "sample.output_text", "item.c"]


def test_what_a_template_took_is_told_apart_by_namespace() -> None:
    rendered = render("{{item.answer}} {{sample.output_text}} {{item.n}}", scope_of(ITEM, "said"))
    assert (rendered.item_values, rendered.sample_values) == (("yes", "1.0"), ("said",))


def test_a_text_that_grows_too_long_is_cut() -> None:
    scope = scope_of({}, "x" * 100_000)
    assert not render("{{sample.output_text}}" * 2, scope).truncated
    rendered = render("{{sample.output_text}}" * 900, scope)
    assert rendered.truncated
    assert len(rendered.text) == MAX_RENDERED_CHARS
    assert len(rendered.sample_values) < 5


def test_many_open_braces_take_no_time() -> None:
    """Quadratic reading would take minutes."""
    for braces in ("{{", "}}", "{ }} "):
        text = braces * 50_000
        assert filled(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
PIECES = st.sampled_from(
    ["{{", "}}", "{", "}", "item", "sample", ".", "[", "]", "0", "a", "b", "'", '"', " ", ".output_json",
     ".output_text", "{{item.a}}", "{{sample.output_json.a[0]}}", "é", "\ud800"]
)  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(PIECES, max_size=25).map("".join),
    st.dictionaries(st.sampled_from("ab"), JSON),
    st.text(max_size=20) | JSON,
)
def test_any_template_is_a_text_or_an_error_of_ours(template: str, item: dict[str, Any], sample: Any) -> None:
    said = sample if isinstance(sample, str) else json.dumps(sample)
    with contextlib.suppress(RenderError):
        rendered = render(template, scope_of(item, said))
        assert len(rendered.text) <= MAX_RENDERED_CHARS
        assert "{{" in template or rendered.text == template


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=8), JSON, min_size=1))
def test_every_key_of_a_row_can_be_reached(item: dict[str, Any]) -> None:
    for key, value in item.items():
        quote = '"' if '"' not in key else "'"
        if quote in key or "]" in key or "{{" in key or "}}" in key:
            continue
        text = render(f"{{{{ item[{quote}{key}{quote}] }}}}", scope_of(item, "")).text
        assert text == (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
