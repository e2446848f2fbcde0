"""Tests that really hang; run one by one, pytest-timeout has to end them."""

import threading


def test_hangs_on_a_lock(mocktune):
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


def test_hangs_in_a_loop(mocktune):
    while True:
        pass
