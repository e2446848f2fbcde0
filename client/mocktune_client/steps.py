"""The workflow without input and output, and the two drivers that perform it.

Each operation is a generator of *effects*: what it wants done. A driver does it and sends back what came of it; an
error is thrown in at the same place. So one text of an operation serves ``OpenAI`` and ``AsyncOpenAI``, whose methods
have the same names and differ in being awaited.

=========  ====================================  ============
effect     meaning                               sent back
=========  ====================================  ============
``Call``   ask the service                       the answer
``Calls``  ask it several things side by side    of each its answer or its error
``Local``  read or write a file of this machine  its result
``Sleep``  let time pass                         None
``Emit``   hand something to the user            None
=========  ====================================  ============
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from json import JSONDecodeError
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from mocktune_client.errors import UnreadableAnswer
from mocktune_client.refusals import told

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types.fine_tuning import FineTuningJobEvent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """``function`` of the SDK's client, performed once: no retry of the SDK's own stands behind it."""

    function: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Calls:
    """``functions`` of the SDK's client, performed at the same time, each once. A few: each takes a thread."""

    functions: Sequence[Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Local:
    """``function`` reads or writes files; an asynchronous driver leaves it to a thread."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    """``value`` is an event of a job where events are followed, and a ``Progress`` where a whole tuning goes on."""

    value: Any


Effect: TypeAlias = Call | Calls | Local | Sleep | Emit
Steps: TypeAlias = Generator[Effect, Any, T]


def ask(function: Callable[[OpenAI], T]) -> Steps[T]:
    """What ``function`` answers. Raises the SDK's errors, and ``UnreadableAnswer`` for an answer that is no JSON."""
    try:
        answer: T = yield Call(function)
    except Exception as error:
        understood = _understood(error)
        if understood is error:
            raise
        raise understood from error
    understood = _understood(answer)
    if isinstance(understood, UnreadableAnswer):
        raise understood
    return answer


def ask_side_by_side(functions: Sequence[Callable[[OpenAI], T]]) -> Steps[list[T | Exception]]:
    """What each of ``functions`` answers, in their order, or the error that ``ask`` would raise for it."""
    replies: list[Any] = yield Calls(functions)
    return [_understood(reply) for reply in replies]


def _understood(reply: Any) -> Any:
    """``reply``, or ``UnreadableAnswer`` where the SDK makes something else of an answer that is not the API's JSON."""
    match reply:
        case JSONDecodeError():  # broken JSON is passed on as it is
            return UnreadableAnswer(reply.doc[:80])
        case AttributeError(obj=str(text)):  # where it wanted a list, it trips over a text
            return UnreadableAnswer(text[:80])
        case str():  # and where it wanted an object, it returns the text
            return UnreadableAnswer(reply[:80])
    return reply


def here(function: Callable[[], T]) -> Steps[T]:
    """What ``function`` of this machine's files returns."""
    result: T = yield Local(function)
    return result


def run(steps: Steps[T], client: OpenAI, sleep: Callable[[float], None], on: Callable[[Any], None] | None = None) -> T:
    """What ``steps`` return, performed on a synchronous client; what they emit goes to ``on``, whose errors end it."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
            if isinstance(effect, Emit) and on is not None:
                on(effect.value)
            reply = _perform(effect, client, sleep)
        return effect.value


def stream(steps: Steps[None], client: OpenAI, sleep: Callable[[float], None]) -> Iterator[FineTuningJobEvent]:
    """The events that ``steps`` emit, performed on a synchronous client as far as they are asked for."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
            if isinstance(effect, Emit):
                yield effect.value
            reply = _perform(effect, client, sleep)


async def run_async(
    steps: Steps[T],
    client: AsyncOpenAI,
    sleep: Callable[[float], Awaitable[None]],
    on: Callable[[Any], None] | None = None,
) -> T:
    """``run`` on an asynchronous client."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
            if isinstance(effect, Emit) and on is not None:
                on(effect.value)
            reply = await _perform_async(effect, client, sleep)
        return effect.value


async def stream_async(
    steps: Steps[None], client: AsyncOpenAI, sleep: Callable[[float], Awaitable[None]]
) -> AsyncIterator[FineTuningJobEvent]:
    """``stream`` on an asynchronous client."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
            if isinstance(effect, Emit):
                yield effect.value
            reply = await _perform_async(effect, client, sleep)


@dataclass(frozen=True, slots=True)
class _Reply:
    """What came of an effect."""

    value: object = None
    error: Exception | None = None


_NOTHING = _Reply()


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    value: T


def _resume(steps: Steps[T], reply: _Reply) -> Effect | _Done[T]:
    try:
        return steps.send(reply.value) if reply.error is None else steps.throw(reply.error)
    except StopIteration as stop:
        return _Done(stop.value)
    except Exception as error:
        # The one border at which the SDK's errors become those of this package: steps know the SDK's.
        raised = told(error)
        if raised is error:
            raise
        raise raised from error


def _perform(effect: Effect, client: OpenAI, sleep: Callable[[float], None]) -> _Reply:
    match effect:
        case Call(function):
            try:
                return _Reply(function(client))
            except Exception as error:
                return _Reply(error=error)
        case Calls(functions):
            return _Reply(_side_by_side(functions, client))
        case Local(function):
            try:
                return _Reply(function())
            except Exception as error:
                return _Reply(error=error)
        case Sleep(seconds):
            sleep(seconds)
    return _NOTHING


def _side_by_side(functions: Sequence[Callable[[Any], Any]], client: OpenAI) -> list[Any]:
    answers: list[Any] = [None] * len(functions)

    def perform(index: int) -> None:
        try:
            answers[index] = functions[index](client)
        except Exception as error:
            answers[index] = error

    # Daemons: Ctrl-C ends the program, and does not wait for answers.
    threads = [Thread(target=perform, args=(index,), daemon=True) for index in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


async def _perform_async(effect: Effect, client: AsyncOpenAI, sleep: Callable[[float], Awaitable[None]]) -> _Reply:
    match effect:
        case Call(function):
            try:
                return _Reply(await function(client))
            except Exception as error:
                return _Reply(error=error)
        case Calls(functions):
            asked = (function(client) for function in functions)
            replies = await asyncio.gather(*asked, return_exceptions=True)
            for reply in replies:
                if isinstance(reply, BaseException) and not isinstance(reply, Exception):
                    raise reply
            return _Reply(replies)
        case Local(function):
            try:
                return _Reply(await asyncio.to_thread(function))
            except Exception as error:
                return _Reply(error=error)
        case Sleep(seconds):
            await sleep(seconds)
    return _NOTHING
