"""Chat completions."""

from __future__ import annotations

from collections.abc import Sequence

from mocktune.domain.clock import unix_seconds
from mocktune.domain.draws import text
from mocktune.domain.logprobs import TokenLogprob, TopLogprob
from mocktune.http.render import Json
from mocktune.service.chat import Choice, Completion

_TIERS = {"flex": "flex", "priority": "priority", "fast": "priority", "scale": "scale"}
"""3P, 2026: what ``service_tier`` is answered with; anything else is served by the default tier."""


def chat_completion(completion: Completion, service_tier: str | None = None) -> Json:
    return {
        "id": completion.id,
        "object": "chat.completion",
        "created": unix_seconds(completion.created_at),
        "model": completion.model,
        "choices": [
            {
                "index": index,
                "message": message(choice, tool_calls(completion, index)),
                "logprobs": None if choice.logprobs is None else logprobs(choice.logprobs),
                "finish_reason": choice.finish_reason,
            }
            for index, choice in enumerate(completion.choices)
        ],
        "usage": usage(completion),
        "service_tier": tier(service_tier),
        "system_fingerprint": completion.fingerprint,
    }


def message(choice: Choice, calls: list[Json]) -> Json:
    called: Json = {"tool_calls": calls} if calls else {}
    if choice.legacy and calls:
        called = {"function_call": calls[0]["function"]}
    return {"role": "assistant", "content": choice.content, **called, "refusal": None, "annotations": []}


def tool_calls(completion: Completion, choice: int) -> list[Json]:
    """The calls of one choice, with ids of their own for each completion."""
    return [
        {
            "id": "call_" + text(completion.call_seed, 24, "call", choice, index),
            **(
                {"type": "custom", "custom": {"name": call.name, "input": call.arguments}}
                if call.custom
                else {"type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            ),
        }
        for index, call in enumerate(completion.choices[choice].tool_calls)
    ]


def logprobs(tokens: Sequence[TokenLogprob]) -> Json:
    return {"content": [{**_token(each), "top_logprobs": [_token(top) for top in each.top]} for each in tokens],
            "refusal": None}  # fmt: skip


def _token(token: TopLogprob) -> Json:
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes}


def tier(asked: str | None) -> str:
    return _TIERS.get(asked or "", "default")


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
