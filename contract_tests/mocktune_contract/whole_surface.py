"""Every operation of the API through the SDK, each at a time when it has something to say.

``whole_surface`` yields calls by the SDK's name of the operation; what is special about a call stands after a comma
(``fine_tuning.jobs.retrieve, paused``). Objects are made by a client of the lab's own, so that only the call itself is
held to anything. Operations that an older SDK does not know are left out (``is_known``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any

from openai import OpenAI

from mocktune_contract.lab import MODEL, Lab, training_file
from mocktune_contract.receiver import Receiver

PLAIN = training_file("valid/plain.jsonl")
TOOLS = training_file("valid/tools.jsonl")
PAIRS = training_file("valid/preference.jsonl")
PROMPTS = training_file("valid/reinforcement.jsonl")
REASONING, LEGACY = "o4-mini-2025-04-16", "davinci-002"

TIDE_AT: Any = {"type": "function", "function": {"name": "tide_at", "parameters": {"type": "object", "properties": {}}}}
CUSTOM: Any = {"type": "custom", "custom": {"name": "shell"}}
MOOD: Any = {
    "type": "object",
    "properties": {"mood": {"type": "string", "enum": ["calm", "rough"]}},
    "required": ["mood"],
    "additionalProperties": False,
}
HI: Any = [{"role": "user", "content": "Hi"}]

CHECK: Any = {
    "type": "string_check",
    "name": "same",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.reference_answer }}",
    "operation": "eq",
}
SIMILAR: Any = {
    "type": "text_similarity",
    "name": "near",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.reference_answer }}",
    "evaluation_metric": "fuzzy_match",
}
JUDGE: Any = {
    "type": "score_model",
    "name": "judge",
    "model": "gpt-4o-2024-08-06",
    "input": [{"role": "user", "content": "{{ sample.output_text }}"}],
    "range": [0, 1],
}
PYTHON: Any = {"type": "python", "name": "code", "source": "def grade(sample, item):\n    return 1.0\n"}
MULTI: Any = {
    "type": "multi",
    "name": "both",
    "graders": {"same": CHECK, "near": SIMILAR},
    "calculate_output": "0.5 * same + 0.5 * near",
}
GRADERS = {"string_check": CHECK, "text_similarity": SIMILAR, "score_model": JUDGE, "multi": MULTI}

Operation = tuple[str, Callable[[], object]]


def whole_surface(lab: Lab, client: OpenAI, receiver: Receiver) -> Iterator[Operation]:
    """Every call. Those of one resource build on each other, so they are to be made in this order."""
    resources = (files, uploads, supervised, dpo, reinforcement, permissions, graders, chat, stored, legacy, responses)
    for resource in resources:
        yield from _known(client, resource(lab, client))
    yield from _known(client, webhooks(lab, client, receiver))


def is_known(client: OpenAI, operation: str) -> bool:
    """Whether this SDK has the operation."""
    return reduce(lambda found, name: getattr(found, name, None), operation.split("."), client) is not None  # type: ignore[arg-type,return-value]


def _known(client: OpenAI, calls: Iterator[Operation]) -> Iterator[Operation]:
    return ((name, call) for name, call in calls if is_known(client, name.partition(",")[0]))


def files(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    purposes: Any = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
    for purpose in purposes:
        yield (
            f"files.create, {purpose}",
            lambda purpose=purpose: client.files.create(file=("a.jsonl", PLAIN), purpose=purpose),  # type: ignore[misc]
        )
    yield (
        "files.create, with an expiry",
        lambda: client.files.create(
            file=("b.jsonl", PLAIN), purpose="fine-tune", expires_after={"anchor": "created_at", "seconds": 3600}
        ),
    )
    uploaded = lab.upload(PLAIN).id
    yield "files.retrieve, uploaded", lambda: client.files.retrieve(uploaded)
    lab.clock.advance(by="1m")
    yield "files.retrieve, processed", lambda: client.files.retrieve(uploaded)
    broken = lab.upload_ready(training_file("invalid/broken_json.jsonl")).id
    yield "files.retrieve, error", lambda: client.files.retrieve(broken)
    yield "files.list", lambda: client.files.list(purpose="fine-tune")
    yield "files.content", lambda: client.files.content(uploaded)
    yield "files.delete", lambda: client.files.delete(uploaded)


def uploads(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    def begin() -> str:
        made = lab.client().uploads.create(
            filename="a.jsonl", purpose="fine-tune", bytes=len(PLAIN), mime_type="text/jsonl"
        )
        return made.id

    half = len(PLAIN) // 2
    yield (
        "uploads.create",
        lambda: client.uploads.create(
            filename="a.jsonl", purpose="fine-tune", bytes=len(PLAIN), mime_type="text/jsonl",
            expires_after={"anchor": "created_at", "seconds": 3600},
        ),
    )  # fmt: skip
    upload = begin()
    yield "uploads.parts.create", lambda: client.uploads.parts.create(upload, data=PLAIN[:half])
    parts = [lab.client().uploads.parts.create(upload, data=data).id for data in (PLAIN[:half], PLAIN[half:])]
    yield "uploads.complete", lambda: client.uploads.complete(upload, part_ids=parts)
    given_up = begin()
    yield "uploads.cancel", lambda: client.uploads.cancel(given_up)
    yield (
        "uploads.upload_file_chunked",
        lambda: client.uploads.upload_file_chunked(
            file=PLAIN, filename="a.jsonl", bytes=len(PLAIN), mime_type="text/jsonl", purpose="fine-tune", part_size=500
        ),
    )


def job_reads(client: OpenAI, job: str, when: str) -> Iterator[Operation]:
    jobs = client.fine_tuning.jobs
    yield f"fine_tuning.jobs.retrieve, {when}", lambda: jobs.retrieve(job)
    yield f"fine_tuning.jobs.list, {when}", lambda: jobs.list(limit=1)
    yield f"fine_tuning.jobs.list_events, {when}", lambda: jobs.list_events(job, limit=1000)
    yield f"fine_tuning.jobs.checkpoints.list, {when}", lambda: jobs.checkpoints.list(job)


def job_life(lab: Lab, client: OpenAI, of: str, data: bytes, **parameters: Any) -> Iterator[Operation]:
    """A job of one method in every status there is, and the file it leaves."""
    jobs = client.fine_tuning.jobs
    file = lab.upload_ready(data).id
    parameters = {"training_file": file, "validation_file": file, **parameters}
    yield f"fine_tuning.jobs.create, {of}", lambda: jobs.create(**parameters)
    job = lab.client().fine_tuning.jobs.create(**parameters, suffix="pip").id
    for status in ("validating_files", "queued", "running", "succeeded"):
        if status != "validating_files":
            lab.clock.until(job, status)
        yield from job_reads(client, job, f"{of} {status}")
    lab.clock.advance(by="10m")
    yield from job_reads(client, job, f"{of} long succeeded")
    yield f"files.content, {of} results", lambda: client.files.content(lab.job(job).result_files[0])
    yield f"files.retrieve, {of} results", lambda: client.files.retrieve(lab.job(job).result_files[0])

    paused = lab.client().fine_tuning.jobs.create(**parameters).id
    lab.clock.until(paused, "running")
    lab.clock.advance(by="5s")
    yield f"fine_tuning.jobs.pause, {of}", lambda: jobs.pause(paused)
    yield from job_reads(client, paused, f"{of} paused")
    yield f"fine_tuning.jobs.resume, {of}", lambda: jobs.resume(paused)
    yield f"fine_tuning.jobs.cancel, {of}", lambda: jobs.cancel(paused)
    yield from job_reads(client, paused, f"{of} cancelled")

    small = lab.upload_ready(b"".join(data.splitlines(keepends=True)[:7])).id
    failed = lab.client().fine_tuning.jobs.create(**{**parameters, "training_file": small}).id
    lab.clock.until(failed, "failed")
    yield from job_reads(client, failed, f"{of} failed")


def supervised(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    yield from job_life(
        lab, client, "supervised", PLAIN, model=MODEL, metadata={"run": "a"},
        integrations=[{"type": "wandb", "wandb": {"project": "sea"}}],
    )  # fmt: skip
    model = lab.tuned_model(PLAIN)
    yield "models.list", lambda: client.models.list()
    yield "models.retrieve, tuned", lambda: client.models.retrieve(model)
    yield "models.retrieve, base", lambda: client.models.retrieve(MODEL)
    yield "models.delete", lambda: client.models.delete(model)


def dpo(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    yield from job_life(lab, client, "dpo", PAIRS, model=MODEL, method={"type": "dpo"})


def reinforcement(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    for of, grader in (("reinforcement", CHECK), ("multi", MULTI)):
        method = {"type": "reinforcement", "reinforcement": {"grader": grader}}
        yield from job_life(lab, client, of, PROMPTS, model=REASONING, method=method)


def permissions(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    """The SDK sends its ordinary key; it has to be the admin's."""
    admin = client.copy(api_key="sk-admin-" + lab.key.removeprefix("sk-"))
    shared: Any = admin.fine_tuning.checkpoints.permissions
    model = lab.tuned_model(PLAIN)
    made = f"{lab.base_url}/fine_tuning/checkpoints/{model}/permissions"
    operation = "fine_tuning.checkpoints.permissions"
    yield f"{operation}.create", lambda: shared.create(model, project_ids=["proj_a", "proj_b"])
    yield f"{operation}.list", lambda: shared.list(model, limit=1)
    if not hasattr(shared, "list"):  # which has its place since
        yield f"{operation}.retrieve", lambda: shared.retrieve(model)
    first = lab.http.get(made, headers={"authorization": f"Bearer {admin.api_key}"}).json()["data"]
    if first:
        yield f"{operation}.delete", lambda: shared.delete(first[0]["id"], fine_tuned_model_checkpoint=model)


def graders(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    alpha = client.fine_tuning.alpha.graders
    item = {"reference_answer": "Paris"}
    for kind, grader in GRADERS.items():
        yield (
            f"fine_tuning.alpha.graders.run, {kind}",
            lambda grader=grader: alpha.run(grader=grader, model_sample="Paris", item=item),  # type: ignore[misc]
        )
    yield (
        "fine_tuning.alpha.graders.run, an error",
        lambda: alpha.run(grader=CHECK, model_sample="Paris", item={"other": "Paris"}),
    )
    for kind, grader in {**GRADERS, "python": PYTHON}.items():
        yield f"fine_tuning.alpha.graders.validate, {kind}", lambda grader=grader: alpha.validate(grader=grader)  # type: ignore[misc]


def chat(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    tuned, caller = lab.tuned_model(PLAIN), lab.tuned_model(TOOLS)
    completions: Any = client.chat.completions
    tide = [{"role": "user", "content": "Is it high tide in Cork?"}]
    format = {"type": "json_schema", "json_schema": {"name": "mood", "strict": True, "schema": MOOD}}
    asked: dict[str, dict[str, Any]] = {
        "a base model": {"model": MODEL, "messages": HI},
        "a tuned model": {"model": tuned, "messages": HI},
        "a learned tool call": {"model": caller, "messages": tide, "tools": [TIDE_AT]},
        "a made up tool call": {"model": MODEL, "messages": HI, "tools": [TIDE_AT], "tool_choice": "required"},
        "a custom tool call": {"model": MODEL, "messages": HI, "tools": [CUSTOM], "tool_choice": "required"},
        "a function call": {
            "model": MODEL, "messages": HI, "functions": [TIDE_AT["function"]], "function_call": {"name": "tide_at"}
        },
        "json_object": {
            "model": MODEL, "messages": [{"role": "user", "content": "In JSON."}],
            "response_format": {"type": "json_object"},
        },
        "json_schema": {"model": MODEL, "messages": HI, "response_format": format},
        "logprobs": {"model": tuned, "messages": HI, "logprobs": True, "top_logprobs": 3},
        "three choices": {"model": MODEL, "messages": HI, "n": 3},
        "cut short": {"model": MODEL, "messages": HI, "max_tokens": 2},
        "store": {"model": MODEL, "messages": HI, "store": True, "metadata": {"a": "b"}},
        "what a judge says of it": {"model": MODEL, "messages": HI, "service_tier": "auto", "seed": 7},
    }  # fmt: skip
    for what, body in asked.items():
        yield f"chat.completions.create, {what}", lambda body=body: completions.create(**body)  # type: ignore[misc]
        yield (
            f"chat.completions.create, {what}, streamed",
            lambda body=body: list(  # type: ignore[misc]
                completions.create(**body, stream=True, stream_options={"include_usage": True})
            ),
        )


def stored(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    spoken: list[Any] = [{"role": "system", "content": "Be brief."}, *HI]
    id = lab.client().chat.completions.create(model=MODEL, messages=spoken, store=True).id
    completions = client.chat.completions
    yield "chat.completions.retrieve", lambda: completions.retrieve(id)
    yield "chat.completions.update", lambda: completions.update(id, metadata={"a": "b"})
    yield "chat.completions.list", lambda: completions.list(metadata={"a": "b"})
    yield "chat.completions.messages.list", lambda: completions.messages.list(id)
    yield "chat.completions.delete", lambda: completions.delete(id)


def legacy(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    create: Any = client.completions.create
    asked: dict[str, dict[str, Any]] = {
        "plain": {"prompt": "Ahoy"},
        "two prompts": {"prompt": ["Ahoy", "Hi"], "n": 2},
        "logprobs": {"prompt": "Ahoy there", "logprobs": 2},
        "an echoed prompt with logprobs": {"prompt": "Ahoy there", "logprobs": 2, "echo": True},
    }
    for what, body in asked.items():
        yield f"completions.create, {what}", lambda body=body: create(model=LEGACY, **body)  # type: ignore[misc]
        yield (
            f"completions.create, {what}, streamed",
            lambda body=body: list(create(model=LEGACY, stream=True, **body)),  # type: ignore[misc]
        )
    yield "moderations.create, texts", lambda: client.moderations.create(input=["A quiet day.", "Another."])
    parts: Any = [
        {"type": "text", "text": "A day."},
        {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
    ]
    yield "moderations.create, an image", lambda: client.moderations.create(input=parts)
    yield (
        "moderations.create, the older model",
        lambda: client.moderations.create(input="A day.", model="text-moderation-latest"),
    )


def responses(lab: Lab, client: OpenAI) -> Iterator[Operation]:
    made: Any = client.responses
    tide: Any = {"type": "function", **TIDE_AT["function"], "strict": False}
    format = {"format": {"type": "json_schema", "name": "mood", "strict": True, "schema": MOOD}}
    logprobs = {"include": ["message.output_text.logprobs"], "top_logprobs": 2}
    asked: dict[str, dict[str, Any]] = {
        "a text": {"input": "Hi"},
        "a tuned model": {"input": "Hi", "model": lab.tuned_model(PLAIN)},
        "parts, instructions, metadata": {
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
            "instructions": "Be brief.", "metadata": {"a": "b"}, "temperature": 0.5, "user": "pip",
        },
        "a function call": {"input": "Hi", "tools": [tide], "tool_choice": "required"},
        "its result": {
            "input": [
                {"role": "user", "content": "Hi"},
                {"type": "function_call", "call_id": "call_1", "name": "tide_at", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "High."},
            ],
            "tools": [tide],
        },
        "json_schema": {"input": "Hi", "text": format},
        "logprobs": {"input": "Hi", **logprobs},
        "cut short": {"input": "Hi", "max_output_tokens": 16, "reasoning": {"effort": "low"}},
    }  # fmt: skip
    for what, body in asked.items():
        body = {"model": MODEL, **body}
        yield f"responses.create, {what}", lambda body=body: made.create(**body)  # type: ignore[misc]
        yield f"responses.create, {what}, streamed", lambda body=body: list(made.create(**body, stream=True))  # type: ignore[misc]
        id = lab.client().responses.create(**body).id
        yield f"responses.retrieve, {what}", lambda id=id: made.retrieve(id)  # type: ignore[misc]
        yield f"responses.input_items.list, {what}", lambda id=id: made.input_items.list(id)  # type: ignore[misc]
        yield f"responses.delete, {what}", lambda id=id: made.delete(id)  # type: ignore[misc]
    first = lab.client().responses.create(model=MODEL, input="Hi").id
    yield (
        "responses.create, a conversation",
        lambda: made.create(model=MODEL, input="And now?", previous_response_id=first),
    )
    yield "responses.retrieve, streamed", lambda: list(made.retrieve(first, stream=True))
    yield "responses.input_tokens.count", lambda: made.input_tokens.count(model=MODEL, input="Hi")


def webhooks(lab: Lab, client: OpenAI, receiver: Receiver) -> Iterator[Operation]:
    hooks: Any = client.webhooks
    given = {"name": "hook", "url": receiver.url, "event_types": ["fine_tuning.job.succeeded"]}
    yield "webhooks.create", lambda: hooks.create(**given)
    id = lab.http.post("/webhook_endpoints", json=given).json()["id"]
    yield "webhooks.retrieve", lambda: hooks.retrieve(id)
    yield "webhooks.update", lambda: hooks.update(id, name="other")
    yield "webhooks.list", lambda: hooks.list()
    yield "webhooks.rotate_secret", lambda: hooks.rotate_secret(id)
    yield "webhooks.test", lambda: hooks.test(id, event_type="fine_tuning.job.succeeded")
    yield "webhooks.event_types.list", lambda: hooks.event_types.list()
    yield "webhooks.delete", lambda: hooks.delete(id)
