"""Many requests, a few at a time, each as often as it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from mocktune_client.progress import Waiting
from mocktune_client.steps import Emit, Sleep, Steps, ask_side_by_side
from mocktune_client.waiting import Retrying, Timing, is_temporary, retry_after_s

if TYPE_CHECKING:
    from openai import OpenAI

T = TypeVar("T")


def patiently_all(
    functions: Sequence[Callable[[OpenAI], T]],
    subject: str,
    timing: Timing,
    failed: Callable[[int, Exception], None] = lambda index, error: None,
) -> Steps[list[T | Exception]]:
    """What each of ``functions`` answers, asked side by side. Temporary errors are waited out for the timing's
    patience from the last answer on; what stays an error is told as one, and the other answers are not lost.

    ``failed`` hears of every error, with the index of its function.
    """
    answers: list[T | Exception | None] = [None] * len(functions)
    left = list(range(len(functions)))
    retrying: Retrying | None = None
    while True:
        replies = yield from ask_side_by_side([functions[index] for index in left])
        for index, reply in zip(left, replies, strict=True):
            answers[index] = reply
            if isinstance(reply, Exception):
                failed(index, reply)
        again = [index for index in left if _is_temporary(answers[index])]
        if not again:
            break
        if len(again) < len(left) or retrying is None:
            retrying = Retrying(timing, timing.patience_s)
        left = again
        errors = [error for index in left if isinstance(error := answers[index], Exception)]
        error = max(errors, key=retry_after_s)
        delay_s = retrying.next_delay_s(error)
        if delay_s is None:
            break
        yield Emit(Waiting(subject, error, delay_s))
        yield Sleep(delay_s)
    return answers  # type: ignore[return-value]  # each index was answered


def patiently_one(function: Callable[[OpenAI], T], subject: str, timing: Timing) -> Steps[T]:
    """What ``function`` answers. Raises what stays an error."""
    (answer,) = yield from patiently_all([function], subject, timing)
    if isinstance(answer, Exception):
        raise answer
    return answer


def _is_temporary(answer: object) -> bool:
    return isinstance(answer, Exception) and is_temporary(answer)
