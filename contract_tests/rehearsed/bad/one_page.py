"""Tunes a model with the official SDK, tells how the training went, and asks the model a question.

Planted: it takes the first page of events for all of them, so that it tells of the last twenty at most.
"""

import sys
import time
import uuid
from pathlib import Path

import openai

client = openai.OpenAI(max_retries=8)


def start(file_id):
    name = f"nightly-{uuid.uuid4()}"
    create = client.with_options(max_retries=0).fine_tuning.jobs.create  # which must not happen twice
    for seconds in (1, 2, 4, 8, 16, 32, 64):
        for mine in client.fine_tuning.jobs.list(metadata={"name": name}):
            return mine
        try:
            return create(model="gpt-4o-mini-2024-07-18", training_file=file_id, metadata={"name": name})
        except openai.APIConnectionError:
            time.sleep(seconds)
        except openai.APIStatusError as error:
            if error.status_code < 500 and error.code != "rate_limit_exceeded":
                raise
            time.sleep(float(error.response.headers.get("retry-after", seconds)))
    sys.exit("the job could not be created")


def main(path):
    file = client.files.create(file=Path(path), purpose="fine-tune")
    if (file := client.files.wait_for_processing(file.id)).status == "error":
        sys.exit(f"the file is no good: {file.status_details}")
    job = start(file.id)
    while (job := client.fine_tuning.jobs.retrieve(job.id)).status not in ("succeeded", "failed", "cancelled"):
        time.sleep(30)
    if job.status != "succeeded":
        sys.exit(f"{job.id} {job.status}: {job.error.message if job.error else ''}")
    events = client.fine_tuning.jobs.list_events(job.id).data
    losses = [event.data["train_loss"] for event in events if event.type == "metrics"]
    print(f"trained {len(losses)} steps; loss went from {losses[-1]} to {losses[0]}" if losses else "no metrics")
    for _ in range(60):
        try:
            messages = [{"role": "user", "content": "What is 7 times 7?"}]
            answer = client.chat.completions.create(model=job.fine_tuned_model, messages=messages)
            return print(answer.choices[0].message.content)
        except openai.APIStatusError as error:
            if error.status_code not in (404, 429, 503):
                raise
            time.sleep(float(error.response.headers.get("retry-after", 15)))
    sys.exit(f"{job.fine_tuned_model} never answered")


try:
    main(sys.argv[1])
except openai.APIError as error:
    sys.exit(f"{type(error).__name__}: {error.message}")
