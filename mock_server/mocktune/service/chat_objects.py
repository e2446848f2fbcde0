"""A chat request and its completion, as the service knows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mocktune.domain.clock import VirtualTime
from mocktune.domain.conversation import ToolCall
from mocktune.domain.logprobs import TokenLogprob

Message = Mapping[str, object]

FinishReason = Literal["stop", "length", "tool_calls", "function_call"]


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """What an answer has to be: a JSON object, or (``schema`` given) JSON that conforms to it; ``name`` is its name."""

    schema: Mapping[str, object] | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What of a chat request the answer depends on.

    ``callable_tools`` are those that ``tool_choice`` leaves, all of ``tools`` if None. ``must_call``: the answer has to
    be a call of one of them; ``named_tool``: ``tool_choice`` named the one. ``legacy_functions``: they were offered as
    ``functions``, and a call is answered as ``function_call``.

    ``top_logprobs`` (0..20) asks for log probabilities, None for none. ``of_chat_route``: the request came to
    ``/chat/completions`` itself, so its answer has an id of that kind, ``max_tokens`` above what the model can say is
    an error (elsewhere it is cut to it), and so is a model that only completes prompts.
    """

    model: str
    messages: Sequence[Message]
    tools: Sequence[Message] = ()
    callable_tools: frozenset[str] | None = None
    legacy_functions: bool = False
    seed: int | None = None
    choices: int = 1
    stop: Sequence[str] = ()
    max_tokens: int | None = None
    must_call: bool = False
    named_tool: bool = False
    parallel_tool_calls: bool = True
    response_format: ResponseFormat | None = None
    top_logprobs: int | None = None
    of_chat_route: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a completion, cut at a stop text or at the most tokens. ``logprobs`` are those of ``content``, None
    where none were asked for or nothing is said."""

    content: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    legacy: bool = False
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """The answers to one request and their exact usage, in tokens. Ids of calls are drawn by ``call_seed``; it is 0
    where nothing is called."""

    id: str
    created_at: VirtualTime
    model: str
    choices: tuple[Choice, ...]
    call_seed: int
    prompt_tokens: int
    completion_tokens: int
    fingerprint: str
