"""What ``mocktune serve`` tells people on stderr about whose objects a key sees."""

from __future__ import annotations

from typing import Any

import pytest

from mocktune import make_settings
from mocktune.cli.serve import announce
from mocktune.server import bind


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "any key works; each has a sandbox of its own\n"),
        ({"stateless": True}, "any key works; nothing that a request does is kept\n"),
        ({"save_state_to": "s.json"}, "any key works; all share one sandbox, written to s.json at the end\n"),
        ({"loose": True, "profile": "today"}, "(scenario quick, clock real, seed 0, profile today, loose).\n"),
    ],
)
def test_people_are_told_whose_objects_a_key_sees(
    capsys: pytest.CaptureFixture[str], settings: dict[str, Any], told: str
) -> None:
    with bind() as listening:
        announce(make_settings(**settings), listening)
    assert told in capsys.readouterr().err
