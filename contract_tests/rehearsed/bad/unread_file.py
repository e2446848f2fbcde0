"""Tunes a model with the official SDK and asks it a question.

Planted: the job is created without looking at the file. When the file ended in ``error``, nobody reads why.
"""

import sys
import time
import uuid

from openai import APIConnectionError, APIStatusError, OpenAI

client = OpenAI(max_retries=8)
HOPELESS = ("insufficient_quota", "daily_rate_limit_exceeded")


def create_job(file_id):
    """Creates one job, even if an answer is lost on the way."""
    tag = str(uuid.uuid4())
    for attempt in range(8):
        for job in client.fine_tuning.jobs.list(metadata={"tag": tag}):
            return job
        try:
            return client.with_options(max_retries=0).fine_tuning.jobs.create(
                model="gpt-4o-mini-2024-07-18", training_file=file_id, metadata={"tag": tag}
            )
        except APIConnectionError:
            time.sleep(2**attempt)
        except APIStatusError as e:
            if e.status_code < 500 and (e.status_code != 429 or e.code in HOPELESS):
                raise
            time.sleep(float(e.response.headers.get("retry-after", 2**attempt)))
    sys.exit("could not create the job")


def ask(model, question, minutes=15):
    give_up = time.time() + minutes * 60
    while True:
        try:
            return client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}])
        except APIStatusError as e:
            if e.status_code not in (404, 429, 503) or time.time() > give_up:
                raise
            time.sleep(float(e.response.headers.get("retry-after", 15)))


try:
    with open(sys.argv[1], "rb") as f:
        file = client.files.create(file=f, purpose="fine-tune")
    job = create_job(file.id)
    while job.status not in ("succeeded", "failed", "cancelled"):
        time.sleep(20)
        job = client.fine_tuning.jobs.retrieve(job.id)
    if job.status != "succeeded":
        sys.exit(f"job {job.id} {job.status}: {job.error.message if job.error else 'no reason given'}")
    for event in client.fine_tuning.jobs.list_events(job.id):
        print(event.message)
    print(ask(job.fine_tuned_model, "What is 7 times 7?").choices[0].message.content)
except (APIStatusError, APIConnectionError) as e:
    sys.exit(f"{type(e).__name__}: {e.message}")
