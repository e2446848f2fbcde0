"""pytest-socket: the fixture's own loopback server can be reached, and nothing else than was allowed."""

import asyncio
import socket
import warnings

import pytest
import train


def refused(host, port=9):
    """Whether the way to ``host`` is closed by an error that is not the network's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pytest-socket also warns
        try:
            socket.create_connection((host, port), timeout=2).close()
        except OSError:
            return False
        except RuntimeError:
            return True
    return False


def test_a_job_lives(mocktune):
    job, answer = train.main()
    assert job.status == "succeeded"
    assert answer
    mocktune.verdict.assert_clean()


def test_other_hosts_stay_closed(mocktune):
    assert refused("192.0.2.1")
    train.main()
    assert refused("192.0.2.1")


def test_without_the_fixture_sockets_are_as_they_were(request):
    if request.config.getoption("--disable-socket") and not request.config.getoption("--allow-hosts"):
        assert refused("127.0.0.1")
    assert refused("192.0.2.1")


def test_an_asynchronous_client(mocktune, request):
    if request.config.getoption("--disable-socket") and not request.config.getoption("--allow-unix-socket"):
        pytest.skip("pytest-socket lets no event loop be made without --allow-unix-socket")
    assert asyncio.run(train.main_async()).status == "succeeded"
