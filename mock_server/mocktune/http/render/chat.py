"""Chat completions."""

from __future__ import annotations

from mocktune.domain.clock import unix_seconds
from mocktune.domain.draws import text
from mocktune.http.render import Json
from mocktune.service.chat import Choice, Completion


def chat_completion(completion: Completion) -> Json:
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": unix_seconds(completion.created_at),
        "model": completion.model,
        "choices": [
            {
                "index": index,
                "message": _message(choice, tool_calls(completion, index)),
                "logprobs": None,
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(completion.choices)
        ],
        "usage": usage(completion),
        "service_tier": "default",
        "system_fingerprint": completion.fingerprint,
    }


def _message(choice: Choice, calls: list[Json]) -> Json:
    called: Json = {"tool_calls": calls} if calls else {}
    if choice.legacy:
        called = {"function_call": calls[0]["function"]}
    return {"role": "assistant", "content": choice.content, **called, "refusal": None, "annotations": []}


def tool_calls(completion: Completion, choice: int) -> list[Json]:
    """The calls of one choice, with ids of their own for each completion."""
    return [
        {
            "id": "call_" + text(completion.call_seed, 24, "call", choice, index),
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for index, call in enumerate(completion.choices[choice].tool_calls)
    ]


def usage(completion: Completion) -> Json:
    return {
        "prompt_tokens": completion.prompt_tokens,
        "completion_tokens": completion.completion_tokens,
        "total_tokens": completion.prompt_tokens + completion.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
