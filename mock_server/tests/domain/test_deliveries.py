"""A delivery and its attempts: when the next one is due, what counts as delivered, what faults make of it."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pytest

from mocktune.domain.clock import SECOND, VirtualTime, WallTime
from mocktune.domain.deliveries import (
    HELD_AT_MOST,
    MAX_ATTEMPTS,
    RETRY_DELAYS,
    STALE_FOR,
    Attempt,
    Delivery,
    job_event_id,
    new_delivery,
    prepared,
    request_of,
    signing_secrets,
)
from mocktune.domain.faults import WebhookFault
from mocktune.domain.webhooks import WebhookEndpoint, readable_secret, signing_secret

DUE = VirtualTime(1_768_435_200 * SECOND)
WALL = WallTime(1_800_000_000 * SECOND)
ENDPOINT = WebhookEndpoint("whe_1", DUE, DUE, "hook", "http://127.0.0.1/", ("batch.completed",), "whsec_AAAA")


def delivery(**given: Any) -> Delivery:
    return new_delivery("evt_1", "batch.completed", b"{}", ENDPOINT, DUE, 0, **given)


def attempt(of: Delivery, status: int | None, **given: Any) -> None:
    """The attempt that is due next."""
    assert of.next_at is not None
    of.tried(Attempt(of.next_at, WALL, status, kind=of.next_kind, **given))


def test_attempts_are_made_by_the_schedule_and_then_no_more() -> None:
    of, made = delivery(), []
    while of.next_at is not None:
        made.append(of.next_at - DUE)
        attempt(of, 500)
    assert made == list(accumulate(RETRY_DELAYS))
    assert [each // SECOND for each in made] == [
        0, 5, 305, 2105, 9305, 27305, 63305, 113705, 185705, 272105,
    ]  # fmt: skip
    assert of.state == "failed"


@pytest.mark.parametrize("status", [200, 204, 299])
def test_any_2xx_delivers(status: int) -> None:
    of = delivery()
    attempt(of, status)
    assert (of.state, of.next_at) == ("delivered", None)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 302, 307, 400, 404, 500])
def test_nothing_else_does(status: int | None) -> None:
    of = delivery()
    attempt(of, status)
    assert (of.state, of.next_at) == ("pending", DUE + 5 * SECOND)


def test_410_is_the_end() -> None:
    of = delivery()
    attempt(of, 410)
    assert (of.state, of.next_at) == ("failed", None)


def test_resending_changes_no_schedule_unless_it_succeeds() -> None:
    of = delivery()
    attempt(of, 500)
    due = of.next_at
    of.tried(Attempt(DUE, WALL, 500, kind="resend"))
    assert (of.state, of.next_at, of.tries) == ("pending", due, 1)
    of.tried(Attempt(DUE, WALL, 200, kind="resend"))
    assert (of.state, of.next_at) == ("delivered", None)
    of.tried(Attempt(DUE, WALL, 500, kind="resend"))
    assert of.state == "delivered"


def test_an_attempt_that_was_under_way_when_it_was_resent_schedules_none() -> None:
    of = delivery()
    of.tried(Attempt(DUE, WALL, 200, kind="resend"))
    of.tried(Attempt(DUE, WALL, 500))
    assert (of.state, of.next_at) == ("delivered", None)


def test_only_the_last_attempts_are_remembered() -> None:
    of = delivery()
    for n in range(MAX_ATTEMPTS + 5):
        of.tried(Attempt(DUE, WallTime(n), 200, kind="resend"))
    assert len(of.attempts) == MAX_ATTEMPTS
    assert of.attempts[-1].wall == MAX_ATTEMPTS + 4


# -- faults ------------------------------------------------------------------------------------------------------------


def faulty(fault: WebhookFault, pause: int | None = None, *, holds: bool = False) -> Delivery:
    of = delivery()
    prepared(of, fault, pause, WALL, holds=holds)
    return of


def test_what_is_dropped_is_never_sent() -> None:
    of = faulty("drop")
    assert (of.state, of.next_at, of.fault) == ("dropped", None, "drop")
    assert [(each.status_code, each.failure) for each in of.attempts] == [(None, "dropped by a rule of faults")]


@pytest.mark.parametrize("pause", [None, 30 * SECOND])
def test_a_duplicate_is_sent_again_after_it_was_taken(pause: int | None) -> None:
    of = faulty("duplicate", pause)
    attempt(of, 500)
    assert of.next_kind == "scheduled"
    attempt(of, 200)
    assert (of.state, of.next_kind, of.next_at) == ("delivered", "duplicate", DUE + 5 * SECOND + (pause or 0))
    attempt(of, 500)
    assert (of.state, of.next_at) == ("delivered", None)
    assert [each.kind for each in of.attempts] == ["scheduled", "scheduled", "duplicate"]


def test_what_is_to_be_overtaken_waits_so_long_and_no_longer() -> None:
    of = faulty("reorder")
    assert (of.held, of.next_at) == (True, DUE + HELD_AT_MOST)
    attempt(of, 500)
    assert (of.held, of.next_at) == (False, DUE + HELD_AT_MOST + 5 * SECOND)
    of = faulty("reorder")
    of.release(VirtualTime(DUE + 1))
    assert (of.held, of.next_at) == (False, DUE + 1)


def test_two_that_wait_for_each_other_would_arrive_in_order() -> None:
    assert not faulty("reorder", holds=True).held


def test_a_delay_is_of_virtual_time() -> None:
    assert faulty("delay", 90 * SECOND).next_at == DUE + 90 * SECOND


def test_an_impostor_does_not_try_again() -> None:
    of = delivery(signature="forged")
    attempt(of, 400)
    assert (of.state, of.next_at) == ("failed", None)


# -- signatures --------------------------------------------------------------------------------------------------------


def test_a_forger_knows_no_secret_of_the_endpoint() -> None:
    rotated = ENDPOINT.rotated(7, DUE, keep_old=True)
    assert signing_secrets(rotated, "good", DUE, 7) == (rotated.secret, "whsec_AAAA")
    assert set(signing_secrets(rotated, "forged", DUE, 7)).isdisjoint((rotated.secret, "whsec_AAAA"))


def test_what_is_signed_with_a_rotated_secret_is_signed_with_the_last_one() -> None:
    once = ENDPOINT.rotated(7, DUE, keep_old=False)
    assert signing_secrets(once.rotated(7, DUE, keep_old=False), "rotated", DUE, 7) == (once.secret,)
    assert signing_secrets(ENDPOINT, "rotated", DUE, 7) not in [(ENDPOINT.secret,), (signing_secret(7, "whe_1", 0),)]


def test_what_was_sent_can_be_told_again() -> None:
    sent = request_of(delivery(), Attempt(DUE, WALL, 200, secrets=("a", "b")))
    assert (sent.secrets, sent.sent_at, sent.signed, sent.body) == (("a", "b"), WALL, True, b"{}")
    assert request_of(delivery(signature="stale"), Attempt(DUE, WALL, 200)).sent_at == WALL - STALE_FOR
    assert not request_of(delivery(signature="missing"), Attempt(DUE, WALL, 200)).signed


def test_ids_follow_from_the_event_and_the_endpoint() -> None:
    assert delivery().id == delivery().id != delivery(signature="stale").id
    assert delivery().webhook_id == delivery(signature="stale").webhook_id
    assert job_event_id(1) == job_event_id(1) != job_event_id(2)


@pytest.mark.parametrize(("secret", "good"), [
    ("whsec_AAAA", True), ("plain text", True), ("whsec_", False), ("whsec_A", False), ("whsec_****", False),
    ("", False), ("a\r\nb: c", False),
])  # fmt: skip
def test_a_secret_must_be_able_to_sign(secret: str, good: bool) -> None:
    assert readable_secret(secret) is good
