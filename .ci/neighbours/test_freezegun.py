"""freezegun, entered before the fixture and inside it: jobs live on the sandbox's clock, dates are freezegun's."""

import datetime as dates
import time

import pytest
import train
from freezegun import freeze_time

DAY = "2024-02-29"


def lives(mocktune):
    job, answer = train.main()
    assert job.status == "succeeded"
    assert answer
    assert mocktune.clock.elapsed > "2m"
    mocktune.verdict.assert_clean()


def is_the_day():
    return str(dates.date.today()) == DAY and str(dates.datetime.now().date()) == DAY


@freeze_time(DAY)
def test_the_decorator(mocktune):
    lives(mocktune)
    assert is_the_day()


@freeze_time(DAY, tick=True)
def test_ticking(mocktune):
    lives(mocktune)
    assert is_the_day()


def test_the_block_inside(mocktune):
    with freeze_time(DAY) as frozen:
        lives(mocktune)
        assert is_the_day()
        frozen.tick(86400)
        assert str(dates.date.today()) == "2024-03-01"
    lives(mocktune)
    assert not is_the_day()


@pytest.fixture
def the_day():
    with freeze_time(DAY):
        yield


@pytest.fixture
def frozen_server(the_day, mocktune):
    return mocktune


def test_entered_before(frozen_server):
    lives(frozen_server)
    assert is_the_day()


def test_the_fixture_of_pytest_freezer(freezer, mocktune):
    freezer.move_to(DAY)
    lives(mocktune)
    assert is_the_day()


def test_the_fixture_of_pytest_freezer_after(mocktune, freezer):
    freezer.move_to(DAY)
    lives(mocktune)
    assert is_the_day()


@pytest.mark.freeze_time(DAY)
def test_the_marker_of_pytest_freezer(mocktune):
    lives(mocktune)
    assert is_the_day()


def test_everything_is_put_back():
    began = time.time(), time.monotonic()
    time.sleep(0.05)
    assert 0.04 < time.time() - began[0] < 5
    assert 0.04 < time.monotonic() - began[1] < 5
    assert "freezegun" not in repr(time.time)
    assert "mocktune" not in repr(time.sleep) + repr(time.time) + repr(time.monotonic)
