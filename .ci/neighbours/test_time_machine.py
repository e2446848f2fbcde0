"""time-machine, by its fixture, decorator and block: jobs live on the sandbox's clock, dates are time-machine's."""

import datetime as dates
import time

import time_machine
import train

DAY = dates.datetime(2024, 2, 29, 12, tzinfo=dates.UTC)


def lives(mocktune):
    job, answer = train.main()
    assert job.status == "succeeded"
    assert answer
    assert mocktune.clock.elapsed > "2m"
    mocktune.verdict.assert_clean()


def is_the_day():
    return dates.datetime.now(dates.UTC).date() == DAY.date()


def test_its_fixture(time_machine, mocktune):
    time_machine.move_to(DAY)
    lives(mocktune)
    assert is_the_day()


def test_its_fixture_after_ours(mocktune, time_machine):
    time_machine.move_to(DAY, tick=False)
    lives(mocktune)
    assert is_the_day()


@time_machine.travel(DAY)
def test_its_decorator(mocktune):
    lives(mocktune)
    assert is_the_day()


@time_machine.travel(DAY, tick=False)
def test_its_decorator_without_ticks(mocktune):
    lives(mocktune)
    assert is_the_day()


def test_its_block(mocktune):
    with time_machine.travel(DAY, tick=False) as traveller:
        lives(mocktune)
        traveller.shift(86400)
        assert dates.datetime.now(dates.UTC).date() == dates.date(2024, 3, 1)
    lives(mocktune)
    assert not is_the_day()


def test_everything_is_put_back():
    began = time.time()
    time.sleep(0.05)
    assert 0.04 < time.time() - began < 5
    assert dates.datetime.now(dates.UTC).year > 2024
