"""``calculate_output``: read by a parser of our own, never run as code."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.formulas import (
    MAX_FORMULA_CHARS,
    FormulaSyntaxError,
    FormulaValueError,
    parse_formula,
)

SCORES = {"a": 0.5, "b": 0.25, "min": 0.125}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5 * a + 0.5 *b", 0.375),
        ("(a + b) / 2", 0.375),
        ("a - b - b", 0.0),
        ("8 / 4 / 2", 1.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("--a", 0.5),
        ("+a", 0.5),
        ("min(a, b, 0.1) + max(a)", 0.6),
        ("abs(b - a) * 4", 1.0),
        ("floor(1.5) + ceil(1.5)", 3.0),
        ("sqrt(exp(log(4)))", 2.0),
        ("1e2 + .5 + 5.", 105.5),
        ("min + min(1, 2)", 1.125),
        ("\n a \t", 0.5),
    ],
)
def test_a_formula_has_the_value_of_its_operators(text: str, value: float) -> None:
    assert parse_formula(text).value(SCORES) == pytest.approx(value)


def test_a_formula_names_its_variables_and_not_its_functions() -> None:
    assert parse_formula("min(a, x_1) * exp(2) + min").variables == {"a", "x_1", "min"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("a +", "ends too early"),
        ("a b", "unexpected 'b' at position 2"),
        ("0.5 * text_similarity_score +  0.5 * string_check_score)", "unexpected '\\)' at position 55"),
        ("(a", "not closed"),
        ("min()", "unexpected"),
        ("min(a", "not closed"),
        ("abs(a, b)", "takes one argument, not 2"),
        ("eval(a)", "no function 'eval'"),
        ("a ** 2", "unexpected"),
        ("a.b", "unexpected '.'"),
        ("a[0]", "unexpected"),
        ("'a'", "unexpected"),
        ("1e999", "too large"),
        ("ä", "unexpected"),
        ("(" * 60 + "a" + ")" * 60, "nested more than"),
        ("-" * 60 + "a", "nested more than"),
        ("2" + "^2" * 60, "nested more than"),
        ("a" * (MAX_FORMULA_CHARS + 1), "longer than"),
    ],
)
def test_what_is_no_formula_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(FormulaSyntaxError, match=said):
        parse_formula(text)


@pytest.mark.parametrize(
    "text",
    ["1 / 0", "a / (b - b)", "sqrt(-1)", "log(0)", "exp(1000)", "(-1) ^ 0.5", "10 ^ 999", "0 ^ -1", "1e308 * 10"],
)
def test_a_formula_without_a_value_says_so(text: str) -> None:
    with pytest.raises(FormulaValueError):
        parse_formula(text).value(SCORES)


def test_a_long_formula_takes_no_deep_recursion() -> None:
    assert parse_formula("a+" * 2000 + "a").value(SCORES) == pytest.approx(1000.5)


PIECES = st.sampled_from([*"ab+-*/^(),. ", "min(", "log(", "exp(", "1", "0.5", "1e308", "é", "__import__", "\x00"])


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=40).map("".join)))
def test_any_text_has_a_finite_value_or_a_reason_why_not(text: str) -> None:
    with contextlib.suppress(FormulaSyntaxError, FormulaValueError):
        formula = parse_formula(text)
        assert math.isfinite(formula.value(dict.fromkeys(formula.variables, 0.5)))


NUMBERS = st.floats(-4, 4).map(lambda number: round(number, 2))


@settings(deadline=None)
@given(
    st.recursive(
        NUMBERS.map(lambda number: f"({number:f})"),
        lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
            lambda each: f"({each[0]}{each[1]}{each[2]})"
        ),
        max_leaves=12,
    )
)
def test_arithmetic_agrees_with_pythons(text: str) -> None:
    try:
        expected = eval(text)
    except ZeroDivisionError:
        with pytest.raises(FormulaValueError):
            parse_formula(text).value({})
    else:
        assert parse_formula(text).value({}) == pytest.approx(expected)
