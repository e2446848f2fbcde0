"""Valid examples, one line of a training file each, of every format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from hypothesis import strategies as st

DatasetFormat = Literal["chat", "preference", "reinforcement", "completion"]
Json = dict[str, Any]

PLAIN_TEXTS = ("", "a", "Fog.\n", '"said" \\ {}', "}\n{", "<b> |>", "yes " * 40)
UNICODE_TEXTS = ("é日本", "\u2028\x7f", "😀", "\u200e\u0000")
_NAMES = st.sampled_from(["tide", "fog_horn"])
_URLS = st.sampled_from(["https://example.com/sea.png", "data:image/png;base64,AAAA", "data:image/webp;base64,"])


@dataclass(frozen=True, slots=True)
class Wanted:
    """What examples may have beside plain texts."""

    tools: bool = True
    images: bool = False
    weights: bool = True
    names: bool = True
    unicode: bool = True


def examples(
    format: DatasetFormat = "chat",
    *,
    tools: bool = True,
    images: bool = False,
    weights: bool = True,
    names: bool = True,
    unicode: bool = True,
) -> st.SearchStrategy[Json]:
    """One valid example, as the object that a line holds.

    ``chat`` is ``{"messages": [...]}``; ``preference`` ``{"input": {"messages": [...]}, "preferred_output": [...],
    "non_preferred_output": [...]}``; ``reinforcement`` ``{"messages": [...]}`` that end with the user's, with other
    keys for a grader; ``completion`` ``{"prompt": ..., "completion": ...}``. ``tools`` brings definitions and calls,
    ``images`` parts with images (chat alone), ``weights`` assistant messages that are not learned, ``names`` the
    names of speakers, ``unicode`` texts beyond ASCII.
    """
    return _examples(format, Wanted(tools, images and format == "chat", weights, names, unicode))


@cache
def _examples(format: DatasetFormat, wanted: Wanted) -> st.SearchStrategy[Json]:
    if format == "completion":
        texts = _texts(wanted)
        return st.fixed_dictionaries({"prompt": texts, "completion": texts.filter(bool)})
    return {"chat": _chat, "preference": _preference, "reinforcement": _reinforcement}[format](wanted)


def _chat(wanted: Wanted) -> st.SearchStrategy[Json]:
    return st.builds(
        lambda asked, last, more: {"messages": [*asked, last], **more},
        _turns(wanted),
        _answers(wanted),
        st.fixed_dictionaries({}, optional=_extras(wanted)),
    )


def _preference(wanted: Wanted) -> st.SearchStrategy[Json]:
    output = _answers(wanted).map(lambda message: [message])
    asked = {"messages": _turns(wanted).filter(bool)}
    return st.fixed_dictionaries(
        {
            "input": st.fixed_dictionaries(asked, optional=_extras(wanted)),
            "preferred_output": output,
            "non_preferred_output": output,
        }
    )


def _reinforcement(wanted: Wanted) -> st.SearchStrategy[Json]:
    texts = _texts(wanted)
    references = {"answer": texts, "score": st.floats(0, 1), "input": texts}
    return st.builds(
        lambda asked, last, more: {"messages": [*asked, last], **more},
        _turns(wanted),
        _said("user", _content(wanted), **_named(wanted)),
        st.fixed_dictionaries({}, optional=_extras(wanted) | references),
    )


# -- parts -------------------------------------------------------------------------------------------------------------


def _texts(wanted: Wanted) -> st.SearchStrategy[str]:
    return st.sampled_from(PLAIN_TEXTS + UNICODE_TEXTS if wanted.unicode else PLAIN_TEXTS)


def _content(wanted: Wanted) -> st.SearchStrategy[Any]:
    texts = _texts(wanted)
    return texts | st.lists(texts.map(lambda text: {"type": "text", "text": text}), min_size=1, max_size=2)


def _said(role: str, content: st.SearchStrategy[Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"role": st.just(role), "content": content}, optional=more)


def _named(wanted: Wanted) -> dict[str, st.SearchStrategy[Any]]:
    return {"name": _NAMES} if wanted.names else {}


def _answers(wanted: Wanted) -> st.SearchStrategy[Json]:
    """What is learned."""
    weight = {"weight": st.just(1)} if wanted.weights else {}
    return _said("assistant", _content(wanted), **_named(wanted), **weight)


def _turns(wanted: Wanted) -> st.SearchStrategy[list[Json]]:
    """Up to three turns of a conversation."""
    content, weight = _content(wanted), {"weight": st.sampled_from([0, 1])} if wanted.weights else {}
    said = [
        _said("system", _texts(wanted)),
        _said("developer", content),
        _said("user", content, **_named(wanted)),
        _said("assistant", content, **weight),
    ]
    if wanted.images:
        said.append(_said("user", st.lists(_image_parts(), min_size=1, max_size=3)))
    turn = st.one_of(*said).map(lambda message: [message])
    each = turn | _calls(wanted) if wanted.tools else turn
    return st.lists(each, max_size=3).map(lambda groups: [message for group in groups for message in group])


def _image_parts() -> st.SearchStrategy[Json]:
    detail = st.sampled_from(["low", "high", "auto"])
    return st.builds(lambda url, how: {"type": "image_url", "image_url": {"url": url, "detail": how}}, _URLS, detail)


def _calls(wanted: Wanted) -> st.SearchStrategy[list[Json]]:
    """A call and its result, of a tool or, as it once was, of a function."""
    texts = _texts(wanted)

    def call(name: str, at: str, result: str, legacy: bool) -> list[Json]:
        called = {"name": name, "arguments": json.dumps({"at": at})}
        if legacy:
            result_of = {"role": "function", "name": name, "content": result}
            return [{"role": "assistant", "function_call": called}, result_of]
        made = [{"id": "c1", "type": "function", "function": called}]
        return [{"role": "assistant", "tool_calls": made}, {"role": "tool", "tool_call_id": "c1", "content": result}]

    return st.builds(call, _NAMES, texts, texts, st.booleans())


def _extras(wanted: Wanted) -> dict[str, st.SearchStrategy[Any]]:
    if not wanted.tools:
        return {}
    described = st.builds(
        lambda name, text: {"type": "function", "function": {"name": name, "description": text}}, _NAMES, _texts(wanted)
    )
    return {"tools": st.lists(described, max_size=2), "parallel_tool_calls": st.booleans()}
