"""Tunes a model with the official SDK and asks it a question, through whatever can be survived.

Retries are its own (the SDK would send a lost create again), what makes something is looked for before it is made
again, and what no waiting helps ends it with the service's own words.
"""

import base64
import sys
import time
import uuid
from functools import partial
from pathlib import Path

from openai import APIConnectionError, APIStatusError, OpenAI

client = OpenAI(max_retries=0, timeout=30)
files, jobs = client.files, client.fine_tuning.jobs


def patiently(ask, seconds=1800, also=()):
    """``ask()``, again for ``seconds`` as long as the service says that later may go better, or says nothing."""
    deadline, pause = time.monotonic() + seconds, 1.0
    while True:
        try:
            if isinstance(answer := ask(), str):  # HTML of something in between
                raise ValueError(answer)
            return answer
        except (APIConnectionError, APIStatusError, ValueError, AttributeError) as error:  # the last two: no JSON
            failure, status = error, getattr(error, "status_code", 500)
            hint = error.response.headers.get("retry-after", "0") if isinstance(error, APIStatusError) else "0"
        hopeless = getattr(failure, "code", None) in ("insufficient_quota", "daily_rate_limit_exceeded")
        wait = max(pause, float(hint) if hint.isdigit() else 0)
        if hopeless or not (status in (408, 409, 429, *also) or status >= 500) or time.monotonic() + wait > deadline:
            sys.exit(f"{status}: {getattr(failure, 'message', failure)}")
        time.sleep(wait)
        pause = min(2 * pause, 30)


def made(mine, make):
    return patiently(lambda: next(mine(), None) or make())


def ended(read, ends, every, seconds):  # `paused` and statuses nobody has heard of are waited through
    deadline = time.monotonic() + seconds
    while (thing := patiently(read)).status not in ends:
        if time.monotonic() > deadline:
            sys.exit(f"{thing.id} is still {thing.status} after {seconds} s")
        time.sleep(every)
    return thing


run, data = uuid.uuid4().hex, Path(sys.argv[1]).read_bytes()
sent = made(
    lambda: (file for file in files.list(purpose="fine-tune") if file.filename == f"{run}.jsonl"),
    lambda: files.create(file=(f"{run}.jsonl", data), purpose="fine-tune"),
)
file = ended(lambda: files.retrieve(sent.id), ("processed", "error", "deleted"), 5, 3600)
if file.status != "processed":
    sys.exit(f"file {file.id} is {file.status}: {file.status_details}")
begun = made(
    lambda: (job for job in jobs.list(metadata={"run": run}) if (job.metadata or {}).get("run") == run),
    lambda: jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id, metadata={"run": run}),
)
job = ended(lambda: jobs.retrieve(begun.id), ("succeeded", "failed", "cancelled"), 15, 48 * 3600)
if job.status != "succeeded":
    sys.exit(f"job {job.id} {job.status}: {job.error and job.error.code}: {job.error and job.error.message}")

for _ in range(60):  # the last events and the result file come up to minutes after `succeeded`
    events = patiently(lambda: list(jobs.list_events(begun.id, limit=100)))
    job = patiently(lambda: jobs.retrieve(begun.id))
    if job.result_files and any("successfully completed" in event.message for event in events):
        metrics = patiently(partial(files.content, job.result_files[0]), also=(404,)).read()
        rows = (metrics if metrics.startswith(b"step,") else base64.b64decode(metrics)).decode().splitlines()
        print(f"{len(rows) - 1} rows of metrics in {job.result_files[0]}, {len(events)} events")
        break
    time.sleep(10)

question = [{"role": "user", "content": "What is 7 times 7?"}]  # a model is unknown at first, then loading
answer = patiently(lambda: client.chat.completions.create(model=job.fine_tuned_model, messages=question), also=(404,))
print(answer.choices[0].message.content)
