"""The harness's own connection to a server leaves nothing open, whoever still asks."""

from __future__ import annotations

import gc
import threading
import warnings
from collections.abc import Iterator

import pytest

from mocktune import make_settings, running_server
from mocktune.testing.control import ControlPlane


@pytest.fixture(scope="module")
def root() -> Iterator[str]:
    with running_server(make_settings("realistic", clock="frozen")) as server:
        yield server.root


def test_a_connection_is_kept_until_it_is_closed(root: str) -> None:
    control = ControlPlane(root, "sk-control")
    control.get("clock")
    (connection,) = control._opened
    port = connection.sock.getsockname()
    control.get("clock")
    assert connection.sock.getsockname() == port
    control.close()
    assert connection.sock is None


def test_who_asks_after_the_end_is_answered_and_leaves_no_socket_open(root: str) -> None:
    """Threads that a test left behind go on sleeping, which asks the control plane."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        answers = asked_by_a_thread_left_behind(root)
        gc.collect()
    assert len(answers) == 3
    assert [str(each.message) for each in told if each.category is ResourceWarning] == []


def asked_by_a_thread_left_behind(root: str) -> list[object]:
    control = ControlPlane(root, "sk-control")
    asked, closed = threading.Event(), threading.Event()
    answers: list[object] = []

    def left_behind() -> None:
        answers.append(control.get("clock"))
        asked.set()
        closed.wait(10)
        answers.append(control.get("clock"))
        answers.append(control.get("clock"))

    thread = threading.Thread(target=left_behind)
    thread.start()
    assert asked.wait(10)
    control.close()
    closed.set()
    thread.join(10)
    return answers
