"""The report card as it stands in a terminal: what each scenario is where there is room for it, the rest everywhere."""

from __future__ import annotations

from io import StringIO

import pytest
from rehearsal.runs_told import SUCCEEDED, judged
from rich.console import Console

from mocktune.rehearsal.card import WIDEST, WITH_SUMMARIES, print_card
from mocktune.rehearsal.rehearsing import Rehearsal


@pytest.mark.parametrize(("width", "told"), [(80, False), (WITH_SUMMARIES, True), (WIDEST, True), (300, True)])
def test_what_a_scenario_is_stands_where_there_is_room(width: int, told: bool) -> None:
    told_here = StringIO()
    runs = [judged("recover", 0, SUCCEEDED, name="a-scenario", findings=("MT03",)), judged("recover", 0, SUCCEEDED)]
    print_card(Console(file=told_here, width=width), Rehearsal(["python", "train.py"], runs))
    card = told_here.getvalue()
    assert ("What it is" in card) is told
    assert "a-scenario" in card
    assert "1. MT03  stopped at the first events page" in card
    assert "not ready: 1 of 2 scenarios passed, 1 fault" in card
    assert max(map(len, card.splitlines())) <= WIDEST
