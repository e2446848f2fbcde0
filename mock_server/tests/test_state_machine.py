"""A client that does anything at any time, through the official SDK, against a small model of the service.

The model (``small_service.py``) is written from what the real service is known to do, not from the server's code. After
every command each job and file is read and has to be as the model says; what was once seen may only be followed by what
the life cycle allows; events are only ever added; ids are never used twice; reading twice is reading once.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from openai import OpenAI
from small_service import TERMINAL, WORLD, File, Job, reachable

from mocktune import make_settings, running_server
from mocktune.testing.control import ControlPlane
from mocktune.testing.strategies import broken_job_requests

WHOLE_S = st.sampled_from([1, 3, 7, 19, 21, 41, 46, 48, 61, 90, 200, 1000])
ODD_S = 0.0137
"""Added to every step of the clock: no instant is a whole number of seconds after another."""

MODEL = "gpt-4o-mini-2024-07-18"
MOST_FILES, MOST_JOBS = 4, 4
"""Of one client: everything there is is looked at after every command."""

ROOT: list[str] = []
CLIENT: list[OpenAI] = []
KEYS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[None]:
    with running_server(make_settings("realistic", clock="frozen", seed=42)) as running:
        ROOT.append(running.root)
        with OpenAI(base_url=running.base_url, api_key="sk-any", max_retries=0) as client:
            CLIENT.append(client)
            yield
        CLIENT.clear()
        ROOT.clear()


def line(index: int, *, broken: bool = False) -> dict[str, Any]:
    asked = {"role": "user", "content": "yes"} if not broken else {"content": "yes"}
    return {"messages": [asked, {"role": "assistant", "content": ("no", "go", "so")[index % 3]}]}


def refused(status: int, call: Callable[[], object]) -> dict[str, Any]:
    """The envelope of an error that has to come."""
    with pytest.raises(openai.APIStatusError) as caught:
        call()
    assert caught.value.status_code == status, caught.value
    body: Any = caught.value.body
    assert set(body) == {"message", "type", "param", "code"}
    return dict(body)


class Service(RuleBasedStateMachine):
    files: Bundle[str] = Bundle("files")
    jobs: Bundle[str] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        key = f"sk-machine-{next(KEYS)}"
        self.control = ControlPlane(ROOT[0], key)
        self.client = CLIENT[0].copy(api_key=key)
        self.tuning = self.client.fine_tuning.jobs
        self.control.put("scenario", {"document": WORLD})
        self.now: float = self.control.get("clock")["now"]
        self.known: dict[str, File] = {}
        self.made: dict[str, Job] = {}
        self.seen: dict[str, str] = {}
        self.events: dict[str, list[str]] = {}
        self.ids: set[str] = set()
        self.models_gone: set[str] = set()

    def teardown(self) -> None:
        self.control.close()

    def fresh(self, id: str) -> str:
        assert id not in self.ids
        self.ids.add(id)
        return id

    # -- commands ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.known) < MOST_FILES)
    @rule(target=files, count=st.integers(10, 13))
    def upload(self, count: int) -> str:
        return self._uploaded([line(n) for n in range(count)], count, "")

    @precondition(lambda self: len(self.known) < MOST_FILES)
    @rule(target=files, place=st.integers(2, 10))
    def upload_with_a_broken_line(self, place: int) -> str:
        """PY0225: a message without a role."""
        return self._uploaded([line(n, broken=n + 1 == place) for n in range(10)], 10, "invalid_training_file")

    @precondition(lambda self: len(self.known) < MOST_FILES)
    @rule(target=files, count=st.integers(1, 9))
    def upload_too_few(self, count: int) -> str:
        """CN1229."""
        return self._uploaded([line(n) for n in range(count)], count, "invalid_n_examples")

    def _uploaded(self, lines: list[Any], count: int, code: str) -> str:
        data = "".join(json.dumps(each) + "\n" for each in lines).encode()
        file = self.client.files.create(file=("a.jsonl", data), purpose="fine-tune")
        assert (file.status, file.bytes) == ("uploaded", len(data))
        self.known[self.fresh(file.id)] = File(file.id, self.now, count, code)
        return file.id

    @rule()
    def upload_what_is_no_jsonl(self) -> None:
        error = refused(400, lambda: self.client.files.create(file=("a.jsonl", b"[]"), purpose="fine-tune"))
        assert "JSONL" in error["message"]

    @precondition(lambda self: len(self.made) < MOST_JOBS)
    @rule(target=jobs, file=files, epochs=st.integers(1, 4))
    def create(self, file: str, epochs: int) -> str:
        def call() -> Any:
            how: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": epochs, "batch_size": 1}}}
            return self.tuning.create(model=MODEL, training_file=file, method=how)

        if self.known[file].gone is not None:
            assert refused(400, call)["param"] == "training_file"
            return ""
        job = call()
        assert (job.status, job.training_file) == ("validating_files", file)
        self.made[self.fresh(job.id)] = Job(job.id, self.now, self.known[file], epochs)
        return str(job.id)

    @rule(broken=broken_job_requests("file-unknown"))
    def create_what_is_refused(self, broken: Any) -> None:
        """Of two things wrong the first is told: the training file is none."""
        param = "training_file" if broken.param == "validation_file" else broken.param
        error = refused(400, lambda: self.tuning.create(**broken.arguments))
        assert (error["param"], error["code"]) == (param, broken.code)

    @rule(whole=WHOLE_S)
    def advance(self, whole: int) -> None:
        self.control.post("clock/advance", {"by": f"{whole + ODD_S}s"})
        self.now += whole + ODD_S

    @rule(job=jobs)
    def poll(self, job: str) -> None:
        """What is read twice is the same twice, and is what the list says."""
        if job:
            once = self.tuning.retrieve(job)
            assert once == self.tuning.retrieve(job)
            assert once in list(self.tuning.list())

    @rule(file=files)
    def poll_the_file(self, file: str) -> None:
        if self.known[file].gone is not None:
            refused(404, lambda: self.client.files.retrieve(file))
        else:
            assert self.client.files.retrieve(file).status == self.known[file].status(self.now)

    @rule(job=jobs)
    def cancel(self, job: str) -> None:
        def possible(each: Job) -> bool:
            return each.status(self.now) not in TERMINAL

        if self._command(job, self.tuning.cancel, possible):
            self.made[job].cancelled = self.now

    @rule(job=jobs)
    def pause(self, job: str) -> None:
        if self._command(job, self.tuning.pause, lambda each: each.status(self.now) == "running"):
            self.made[job].stood.append([self.now, None])

    @rule(job=jobs)
    def resume(self, job: str) -> None:
        if self._command(job, self.tuning.resume, lambda each: each.status(self.now) == "paused"):
            self.made[job].stood[-1][1] = self.now

    def _command(self, job: str, call: Callable[[str], Any], possible: Callable[[Job], bool]) -> bool:
        if not job:
            return False
        if not possible(self.made[job]):
            refused(400, lambda: call(job))
            return False
        assert call(job).id == job
        return True

    @rule(file=files)
    def delete_file(self, file: str) -> None:
        known = self.known[file]
        if known.gone is not None:
            refused(404, lambda: self.client.files.delete(file))
        elif known.status(self.now) == "uploaded":
            said = refused(409, lambda: self.client.files.delete(file))["message"]
            assert said == "File is still processing. Check back later."
        else:
            assert self.client.files.delete(file).deleted
            known.gone = self.now

    @rule(job=jobs)
    def use_the_model(self, job: str) -> None:
        if not job or self.made[job].status(self.now) != "succeeded":
            return
        name = str(self.tuning.retrieve(job).fine_tuned_model)
        expected = 404 if job in self.models_gone else self.made[job].model_answers(self.now)

        def call() -> Any:
            return self.client.chat.completions.create(model=name, messages=[{"role": "user", "content": "yes"}])

        if expected != 200:
            refused(expected, call)
        else:
            assert call().choices[0].message.content in ("no", "go", "so")

    @rule(job=jobs)
    def delete_the_model(self, job: str) -> None:
        if not job or self.made[job].status(self.now) != "succeeded" or job in self.models_gone:
            return
        if self.made[job].model_answers(self.now) == 404:
            return
        name = str(self.tuning.retrieve(job).fine_tuned_model)
        assert self.client.models.delete(name).deleted
        self.models_gone.add(job)
        refused(404, lambda: self.client.models.retrieve(name))

    # -- lists ---------------------------------------------------------------------------------------------------------

    @rule(limit=st.integers(1, 4))
    def list_jobs(self, limit: int) -> None:
        """Newest first, each exactly once, whatever the pages (RUBY)."""
        assert [each.id for each in self.tuning.list(limit=limit)] == [*self.made][::-1]

    @rule(limit=st.integers(1, 4))
    def list_files(self, limit: int) -> None:
        there = [id for id, file in self.known.items() if file.gone is None]
        listed = [each.id for each in self.client.files.list(limit=limit, purpose="fine-tune")]
        assert listed == there[::-1]

    @rule(job=jobs, limit=st.sampled_from([5, 7, 20]))
    def page_events(self, job: str, limit: int) -> None:
        """Each exactly once, whatever the pages."""
        if job:
            whole = [each.id for each in self.tuning.list_events(job, limit=1000)]
            assert [each.id for each in self.tuning.list_events(job, limit=limit)] == whole
            assert len(set(whole)) == len(whole)

    @rule(job=jobs)
    def list_checkpoints(self, job: str) -> None:
        """PINOLO: none before the end; of the last three epochs, the highest step first, and that is the model."""
        if not job:
            return
        known, found = self.made[job], list(self.tuning.checkpoints.list(job))
        if known.status(self.now) != "succeeded":
            return
        each = known.file.examples
        expected = [epoch * each for epoch in range(known.epochs, max(0, known.epochs - 3), -1)]
        if known.finishes is not None and self.now >= known.finishes + 10:
            assert [one.step_number for one in found] == expected
            assert found[0].fine_tuned_model_checkpoint == self.tuning.retrieve(job).fine_tuned_model
            names = {one.fine_tuned_model_checkpoint for one in found}
            assert len(names) == len(found)

    @rule()
    def ask_for_what_is_unknown(self) -> None:
        for call in (self.tuning.retrieve, self.tuning.cancel, self.tuning.pause, self.tuning.list_events):
            assert refused(404, lambda call=call: call("ftjob-none"))["code"] == "fine_tune_not_found"  # type: ignore[misc]
        refused(404, lambda: self.client.files.retrieve("file-none"))

    # -- what always holds ---------------------------------------------------------------------------------------------

    @invariant()
    def the_clock_is_where_it_was_moved(self) -> None:
        assert abs(self.control.get("clock")["now"] - self.now) < 1e-3

    @invariant()
    def every_file_is_as_the_model_says(self) -> None:
        expected = {id: known.status(self.now) for id, known in self.known.items() if known.gone is None}
        assert {each.id: each.status for each in self.client.files.list(purpose="fine-tune")} == expected

    @invariant()
    def every_job_is_as_the_model_says(self) -> None:
        listed = {each.id: each for each in self.tuning.list()}
        assert listed.keys() == self.made.keys()
        for id, known in self.made.items():
            job, status = listed[id], known.status(self.now)
            assert job.status == status, (id, self.now - known.made)
            assert reachable(self.seen.get(id, "validating_files"), status)
            self.seen[id] = status
            succeeded = status == "succeeded"
            assert (job.fine_tuned_model is not None) == succeeded
            assert len(job.result_files) == succeeded
            assert job.trained_tokens == (known.bill if succeeded else None)
            if succeeded:
                assert known.finishes is not None
                assert job.finished_at == int(known.finishes)
            if status == "failed":
                assert job.finished_at is None  # CN1229
                assert job.error is not None
                assert (job.error.code, job.error.param) == (known.fails, "training_file")

    @invariant()
    def events_are_only_ever_added(self) -> None:
        for id, known in self.made.items():
            listed = [*self.tuning.list_events(id, limit=1000)][::-1]
            ids = [each.id for each in listed]
            before = self.events.get(id, [])
            assert ids[: len(before)] == before
            assert len(ids) == known.messages(self.now), [each.message for each in listed if each.type == "message"]
            assert [each.created_at for each in listed] == sorted(each.created_at for each in listed)
            steps = [each.message.partition(":")[0] for each in listed if each.type == "metrics"]
            assert steps == [f"Step {n}/{known.steps}" for n in range(1, len(steps) + 1)]
            self.events[id] = ids


# Nothing is shrunk: twenty commands can be read, and making them fewer takes minutes.
EVERYDAY = settings(
    max_examples=8, stateful_step_count=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck), phases=[Phase.generate],
)  # fmt: skip


def test_a_client_that_does_anything_finds_the_service_as_the_model_says() -> None:
    run_state_machine_as_test(Service, settings=EVERYDAY)


@pytest.mark.soak
def test_many_clients_that_do_anything_do() -> None:
    many = settings(EVERYDAY, max_examples=300, stateful_step_count=60, derandomize=False)
    run_state_machine_as_test(Service, settings=many)
