"""The client under test, which knows nothing of any test: it reads its environment and waits with time.sleep."""

from __future__ import annotations

import asyncio
import time

from openai import APIStatusError, AsyncOpenAI, OpenAI

ENDED = ("succeeded", "failed", "cancelled")
MODEL = "gpt-4o-mini-2024-07-18"
QUESTION = [{"role": "user", "content": "Hi"}]
LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n'
DATA = ("greetings.jsonl", LINE * 10)


def main(file=DATA, client=None):
    """A job from the upload to its end, and the tuned model's first answer."""
    with client or OpenAI() as client:
        job = train(client, file)
        return job, ask(client, job.fine_tuned_model)


def train(client, file=DATA):
    jobs = client.fine_tuning.jobs
    uploaded = client.files.create(file=file, purpose="fine-tune")
    job = jobs.create(model=MODEL, training_file=uploaded.id)
    while job.status not in ENDED:
        time.sleep(60)
        job = jobs.retrieve(job.id)
    return job


def ask(client, model):
    while True:
        try:
            answer = client.chat.completions.create(model=model, messages=QUESTION)
            return answer.choices[0].message.content
        except APIStatusError as error:
            if error.status_code not in (404, 429):
                raise
            time.sleep(30)


async def main_async(file=DATA, sleep=asyncio.sleep):
    async with AsyncOpenAI() as client:
        jobs = client.fine_tuning.jobs
        uploaded = await client.files.create(file=file, purpose="fine-tune")
        job = await jobs.create(model=MODEL, training_file=uploaded.id)
        while job.status not in ENDED:
            await sleep(60)
            job = await jobs.retrieve(job.id)
        return job
