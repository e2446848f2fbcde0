"""Two models side by side: what each answers to the same prompts, and how near that is to what was expected."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Literal, TypeAlias

from mocktune.cli.prompts import Prompt
from mocktune_client.waiting import wall_sleep

if TYPE_CHECKING:
    from mocktune.cli.answers import Answer, Asker, Question

SLICE_S = 0.5
"""Of a wait: so long at most it takes until one that is of no use any more ends."""

Which: TypeAlias = Literal["base", "tuned"]
SIDES: tuple[Which, Which] = ("base", "tuned")


@dataclass(frozen=True, slots=True)
class Given:
    """One model's answer, or why there is none. ``over_budget``: it was not asked."""

    answer: Answer | None
    error: str | None = None
    over_budget: bool = False
    is_expected: bool | None = None
    similarity: float | None = None
    """0..1, of characters (normalised insertions and deletions); None like ``is_expected`` if nothing is expected."""


@dataclass(frozen=True, slots=True)
class Row:
    """One prompt; ``number`` is 1-based."""

    number: int
    prompt: Prompt
    base: Given
    tuned: Given

    @property
    def differ(self) -> bool | None:
        """None unless both answered."""
        if self.base.answer is None or self.tuned.answer is None:
            return None
        return _normal(self.base.answer.text) != _normal(self.tuned.answer.text)

    def of(self, which: Which) -> Given:
        return self.base if which == "base" else self.tuned


@dataclass(frozen=True, slots=True)
class Summary:
    """One model over all prompts. ``expected`` counts those with an expected answer that were answered; means are None
    where there is nothing to take them of. ``usd`` is None where no price is known.
    """

    model: str
    answered: int
    failed: int
    expected: int
    exact: int
    mean_similarity: float | None
    input_tokens: int
    output_tokens: int
    usd: float | None
    mean_s: float | None


class Stopped(Exception):
    """The comparison is over: this thread's answer is of no use any more."""


def compare_rows(
    prompts: Sequence[Prompt],
    question_of: Callable[[Which, Prompt], Question],
    asker: Asker,
    *,
    parallel: int,
    is_hopeless: Callable[[Exception], bool],
) -> Iterator[Row]:
    """A row for each prompt, in their order, as they are answered; ``parallel`` prompts are asked at once.

    An answer that cannot be had is told in its row; an error that ``is_hopeless`` for all of them is raised.
    """
    over = Event()

    def sleep(delay_s: float) -> None:
        while delay_s > 0 and not over.is_set():
            wall_sleep(min(delay_s, SLICE_S))
            delay_s -= SLICE_S
        if over.is_set():
            raise Stopped

    asker.sleep = sleep
    pool = ThreadPoolExecutor(2 * parallel, thread_name_prefix="mocktune-compare")

    def start(number: int, prompt: Prompt) -> Callable[[], Row]:
        futures = {which: pool.submit(_given, asker, question_of(which, prompt), prompt.expected, is_hopeless)
                   for which in SIDES}  # fmt: skip
        return lambda: Row(number, prompt, *(futures[which].result() for which in SIDES))

    waiting: deque[Callable[[], Row]] = deque()
    try:
        for number, prompt in enumerate(prompts, 1):
            waiting.append(start(number, prompt))
            if len(waiting) >= parallel:
                yield waiting.popleft()()
        while waiting:
            yield waiting.popleft()()
    finally:
        over.set()
        pool.shutdown(wait=False, cancel_futures=True)


def _given(asker: Asker, question: Question, expected: str | None, is_hopeless: Callable[[Exception], bool]) -> Given:
    from mocktune.cli.budget import OverBudget
    from mocktune.cli.printing import words

    try:
        answer = asker.ask(question)
    except OverBudget:
        return Given(None, "not asked: it could cost more than --max-cost", over_budget=True)
    except Exception as error:
        said = words(error)
        if said is None or is_hopeless(error):
            raise
        return Given(None, said)
    if expected is None:
        return Given(answer)
    from rapidfuzz import fuzz

    told, wanted = _normal(answer.text), _normal(expected)
    return Given(answer, is_expected=told == wanted, similarity=fuzz.ratio(told, wanted) / 100)


def summary_of(which: Which, model: str, rows: Iterable[Row]) -> Summary:
    given = [row.of(which) for row in rows]
    answers = [each.answer for each in given if each.answer is not None]
    similarities = [each.similarity for each in given if each.similarity is not None]
    costs = [answer.usd for answer in answers]
    tokens = [answer.tokens for answer in answers if answer.tokens is not None]
    return Summary(
        model=model,
        answered=len(answers),
        failed=len(given) - len(answers),
        expected=len(similarities),
        exact=sum(bool(each.is_expected) for each in given),
        mean_similarity=_mean(similarities),
        input_tokens=sum(each.input for each in tokens),
        output_tokens=sum(each.output for each in tokens),
        usd=None if None in costs else sum(cost for cost in costs if cost is not None),
        mean_s=_mean([answer.took_s for answer in answers]),
    )


def _mean(numbers: Sequence[float]) -> float | None:
    return sum(numbers) / len(numbers) if numbers else None


def _normal(text: str) -> str:
    """Runs of space are one: how an answer is broken into lines is not what it says."""
    return " ".join(text.split())
