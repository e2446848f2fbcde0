"""What ``mocktune demo`` does: the whole life of a tuned model, through the official SDK and ``mocktune_client``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.resources import files
from statistics import fmean
from typing import TYPE_CHECKING

import openai
from openai.types.fine_tuning import FineTuningJob

from mocktune.cli.demo_view import DemoView
from mocktune.cli.loss_chart import LossCurve
from mocktune.cli.real_run import RealRun, real_run
from mocktune.cli.signals import held, ignore
from mocktune.domain.clock import SECOND, ClockMode, format_duration
from mocktune.domain.models import BaseModel
from mocktune.domain.scenario import Scenario, with_settings
from mocktune.server import RunningServer, running_server
from mocktune.settings import Settings
from mocktune.storage.scenario_files import load_scenario
from mocktune_client import ResultRow, Tuner, TuningError

if TYPE_CHECKING:
    import httpx2

API_KEY = "sk-demo"
VALIDATION_EXAMPLES = 8
POLL_S = 0.25
COLD_START_S = 3.5
"""Wall seconds for which the new model is loading: long enough to be seen waiting."""

STATUS_TOLD_BY = {
    "Created fine-tuning job": "validating_files",
    "Files validated": "queued",
    "Fine-tuning job started": "running",
    "Checkpoint created": "succeeded",
    "New fine-tuned model created": "succeeded",
}
"""How events begin, and the status the job has then. Asking for the status would miss short ones."""

SYSTEM_PROMPT = "Marv is a factual chatbot that is also sarcastic."
SEEN = "What's the capital of France?"
UNSEEN = "What time is it?"


class StoryError(Exception):
    """The demo did not come out as it should; the text says what did not."""


def tell(view: DemoView, model: BaseModel, *, seed: int, pace: float) -> None:
    """Play the whole story, ``pace`` times as fast as the wall. Raises ``StoryError``."""
    settings = Settings(scenario=_watchable(pace), clock=ClockMode(pace), seed=seed)
    try:
        with ExitStack() as stack:
            with held():
                server = stack.enter_context(running_server(settings))
                client = stack.enter_context(_client(server, view))
                stack.callback(ignore)
            view.note(f"A mocktune server at {server.base_url} plays the API.")
            view.note("No model is trained, and nothing is sent anywhere.")
            Story(view, client, model, seed=seed, poll_s=max(0.02, POLL_S / pace)).play()
    except (TuningError, openai.APIError, RuntimeError, OSError) as error:
        raise StoryError(str(error)) from error


def split_marv() -> tuple[bytes, bytes]:
    """The packaged examples as a training and a validation file."""
    lines = (files("mocktune") / "data" / "marv.jsonl").read_bytes().splitlines(keepends=True)
    return b"".join(lines[:-VALIDATION_EXAMPLES]), b"".join(lines[-VALIDATION_EXAMPLES:])


def _watchable(pace: float) -> Scenario:
    """``quick``, with a cold start that is seen, and from an instant that leaves every name to the seed alone."""
    # Retry-After counts whole seconds of the wall, at least one.
    loading_s = COLD_START_S if pace == 1 else 2 * pace
    return with_settings(
        load_scenario("quick"),
        [f"model.loading_for={format_duration(round(loading_s * SECOND))}", "clock.start=2026-01-15T00:00:00Z"],
    )


@contextmanager
def _client(server: RunningServer, view: DemoView) -> Iterator[openai.OpenAI]:
    """The official SDK's client, which shows refusals as they come. Proxies are for the world outside."""

    def show_refusal(response: httpx2.Response) -> None:
        if response.status_code < 400:
            return
        response.read()
        wait_s = response.headers.get("retry-after", "")
        view.line(f"HTTP {response.status_code}  {response.json()['error']['message']}", timed=True)
        if wait_s:
            view.line(f"Retry-After: {wait_s}")
            view.doing(f"the server asked for {wait_s} s of patience")

    http = openai.DefaultHttpxClient(trust_env=False, event_hooks={"response": [show_refusal]})
    with openai.OpenAI(base_url=server.base_url, api_key=API_KEY, http_client=http) as client:
        yield client


class Story:
    """One run of the demo, chapter by chapter. ``marks`` are the wall seconds at which things happened."""

    def __init__(self, view: DemoView, client: openai.OpenAI, model: BaseModel, *, seed: int, poll_s: float) -> None:
        self._view = view
        self._client = client
        self._model = model
        self._seed = seed
        self._tuner = Tuner(client, poll_s=poll_s, sleep=view.pause)
        self._training, self._validation = split_marv()
        self._curve = LossCurve()
        self._marks: dict[str, float] = {}

    def play(self) -> None:
        training_file, validation_file = self._upload()
        job = self._tune(training_file, validation_file)
        tuned = str(job.fine_tuned_model)
        self._wait_for(tuned)
        self._ask(tuned)
        self._check_results(job)
        self._compare(job)
        self._what_next()

    def _mark(self, name: str) -> None:
        self._marks[name] = self._view.elapsed_s

    def _upload(self) -> tuple[str, str]:
        self._view.section("Upload", 'client.files.create(purpose="fine-tune")')
        self._mark("upload")
        ids = (
            self._upload_one("marv-train.jsonl", self._training),
            self._upload_one("marv-valid.jsonl", self._validation),
        )
        self._mark("files")
        return ids

    def _upload_one(self, name: str, content: bytes) -> str:
        self._view.doing(f"{name} is being processed")
        file = self._tuner.upload(content, filename=name)
        examples = content.count(b"\n")
        self._view.line(f"{name:<16}  {examples:>2} examples  {file.status}  {file.id}", timed=True)
        return file.id

    def _tune(self, training_file: str, validation_file: str) -> FineTuningJob:
        view = self._view
        view.section(f"Tune {self._model.id}", "client.fine_tuning.jobs.create()")
        job = self._tuner.create(
            model=self._model.id, training_file=training_file, validation_file=validation_file, seed=self._seed
        )
        status = ""
        for event in self._tuner.follow(job.id):
            if event.type == "metrics" and isinstance(event.data, dict):
                self._curve.add(event.data)
                self._mark("trained")
                view.step(self._curve, event.message)
                continue
            told = next((status for words, status in STATUS_TOLD_BY.items() if event.message.startswith(words)), status)
            if told != status:
                status = told
                self._mark(status)
                view.status(status)
            view.line(event.message)
        ended = self._tuner.wait(job.id)
        view.chart()
        return ended

    def _wait_for(self, tuned: str) -> None:
        view = self._view
        view.section("Cold start", "a job that succeeded is not yet a model that answers")
        view.enter("loading")
        self._tuner.wait_for_model(tuned)
        self._mark("ready")
        view.status("ready")
        view.line(f"{tuned} answers")

    def _ask(self, tuned: str) -> None:
        view = self._view
        view.section("Ask", "client.chat.completions.create()")
        view.answers(
            self._model.id,
            f"ft:…:{tuned.rpartition(':')[2]}",
            [
                (f"{question} ({note})", self._answer(self._model.id, question), self._answer(tuned, question))
                for question, note in ((SEEN, "in the training file"), (UNSEEN, "not in it"))
            ],
        )
        view.line(
            "No model runs: what was trained is repeated, what was not is pieced together in the style of the set."
        )

    def _answer(self, model: str, question: str) -> str:
        completion = self._client.chat.completions.create(
            model=model,
            messages=[{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": question}],
        )
        return completion.choices[0].message.content or ""

    def _check_results(self, job: FineTuningJob) -> None:
        """The result file must tell what the events told, to its five decimals."""
        view, told = self._view, self._curve.train
        view.section("Result file", "client.files.content(job.result_files[0])")
        rows = self._tuner.results(job).rows
        if [row.step for row in rows] != sorted(told):
            raise StoryError(f"the result file has {len(rows)} rows, but {len(told)} steps were reported")
        for row in rows:
            if row.train_loss is None or abs(row.train_loss - told[row.step]) > 1e-5:
                raise StoryError(
                    f"step {row.step} had a loss of {told[row.step]}, the result file says {row.train_loss}"
                )
        view.line(f"{len(rows)} rows, one a step, each with the loss its event told")
        first, last = _mean_loss(rows[:10]), _mean_loss(rows[-10:])
        view.line(f"mean loss of the first ten steps {first:.2f}, of the last ten {last:.2f}")

    def _compare(self, job: FineTuningJob) -> None:
        view, marks = self._view, self._marks
        real = real_run(self._model, self._training, self._validation, load_scenario("realistic"), self._seed)
        if real.trained_tokens != job.trained_tokens:
            raise StoryError(f"{job.trained_tokens} tokens were trained, but {real.trained_tokens} are in the files")
        view.section("The real run", "the same job with the durations recorded from the real service")

        def here(begin: str, end: str) -> str:
            return f"{marks[end] - marks[begin]:.1f} s"

        view.figures(
            ("", "here", "real service"),
            [
                ("files processed", here("upload", "files"), for_people(real.files)),
                ("validating_files", here("validating_files", "queued"), for_people(real.validating)),
                ("queued", here("queued", "running"), for_people(real.queued)),
                (f"running, {real.steps} steps", here("running", "trained"), for_people(real.training)),
                ("final validation", here("trained", "succeeded"), for_people(real.final_validation)),
                ("model loading", here("succeeded", "ready"), for_people(real.loading)),
                ("together", here("upload", "ready"), for_people(real.total)),
            ],
        )
        view.line(f"{_price(real, self._model)} Here it was free.")
        view.line("A real queue has been seen to last from seconds to hours.")

    def _what_next(self) -> None:
        view = self._view
        view.section("Your own client", "unchanged, against a server of yours")
        for command in (
            "mocktune serve",
            "export OPENAI_BASE_URL=http://127.0.0.1:4141/v1",
            "export OPENAI_API_KEY=sk-anything",
            "python your_fine_tuning_script.py",
        ):
            view.line(command, style="cyan")


def _mean_loss(rows: Sequence[ResultRow]) -> float:
    return fmean(row.train_loss for row in rows if row.train_loss is not None)


def _price(real: RealRun, model: BaseModel) -> str:
    if real.price_usd is None or model.prices.training is None:
        return f"{real.trained_tokens:,} trained tokens; this model's training is billed by time."
    assumed = ", a price that is assumed" if real.price_is_assumed else ""
    return (
        f"It would have cost ${real.price_usd:.2f}: {real.trained_tokens:,} trained tokens at "
        f"${model.prices.training:.2f} a million{assumed}."
    )


def for_people(duration: int) -> str:
    """Microseconds as ``45 s`` or ``4 min 5 s``."""
    minutes, seconds = divmod(round(duration / SECOND), 60)
    if not minutes:
        return f"{seconds} s"
    return f"{minutes} min" + (f" {seconds} s" if seconds else "")
