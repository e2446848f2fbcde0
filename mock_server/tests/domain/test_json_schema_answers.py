"""An answer for a schema conforms to it, whatever the schema; one that nothing conforms to is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mocktune.domain.json_schema_answers import UnanswerableSchemaError, conforms, json_answer
from mocktune.domain.patterns import UnsupportedPatternError, pattern

FORMATS = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"]
PATTERNS = [
    r"^@[a-zA-Z0-9_]+$",
    r"^\d{3}-\d{4}$",
    r"^(red|green|blue)$",
    r"[A-Z]{2}\s?[0-9]+",
    r"^[^\s,]{1,8}(,\w+)*$",
    "x|y",
]
NAMES = st.sampled_from(["name", "age", "steps", "next", "kind", "final_answer"])


def validated(answer: object, schema: Any) -> object:
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer)
    json.dumps(answer, allow_nan=False)
    return answer


def an_object(members: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(NAMES, members, max_size=4).map(
        lambda properties: {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }
    )


def bounds(low: str, high: str, numbers: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    def named(pair: tuple[Any, Any, bool, bool]) -> dict[str, Any]:
        first, last = sorted(pair[:2])
        return {**({low: first} if pair[2] else {}), **({high: last} if pair[3] else {})}

    return st.tuples(numbers, numbers, st.booleans(), st.booleans()).map(named)


LEAVES = st.one_of(
    st.just({"type": "null"}),
    st.just({"type": "boolean"}),
    st.just({"type": ["string", "null"]}),
    st.sampled_from(FORMATS).map(lambda name: {"type": "string", "format": name}),
    st.sampled_from(PATTERNS).map(lambda source: {"type": "string", "pattern": source}),
    bounds("minLength", "maxLength", st.integers(0, 40)).map(lambda given: {"type": "string", **given}),
    st.lists(st.one_of(st.text(max_size=5), st.integers(), st.none()), min_size=1, max_size=4).map(
        lambda values: {"enum": values}
    ),
    st.one_of(st.text(max_size=5), st.integers(), st.booleans()).map(lambda value: {"const": value}),
    bounds("minimum", "maximum", st.integers(-(10**6), 10**6)).map(lambda given: {"type": "integer", **given}),
    bounds("minimum", "maximum", st.floats(-1e6, 1e6)).map(lambda given: {"type": "number", **given}),
    st.tuples(st.integers(-50, 50), st.integers(2, 30)).map(
        lambda pair: {"type": "integer", "exclusiveMinimum": pair[0], "exclusiveMaximum": pair[0] + pair[1]}
    ),
    st.sampled_from([5, 0.5, 0.01, 2.5]).map(lambda step: {"type": "number", "multipleOf": step, "minimum": -3}),
    st.sampled_from([7, 0.5, 2.5]).map(lambda step: {"type": "integer", "multipleOf": step, "maximum": 900}),
)
SCHEMAS = an_object(
    st.recursive(
        LEAVES
        | st.just({"$ref": "#/$defs/node"})
        | st.just({"$ref": "#"}).map(lambda ref: {"anyOf": [ref, {"type": "null"}]}),
        lambda members: st.one_of(
            an_object(members),
            st.tuples(members, bounds("minItems", "maxItems", st.integers(0, 5))).map(
                lambda pair: {"type": "array", "items": pair[0], **pair[1]}
            ),
            st.lists(members, min_size=1, max_size=3).map(lambda options: {"anyOf": options}),
        ),
        max_leaves=12,
    )
).map(
    lambda schema: {
        **schema,
        "$defs": {
            "node": {
                "type": "object",
                "properties": {
                    "value": {"type": "string"},
                    "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                    "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                },
                "required": ["value", "next", "children"],
                "additionalProperties": False,
            }
        },
    }
)


@settings(max_examples=150, deadline=None)
@given(SCHEMAS, st.integers(0, 2**63))
def test_an_answer_for_structured_outputs_always_validates(schema: dict[str, Any], seed: int) -> None:
    answer = validated(json_answer(schema, seed), schema)
    assert conforms(answer, schema)
    assert json_answer(schema, seed) == answer


@settings(max_examples=100, deadline=None)
@given(SCHEMAS, SCHEMAS, st.integers(0, 2**63))
def test_what_conforms_is_what_an_independent_implementation_takes(schema: Any, other: Any, seed: int) -> None:
    answer: Any = json_answer(schema, seed)
    for value in (answer, *answer.values()):
        for given_schema in (other, *other["properties"].values()):
            whole = given_schema if given_schema is other else {**given_schema, "$defs": other["$defs"]}
            if "'#'" in str(given_schema):
                continue  # "#" would mean another schema
            assert conforms(value, whole) == Draft202012Validator(whole).is_valid(value)


KEYWORDS = [
    "type", "properties", "required", "items", "enum", "const", "anyOf", "oneOf", "allOf", "$ref", "$defs", "minItems",
    "maxItems", "minimum", "maximum", "multipleOf", "minLength", "maxLength", "pattern", "format", "prefixItems",
    "additionalProperties", "uniqueItems", "not", "if", "then", "minProperties", "exclusiveMinimum",
    "patternProperties",
]  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 10**20) | st.floats(allow_nan=False) | st.text(max_size=6),
    lambda each: (
        st.lists(each, max_size=3)
        | st.dictionaries(
            st.sampled_from(KEYWORDS),
            each | st.sampled_from(["object", "array", "string", "number", "#", "#/$defs", "(a+)+$", "[", "a{3}"]),
            max_size=5,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["type", "properties", "anyOf", "allOf", "items", "$ref"]), ANYTHING), ANYTHING)
def test_whatever_comes_as_a_schema_is_answered_or_refused(schema: dict[str, Any], value: Any) -> None:
    conforms(value, schema)
    try:
        answer = json_answer(schema, 1)
    except UnanswerableSchemaError:
        return
    assert conforms(answer, schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"required": ["c"]},
            ]
        },
        {"allOf": [{"properties": {"a": {"minimum": 3}}}, {"properties": {"a": {"maximum": 3}}, "required": ["a"]}]},
        {"allOf": [{"type": "number"}, {"type": ["integer", "null"]}]},
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": True},
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False},
        {"oneOf": [{"type": "integer"}, {"type": "number", "maximum": 0.5}]},
        {"type": "string", "not": {"maxLength": 3}, "minLength": 2},
        {"type": "object", "minProperties": 4},
        {"type": "object", "anyOf": [{"required": ["a"]}, {"required": ["b"]}], "properties": {"a": {"type": "null"}}},
        {"description": "anything at all"},
        {"type": "string", "maxLength": 3},
        {"type": "string", "minLength": 60, "maxLength": 60},
        {"type": "number", "minimum": 1e308},
    ],
)
def test_keywords_beyond_structured_outputs_are_answered(schema: dict[str, Any]) -> None:
    for seed in range(5):
        validated(json_answer(schema, seed), schema)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "allows nothing"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "no number"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}, "recursion does not end"),
        ({"$ref": "#"}, "circles"),
        ({"$ref": "https://example.com/schema"}, "leads nowhere"),
        ({"type": "string", "pattern": "(?=a)b"}, "pattern is not understood"),
        ({"type": "string", "minLength": 10**7}, "too long"),
        ({"type": "array", "minItems": 10**6}, "too large"),
    ],
)
def test_what_nothing_can_be_found_for_is_refused_with_its_reason(schema: Any, reason: str) -> None:
    with pytest.raises(UnanswerableSchemaError, match=reason):
        json_answer(schema, 1)


def test_seeds_draw_different_answers() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert len({json.dumps(json_answer(schema, seed)) for seed in range(10)}) > 5


@pytest.mark.parametrize(
    ("source", "yes", "no"),
    [
        (r"^\d{2,3}$", ["12", "123"], ["1", "1234", "ab", "12\n"]),
        (r"b+", ["abba", "b"], ["", "ac"]),
        (r"^(?:a|bc)*$", ["", "abca"], ["ab", "c"]),
        (r"^[^a-c\]]?x$", ["x", "dx"], ["ax", "]x"]),
        (r"^a{,2}b{2,}\.$", ["a{,2}bb."], ["abb."]),
        (r"^(a+)+$", ["a" * 500], ["a" * 500 + "b"]),
        (r"^(a*)*$", ["", "aaa"], ["aab"]),
        (r"^(?P<year>\w\W\S)\s\u00e9$", ["a- é", "a-b é"][1:], ["a-  é"]),
    ],
)
def test_a_pattern_matches_what_it_says(source: str, yes: list[str], no: list[str]) -> None:
    assert [pattern(source).matches(text) for text in yes + no] == [True] * len(yes) + [False] * len(no)


@pytest.mark.parametrize(
    "source", ["(", ")", "a)", "[a", "*", r"\1", r"\p{L}", "(?!a)", "a{2,1}", "[z-a]", "((a{99}){99}){99}", "\\"]
)
def test_a_pattern_that_is_not_understood_is_refused(source: str) -> None:
    with pytest.raises(UnsupportedPatternError):
        pattern(source)
