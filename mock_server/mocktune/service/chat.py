"""Chat completions: a tuned model answers from its training, a base model says that it is played."""

from __future__ import annotations

import asyncio
from functools import lru_cache, partial
from math import ceil
from typing import BinaryIO

from mocktune.domain import ids
from mocktune.domain.billing import chat_prompt_tokens
from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.draws import derive_seed
from mocktune.domain.error_kinds import chat as kinds
from mocktune.domain.error_kinds.models import MODEL_NOT_FOUND
from mocktune.domain.learned import Answer, base_answer
from mocktune.domain.models import BaseModel
from mocktune.ports import Blob, Tokenizer
from mocktune.service.chat_answers import Composer
from mocktune.service.chat_objects import ChatRequest, Choice, Completion, Message, ResponseFormat
from mocktune.service.datasets import Datasets
from mocktune.service.models import answering_model, base_model, find_tuned
from mocktune.service.records import JobRecord, ModelRecord
from mocktune.service.sandboxes import Visit
from mocktune.service.tools import definition_of, is_custom, tool_names

__all__ = ["ChatRequest", "ChatService", "Choice", "Completion", "Message", "ResponseFormat", "tool_names"]

MAX_LINEAGE = 8
"""How many generations of tuned models are asked for a learned answer, the newest first."""

MAX_INLINE_LOOK = 2_000
"""Prompts up to which an answer is looked up at once; beyond, in a thread."""

MAX_REMEMBERED_LINES, MAX_REMEMBERED_BYTES = 1_024, 4_096
"""Trained lines that are not read from disk again, and how long one of them may be."""


class ChatService:
    """``POST /chat/completions``."""

    def __init__(self, datasets: Datasets, tokenizer: Tokenizer) -> None:
        self._datasets = datasets
        self._tokenizer = tokenizer
        self._remembered: dict[tuple[str, int], bytes] = {}

    async def complete(self, visit: Visit, request: ChatRequest) -> Completion:
        """Raises ``NotFoundError`` for a name that is unknown by now, ``ModelLoadingError`` or
        ``ServiceUnavailableError`` with the time to wait for a model that is not in memory, and ``ParameterError``
        for a prompt that is longer than the model's context or a schema that nothing is found for."""
        sandbox = visit.sandbox
        name = answering_model(visit, request.model)
        base = base_model(visit, name)
        record = None
        if base is not None:
            model, shown, seed = base, base.id, sandbox.seed
        else:
            record = find_tuned(visit, name)
            _refuse_while_loading(visit, record)
            model, shown, seed = record.job.model, record.id, record.seed
        if request.of_chat_route and model.dataset_format == "prompt_completion" and not visit.loose:
            raise kinds.NOT_A_CHAT_MODEL()
        prompt_tokens = self._prompt_tokens(request, model)
        composer = Composer(request, self._tokenizer, model.encoding, self._limit(visit, request, model, prompt_tokens))
        seeds = [derive_seed(seed, "answer", request.seed or 0, index) for index in range(request.choices)]
        choices: list[Choice] = []
        answer: Answer | None = None
        for each in seeds:
            if record is None:
                answer = base_answer(shown, request.messages, seed=each)
            elif answer is None or answer.match == "style":  # what was learned is said again; the style is drawn
                try:
                    answer = await self._learned_answer(record, request, each)
                except FileNotFoundError:  # the last model that knew the file was deleted while this one waited
                    raise MODEL_NOT_FOUND(model=request.model) from None
            choices.append(composer.choice(answer, each))
        # Responses and completions have ids of their own, and must not shift those of chat completions.
        ordinal = sandbox.next_ordinal("chat" if request.of_chat_route else "answer")
        return Completion(
            id=ids.object_id("chat", sandbox.seed, ordinal),
            created_at=visit.now,
            model=shown,
            choices=tuple(choices),
            call_seed=derive_seed(sandbox.seed, "tool calls", ordinal) if any(c.tool_calls for c in choices) else 0,
            prompt_tokens=prompt_tokens,
            completion_tokens=self._completion_tokens(choices, model),
            fingerprint=_fingerprint(model.id),
        )

    def _limit(self, visit: Visit, request: ChatRequest, model: BaseModel, prompt_tokens: int) -> int:
        """The most tokens of one answer."""
        asked = request.max_tokens
        if request.of_chat_route and asked is not None and asked > model.max_output and not visit.loose:
            if model.max_output < model.context:
                raise kinds.MAX_TOKENS_TOO_LARGE(given=asked, most=model.max_output)
            asked = max(asked, model.context)
        left = model.context - prompt_tokens
        if left < 0:
            raise self._context_exceeded(request, model, prompt_tokens)
        if request.of_chat_route and asked is not None and asked > left and not visit.loose:
            raise kinds.CONTEXT_LENGTH_EXCEEDED_WITH_COMPLETION(
                context=model.context, total=prompt_tokens + asked, prompt=prompt_tokens, completion=asked
            )
        return min(left, model.max_output if asked is None else asked, model.max_output)

    def _context_exceeded(self, request: ChatRequest, model: BaseModel, prompt_tokens: int) -> Exception:
        if not request.tools:
            return kinds.CONTEXT_LENGTH_EXCEEDED(context=model.context, prompt=prompt_tokens)
        messages = self._prompt_tokens(ChatRequest(request.model, request.messages), model)
        return kinds.CONTEXT_LENGTH_EXCEEDED_WITH_FUNCTIONS(
            context=model.context, prompt=prompt_tokens, messages=messages, functions=prompt_tokens - messages
        )

    async def _learned_answer(self, record: ModelRecord, request: ChatRequest, seed: int) -> Answer:
        """The newest training first; an exact match of an older generation wins over a near one of a newer."""
        offered = request.callable_tools
        if offered is None:
            offered = frozenset(tool_names(request.tools)) if request.tools else frozenset()
        answers: list[Answer] = []
        for job in _lineage(record):
            blob = job.training.blob
            if blob is None:
                continue  # an older generation whose models are all deleted has been forgotten
            learned = await self._datasets.learned(blob)
            lines = _Lines(blob, self._remembered)
            look = partial(learned.answer, request.messages, tools_offered=offered, seed=seed, read_line=lines.read)
            try:
                # A look through many prompts takes up to a tenth of a second: not on the loop that serves everybody.
                answer = look() if learned.size <= MAX_INLINE_LOOK else await asyncio.to_thread(look)
            finally:
                lines.close()
            if answer.match == "exact":
                return answer
            answers.append(answer)
        return next((answer for answer in answers if answer.match == "near"), answers[0])

    def _prompt_tokens(self, request: ChatRequest, model: BaseModel) -> int:
        def count(texts: list[str]) -> list[int]:
            return self._tokenizer.count(texts, model.encoding)

        tools = request.tools
        if tools:  # a custom tool counts as a function of its name and description (assumed)
            tools = [definition_of(tool) if is_custom(tool) else tool for tool in tools]
        return chat_prompt_tokens(request.messages, tools, count, model.encoding)

    def _completion_tokens(self, choices: list[Choice], model: BaseModel) -> int:
        texts = []
        for choice in choices:
            if choice.content:
                texts.append(choice.content)
            for call in choice.tool_calls:
                texts += [call.name, call.arguments]
        return sum(self._tokenizer.count(texts, model.encoding))


@lru_cache(maxsize=64)
def _fingerprint(model: str) -> str:
    return ids.object_id("fingerprint", derive_seed(0, "fingerprint"), model)


class _Lines:
    """The lines of a training file. It is opened for one that nobody read lately."""

    def __init__(self, blob: Blob, remembered: dict[tuple[str, int], bytes]) -> None:
        self._blob = blob
        self._remembered = remembered
        self._source: BinaryIO | None = None

    def read(self, offset: int) -> bytes:
        key = (self._blob.sha256, offset)
        line = self._remembered.get(key)
        if line is not None:
            return line
        if self._source is None:
            self._source = self._blob.open()
        self._source.seek(offset)
        line = self._source.readline()
        if len(line) <= MAX_REMEMBERED_BYTES:
            while len(self._remembered) >= MAX_REMEMBERED_LINES:
                self._remembered.pop(next(iter(self._remembered)), None)
            self._remembered[key] = line
        return line

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


def _refuse_while_loading(visit: Visit, record: ModelRecord) -> None:
    ready_at: VirtualTime | None = record.window.ready_at
    model = record.job.scenario.model
    if visit.now >= record.window.ready_at:
        if model.idle_for is None:
            return
        from mocktune.service.model_memory import loading_until

        ready_at = loading_until(visit, record, model.idle_for)
    if ready_at is None:
        return
    remaining = ready_at - visit.now
    # A client waits on the wall: virtual seconds divided by the clock's rate; a frozen clock has none, so the virtual
    # seconds themselves.
    rate = visit.sandbox.clock.rate or 1
    retry_after_s = max(1, ceil(remaining / SECOND / rate))
    if model.loading_as != "too_many_requests":
        error = kinds.MODEL_OVERLOADED(retry_after_s=retry_after_s)
        if model.loading_as == "stall":
            error.stall_s = model.stall_for.drawn(record.job.seed, "stall_for") / SECOND
        raise error
    raise kinds.MODEL_LOADING(retry_after_s=retry_after_s)


def _lineage(record: ModelRecord) -> list[JobRecord]:
    jobs = [record.job]
    while jobs[-1].parent is not None and len(jobs) < MAX_LINEAGE:
        jobs.append(jobs[-1].parent.job)
    return jobs
