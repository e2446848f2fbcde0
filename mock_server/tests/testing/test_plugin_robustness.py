"""The fixture beside what tests leave behind, beside other plugins' guards, and when a run is cut short."""

from __future__ import annotations

import socket
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import openai
import pytest

from mocktune.testing import sandbox

CONFTEST = """
import os, socket, threading, time

NAMES = lambda: [time.sleep, time.time, time.monotonic, socket.getaddrinfo, vars(socket.socket).get("connect"),
                 threading.Event.wait, threading.Condition.wait, os.environ.get("OPENAI_BASE_URL")]
before = NAMES()

def pytest_unconfigure(config):
    print("put back:", [a is b or a == b for a, b in zip(before, NAMES())].count(False) == 0)
"""

PROJECT = '''
import asyncio, gc, multiprocessing, os, signal, threading, time

import openai
import pytest
import uvicorn

LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\\n'

def train():
    with openai.OpenAI() as client:
        file = client.files.create(file=("greetings.jsonl", LINE * 10), purpose="fine-tune")
        job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id)
        while job.status not in ("succeeded", "failed"):
            time.sleep(60)
            job = client.fine_tuning.jobs.retrieve(job.id)
        return job.status

def test_threads_that_go_on_sleeping(mocktune):
    for seconds in (0.2, 3600):
        threading.Thread(target=threading.Event().wait, args=(seconds,), daemon=True).start()
        threading.Thread(target=time.sleep, args=(seconds,), daemon=True).start()
    assert train() == "succeeded"

LOOPS = []

def test_a_loop_that_stays_open(mocktune):
    LOOPS.append(asyncio.new_event_loop())
    LOOPS[0].run_until_complete(asyncio.sleep(3600))
    assert mocktune.clock.elapsed >= "1h"

def test_that_loop_later():
    began = time.monotonic()
    LOOPS[0].run_until_complete(asyncio.sleep(0.03))
    LOOPS[0].close()
    assert 0.02 < time.monotonic() - began < 60

def child(answers):
    answers.put(train())

def test_a_forked_child(mocktune):
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    process = fork.Process(target=child, args=(answers,), daemon=True)
    process.start()
    assert answers.get(timeout=60) == "succeeded"
    process.join(20)
    assert len(mocktune.requests("create")) == 1

def test_the_server_dies():
    """Whoever ends every uvicorn of the process ends the harness's too."""
    for server in [each for each in gc.get_objects() if isinstance(each, uvicorn.Server)]:
        server.force_exit = server.should_exit = True
    (thread,) = [each for each in threading.enumerate() if each.name == "mocktune-server"]
    thread.join(30)
    assert not thread.is_alive()

def test_another_one_is_started(mocktune):
    assert train() == "succeeded"

def test_interrupted(mocktune):
    for number in range(1000):
        train()
        if number == 1:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it in the background
            os.kill(os.getpid(), signal.SIGINT)
'''


def test_what_tests_leave_behind_and_an_interrupt_leave_no_trace(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_project.py").write_text(PROJECT)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == pytest.ExitCode.INTERRUPTED, done.stdout
    assert "6 passed" in done.stdout, done.stdout
    assert "put back: True" in done.stdout


class Blocked(RuntimeError):
    pass


def guard(monkeypatch: pytest.MonkeyPatch) -> type:
    """What pytest-socket puts in the place of sockets under ``--disable-socket``."""

    class GuardedSocket(socket.socket):
        __module__ = "pytest_socket"

        def __new__(cls, *_: Any, **__: Any) -> GuardedSocket:
            raise Blocked

    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise Blocked

    getaddrinfo.__module__ = "pytest_socket"
    monkeypatch.setitem(sys.modules, "pytest_socket", types.ModuleType("pytest_socket"))
    monkeypatch.setattr(socket, "socket", GuardedSocket)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return GuardedSocket


def test_a_guard_of_sockets_lets_the_sandboxs_server_pass_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    guarded = guard(monkeypatch)
    with sandbox() as box:
        with openai.OpenAI() as client:
            assert client.models.list().data
        for elsewhere in (("192.0.2.1", 9), ("127.0.0.1", 9), ("example.com", 80)):
            with pytest.raises(Blocked):
                socket.create_connection(elsewhere, timeout=1)
        with pytest.raises(Blocked):
            socket.socket().bind(("127.0.0.1", 0))
        assert box.verdict.clean
    assert socket.socket is guarded
    with pytest.raises(Blocked):
        socket.getaddrinfo("127.0.0.1", 80)


def test_a_list_of_allowed_hosts_holds_but_for_the_sandboxs_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(self: socket.socket, address: Any) -> None:
        self.close()
        raise Blocked

    connect.__module__ = "pytest_socket"
    monkeypatch.setitem(sys.modules, "pytest_socket", types.ModuleType("pytest_socket"))
    monkeypatch.setattr(socket.socket, "connect", connect, raising=False)
    with sandbox(), openai.OpenAI() as client:
        assert client.models.list().data
        with pytest.raises(Blocked):
            socket.create_connection(("127.0.0.1", 9), timeout=1)
    assert vars(socket.socket)["connect"] is connect


def test_looking_for_names_of_time_builds_no_client_of_the_sdk() -> None:
    """The SDK's module-level client builds itself when somebody asks it for its class."""
    code = (
        "import openai, time\n"
        "from mocktune.testing.sleeps.references import scan\n"
        "scan({id(time.sleep): time.sleep})\n"
        "print(openai._client, 'openai.resources.admin.organization' in __import__('sys').modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["None", "False"], done.stdout + done.stderr
