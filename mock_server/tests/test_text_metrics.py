"""Likeness through the libraries: offline, without a warning, in bounded time."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mocktune.domain.grader_kinds import METRICS, Metric
from mocktune.text_metrics import LibraryMetrics

CAT = "The cat sat on the mat, quite happily."


def similarity(metric: Metric, input: str, reference: str) -> float:
    return LibraryMetrics().similarity(metric, input, reference)


def test_fuzzy_match_is_the_recorded_score_of_the_guides_pair() -> None:
    """EVALPROTOCOL recorded it for a python grader that computes ``WRatio``."""
    assert similarity("fuzzy_match", "fuzzy wuzzy was a bear", "fuzzy wuzzy had no hair") == 0.7555555555555555


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_1_for_the_same_text_and_0_for_another(metric: Metric) -> None:
    # METEOR takes a little off for one chunk.
    assert similarity(metric, CAT, CAT) == pytest.approx(1, abs=0.001)
    assert similarity(metric, "wholly other words here and there now", CAT) < 0.5
    assert similarity(metric, "", CAT) == similarity(metric, CAT, "") == similarity(metric, "", "") == 0


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_gives_more_to_what_is_nearer(metric: Metric) -> None:
    near, far = "The cat sat on the mat, quite sadly.", "A dog lay on the mat."
    assert similarity(metric, near, CAT) > similarity(metric, far, CAT)


@pytest.mark.parametrize(
    ("metric", "score"),
    [
        ("rouge_1", 6 / 7),  # 3 of 3 and 3 of 4
        ("rouge_2", 4 / 5),  # 2 of 2 and 2 of 3
        ("rouge_3", 2 / 3),  # 1 of 1 and 1 of 2
        ("rouge_4", 0.0),
        ("rouge_l", 6 / 7),
    ],
)
def test_rouge_is_the_f_measure_of_word_sequences(metric: Metric, score: float) -> None:
    assert similarity(metric, "a b c", "a b c d") == pytest.approx(score)


def test_bleu_of_two_words_counts_sequences_of_two() -> None:
    assert similarity("bleu", "good dog", "good dog") == 1
    assert 0 < similarity("bleu", "good cat", "good dog") < 0.5


def test_gleu_is_the_share_of_common_sequences() -> None:
    assert similarity("gleu", "a b", "a b c") == pytest.approx(3 / 6)


def test_meteor_knows_stems_and_no_synonyms() -> None:
    assert similarity("meteor", "he walks", "he walked") > 0.9
    assert similarity("meteor", "big", "large") == 0


@pytest.mark.parametrize("metric", METRICS)
def test_long_texts_take_bounded_time(metric: Metric) -> None:
    one, other = ("".join(f"{letter}{n} " for n in range(100_000)) for letter in "ab")
    before = time.perf_counter()
    assert 0 <= similarity(metric, one, other) <= 1
    assert time.perf_counter() - before < 5


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(METRICS), st.text(max_size=30), st.text(max_size=30))
def test_any_two_texts_have_a_likeness(metric: Metric, one: str, other: str) -> None:
    assert 0 <= similarity(metric, one, other) <= 1 + 1e-9


def test_the_libraries_are_imported_when_a_metric_needs_them() -> None:
    code = (
        "import sys; from mocktune.text_metrics import LibraryMetrics as L; import mocktune.service.graders;"
        "L().similarity('fuzzy_match', 'a', 'b');"
        "print([name for name in ('nltk', 'numpy', 'rouge_score') if name in sys.modules]);"
        "L().similarity('rouge_1', 'a', 'b');"
        "print('rouge_score' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
