"""A golden transcript of every packaged scenario: a life under it, as a client sees it.

After a change that is meant::

    MOCKTUNE_UPDATE_GOLDENS=1 pytest mock_server/tests/test_scenario_transcripts.py

writes ``fixtures/transcripts/scenarios/*.txt`` anew, to be reviewed as a diff. Waits of wall time (an answer that
dribbles, a request that hangs) are played in a millisecond.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from scripted_client import asking, impatient, live

from mocktune import make_settings
from mocktune.settings import Settings
from mocktune.storage.scenario_files import load_scenario, scenario_names

GOLDENS = Path(__file__).resolve().parents[2] / "fixtures" / "transcripts" / "scenarios"
UPDATE = os.environ.get("MOCKTUNE_UPDATE_GOLDENS") == "1"

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings_of(name: str) -> Settings:
    return replace(make_settings(clock="frozen", seed=42), scenario=impatient(load_scenario(name)))


async def transcript(name: str, *, tcp: bool = False) -> str:
    async with asking(settings_of(name), tcp=tcp) as client:
        await live(client)
    return "\n".join([f"{name}: {load_scenario(name).summary}", "", *map(str, client.exchanges)]) + "\n"


@pytest.mark.parametrize("name", scenario_names())
async def test_the_life_under_a_scenario_is_the_golden_one(name: str) -> None:
    taken, golden = await transcript(name), GOLDENS / f"{name}.txt"
    if UPDATE:
        golden.write_text(taken, "utf-8")
    assert taken == golden.read_text("utf-8")


@pytest.mark.parametrize("name", ["realistic", "lost-create", "truncated-body", "truncated-stream", "flaky-5xx"])
async def test_the_life_is_the_same_over_tcp(name: str) -> None:
    """What a connection suffers too, by the rule that fired."""
    assert await transcript(name, tcp=True) == await transcript(name)


def test_there_is_a_golden_for_each_scenario_and_for_nothing_else() -> None:
    assert sorted(each.stem for each in GOLDENS.iterdir()) == list(scenario_names())
