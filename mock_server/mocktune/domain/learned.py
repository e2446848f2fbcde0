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
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal
from zlib import crc32

import msgspec
from rapidfuzz import fuzz, process

from mocktune.domain import draws

MAX_EXACT_TURNS = 200_000
"""Distinct trained contexts that are found exactly; what follows in a bigger file only counts for the style."""

MAX_NEAR_TEXTS = 50_000
"""Trained prompts that are found by likeness, and as many ends of tool conversations; the first of the file."""

NEAR_CUTOFF = 78.0
"""Likeness in percent (``fuzz.ratio``) from which a prompt is taken for a trained one."""

_NEAR_CHARS = 512
_NEAR_BUDGET_CHARS = 3_000_000  # query length x texts compared: bounds the time of one look
_NEAR_ENOUGH = 95.0  # percent: no order of words could do much better
_REORDERED_LOOKS = 1_000  # texts compared without regard to word order, which costs four times as much a text
_SAMPLE_SIZE = 200
_SENTENCE_CHARS = 250
_SHORT_CHARS = 60
_QUESTION_CHARS = 80
_MAX_LABELS = 32
_MOSTLY = 0.8
_INDEX_BITS = 16

_ROLES = {"developer": "system", "function": "tool"}
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\s*\n\s*")

Match = Literal["exact", "near", "style", "base"]
Message = Mapping[str, object]
ReadLine = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a function; ``arguments`` is JSON text, as it was trained."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An assistant message. ``content`` is None only beside tool calls; ``match`` says how it was found."""

    content: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    match: Match = field(kw_only=True)


# Reading messages. They come from clients and from files: nothing about their shape is taken for granted.


def _text(content: object) -> str:
    """A message's text: the content itself, or the text parts of a list, one a line."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        return ""
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
    return "\n".join(text for text in texts if isinstance(text, str))


def _images(content: object) -> Iterator[str]:
    """The URLs of the image parts: they tell two vision examples with one question apart."""
    for part in content if isinstance(content, list | tuple) else ():
        image = part.get("image_url") if isinstance(part, Mapping) else None
        url = image.get("url") if isinstance(image, Mapping) else image
        if isinstance(url, str):
            yield url


def _calls(message: Message) -> list[tuple[object, ToolCall]]:
    """(call id, call) of ``tool_calls``, or of the legacy ``function_call``, whose id is None."""
    listed = message.get("tool_calls")
    found: list[tuple[object, ToolCall]] = []
    for call in listed if isinstance(listed, list | tuple) else [{"function": message.get("function_call")}]:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            name, arguments = function.get("name"), function.get("arguments", "{}")
            if isinstance(name, str) and isinstance(arguments, str):
                found.append((call.get("id"), ToolCall(name, arguments)))
    return found


def _decoded(raw: bytes | str) -> object:
    """The JSON value; None for null and for what is no JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _normalise(text: str) -> str:
    return " ".join(text.split()).casefold()


def _same_json(arguments: str) -> str:
    """JSON text without the freedoms of spelling it: clients write back what they parsed."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _normalise(arguments)


def _conversation(raw: bytes) -> list[Message]:
    """The messages of a training line, whatever its format; empty for a line that is none.

    A completions line reads as a user and an assistant message, a preference line as its input, from which nothing is
    learned, and the preferred output.
    """
    line = _decoded(raw.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(line, dict):
        return []
    messages = line.get("messages")
    if isinstance(line.get("prompt"), str) and "completion" in line:
        messages = [
            {"role": "user", "content": line["prompt"]},
            {"role": "assistant", "content": line["completion"]},
        ]
    elif isinstance(asked := line.get("input"), dict) and isinstance(preferred := line.get("preferred_output"), list):
        given = asked.get("messages")
        shown = [m | {"weight": 0} for m in given if isinstance(m, dict)] if isinstance(given, list) else []
        messages = shown + preferred
    return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def _is_trained(message: Message) -> bool:
    return (
        message.get("role") == "assistant"
        and message.get("weight") != 0
        and bool(_text(message.get("content")) or _calls(message))
    )


class _Context:
    """A conversation read message by message: the keys it is found by, at any point of it.

    A tool result is tied to its call by position, not by id: ids differ at run time, and the legacy ``function``
    results have none.
    """

    __slots__ = ("_answered", "_call_ids", "_no_system", "_tail", "_whole", "last_role", "prompt", "tool_text")

    def __init__(self, messages: Sequence[object] = ()) -> None:
        self._whole, self._no_system, self._tail = (blake2b(digest_size=8) for _ in range(3))
        self._call_ids: list[object] = []
        self._answered = 0
        self.prompt = ""  # of the last user message, normalised
        self.tool_text = ""  # of the last tool result
        self.last_role = ""  # system messages do not count
        for message in messages:
            if isinstance(message, Mapping):
                self.add(message)

    def add(self, message: Message) -> None:
        role = str(message.get("role"))
        role = _ROLES.get(role, role)
        content = message.get("content")
        text = _normalise(_text(content))
        # split() removed the separators from every text.
        record = "\x1e".join((role, text, *self._links(role, message))).encode("utf-8", "surrogatepass") + b"\x1d"
        seen = "\x1e".join(_images(content)).encode("utf-8", "surrogatepass")
        self._whole.update(record + seen)
        if role == "system":
            return
        self._no_system.update(record + seen)
        self.last_role = role
        if role == "user":
            self.prompt, self.tool_text = text, ""
            self._tail = blake2b(digest_size=8)
        elif role == "tool":
            self.tool_text = text
        self._tail.update(record)

    def _links(self, role: str, message: Message) -> Iterator[str]:
        if role == "assistant":
            calls = _calls(message)
            self._call_ids, self._answered = [call_id for call_id, _ in calls], 0
            for _, call in calls:
                yield call.name
                yield _same_json(call.arguments)
        elif role == "tool":
            call_id = message.get("tool_call_id")
            known = call_id is not None and call_id in self._call_ids
            yield str(self._call_ids.index(call_id) if known else self._answered)
            self._answered += 1

    def keys(self) -> tuple[int, int, int]:
        """8-byte hashes, strictest first: the whole, without system messages, since the last user message."""
        whole, no_system, tail = (
            int.from_bytes(state.digest(), "big") for state in (self._whole, self._no_system, self._tail)
        )
        return whole, no_system, tail

    @property
    def ends_in_tool_result(self) -> bool:
        return self.last_role == "tool"

    @property
    def near_text(self) -> str:
        return f"{self.tool_text} {self.prompt}".strip() if self.ends_in_tool_result else self.prompt


class _ExactTable:
    """The place of the first trained turn of each context, by the three keys of ``_Context.keys``.

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
        found = (self.at_level(level, key) for level, key in enumerate(keys))
        return next((place for place in found if place is not None), None)


class _NearTable:
    """Prompts and their places, looked up by likeness in bounded time."""

    __slots__ = ("_places", "_signatures", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._signatures = array("Q")
        self._places = array("Q")

    def add(self, text: str, place: int) -> None:
        if text and len(self._texts) < MAX_NEAR_TEXTS:
            text = _both_ends(text)
            self._texts.append(text)
            self._signatures.append(_signature(text))
            self._places.append(place)

    def find(self, text: str) -> int | None:
        """The place of the likest prompt, its words in order or in any; None where nothing is near."""
        if not text or not self._texts:
            return None
        query = _both_ends(text)
        looks: list[tuple[int, Callable[..., float]]] = [
            (_NEAR_BUDGET_CHARS // len(query), fuzz.ratio),
            (_REORDERED_LOOKS, fuzz.token_sort_ratio),
        ]
        ranked: list[int] = []
        place, score = None, NEAR_CUTOFF
        for limit, scorer in looks:
            if score > _NEAR_ENOUGH:
                break
            candidates: Sequence[int] = range(len(self._texts))
            texts = self._texts
            if limit < len(texts):
                ranked = ranked or self._ranked(query)
                # In the order of the file, for the first example to win a tie.
                candidates = sorted(ranked[:limit])
                texts = [self._texts[i] for i in candidates]
            best = process.extractOne(query, texts, scorer=scorer, score_cutoff=score)
            if best is not None:
                place, score = self._places[candidates[best[2]]], best[1]
        return place

    def _ranked(self, query: str) -> list[int]:
        """Every entry, those that share most words with ``query`` first."""
        wanted = _signature(query)
        distances = [(signature ^ wanted).bit_count() for signature in self._signatures]
        return sorted(range(len(distances)), key=distances.__getitem__)


def _both_ends(text: str) -> str:
    """At most 512 characters: many prompts begin, or end, with the same long instruction."""
    half = _NEAR_CHARS // 2
    return text if len(text) <= _NEAR_CHARS else text[:half] + text[-half:]


def _signature(text: str) -> int:
    """64 bits that say which words occur; which characters, for scripts that put no spaces between words."""
    words: Sequence[str] = text.split()
    if len(words) * 16 < len(text):
        words = text
    signature = 0
    for word in words:
        signature |= 1 << (crc32(word.encode("utf-8", "surrogatepass")) & 63)
    return signature


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
        text = _text(message.get("content")).strip()
        sentences = [sentence for sentence in _SENTENCE_END.split(text) if sentence] or [""]
        return cls(
            place,
            _cut(sentences[0], _SENTENCE_CHARS),
            _cut(sentences[-1], _SENTENCE_CHARS),
            frozenset(call.name for _, call in _calls(message)),
            text.startswith(("{", "[")) and _decoded(text) is not None,
            len(text) <= _SHORT_CHARS,
        )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


class LearnedBuilder:
    """Fed a training file line by line, in bounded memory; ``build`` hands over what it holds and ends its use."""

    def __init__(self) -> None:
        self._exact = _ExactTable()
        self._near = _NearTable()
        self._near_tool_results = _NearTable()
        self._sample: list[_Sampled] = []
        self._stride = 1
        self._turns = 0
        self._texts = 0
        self._distinct: set[int] = set()

    def add_line(self, raw: bytes, offset: int) -> None:
        """Learn the trained turns of the line that starts at byte ``offset``; a line that is no example is skipped."""
        context = _Context()
        for index, message in enumerate(_conversation(raw)[: 1 << _INDEX_BITS]):
            if _is_trained(message):
                self._learn(context, message, offset << _INDEX_BITS | index)
            context.add(message)

    def _learn(self, context: _Context, message: Message, place: int) -> None:
        keys = context.keys()
        if self._exact.at_level(2, keys[2]) is None:
            if context.ends_in_tool_result:
                self._near_tool_results.add(context.near_text, place)
            elif context.last_role == "user":
                self._near.add(context.near_text, place)
        self._exact.add(keys, place)
        if text := _normalise(_text(message.get("content"))):
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
    _near: _NearTable
    _near_tool_results: _NearTable
    _sample: tuple[_Sampled, ...]
    _says_whole_answers: bool

    def answer(
        self, messages: Sequence[Message], *, tools_offered: frozenset[str], seed: int, read_line: ReadLine
    ) -> Answer:
        """The reply to ``messages``; equal arguments give equal replies.

        Trained calls come back only where every function they name is offered; else the content beside them, else the
        style of the set.
        """
        context = _Context(messages)
        match: Match = "exact"
        place = self._exact.find(context.keys())
        if place is None:
            match = "near"
            place = (self._near_tool_results if context.ends_in_tool_result else self._near).find(context.near_text)
        if place is not None and (answer := _trained_answer(place, match, tools_offered, read_line)):
            return answer
        return self._in_style(context, tools_offered, seed, read_line)

    def _in_style(self, context: _Context, tools_offered: frozenset[str], seed: int, read_line: ReadLine) -> Answer:
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


def _trained_answer(place: int, match: Match, tools_offered: frozenset[str], read_line: ReadLine) -> Answer | None:
    """The trained turn at ``place``; None where it may not or cannot be said."""
    messages = _conversation(read_line(place >> _INDEX_BITS))
    index = place & (1 << _INDEX_BITS) - 1
    if index >= len(messages) or not _is_trained(messages[index]):
        return None
    content = _text(messages[index].get("content")) or None
    calls = tuple(call for _, call in _calls(messages[index]))
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
            question = " ".join(_text(message.get("content")).split())
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
