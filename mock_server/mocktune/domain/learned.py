"""What a tuned model answers, from its training file, with no model running.

::

    exact   the conversation is a trained one: whole, else without its system messages, else from the last user
            message on; the first example of the file wins
    near    the last user message is nearly a trained one
    style   neither: a reply put together from trained answers, drawn by H(seed, prompt)
    base    nothing was learned that could be said; base models always answer so

A *trained turn* is an assistant message whose ``weight`` is not 0 (SPEC FineTuneChatCompletionRequestAssistantMessage);
its *context* is the messages before it. The index keeps hashes and *places* (byte offset of a line and index of a
message in it, packed in an int); whole answers stay in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from mocktune.domain import draws
from mocktune.domain.conversation import (
    Context,
    Message,
    ToolCall,
    calls_of,
    conversation_of,
    decoded,
    is_learned,
    normalise,
    text_of,
)
from mocktune.domain.nearness import NearTable

__all__ = ["MAX_EXACT_TURNS", "Answer", "Learned", "LearnedBuilder", "Match", "ToolCall", "base_answer"]

MAX_EXACT_TURNS = 200_000
"""Distinct trained contexts that are found exactly; what follows in a bigger file only counts for the style."""

_SAMPLE_SIZE = 200
_SENTENCE_CHARS = 250
_SHORT_CHARS = 60
_QUESTION_CHARS = 80
_MAX_LABELS = 32
_MOSTLY = 0.8
_INDEX_BITS = 16
_SHORT_LINE_BYTES = 4_096  # of a line that is remembered when it was read

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\s*\n\s*")

Match = Literal["exact", "near", "style", "base"]
ReadLine = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """An assistant message. ``content`` is None only beside tool calls; ``match`` says how it was found."""

    content: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    match: Match = field(kw_only=True)


class _ExactTable:
    """The place of the first trained turn of each context, by the three keys of ``Context.keys``.

    A key that equals the stricter one before it is kept once: a context that *is* its own tail is a tail as well. So a
    look at one level looks at the stricter ones too.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: tuple[dict[int, int], ...] = ({}, {}, {})

    def add(self, keys: tuple[int, int, int], place: int) -> None:
        if len(self._levels[0]) >= MAX_EXACT_TURNS:
            return
        stricter = None
        for level, key in zip(self._levels, keys, strict=True):
            if key != stricter:
                level.setdefault(key, place)
            stricter = key

    def at_level(self, level: int, key: int) -> int | None:
        places = [place for table in self._levels[: level + 1] if (place := table.get(key)) is not None]
        return min(places, default=None)

    def find(self, keys: tuple[int, int, int]) -> int | None:
        for level, key in enumerate(keys):
            place = self.at_level(level, key)
            if place is not None:
                return place
        return None


@dataclass(frozen=True, slots=True)
class _Sampled:
    """A trained turn kept for its style: at most 250 characters of its first and of its last sentence."""

    place: int
    opening: str
    closing: str
    tool_names: frozenset[str]
    is_json: bool
    is_short: bool

    @classmethod
    def of(cls, message: Message, place: int) -> _Sampled:
        text = text_of(message.get("content")).strip()
        sentences = [sentence for sentence in _SENTENCE_END.split(text) if sentence] or [""]
        return cls(
            place,
            _cut(sentences[0], _SENTENCE_CHARS),
            _cut(sentences[-1], _SENTENCE_CHARS),
            frozenset(call.name for _, call in calls_of(message)),
            text.startswith(("{", "[")) and decoded(text) is not None,
            len(text) <= _SHORT_CHARS,
        )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


class LearnedBuilder:
    """Fed a training file line by line, in bounded memory; ``build`` hands over what it holds and ends its use."""

    def __init__(self) -> None:
        self._exact = _ExactTable()
        self._near = NearTable()
        self._near_tool_results = NearTable()
        self._sample: list[_Sampled] = []
        self._stride = 1
        self._turns = 0
        self._texts = 0
        self._distinct: set[int] = set()

    def add_line(self, raw: bytes, offset: int) -> None:
        """Learn the trained turns of the line that starts at byte ``offset``; a line that is no example is skipped."""
        context = Context()
        for index, message in enumerate(conversation_of(raw)[: 1 << _INDEX_BITS]):
            if is_learned(message):
                self._learn(context, message, offset << _INDEX_BITS | index)
            context.add(message)

    def _learn(self, context: Context, message: Message, place: int) -> None:
        keys = context.keys()
        if self._exact.at_level(2, keys[2]) is None:
            if context.ends_in_tool_result:
                self._near_tool_results.add(context.near_text, place)
            elif context.last_role == "user":
                self._near.add(context.near_text, place)
        self._exact.add(keys, place)
        if text := normalise(text_of(message.get("content"))):
            self._texts += 1
            if len(self._distinct) <= _MAX_LABELS:
                self._distinct.add(draws.derive_seed(0, text))
        # Every n-th turn of the file, n doubling whenever the sample is full: evenly spread, however long the file.
        if self._turns % self._stride == 0:
            self._sample.append(_Sampled.of(message, place))
            if len(self._sample) > _SAMPLE_SIZE:
                self._sample = self._sample[::2]
                self._stride *= 2
        self._turns += 1

    def build(self) -> Learned:
        texts = [turn for turn in self._sample if turn.opening]
        silent = [turn for turn in self._sample if not turn.opening]
        are_labels = len(self._distinct) <= _MAX_LABELS and len(self._distinct) * 2 <= self._texts
        are_short = sum(turn.is_short for turn in texts) >= _MOSTLY * len(texts)
        are_json = bool(texts) and sum(turn.is_json for turn in texts) >= _MOSTLY * len(texts)
        if are_json:
            texts = [turn for turn in texts if turn.is_json]
        return Learned(
            self._exact,
            self._near,
            self._near_tool_results,
            tuple(texts + silent),
            are_labels or are_short or are_json,
        )


@dataclass(frozen=True, slots=True)
class Learned:
    """What one training file teaches. ``read_line(offset)`` of ``answer`` gives the line at a byte offset again."""

    _exact: _ExactTable
    _near: NearTable
    _near_tool_results: NearTable
    _sample: tuple[_Sampled, ...]
    _says_whole_answers: bool

    @property
    def size(self) -> int:
        """Prompts a look by likeness goes through: what its time depends on."""
        return len(self._near)

    def answer(
        self, messages: Sequence[Message], *, tools_offered: frozenset[str], seed: int, read_line: ReadLine
    ) -> Answer:
        """The reply to ``messages``; equal arguments give equal replies.

        Trained calls come back only where every function they name is offered; else the content beside them, else the
        style of the set.
        """
        context = Context(messages)
        match: Match = "exact"
        place = self._exact.find(context.keys())
        if place is None:
            match = "near"
            place = (self._near_tool_results if context.ends_in_tool_result else self._near).find(context.near_text)
        if place is not None and (answer := _trained_answer(place, match, tools_offered, read_line)):
            return answer
        return self._in_style(context, tools_offered, seed, read_line)

    def _in_style(self, context: Context, tools_offered: frozenset[str], seed: int, read_line: ReadLine) -> Answer:
        asked = f"{context.tool_text} {context.prompt}"
        # A call in answer to a tool result that was never trained could send an agent round in circles.
        callable_now = frozenset() if context.ends_in_tool_result else tools_offered
        pool = [turn for turn in self._sample if turn.opening or (turn.tool_names and turn.tool_names <= callable_now)]
        if not pool:
            return _nothing_to_say(context.prompt)
        first = pool[draws.integer(seed, 0, len(pool) - 1, "style", "opening", asked)]
        if self._says_whole_answers or not first.opening:
            whole = _trained_answer(first.place, "style", callable_now, read_line)
            if whole or not first.opening:
                return whole or _nothing_to_say(context.prompt)
        others = [turn for turn in pool if turn.closing and turn is not first] or [first]
        last = others[draws.integer(seed, 0, len(others) - 1, "style", "closing", asked)]
        if last.closing == first.opening:
            return Answer(first.opening, match="style")
        stop = "." if first.opening[-1].isalnum() else ""
        return Answer(f"{first.opening}{stop} {last.closing}", match="style")


_lately_read = lru_cache(maxsize=256)(conversation_of)


def _trained_answer(place: int, match: Match, tools_offered: frozenset[str], read_line: ReadLine) -> Answer | None:
    """The trained turn at ``place``; None where it may not or cannot be said."""
    line = read_line(place >> _INDEX_BITS)
    messages = _lately_read(line) if len(line) <= _SHORT_LINE_BYTES else conversation_of(line)
    index = place & (1 << _INDEX_BITS) - 1
    if index >= len(messages) or not is_learned(messages[index]):
        return None
    content = text_of(messages[index].get("content")) or None
    calls = tuple(call for _, call in calls_of(messages[index]))
    if not all(call.name in tools_offered for call in calls):
        calls = ()
    return Answer(content, calls, match=match) if content or calls else None


def _nothing_to_say(prompt: str) -> Answer:
    return Answer(
        f"mocktune runs no model, and found nothing in the training file to answer {_quoted(prompt)} with.",
        match="base",
    )


def base_answer(model: str, messages: Sequence[Message], *, seed: int) -> Answer:
    """What a base model answers: that no model runs. Nothing trained is in it; equal arguments give equal answers."""
    question = ""
    for message in messages:
        if isinstance(message, Mapping) and message.get("role") == "user":
            question = " ".join(text_of(message.get("content")).split())
    if not question:
        return Answer(f"The last user message is empty. mocktune plays {model}; no model runs here.", match="base")
    quoted = _quoted(question)
    forms = (
        f"mocktune plays {model} here and runs no model, so this stands in for an answer to {quoted}.",
        f"You asked: {quoted}. No model runs behind {model}; mocktune plays the base model.",
        f"This is mocktune in the place of {model}. No model runs, so {quoted} gets no real answer.",
        f"In answer to {quoted}: mocktune plays the base model {model} without running any model.",
    )
    return Answer(forms[draws.integer(seed, 0, len(forms) - 1, "base", model, question)], match="base")


def _quoted(question: str) -> str:
    """At most 80 characters of ``question``; lone surrogates, which no answer could be encoded with, are replaced."""
    return '"' + _cut(question, _QUESTION_CHARS).encode("utf-8", "replace").decode() + '"'
