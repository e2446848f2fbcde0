"""Chat completions: a tuned model answers from its training, a base model says that it is played."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import BinaryIO, Literal

from mocktune.domain import ids
from mocktune.domain.billing import chat_prompt_tokens
from mocktune.domain.clock import SECOND, VirtualTime
from mocktune.domain.conversation import ToolCall
from mocktune.domain.draws import derive_seed
from mocktune.domain.errors import ModelLoadingError, ServiceUnavailableError
from mocktune.domain.learned import Answer, base_answer
from mocktune.domain.models import BaseModel, resolve_base_model
from mocktune.ports import Tokenizer
from mocktune.service.datasets import Datasets
from mocktune.service.models import find_tuned
from mocktune.service.records import JobRecord, ModelRecord
from mocktune.service.sandboxes import Visit

Message = Mapping[str, object]

MAX_LINEAGE = 8
"""How many generations of tuned models are asked for a learned answer, the newest first."""

MAX_INLINE_LOOK = 2_000
"""Prompts up to which an answer is looked up at once; beyond, in a thread."""

_OVERLOADED = (
    "That model is currently overloaded with other requests. You can retry your request, or contact us through our "
    "help center at help.openai.com if the error persists."
)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What of a chat request the answer depends on.

    ``callable_tools`` are those that ``tool_choice`` leaves, all of ``tools`` if None. ``legacy_functions``: they were
    offered as ``functions``, and a call is answered as ``function_call``.
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


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a completion, cut at a stop text or at the most tokens."""

    content: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: Literal["stop", "length", "tool_calls", "function_call"]
    legacy: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """The answers to one request and their exact usage, in tokens."""

    id: str
    created_at: VirtualTime
    model: str
    choices: tuple[Choice, ...]
    call_seed: int
    prompt_tokens: int
    completion_tokens: int
    fingerprint: str


class ChatService:
    """``POST /chat/completions``."""

    def __init__(self, datasets: Datasets, tokenizer: Tokenizer) -> None:
        self._datasets = datasets
        self._tokenizer = tokenizer

    async def complete(self, visit: Visit, request: ChatRequest) -> Completion:
        """Raises ``NotFoundError`` for a name that is unknown by now, ``ModelLoadingError`` or
        ``ServiceUnavailableError`` with the time to wait for a model that is not in memory yet."""
        sandbox = visit.sandbox
        base = resolve_base_model(request.model)
        if base is not None:
            model, shown = base, base.id
            seeds = _choice_seeds(sandbox.seed, request)
            answers = [base_answer(shown, request.messages, seed=seed) for seed in seeds]
        else:
            record = find_tuned(visit, request.model)
            _refuse_while_loading(visit, record)
            model, shown = record.job.model, record.id
            answers = []
            for seed in _choice_seeds(record.seed, request):
                answers.append(await self._learned_answer(record, request, seed))
                if answers[0].match != "style":  # what was learned is said again; only the style is drawn
                    answers *= request.choices
                    break
        choices = tuple(self._choice(answer, request, model) for answer in answers)
        ordinal = sandbox.next_ordinal("chat")
        id = ids.object_id("chat", sandbox.seed, ordinal)
        return Completion(
            id=id,
            created_at=visit.now,
            model=shown,
            choices=choices,
            call_seed=derive_seed(sandbox.seed, "tool calls", ordinal),
            prompt_tokens=self._prompt_tokens(request, model),
            completion_tokens=sum(self._completion_tokens(choice, model) for choice in choices),
            fingerprint=ids.object_id("fingerprint", derive_seed(0, "fingerprint"), model.id),
        )

    def _choice(self, answer: Answer, request: ChatRequest, model: BaseModel) -> Choice:
        if answer.tool_calls or answer.content is None:
            if request.legacy_functions and answer.tool_calls:
                return Choice(answer.content, answer.tool_calls[:1], "function_call", legacy=True)
            return Choice(answer.content, answer.tool_calls, "tool_calls" if answer.tool_calls else "stop")
        content = answer.content
        ends = [content.find(stop) for stop in request.stop if stop]
        content = content[: min((end for end in ends if end >= 0), default=len(content))]
        if request.max_tokens is not None:
            beginning = self._tokenizer.cut(content, request.max_tokens, model.encoding)
            if len(beginning) < len(content):
                return Choice(beginning, (), "length")
        return Choice(content, (), "stop")

    async def _learned_answer(self, record: ModelRecord, request: ChatRequest, seed: int) -> Answer:
        """The newest training first; an exact match of an older generation wins over a near one of a newer."""
        offered = request.callable_tools
        if offered is None:
            offered = frozenset(tool_names(request.tools))
        answers: list[Answer] = []
        for job in _lineage(record):
            blob = job.training.blob
            if blob is None:
                continue  # an older generation whose models are all deleted has been forgotten
            with blob.open() as source:  # before anything waits: the model may be deleted meanwhile
                learned = await self._datasets.learned(blob)
                read_line = partial(_read_line, source)
                look = partial(learned.answer, request.messages, tools_offered=offered, seed=seed, read_line=read_line)
                # A look through many prompts takes up to a tenth of a second: not on the loop that serves everybody.
                answer = look() if learned.size <= MAX_INLINE_LOOK else await asyncio.to_thread(look)
            if answer.match == "exact":
                return answer
            answers.append(answer)
        return next((answer for answer in answers if answer.match == "near"), answers[0])

    def _prompt_tokens(self, request: ChatRequest, model: BaseModel) -> int:
        def count(texts: list[str]) -> list[int]:
            return self._tokenizer.count(texts, model.encoding)

        return chat_prompt_tokens(request.messages, request.tools, count, model.encoding)

    def _completion_tokens(self, choice: Choice, model: BaseModel) -> int:
        texts = [choice.content or ""]
        for call in choice.tool_calls:
            texts += [call.name, call.arguments]
        return sum(self._tokenizer.count(texts, model.encoding))


def _choice_seeds(seed: int, request: ChatRequest) -> list[int]:
    return [derive_seed(seed, "answer", request.seed or 0, index) for index in range(request.choices)]


def _read_line(source: BinaryIO, offset: int) -> bytes:
    source.seek(offset)
    return source.readline()


def _refuse_while_loading(visit: Visit, record: ModelRecord) -> None:
    if record.window.state_at(visit.now) == "ready":
        return
    remaining = record.window.ready_at - visit.now
    # A client waits on the wall: virtual seconds divided by the clock's rate; a frozen clock has none, so the virtual
    # seconds themselves.
    rate = visit.sandbox.clock.rate or 1
    retry_after_s = max(1, ceil(remaining / SECOND / rate))
    if record.job.scenario.model.loading_as == "unavailable":
        raise ServiceUnavailableError(_OVERLOADED, retry_after_s=retry_after_s)
    raise ModelLoadingError(retry_after_s=retry_after_s)


def _lineage(record: ModelRecord) -> list[JobRecord]:
    jobs = [record.job]
    while jobs[-1].parent is not None and len(jobs) < MAX_LINEAGE:
        jobs.append(jobs[-1].parent.job)
    return jobs


def tool_names(tools: Sequence[Message]) -> list[str]:
    names = []
    for tool in tools:
        function = tool.get("function")
        name = function.get("name") if isinstance(function, Mapping) else tool.get("name")
        if isinstance(name, str):
            names.append(name)
    return names
