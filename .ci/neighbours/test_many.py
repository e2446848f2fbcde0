"""A project of many tests, each with a full life: for xdist, random order and repeats."""

import os

import pytest
import train

COUNT = int(os.environ.get("NEIGHBOURS_COUNT", "40"))


@pytest.mark.parametrize("number", range(COUNT))
def test_a_life(mocktune, number):
    job, answer = train.main()
    assert job.status == "succeeded"
    assert answer
    assert len(mocktune.requests("create").committed) == 1
    mocktune.verdict.assert_clean()


@pytest.fixture(scope="class")
def shared():
    return []


class TestOfAClass:
    @pytest.mark.parametrize("number", range(5))
    def test_one_after_the_other(self, mocktune, shared, number):
        assert train.main()[0].status == "succeeded"
        shared.append(number)
