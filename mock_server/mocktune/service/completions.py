"""Legacy completions: babbage-002, davinci-002 and what was tuned from them, asked through the chat service.

A training line of theirs, ``{"prompt", "completion"}``, is learned as a question of the user and its answer
(``conversation_of``), so a prompt is asked as a message of the user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from mocktune.domain import ids
from mocktune.domain.clock import VirtualTime
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds import completions as kinds
from mocktune.domain.errors import ParameterError
from mocktune.domain.legacy_logprobs import Logprobs, legacy_logprobs
from mocktune.domain.models import BaseModel, Encoding
from mocktune.service.chat import ChatRequest, ChatService, Choice, Completion
from mocktune.service.models import answering_model, base_model, find_tuned
from mocktune.service.sandboxes import Visit

DEFAULT_MAX_TOKENS = 16
"""SPEC."""

MAX_CHOICES = 2_048
"""Completions generated in one request."""

Count = Callable[[list[str], Encoding], list[int]]
Split = Callable[[str, Encoding], list[bytes]]
"""The tokens of a text, whose bytes joined are its UTF-8."""

Prompt = str | Sequence[int]
"""A text, or the ids of its tokens.

No vocabulary is at hand to read ids with. They are counted, never echoed, and asked as the numbers they are: a prompt
that nobody trained.
"""

NO_PROMPT: Prompt = (100_257,)
"""SPEC: a request without a prompt begins with ``<|endoftext|>``, one token of cl100k."""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A create request that passed every check of its shape. ``best_of`` is at least ``n``."""

    model: str
    prompts: Sequence[Prompt]
    n: int = 1
    best_of: int = 1
    echo: bool = False
    stop: Sequence[str] = ()
    suffix: str = ""
    max_tokens: int = DEFAULT_MAX_TOKENS
    logprobs: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class TextChoice:
    """One completion. ``text`` begins with the prompt where it was to be echoed."""

    text: str
    finish_reason: Literal["stop", "length", "content_filter"]
    logprobs: Logprobs | None = None


@dataclass(frozen=True, slots=True)
class TextCompletion:
    """The completions of one request, those of the first prompt first, and their exact usage in tokens."""

    id: str
    created_at: VirtualTime
    model: str
    choices: tuple[TextChoice, ...]
    prompt_tokens: int
    completion_tokens: int


class CompletionService:
    """``POST /completions``."""

    def __init__(self, chat: ChatService, count: Count, split: Split) -> None:
        self._chat = chat
        self._count = count
        self._split = split

    async def create(self, visit: Visit, request: CompletionRequest) -> TextCompletion:
        """Raises ``NotFoundError`` for a chat model and for a name that is unknown by now, and what
        ``ChatService.complete`` raises for a model that is not in memory yet."""
        name = answering_model(visit, request.model)
        model = base_model(visit, name) or find_tuned(visit, name).job.model
        if model.dataset_format != "prompt_completion" and not visit.loose:
            raise kinds.CHAT_MODEL()
        asked = len(request.prompts) * request.best_of
        if asked > MAX_CHOICES:
            raise kinds.TOO_MANY_CHOICES(most=MAX_CHOICES, asked=asked)
        sandbox = visit.sandbox
        choices: list[TextChoice] = []
        prompt_tokens = completion_tokens = 0
        shown = model.id
        for number, prompt in enumerate(request.prompts):
            if number:
                await asyncio.sleep(0)  # a long list must not hold up everybody else
            tokens = self._prompt_tokens(request, prompt, model)
            completion = await self._complete(visit, request, prompt, model, tokens)
            shown = completion.model
            prompt_tokens += tokens
            completion_tokens += completion.completion_tokens  # of all that best_of generated (SPEC)
            best = completion.choices[: request.n]
            choices += [self._choice(request, prompt, choice, model.encoding, sandbox.seed) for choice in best]
        id = ids.object_id("completion", sandbox.seed, sandbox.next_ordinal("completion"))
        return TextCompletion(id, visit.now, shown, tuple(choices), prompt_tokens, completion_tokens)

    async def _complete(
        self, visit: Visit, request: CompletionRequest, prompt: Prompt, model: BaseModel, prompt_tokens: int
    ) -> Completion:
        too_long = kinds.CONTEXT_LENGTH_EXCEEDED(
            context=model.context,
            total=prompt_tokens + request.max_tokens,
            prompt=prompt_tokens,
            completion=request.max_tokens,
        )
        if prompt_tokens + request.max_tokens > model.context and not visit.loose:
            raise too_long
        try:
            return await self._chat.complete(visit, _chat_request(request, _text(prompt)))
        except ParameterError as error:
            # A message takes a few tokens more than the prompt in it.
            raise too_long if error.code == "context_length_exceeded" else error from None

    def _prompt_tokens(self, request: CompletionRequest, prompt: Prompt, model: BaseModel) -> int:
        texts = [request.suffix, prompt] if isinstance(prompt, str) else [request.suffix]
        counted = sum(self._count(texts, model.encoding))
        return counted if isinstance(prompt, str) else counted + len(prompt)

    def _choice(
        self, request: CompletionRequest, prompt: Prompt, choice: Choice, encoding: Encoding, seed: int
    ) -> TextChoice:
        echoed = prompt if request.echo and isinstance(prompt, str) else ""
        text = choice.content or ""
        logprobs = None
        if request.logprobs is not None:
            # Apart, since a choice's tokens are those of the prompt and then those of what was generated.
            tokens = self._split(echoed, encoding) + self._split(text, encoding)
            seed = derive_seed(seed, "logprobs", _text(prompt))
            logprobs = legacy_logprobs(tokens, request.logprobs, seed, begins_with_prompt=bool(echoed))
        return TextChoice(echoed + text, "length" if choice.finish_reason == "length" else "stop", logprobs)


def _text(prompt: Prompt) -> str:
    return prompt if isinstance(prompt, str) else " ".join(map(str, prompt))


def _chat_request(request: CompletionRequest, prompt: str) -> ChatRequest:
    return ChatRequest(
        model=request.model,
        messages=[{"role": "user", "content": prompt}],
        seed=request.seed,
        choices=request.best_of,
        stop=request.stop,
        max_tokens=request.max_tokens,
    )
