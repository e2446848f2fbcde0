"""What may happen in a sandbox, as steps that a test strings together, and all that a client may see of what became of
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asking import App
from support import dataset

MODEL = "gpt-4o-mini-2024-07-18"
GRADER = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
PREFERENCES = b"".join(
    b'{"input": {"messages": [{"role": "user", "content": "Say %d."}]}, '
    b'"preferred_output": [{"role": "assistant", "content": "%d, gladly."}], '
    b'"non_preferred_output": [{"role": "assistant", "content": "No."}]}\n' % (n, n)
    for n in range(12)
)
ROWS = b"".join(
    b'{"messages": [{"role": "user", "content": "What is %d plus 1?"}], "answer": "%d"}\n' % (n, n + 1)
    for n in range(12)
)


class Story:
    """What somebody does to a sandbox, step by step; whatever is named is chosen among what there is."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.files: list[str] = []
        self.jobs: list[str] = []
        self.uploads: list[str] = []
        self.parts: list[str] = []
        self.endpoints: list[str] = []
        self.answers: list[int] = []

    def do(self, step: str, n: int) -> None:
        answer = STEPS[step](self, n)
        if answer is not None:
            assert answer.status < 500, (step, answer.body)
            self.answers.append(answer.status)

    def file(self, n: int) -> str:
        return self.files[n % len(self.files)] if self.files else "file-none"

    def job(self, n: int) -> str:
        return self.jobs[n % len(self.jobs)] if self.jobs else "ftjob-none"

    def upload(self, n: int) -> Any:
        kind = n % 7
        if kind == 0:
            answer = self.app.upload(b'{"messages": 1}\n{"bad', name="bad.jsonl")
        elif kind == 1:
            answer = self.app.upload(bytes(range(256)), purpose="user_data", name="ünï.bin")
        elif kind == 2:
            answer = self.app.upload(PREFERENCES)
        elif kind == 3:
            answer = self.app.upload(ROWS)
        elif kind == 4:
            answer = self.app.upload(dataset(3))
        else:
            answer = self.app.upload(dataset(10 + n % 4))
        self.files.append(answer["id"])
        return answer

    def create(self, n: int) -> Any:
        methods: list[dict[str, Any]] = [
            {},
            {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 0.2, "n_epochs": 2}}}},
            {"method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}}, "model": "o4-mini-2025-04-16"},
            {"hyperparameters": {"n_epochs": 2, "learning_rate_multiplier": 0.5}, "suffix": "Sö fine"},
            {"seed": 7, "metadata": {"a": "b"}, "integrations": [{"type": "wandb", "wandb": {"project": "p"}}]},
        ]
        asked = {"model": MODEL, "training_file": self.file(n), **methods[n % len(methods)]}
        if n % 3 == 0:
            asked["validation_file"] = self.file(n // 3)
        answer = self.app.post("/v1/fine_tuning/jobs", asked)
        self._created(answer)
        return answer

    def good(self, n: int) -> Any:
        """A job that will succeed, on a file of its own."""
        self.files.append(self.app.upload(dataset(12 + n % 3))["id"])
        answer = self.app.post("/v1/fine_tuning/jobs", {"model": MODEL, "training_file": self.files[-1], "seed": n})
        self._created(answer)
        return answer

    def again(self, n: int) -> Any:
        """A job on a model that a job brought forth, or on its result file."""
        job = self.app.get(f"/v1/fine_tuning/jobs/{self.job(n)}").json()
        asked = {"model": job.get("fine_tuned_model") or MODEL, "training_file": self.file(n)}
        if n % 4 == 0 and job.get("result_files"):
            asked["training_file"] = job["result_files"][0]
        answer = self.app.post("/v1/fine_tuning/jobs", asked)
        self._created(answer)
        return answer

    def azure(self, n: int) -> Any:
        asked = {"model": MODEL, "training_file": self.file(n), "suffix": "az"}
        answer = self.app.post("/openai/fine_tuning/jobs?api-version=2024-10-21", asked)
        self._created(answer)
        return answer

    def _created(self, answer: Any) -> None:
        if answer.status < 300:
            self.jobs.append(answer["id"])

    def signal(self, n: int) -> Any:
        return self.app.post(f"/v1/fine_tuning/jobs/{self.job(n // 3)}/{('cancel', 'pause', 'resume')[n % 3]}")

    def delete_file(self, n: int) -> Any:
        return self.app.delete(f"/v1/files/{self.file(n)}")

    def delete_outcome(self, n: int) -> Any:
        job = self.app.get(f"/v1/fine_tuning/jobs/{self.job(n // 3)}").json()
        if n % 3 == 0 and job.get("result_files"):
            return self.app.delete(f"/v1/files/{job['result_files'][0]}")
        tuned = [each["id"] for each in self.app.get("/v1/models")["data"] if each["id"].startswith("ft:")]
        return self.app.delete(f"/v1/models/{tuned[n % len(tuned)]}") if tuned else None

    def start_upload(self, n: int) -> Any:
        data = dataset(12)
        asked = {"filename": "u.jsonl", "purpose": "fine-tune", "bytes": len(data), "mime_type": "text/jsonl"}
        answer = self.app.post("/v1/uploads", asked)
        self.uploads.append(answer["id"])
        cut = n * 37 % len(data)
        self.parts = [self.app.add_part(self.uploads[-1], piece)["id"] for piece in (data[:cut], data[cut:]) if piece]
        return answer

    def end_upload(self, n: int) -> Any:
        if not self.uploads:
            return None
        if n % 2:
            return self.app.post(f"/v1/uploads/{self.uploads[n % len(self.uploads)]}/cancel")
        answer = self.app.post(f"/v1/uploads/{self.uploads[-1]}/complete", {"part_ids": self.parts})
        if answer.status == 200:
            self.files.append(answer["file"]["id"])
        return answer

    def chat(self, n: int) -> Any:
        asked = {"model": MODEL, "messages": [{"role": "user", "content": f"Hi {n}?"}], "store": True}
        if n % 2:
            asked |= {"logprobs": True, "top_logprobs": 2, "metadata": {"n": str(n)}, "temperature": 0.5, "n": 2}
        return self.app.post("/v1/chat/completions", asked)

    def respond(self, n: int) -> Any:
        asked: dict[str, Any] = {"model": MODEL, "input": f"Hello {n}", "metadata": {"n": str(n)}}
        if n % 2:
            tool = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
            asked |= {"tools": [tool], "tool_choice": "required"}
        return self.app.post("/v1/responses", asked)

    def endpoint(self, n: int) -> Any:
        if n % 3 == 0 or not self.endpoints:
            asked = {"name": f"e{n}", "url": "https://example.com/", "event_types": ["fine_tuning.job.succeeded"]}
            answer = self.app.post("/v1/webhook_endpoints", asked)
            self.endpoints.append(answer["id"])
            return answer
        path = f"/v1/webhook_endpoints/{self.endpoints[n % len(self.endpoints)]}"
        if n % 3 == 1:
            return self.app.post(f"{path}/rotate_secret", {"keep_old_secret_active_for_24_hours": n % 2 == 0})
        return self.app.post(path, {"name": "renamed"})

    def permit(self, n: int) -> Any:
        job = self.app.get(f"/v1/fine_tuning/jobs/{self.job(n)}").json()
        path = f"/v1/fine_tuning/checkpoints/{job.get('fine_tuned_model')}/permissions"
        return self.app.post(path, {"project_ids": [f"proj_{n}"]})

    def deploy(self, n: int) -> Any:
        answer = self.app.post("/openai/deployments?api-version=2024-10-21", {"id": f"d{n % 3}", "model": MODEL})
        assert answer.status == 201
        return answer

    def wait(self, n: int) -> None:
        self.app.advance(("0.000001s", "7s", "61s", "15m", "90m", "40m")[n % 6])


STEPS: dict[str, Callable[[Story, int], Any]] = {
    name: getattr(Story, name)
    for name in (
        "upload", "create", "good", "again", "azure", "signal", "delete_file", "delete_outcome", "start_upload",
        "end_upload", "chat", "respond", "endpoint", "permit", "deploy", "wait",
    )
}  # fmt: skip


def outcome(app: App) -> dict[str, bytes]:
    """Every answer of the API about what there is."""
    seen: dict[str, bytes] = {}

    def read(path: str) -> Any:
        answer = app.get(path)
        assert answer.status < 500, (path, answer.body)
        seen[path] = answer.body
        return answer.json()

    for file in read("/v1/files")["data"]:
        read(f"/v1/files/{file['id']}")
        seen[file["id"]] = app.get(f"/v1/files/{file['id']}/content").body
    for job in read("/v1/fine_tuning/jobs?limit=1000")["data"]:
        path = f"/v1/fine_tuning/jobs/{job['id']}"
        read(path)
        read(f"{path}/events?limit=1000")
        for checkpoint in read(f"{path}/checkpoints?limit=1000")["data"]:
            read(f"/v1/fine_tuning/checkpoints/{checkpoint['fine_tuned_model_checkpoint']}/permissions")
    for model in read("/v1/models")["data"]:
        read(f"/v1/models/{model['id']}")
        if model["id"].startswith("ft:") or model["owned_by"] == "me":
            asked = {"model": model["id"], "messages": [{"role": "user", "content": "What is 4 plus 4?"}], "seed": 1}
            chat = app.post("/v1/chat/completions", asked)
            assert chat.status < 500, chat.body
            seen[f"chat {model['id']}"] = chat.body
    for stored in read("/v1/chat/completions")["data"]:
        read(f"/v1/chat/completions/{stored['id']}")
        read(f"/v1/chat/completions/{stored['id']}/messages")
    for endpoint in read("/v1/webhook_endpoints")["data"]:
        read(f"/v1/webhook_endpoints/{endpoint['id']}")
    for delivery in read("/_mocktune/webhooks/deliveries?limit=1000")["data"]:
        read(f"/_mocktune/webhooks/deliveries/{delivery['id']}")
    seen["deployments"] = app.get("/openai/deployments?api-version=2024-10-21").body
    return seen
