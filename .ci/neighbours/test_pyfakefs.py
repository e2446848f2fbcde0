"""pyfakefs, before and after the fixture: what is uploaded exists only in the fake file system, results land there."""

import os
from pathlib import Path

import certifi
import pytest
import train
from openai import OpenAI


@pytest.fixture(autouse=True)
def authorities(fs):
    """What any client of HTTP needs of the real file system: the file of certificates."""
    fs.add_real_file(certifi.where())


def lives(mocktune):
    data = Path("/data/greetings.jsonl")
    data.parent.mkdir(exist_ok=True)
    data.write_bytes(train.LINE * 10)
    with OpenAI() as client:
        with data.open("rb") as opened:
            job = train.train(client, opened)
        assert job.status == "succeeded"
        (id,) = job.result_files
        client.files.content(id).write_to_file("/data/metrics.csv")
        assert train.ask(client, job.fine_tuned_model)
        assert client.files.content(job.training_file).read() == train.LINE * 10
    lines = Path("/data/metrics.csv").read_text()
    assert lines
    assert sorted(os.listdir("/data")) == ["greetings.jsonl", "metrics.csv"]
    mocktune.verdict.assert_clean()


def test_the_file_system_before(fs, mocktune):
    lives(mocktune)


def test_the_file_system_after(mocktune, fs):
    lives(mocktune)


def test_another_scenario_is_found(mocktune, fs):
    mocktune.scenario.play("quick")
    lives(mocktune)


@pytest.mark.mocktune("cold-model-404")
def test_a_scenario_named_by_the_marker(fs, mocktune):
    lives(mocktune)


def test_the_fake_file_system_holds_nothing_of_ours(fs, mocktune):
    lives(mocktune)
    held = [str(path) for path in Path("/").rglob("*") if "mocktune" in str(path)]
    assert held == []
