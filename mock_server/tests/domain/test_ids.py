"""Ids have the recorded shapes, follow from their seed, and an event's id leads back to its index."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocktune.domain import ids
from mocktune.domain.clock import FROZEN_START, SECOND, VirtualTime

seeds = st.integers(0, 2**63 - 1)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("job", r"ftjob-[0-9A-Za-z]{24}"),
        ("file", r"file-[0-9A-Za-z]{22}"),
        ("checkpoint", r"ftckpt_[0-9A-Za-z]{24}"),
        ("chat", r"chatcmpl-[0-9A-Za-z]{29}"),
        ("organization", r"org-[0-9A-Za-z]{24}"),
        ("fingerprint", r"fp_[0-9a-f]{10}"),
    ],
)
def test_ids_have_the_recorded_shapes(kind: ids.Kind, shape: str) -> None:
    assert re.fullmatch(shape, ids.object_id(kind, 42, 0))


def test_ids_of_one_seed_differ_by_count_and_by_kind() -> None:
    made = {ids.object_id("job", 42, n) for n in range(1000)} | {ids.object_id("job", 43, n) for n in range(1000)}
    assert len(made) == 2000
    assert ids.object_id("job", 42, 7).removeprefix("ftjob-") != ids.object_id("checkpoint", 42, 7).removeprefix(
        "ftckpt_"
    )


@given(seeds, st.integers(0, 10**9))
def test_an_event_id_leads_back_to_its_index(seed: int, index: int) -> None:
    id = ids.event_id(seed, index)
    assert re.fullmatch(r"ftevent-[0-9A-Za-z]{24}", id)
    assert ids.event_index(seed, id) == index


@given(seeds, st.integers(0, 10**9))
def test_an_event_id_of_another_job_is_unknown(seed: int, index: int) -> None:
    assert ids.event_index(seed ^ 1, ids.event_id(seed, index)) is None


@pytest.mark.parametrize(
    "id", ["", "ftevent-", "ftevent-short", "ftevent-" + "é" * 24, "ftevent-" + "0" * 24, "x" * 32]
)
def test_what_is_no_event_id_is_unknown(id: str) -> None:
    assert ids.event_index(42, id) is None


def test_model_ids_of_one_period_begin_alike() -> None:
    day = VirtualTime(FROZEN_START + 3600 * SECOND)
    first, second = ids.model_suffix_id(1, FROZEN_START, "a"), ids.model_suffix_id(2, day, "b")
    assert re.fullmatch(r"[0-9A-Za-z]{8}", first)
    assert first[:2] == second[:2]
    assert first != second
    assert ids.model_suffix_id(1, VirtualTime(FROZEN_START + 60 * 86_400 * SECOND), "a")[:2] != first[:2]


@given(seeds)
def test_a_service_seed_has_nine_or_ten_digits_below_two_to_31(seed: int) -> None:
    assert 100_000_000 <= ids.service_seed(seed) < 2**31
