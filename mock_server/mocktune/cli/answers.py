"""Asking a model: with patience for one that is being loaded, and within a purse."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mocktune.cli.spending import Purse, Tariff, Tokens, tariff_of
from mocktune_client.errors import TuningError
from mocktune_client.model_names import base_model_of
from mocktune_client.steps import Steps, ask, run
from mocktune_client.waiting import Retrying, Timing, is_temporary, wall_now, wall_sleep

if TYPE_CHECKING:
    from openai import OpenAI

REQUEST_TIMEOUT_S = 180.0
UNKNOWN_MODEL = frozenset({"model_not_found", "DeploymentNotFound"})

OnText = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Question:
    """``max_tokens`` bounds the answer. ``temperature`` None leaves it to the service."""

    model: str
    messages: tuple[Mapping[str, Any], ...]
    max_tokens: int
    temperature: float | None = None
    tools: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` is what a message says, see ``said``. ``tokens`` and ``usd`` are None where nobody knows."""

    text: str
    finish_reason: str | None
    tokens: Tokens | None
    usd: float | None
    took_s: float


class AnswerCut(TuningError):
    """A streamed answer ended before its end: ``cause`` says how."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    def __str__(self) -> str:
        return f"The answer broke off: {self.cause.rstrip('.')}. Ask again."


@dataclass(slots=True)
class Asker:
    """Puts questions to models of one service.

    ``wait_s``: how long temporary errors in a row are waited out, and an unknown model of which ``is_coming`` says that
    it was just made. ``on_wait`` hears of each error that is. ``priced_as`` names the base model whose prices count
    where a model's name does not tell; ``behind`` is the model of each name that is a deployment's.
    """

    client: OpenAI
    purse: Purse
    wait_s: float
    priced_as: str | None = None
    is_coming: Callable[[str], bool] = lambda model: False
    on_wait: Callable[[str, Exception, float], None] = lambda model, error, delay_s: None
    sleep: Callable[[float], None] = wall_sleep
    now: Callable[[], float] = wall_now
    behind: dict[str, str] = field(default_factory=dict)
    _tariffs: dict[str, Tariff | None] = field(default_factory=dict)

    def at_most_usd(self, question: Question) -> float | None:
        """What the answer can cost; None where the model's price is not known."""
        tariff = self.tariff(question.model)
        if tariff is None:
            return None
        return tariff.usd(Tokens(tariff.input_tokens(question.messages, question.tools), question.max_tokens))

    def tariff(self, model: str) -> Tariff | None:
        if model not in self._tariffs:
            self._tariffs[model] = tariff_of(self.behind.get(model, model), self.priced_as)
        return self._tariffs[model]

    def ask(self, question: Question, on_text: OnText | None = None) -> Answer:
        """The answer; ``on_text`` gets it piece by piece as it comes. Raises ``OverBudget``, ``AnswerCut`` and the
        SDK's errors.
        """
        return run(self._asking(question, on_text), self.client.with_options(max_retries=0), self.sleep)

    def _asking(self, question: Question, on_text: OnText | None) -> Steps[Answer]:
        from mocktune_client.steps import Sleep

        retrying: Retrying | None = None
        at_most_usd = self.at_most_usd(question) or 0.0
        while True:
            self.purse.set_aside(at_most_usd)
            began_s = self.now()
            paid_usd = at_most_usd  # unless it is known to be less: a lost answer may have been given
            try:
                reply = yield from ask(lambda client: _reply(client, question, on_text))
                answer = self._answer(question.model, reply, self.now() - began_s)
                paid_usd = at_most_usd if answer.usd is None else answer.usd
                return answer
            except Exception as error:
                if getattr(error, "status_code", None) is not None:
                    paid_usd = 0.0
                if not self._is_worth_waiting(question.model, error):
                    raise
                retrying = retrying or Retrying(Timing(self.now), self.wait_s)
                delay_s = retrying.next_delay_s(error)
                if delay_s is None:
                    raise
                self.on_wait(question.model, error, delay_s)
            finally:
                self.purse.settle(at_most_usd, paid_usd)
            yield Sleep(delay_s)

    def _is_worth_waiting(self, model: str, error: Exception) -> bool:
        if getattr(error, "code", None) in UNKNOWN_MODEL:
            return self.is_coming(model)
        return is_temporary(error)

    def _answer(self, model: str, reply: _Reply, took_s: float) -> Answer:
        tariff = self.tariff(model)
        cost_usd = tariff.usd(reply.tokens) if tariff is not None and reply.tokens is not None else None
        return Answer(reply.text, reply.finish_reason, reply.tokens, cost_usd, took_s)


def said(message: Any) -> str:
    """What an assistant message says: its text or refusal, and calls of tools as ``name(arguments)``, a line each."""
    content = _of(message, "content")
    if isinstance(content, list):
        content = "".join(str(_of(part, "text") or "") for part in content)
    calls = [_of(call, "function") for call in _of(message, "tool_calls") or ()]
    if function := _of(message, "function_call"):
        calls.append(function)
    told = [content or _of(message, "refusal") or ""]
    told += [f"{_of(call, 'name')}({_of(call, 'arguments')})" for call in calls if call]
    return "\n".join(filter(None, map(str, told)))


@dataclass(frozen=True, slots=True)
class _Reply:
    text: str
    finish_reason: str | None
    tokens: Tokens | None


def _reply(client: OpenAI, question: Question, on_text: OnText | None) -> _Reply:
    base = base_model_of(question.model)
    options: dict[str, Any] = {"timeout": REQUEST_TIMEOUT_S}
    # Models that reason take no temperature.
    if question.temperature is not None and (base is None or "reinforcement" not in base.methods):
        options["temperature"] = question.temperature
    if base is not None and base.dataset_format == "prompt_completion":
        return _legacy_reply(client, question, options, on_text)
    if question.tools:
        options["tools"] = list(question.tools)
    options |= {
        "model": question.model,
        "messages": list(question.messages),
        "max_completion_tokens": question.max_tokens,
    }
    if on_text is not None:
        pieces = client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True})
        return gathered(pieces, on_text)
    answer = client.chat.completions.create(**options)
    choice = answer.choices[0]
    return _Reply(said(choice.message), choice.finish_reason, _tokens(answer.usage))


def _legacy_reply(client: OpenAI, question: Question, options: Mapping[str, Any], on_text: OnText | None) -> _Reply:
    """babbage-002 and davinci-002 continue a text, and know no messages."""
    prompt = "\n\n".join(said(message) for message in question.messages)
    answer = client.completions.create(model=question.model, prompt=prompt, max_tokens=question.max_tokens, **options)
    choice = answer.choices[0]
    if on_text is not None:
        on_text(choice.text)
    return _Reply(choice.text, choice.finish_reason, _tokens(answer.usage))


def gathered(pieces: Any, on_text: OnText) -> _Reply:
    """The answer in the chunks of a stream, each told as it comes. Raises ``AnswerCut`` for one that ends early."""
    texts: list[str] = []
    calls: dict[int, list[str]] = {}
    finish_reason = tokens = None

    def tell(text: str) -> None:
        texts.append(text)
        on_text(text)

    for chunk in _unbroken(pieces, lambda: bool(texts)):
        tokens = _tokens(chunk.usage) or tokens
        for choice in chunk.choices or ():
            finish_reason = choice.finish_reason or finish_reason
            if text := choice.delta.content or getattr(choice.delta, "refusal", None):
                tell(text)
            for call in choice.delta.tool_calls or ():
                parts = calls.setdefault(call.index, ["", ""])
                parts[0] += call.function.name or ""
                parts[1] += call.function.arguments or ""
    for name, arguments in calls.values():
        tell(f"{chr(10) if texts else ''}{name}({arguments})")
    if finish_reason is None:
        raise AnswerCut("the stream ended early")
    return _Reply("".join(texts), finish_reason, tokens)


def _unbroken(pieces: Any, has_begun: Callable[[], bool]) -> Iterator[Any]:
    """The chunks. Once something was shown, an answer cannot be asked for again without showing it twice."""
    import openai

    try:
        with pieces as chunks:
            yield from chunks
    except Exception as error:
        if isinstance(error, openai.APIStatusError):
            raise
        if has_begun():
            raise AnswerCut(str(error) or type(error).__name__) from error
        if isinstance(error, openai.APIError):
            raise
        # The SDK passes on what its HTTP library says of a connection that breaks within a stream.
        raise openai.APIConnectionError(request=pieces.response.request) from error


def _tokens(usage: Any) -> Tokens | None:
    if usage is None or usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return Tokens(usage.prompt_tokens, usage.completion_tokens)


def _of(thing: Any, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)
