"""The page of the quirks has a row for each, with scenarios that there are and tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mocktune.storage.scenario_files import scenario_names

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "explanation" / "quirks.md"


@pytest.fixture(scope="module")
def rows() -> dict[int, list[str]]:
    lines = (line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+ \|", line))
    cells = ([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines)
    return {int(number): rest for number, *rest in cells}


def test_every_quirk_has_a_row_and_its_test(rows: dict[int, list[str]]) -> None:
    assert sorted(rows) == list(range(1, 33))
    code = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_quirks_*.py"))
    tests = set(re.findall(r"^def (test_quirk_\d\d_\w+)\(", code, re.M))
    for number, row in rows.items():
        test = row[-1].strip("`")
        assert test in tests
        assert test.startswith(f"test_quirk_{number:02}_")


def test_scenarios_of_the_page_are_ones_that_there_are(rows: dict[int, list[str]]) -> None:
    for row in rows.values():
        named = re.findall(r"`([\w-]+)`", row[1])
        assert set(named) - {"today"} <= set(scenario_names()), row
