"""pytest-mock, monkeypatch, capsys and caplog beside the fixture."""

import logging
import os
import time

import openai
import pytest
import train


def test_a_spy_on_sleep(mocktune, mocker):
    slept = mocker.spy(train.time, "sleep")
    train.main()
    assert slept.call_count > 1
    assert mocktune.clock.elapsed > "2m"


def test_another_function_is_mocked(mocker, mocktune):
    asked = mocker.patch("train.ask", return_value="mocked")
    assert train.main()[1] == "mocked"
    asked.assert_called_once()


def test_the_program_waits_by_a_mock(mocker, mocktune):
    """Whose sleep is replaced has to move the clock as the replacement says."""
    mocker.patch("train.time.sleep", side_effect=lambda s: mocktune.clock.advance(f"{s}s"))
    assert train.main()[0].status == "succeeded"


def test_an_environment_of_its_own(monkeypatch, mocktune):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-the-test")
    with openai.OpenAI() as client:
        assert client.organization == "org-of-the-test"
        client.models.list()


def test_whoever_leaves_the_sandbox_does_not_reach_the_real_service(mocktune, monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL")
    monkeypatch.delenv("OPENAI_API_BASE", raising=False)
    with openai.OpenAI() as client, pytest.raises(openai.APIConnectionError):
        client.models.list()


def test_the_environment_is_put_back():
    assert "OPENAI_BASE_URL" not in os.environ
    assert "mocktune" not in repr(time.sleep)


def test_the_server_prints_nothing(mocktune, capfd):
    train.main()
    said = capfd.readouterr()
    assert said.out + said.err == ""


def test_logs_tell_of_jobs_alone(mocktune, caplog):
    """Not of connections, requests or threads, and only to who asks for more than warnings."""
    caplog.set_level(logging.DEBUG)
    train.main()
    ours = [each for each in caplog.records if each.name.startswith(("mocktune", "uvicorn"))]
    assert {(each.name, each.levelname) for each in ours} <= {("mocktune", "INFO")}
    assert all("ftjob-" in each.getMessage() for each in ours)
