"""A credential names a sandbox: which ones share, which are refused, what a new one starts with."""

from __future__ import annotations

import pytest
from support import NO_WALL, Lab

from mocktune.domain.clock import SECOND, WallTime
from mocktune.domain.errors import AuthenticationError, ServiceUnavailableError
from mocktune.service.sandboxes import check_key, redacted


@pytest.fixture
def lab() -> Lab:
    lab = Lab.open(max_sandboxes=3, sandbox_ttl_s=60)
    yield lab
    lab.close()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("sk-a", "sk-a", True),
        ("sk-a", "sk-b", False),
        ("sk-mt-ci--alice", "sk-mt-ci--bob", True),
        ("sk-mt-ci--alice", "sk-mt-dev--alice", False),
        ("sk-x--alice", "sk-x--bob", False),
        ("sk-a", "sk-admin-a", True),
        ("sk-mt-ci--alice", "sk-admin-mt-ci--root", True),
    ],
)
def test_which_keys_share_a_sandbox(lab: Lab, first: str, second: str, same: bool) -> None:
    found = [lab.services.sandboxes.open(key, NO_WALL) for key in (first, second)]
    assert (found[0] is found[1]) is same


def test_a_name_in_the_base_url_shares_a_sandbox_between_keys(lab: Lab) -> None:
    first = lab.services.sandboxes.open("sk-1", NO_WALL, shared_name="ci")
    second = lab.services.sandboxes.open("sk-2", NO_WALL, shared_name="ci")
    assert first is second is lab.services.sandboxes.open("sk-mt-ci--x", NO_WALL)


def test_the_seed_follows_from_the_server_seed_and_the_key() -> None:
    seeds = []
    for seed, key in ((1, "sk-a"), (1, "sk-a"), (2, "sk-a"), (1, "sk-b")):
        lab = Lab.open(seed=seed)
        seeds.append(lab.services.sandboxes.open(key, NO_WALL).seed)
        lab.close()
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3


def test_past_the_cap_no_sandbox_is_opened_and_none_is_evicted(lab: Lab) -> None:
    opened = [lab.services.sandboxes.open(f"sk-{n}", NO_WALL) for n in range(3)]
    with pytest.raises(ServiceUnavailableError, match="--max-sandboxes"):
        lab.services.sandboxes.open("sk-more", NO_WALL)
    assert [lab.services.sandboxes.open(f"sk-{n}", NO_WALL) for n in range(3)] == opened


async def _upload_as(lab: Lab, key: str) -> None:
    lab.key = key
    await lab.upload()


def test_sandboxes_unused_for_their_time_are_closed_with_their_bytes(lab: Lab) -> None:
    import asyncio

    asyncio.run(_upload_as(lab, "sk-old"))
    assert lab.services.blobs.used_bytes > 0
    later = WallTime(NO_WALL + 61 * SECOND)
    lab.services.sandboxes.open("sk-new", later)
    assert len(lab.services.sandboxes) == 1
    assert lab.services.blobs.used_bytes == 0


@pytest.mark.parametrize("key", [None, ""])
def test_a_missing_key_is_told_how_to_send_one(key: str | None) -> None:
    with pytest.raises(AuthenticationError, match="You didn't provide an API key") as caught:
        check_key(key)
    assert caught.value.code is None


@pytest.mark.parametrize("key", ["sk-invalid", "sk-invalid-xyz", "k" * 513, "sk-\x00abc", "sk-\nabc"])
def test_a_bad_key_is_refused_and_redacted(key: str) -> None:
    with pytest.raises(AuthenticationError, match="Incorrect API key provided: ") as caught:
        check_key(key)
    assert caught.value.code == "invalid_api_key"
    assert key not in caught.value.message


def test_a_redacted_key_shows_its_first_five_and_last_two_characters() -> None:
    assert redacted("sk-abcdefghxyz") == "sk-ab***yz"
    assert redacted("short") == "***"
