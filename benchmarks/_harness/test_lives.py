"""A project of many tests, each a whole life: uploaded, created, polled, read, and asked until the model answers.

``HARNESS_COUNT`` tests; ``HARNESS_CLIENT`` is ``each`` where the program makes its client in every run, as programs do,
or ``one`` where it has one for the whole process.
"""

from __future__ import annotations

import os
import time

import pytest
from openai import APIStatusError, OpenAI

COUNT = int(os.environ["HARNESS_COUNT"])
ONE_CLIENT = os.environ["HARNESS_CLIENT"] == "one"
MODEL = "gpt-4o-mini-2024-07-18"
QUESTION = [{"role": "user", "content": "What's the capital of France?"}]
DATA = open(os.environ["HARNESS_DATA"], "rb").read()  # noqa: SIM115  # once, as the module is imported

_the_one: list[OpenAI] = []


def client() -> OpenAI:
    if not ONE_CLIENT:
        return OpenAI()
    if not _the_one:
        _the_one.append(OpenAI())
    _the_one[0].base_url = os.environ["OPENAI_BASE_URL"]
    _the_one[0].api_key = os.environ["OPENAI_API_KEY"]
    return _the_one[0]


def live(client: OpenAI) -> str:
    """The answer of the tuned model."""
    jobs = client.fine_tuning.jobs
    file = client.files.create(file=("examples.jsonl", DATA), purpose="fine-tune")
    while file.status != "processed":
        time.sleep(5)
        file = client.files.retrieve(file.id)
    job = jobs.create(model=MODEL, training_file=file.id)
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(60)
        job = jobs.retrieve(job.id)
    assert len(list(jobs.list_events(job.id))) > 20
    assert client.files.content(job.result_files[0]).read()
    while True:
        try:
            answer = client.chat.completions.create(model=job.fine_tuned_model, messages=QUESTION)
            return answer.choices[0].message.content
        except APIStatusError as error:
            if error.status_code not in (404, 429):
                raise
            time.sleep(30)


@pytest.mark.parametrize("number", range(COUNT))
def test_life(service: None, number: int) -> None:
    speaking = client()
    assert live(speaking)
    if not ONE_CLIENT:
        speaking.close()
