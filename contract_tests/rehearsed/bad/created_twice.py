"""Tunes a model with the official SDK and asks it a question.

Planted: nothing but the SDK's own retries looks after the create, and they send it again when its answer was lost.
"""

import sys
import time

import openai

client = openai.OpenAI(max_retries=8)


def is_loading(error):
    return isinstance(error, openai.NotFoundError) or error.status_code in (429, 503)


def main():
    with open(sys.argv[1], "rb") as dataset:
        uploaded = client.files.create(file=dataset, purpose="fine-tune")
    uploaded = client.files.wait_for_processing(uploaded.id)
    if uploaded.status != "processed":
        raise SystemExit(f"{uploaded.id}: {uploaded.status_details}")

    job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=uploaded.id)
    print("started", job.id)
    while job.status not in {"succeeded", "failed", "cancelled"}:
        time.sleep(30)
        job = client.fine_tuning.jobs.retrieve(job.id)
    if job.status != "succeeded":
        raise SystemExit(f"{job.status}: {job.error.message if job.error else ''}")

    for event in reversed(list(client.fine_tuning.jobs.list_events(job.id, limit=100))):
        print(event.created_at, event.message)

    deadline = time.monotonic() + 20 * 60
    while True:
        try:
            reply = client.chat.completions.create(
                model=job.fine_tuned_model, messages=[{"role": "user", "content": "What is 7 times 7?"}]
            )
            break
        except openai.APIStatusError as error:
            if not is_loading(error) or time.monotonic() > deadline:
                raise
            time.sleep(float(error.response.headers.get("retry-after", 20)))
    print(reply.choices[0].message.content)


try:
    main()
except openai.APIError as error:
    sys.exit(f"{type(error).__name__}: {error.message}")
