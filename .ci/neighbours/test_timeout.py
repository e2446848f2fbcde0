"""pytest-timeout measures real time: three hours of sleep are no timeout."""

import threading
import time

import pytest
import train


def test_hours_of_sleep(mocktune):
    for _ in range(180):
        time.sleep(60)
    assert mocktune.clock.elapsed >= "3h"


def test_a_job_lives(mocktune):
    assert train.main()[0].status == "succeeded"


@pytest.mark.timeout(5, method="thread")
def test_the_watching_thread_waits_for_real(mocktune):
    """Its ``Timer`` waits on an Event; were that skipped, the process would end here."""
    time.sleep(3600)
    threading.Event().wait(3600)
    train.main()


@pytest.mark.timeout(5, func_only=True)
def test_the_function_alone(mocktune):
    time.sleep(3600)
    train.main()
