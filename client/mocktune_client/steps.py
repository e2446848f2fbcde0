"""The workflow without input and output, and the two drivers that perform it.

Each operation is a generator of *effects*: what it wants done. A driver does it and sends back what came of it; an
error is thrown in at the same place. So one text of an operation serves ``OpenAI`` and ``AsyncOpenAI``, whose methods
have the same names and differ in being awaited.

=========  ==========================  ============
effect     meaning                     sent back
=========  ==========================  ============
``Call``   ask the service             the answer
``Sleep``  let time pass               None
``Emit``   hand an event to the user   None
=========  ==========================  ============
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from mocktune_client.errors import UnreadableAnswer

if TYPE_CHECKING:
    from openai import AsyncOpenAI, OpenAI
    from openai.types.fine_tuning import FineTuningJobEvent

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """``function`` of the SDK's client, performed once: no retry of the SDK's own stands behind it."""

    function: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Emit:
    event: FineTuningJobEvent


Effect: TypeAlias = Call | Sleep | Emit
Steps: TypeAlias = Generator[Effect, Any, T]


def ask(function: Callable[[OpenAI], T]) -> Steps[T]:
    """What ``function`` answers. Raises the SDK's errors, and ``UnreadableAnswer`` for an answer that is no JSON."""
    try:
        answer: T = yield Call(function)
    except JSONDecodeError as error:  # the SDK passes broken JSON on as it is
        raise UnreadableAnswer(error.doc[:80]) from error
    except AttributeError as error:  # where it wanted a list and got another content type, it trips over the text
        if not isinstance(error.obj, str):
            raise
        raise UnreadableAnswer(error.obj[:80]) from error
    if isinstance(answer, str):  # and where it wanted an object, it returns the text
        raise UnreadableAnswer(answer[:80])
    return answer


def run(steps: Steps[T], client: OpenAI, sleep: Callable[[float], None]) -> T:
    """What ``steps`` return, performed on a synchronous client."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
            reply = _perform(effect, client, sleep)
        return effect.value


def stream(steps: Steps[None], client: OpenAI, sleep: Callable[[float], None]) -> Iterator[FineTuningJobEvent]:
    """The events that ``steps`` emit, performed on a synchronous client as far as they are asked for."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
            if isinstance(effect, Emit):
                yield effect.event
            reply = _perform(effect, client, sleep)


async def run_async(steps: Steps[T], client: AsyncOpenAI, sleep: Callable[[float], Awaitable[None]]) -> T:
    """``run`` on an asynchronous client."""
    with closing(steps):
        reply = _NOTHING
        while not isinstance(effect := _resume(steps, reply), _Done):
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
                yield effect.event
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


def _perform(effect: Effect, client: OpenAI, sleep: Callable[[float], None]) -> _Reply:
    match effect:
        case Call(function):
            try:
                return _Reply(function(client))
            except Exception as error:
                return _Reply(error=error)
        case Sleep(seconds):
            sleep(seconds)
    return _NOTHING


async def _perform_async(effect: Effect, client: AsyncOpenAI, sleep: Callable[[float], Awaitable[None]]) -> _Reply:
    match effect:
        case Call(function):
            try:
                return _Reply(await function(client))
            except Exception as error:
                return _Reply(error=error)
        case Sleep(seconds):
            await sleep(seconds)
    return _NOTHING
