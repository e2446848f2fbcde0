import time
from openai import OpenAI
LINE = b'{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}\n'
def test_training(mocktune):
    client = OpenAI()
    file = client.files.create(file=("greetings.jsonl", LINE * 10), purpose="fine-tune")
    job = client.fine_tuning.jobs.create(model="gpt-4o-mini-2024-07-18", training_file=file.id)
    while (job := client.fine_tuning.jobs.retrieve(job.id)).status != "succeeded":
        time.sleep(60)
    mocktune.verdict.assert_clean()
