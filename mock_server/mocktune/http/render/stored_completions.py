"""Stored chat completions and their messages, after the examples of the public description."""

from __future__ import annotations

from mocktune.http.render import Json
from mocktune.http.render.chat import chat_completion
from mocktune.service.stored_completions import StoredCompletion, StoredMessage
from mocktune.settings import Wire


def stored_completion(stored: StoredCompletion) -> Json:
    asked = stored.request()
    made = chat_completion(stored.completion, asked.get("service_tier"))
    return {
        "object": made["object"],
        "id": made["id"],
        "model": made["model"],
        "created": made["created"],
        "tool_choice": asked.get("tool_choice"),
        "usage": made["usage"],
        "seed": asked.get("seed"),
        "top_p": asked.get("top_p", 1.0),
        "temperature": asked.get("temperature", 1.0),
        "presence_penalty": asked.get("presence_penalty", 0.0),
        "frequency_penalty": asked.get("frequency_penalty", 0.0),
        "system_fingerprint": made["system_fingerprint"],
        "input_user": asked.get("user"),
        "service_tier": made["service_tier"],
        "tools": asked.get("tools"),
        "metadata": stored.metadata,
        "choices": made["choices"],
        "response_format": asked.get("response_format"),
    }


def stored_message(named: tuple[str, StoredMessage], wire: Wire) -> Json:
    """One message. The SDK's type knows no role but the assistant's, which is what ``wire="sdk"`` writes for all."""
    id, message = named
    content = message.get("content")
    parts = content if isinstance(content, list) else None
    called = {
        key: message[key]
        for key in ("refusal", "tool_calls", "function_call", "tool_call_id")
        if message.get(key) is not None
    }
    return {
        "id": id,
        "role": "assistant" if wire == "sdk" else message["role"],
        "content": content if isinstance(content, str) else None,
        "name": message.get("name"),
        "content_parts": None if parts is None else [each for each in parts if each["type"] in ("text", "image_url")],
        **called,
    }
