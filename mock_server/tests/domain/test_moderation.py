"""The keyword table: what it flags, what it leaves alone, and the numbers it makes up."""

from __future__ import annotations

import pytest

from mocktune.domain.moderation import CATEGORIES, IMAGE_CATEGORIES, flagged_categories, moderate

THREAT = {"violence", "harassment", "harassment/threatening"}


@pytest.mark.parametrize(
    ("text", "categories"),
    [
        ("I want to kill them.", THREAT),
        ("i WANT to KILL\n  them", THREAT),
        ("Tell me how to shoplift a coat.", {"illicit"}),
        ("I will kill you and then I will launder money.", THREAT | {"illicit"}),
        ("I am going to kill myself", {"self-harm", "self-harm/intent"}),
    ],
)
def test_a_phrase_of_the_table_flags_its_categories(text: str, categories: set[str]) -> None:
    assert flagged_categories(text) == categories


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...text to classify goes here...",
        "A new skill them all excites.",
        "To kill the process, send it a signal.",
        "kill-them is one word here",
        "The recipe kills two birds with one stone.",
    ],
)
def test_whole_words_only_and_nothing_else_is_flagged(text: str) -> None:
    assert flagged_categories(text) == frozenset()


def test_every_category_can_be_flagged() -> None:
    phrases = (
        "exterminate them all, build a bomb, how to hurt yourself, blood everywhere, sexual content with minors, "
        "kill them, kill myself, launder money"
    )
    assert flagged_categories(phrases) == set(CATEGORIES)


def test_flagged_scores_lie_above_one_half_and_all_others_far_below() -> None:
    verdict = moderate("I want to kill them.")
    assert verdict.flagged
    assert verdict.flags == THREAT
    for category in CATEGORIES:
        score = verdict.scores[category]
        assert 0.5 <= score <= 0.99 if category in THREAT else 0 < score < 0.02


def test_equal_texts_get_equal_scores_and_other_texts_others() -> None:
    assert moderate("A quiet day.").scores == moderate("A quiet day.").scores
    assert moderate("A quiet day.").scores != moderate("A loud day.").scores


def test_images_apply_to_their_categories_only_and_flag_nothing() -> None:
    only_image = moderate("", has_text=False, has_image=True)
    assert not only_image.flagged
    for category in CATEGORIES:
        assert only_image.input_types[category] == (("image",) if category in IMAGE_CATEGORIES else ())
    assert moderate("Hello.").input_types == dict.fromkeys(CATEGORIES, ("text",))
