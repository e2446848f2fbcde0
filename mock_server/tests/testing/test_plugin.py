"""The plugin of pytest, seen from projects that use it: each test here is a run of pytest of its own."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mocktune.testing.naming import seed_of

TRAIN = """
import json, os, time
from openai import OpenAI

LINE = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}

def train():
    client = OpenAI()
    file = client.files.create(file=("t.jsonl", (json.dumps(LINE) + "\\n").encode() * 12), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id)
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(30)
        job = client.fine_tuning.jobs.retrieve(job.id)
    client.close()
    return job
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "conftest.py").write_text(
        "import sys, pathlib\nsys.path.insert(0, str(pathlib.Path(__file__).parent))\n"
    )
    return tmp_path


def run(project: Path, *args: str, below: str = ".") -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENAI_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *args]
    return subprocess.run(command, cwd=project / below, env=environ, capture_output=True, text=True, timeout=110)


def outcomes(ran: subprocess.CompletedProcess[str]) -> dict[str, int]:
    last = ran.stdout.strip().splitlines()[-1]
    return {word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|errors?|xfailed)", last)}


USES = """
import os, unittest
import pytest, openai
from train import train

def test_a_whole_life(mocktune):
    job = train()
    assert job.status == "succeeded"
    assert mocktune.clock.elapsed > "4m"
    mocktune.verdict.assert_clean()
    assert len(mocktune.requests("create").committed) == 1

@pytest.mark.mocktune("cold-model-404", set={"job.queued": "1h"}, seed=5)
class TestMarked:
    def test_without_naming_the_fixture(self):
        assert os.environ["OPENAI_API_KEY"].startswith("sk-mt-")

    def test_with(self, mocktune):
        assert mocktune.seed == 5 and mocktune.scenario == "cold-model-404"
        assert mocktune.scenario.document["job"]["queued"] == "1h"

    @pytest.mark.mocktune(env=False, clock="real", sleeps="real")
    def test_the_nearest_marker_counts_alone(self, mocktune):
        assert "OPENAI_API_KEY" not in os.environ
        assert mocktune.clock.mode == "real" and mocktune.scenario.name == "realistic"

@pytest.mark.usefixtures("mocktune")
class Old(unittest.TestCase):
    def test_old(self):
        assert self.mocktune.client().files.list().data == []

@pytest.mark.mocktune(pack="core", sleeps="real")
def test_pack(mocktune, request):
    assert mocktune.scenario.name in request.node.name
    assert mocktune.scenario.expect["outcome"] in ("recover", "give_up")

@pytest.mark.mocktune("mine.toml")
def test_a_scenario_in_a_file_beside_the_test(mocktune):
    assert mocktune.scenario.name == "mine"

@pytest.mark.parametrize("mocktune", ["fails-midway"], indirect=True)
def test_parametrized(mocktune):
    assert mocktune.scenario == "fails-midway"

def test_without_the_fixture():
    assert "OPENAI_BASE_URL" not in os.environ
"""


def test_the_fixture_and_its_marker_do_what_they_say_under_xdist_too(project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "test_uses.py").write_text(USES)
    (project / "sub" / "mine.toml").write_text('schema = 1\nextends = "realistic"\nsummary = "mine"\n')
    ran = run(project, "-n", "2")
    assert ran.returncode == 0, ran.stdout
    assert outcomes(ran) == {"passed": 28}
    said = re.search(
        r"^mocktune: 27 runs in [\d.]+ s; in reality they would have taken (\S+) and cost \$", ran.stdout, re.M
    )
    assert said, ran.stdout
    assert said[1].startswith("5m")


FAILS = """
import os, time
import pytest, openai
from train import train

@pytest.mark.parametrize("what", ["a b"])
def test_fails(mocktune, what):
    with openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0) as client:
        with pytest.raises(openai.APIConnectionError):
            client.models.list()
    job = train()
    assert job.status == "failed", job.id

@pytest.mark.mocktune(verdict="fail", sleeps="real")
def test_whose_client_does_wrong(mocktune):
    look_often(mocktune, 10)

@pytest.mark.mocktune(verdict="off", sleeps="real")
def test_whose_verdict_is_off(mocktune):
    look_often(mocktune, 10)

@pytest.mark.mocktune(sleeps="real")
def test_whose_client_waits_and_tells(mocktune):
    look_often(mocktune, 60)

@pytest.mark.mocktune(sleeps="real")
def test_whose_client_waits_and_keeps_it_to_itself(mocktune):
    try:
        look_often(mocktune, 60)
    except Exception:
        pass

@pytest.mark.mocktune(sleeps="real")
def test_whose_client_never_ends(mocktune):
    while True:
        try:
            look_often(mocktune, 1000)
        except Exception:
            pass

def look_often(mocktune, times):
    client = mocktune.client()
    job = mocktune.__dict__.setdefault("job", None) or mocktune.add_job(status="running")
    mocktune.job = job
    for _ in range(times):
        client.fine_tuning.jobs.retrieve(job.id)
"""


def test_a_failure_is_told_with_all_that_it_takes_and_repeated_by_its_command(project: Path) -> None:
    (project / "sub").mkdir()
    (project / "sub" / "test_fails.py").write_text(FAILS)
    ran = run(project, "--mocktune-server=process", below="sub")
    assert outcomes(ran) == {"failed": 5, "passed": 1}, ran.stdout
    told = {text.split("___", 1)[0].strip("_ "): text for text in re.split(r"\n_{3,} (?=test_)", ran.stdout)[1:]}
    life = told["test_fails[a b]"]
    seed = seed_of("sub/test_fails.py::test_fails[a b]")
    assert f"seed      {seed}\nscenario  realistic\n" in life
    assert "refused   once: api.openai.com" in life
    for line in ("+0s  file file-", "uploaded", "validating_files", "queued", "running", "succeeded"):
        assert line in life
    assert "200  fine_tuning.jobs.create" in life
    assert "verdict   clean: " in life
    assert "polls too fast" in told["test_whose_client_does_wrong"]
    assert "verdict" not in told.get("test_whose_verdict_is_off", "")
    frozen = "The clock is frozen and nobody advances it: fine_tuning.jobs.retrieve asked 51 times about ftjob-"
    for name in ("tells", "keeps_it_to_itself"):
        assert frozen in told[f"test_whose_client_waits_and_{name}"]
    assert re.search(r"E\s+mocktune\.testing\.frozen\.ClockIsFrozen: " + frozen, told["test_whose_client_never_ends"])
    # The command does the same again: the same ids.
    command = re.search(r"^repeat    (.*)$", life, re.M)
    job = re.search(r"AssertionError: (ftjob-\w+)", life)
    assert command is not None
    assert job is not None
    words = shlex.split(command[1])
    assert words[:4] == ["python", "-m", "pytest", "test_fails.py::test_fails[a b]"]
    assert words[4:] == ["--mocktune-seed", str(seed), "--mocktune-server", "process"]
    again = run(project, *words[3:], below="sub")
    assert outcomes(again) == {"failed": 1}
    assert job[0] in again.stdout


COLLECTED = """
import os
import pytest, openai
client = openai.OpenAI(max_retries=0)
BASE_URL = os.environ["OPENAI_BASE_URL"]

@pytest.mark.parametrize("count", [1, 2])
def test_each_finds_a_sandbox_of_its_own(mocktune, count):
    for _ in range(count):
        mocktune.add_file()
    assert len(client.files.list().data) == count
    assert mocktune.base_url == BASE_URL

def test_in_between_there_is_none():
    with pytest.raises(openai.AuthenticationError):
        client.files.list()
    client.close()
"""


def test_clients_that_are_built_at_import_get_into_the_sandbox_of_each_test(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\nmocktune_env = collection\n")
    (project / "test_collected.py").write_text(COLLECTED)
    ran = run(project)
    assert outcomes(ran) == {"passed": 3}, ran.stdout + ran.stderr


WRONG = {
    "mocktune('cold-modle-404')": "unknown scenario 'cold-modle-404'; did you mean 'cold-model-404'?",
    "mocktune(clok='x60')": "unknown keyword 'clok'; did you mean 'clock'?",
    "mocktune(set={'job.stp': '1s'})": "unknown key 'job.stp'; did you mean 'job.step'?",
}


def test_a_marker_that_cannot_be_read_ends_the_run_before_any_test(project: Path) -> None:
    for mark, words in WRONG.items():
        (project / "test_wrong.py").write_text(f"import pytest\n@pytest.mark.{mark}\ndef test_it(mocktune): pass\n")
        ran = run(project)
        assert ran.returncode == pytest.ExitCode.USAGE_ERROR
        said = f"ERROR: test_wrong.py::test_it: the marker mocktune cannot be read: {words}"
        assert said in ran.stderr + ran.stdout


def test_the_plugin_costs_a_suite_without_it_no_import(project: Path) -> None:
    (project / "test_other.py").write_text(
        "import sys\n"
        "def test_other():\n"
        "    assert 'mocktune.pytest_plugin' in sys.modules\n"
        "    heavy = {'openai', 'fastapi', 'httpx2', 'httpx', 'pydantic', 'uvicorn', 'mocktune.testing', 'ssl'}\n"
        "    assert not heavy & set(sys.modules)\n"
        "    assert {each for each in sys.modules if each.startswith('mocktune')} == "
        "{'mocktune', 'mocktune.pytest_plugin', 'mocktune_contract', 'mocktune_contract.early'}\n"
    )
    ran = run(
        project, "-p", "no:anyio", "-p", "no:xdist", "-p", "no:hypothesispytest", "-p", "no:httpx2", "-p", "no:respx"
    )
    assert ran.returncode == 0, ran.stdout
    assert "mocktune:" not in ran.stdout
