"""Conversations as clients send them and as training files hold them, and the keys a trained one is found by.

Nothing about the shape of a message is taken for granted: they come from clients and from files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

_ROLES = {"developer": "system", "function": "tool"}
_LINKED = ("assistant", "tool")

Message = Mapping[str, object]

_NO_REFERENCES = frozenset({"messages", "tools", "parallel_tool_calls"})
"""Keys of a reinforcement line that are no reference fields."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call of a function; ``arguments`` is JSON text, as it was trained; for a ``custom`` tool it is any text."""

    name: str
    arguments: str
    custom: bool = False


def text_of(content: object) -> str:
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


def calls_of(message: Message) -> list[tuple[object, ToolCall]]:
    """(call id, call) of ``tool_calls``, or of the legacy ``function_call``, whose id is None."""
    listed = message.get("tool_calls")
    found: list[tuple[object, ToolCall]] = []
    for call in listed if isinstance(listed, list | tuple) else [{"function": message.get("function_call")}]:
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(function, Mapping):
            name, arguments = function.get("name"), function.get("arguments", "{}")
            if isinstance(name, str) and isinstance(arguments, str):
                found.append((call.get("id"), ToolCall(name, arguments)))
        elif isinstance(called := call.get("custom") if isinstance(call, Mapping) else None, Mapping):
            name, text = called.get("name"), called.get("input")
            if isinstance(name, str) and isinstance(text, str):
                found.append((call.get("id"), ToolCall(name, text, custom=True)))
    return found


def decoded(raw: bytes | str) -> object:
    """The JSON value; None for null and for what is no JSON."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def normalise(text: str) -> str:
    return " ".join(text.split()).casefold()


def _same_json(arguments: str) -> str:
    """JSON text without the freedoms of spelling it: clients write back what they parsed."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return normalise(arguments)


def conversation_of(raw: bytes) -> list[Message]:
    """The messages of a training line, whatever its format; empty for a line that is none.

    A completions line reads as a user and an assistant message, a preference line as its input, from which nothing is
    learned, and the preferred output. A reinforcement line ends with the user: what its references hold is the answer
    that is rewarded (assumed), so that is what it teaches.
    """
    line = decoded(raw.removeprefix(b"\xef\xbb\xbf"))
    if not isinstance(line, dict):
        return []
    messages = line.get("messages")
    if isinstance(messages, list) and messages and _is_of_user(messages[-1]):
        answer = reference_answer(line)
        messages = _shown(messages) + ([] if answer is None else [{"role": "assistant", "content": answer}])
    elif isinstance(line.get("prompt"), str) and "completion" in line:
        messages = [
            {"role": "user", "content": line["prompt"]},
            {"role": "assistant", "content": line["completion"]},
        ]
    elif isinstance(asked := line.get("input"), dict) and isinstance(preferred := line.get("preferred_output"), list):
        messages = _shown(asked.get("messages")) + preferred
    return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def reference_answer(row: Mapping[str, object]) -> str | None:
    """What the reference fields of a reinforcement line hold: the text of the only one, or all of them as JSON; None
    for a line without any."""
    references = {key: value for key, value in row.items() if key not in _NO_REFERENCES}
    if not references:
        return None
    held = next(iter(references.values())) if len(references) == 1 else references
    return held if isinstance(held, str) else json.dumps(held, ensure_ascii=False)


def _is_of_user(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") == "user"


def _shown(messages: object) -> list[Message]:
    """Messages of a prompt: its assistant turns are not learned."""
    return [m | {"weight": 0} for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def is_learned(message: Message) -> bool:
    return (
        message.get("role") == "assistant"
        and message.get("weight") != 0
        and bool(text_of(message.get("content")) or calls_of(message))
    )


class Context:
    """A conversation read message by message: the keys it is found by, at any point of it.

    A tool result is tied to its call by position, not by id: ids differ at run time, and the legacy ``function``
    results have none.
    """

    __slots__ = ("_answered", "_call_ids", "_no_system", "_tail", "_whole", "last_role", "prompt", "tool_text")

    def __init__(self, messages: Sequence[object] = ()) -> None:
        self._whole, self._no_system, self._tail = (
            blake2b(digest_size=8),
            blake2b(digest_size=8),
            blake2b(digest_size=8),
        )
        self._call_ids: list[object] = []
        self._answered = 0
        self.prompt = ""  # of the last user message, normalised
        self.tool_text = ""  # of the last tool result
        self.last_role = ""  # system messages do not count
        for message in messages:
            if type(message) is dict or isinstance(message, Mapping):  # the first is what there is, and quick to ask
                self.add(message)

    def add(self, message: Message) -> None:
        role = str(message.get("role"))
        role = _ROLES.get(role, role)
        content = message.get("content")
        text = normalise(text_of(content))
        said = f"{role}\x1e{text}"  # split() removed the separators from every text
        if role in _LINKED:
            said = "\x1e".join((said, *self._links(role, message)))
        record = seen = said.encode("utf-8", "surrogatepass") + b"\x1d"
        if type(content) is not str:
            seen += "\x1e".join(_images(content)).encode("utf-8", "surrogatepass")
        self._whole.update(seen)
        if role == "system":
            return
        self._no_system.update(seen)
        self.last_role = role
        if role == "user":
            self.prompt, self.tool_text = text, ""
            self._tail = blake2b(digest_size=8)
        elif role == "tool":
            self.tool_text = text
        self._tail.update(record)

    def _links(self, role: str, message: Message) -> Iterator[str]:
        if role == "assistant":
            calls = calls_of(message)
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
        return (
            int.from_bytes(self._whole.digest(), "big"),
            int.from_bytes(self._no_system.digest(), "big"),
            int.from_bytes(self._tail.digest(), "big"),
        )

    @property
    def ends_in_tool_result(self) -> bool:
        return self.last_role == "tool"

    @property
    def near_text(self) -> str:
        return f"{self.tool_text} {self.prompt}".strip() if self.ends_in_tool_result else self.prompt
