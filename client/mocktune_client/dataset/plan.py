"""How a file is looked at: its format and method, by its first example, and the model it is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from mocktune.domain.formats import detect
from mocktune.domain.formats.chat import TOP_LEVEL_KEYS
from mocktune.domain.models import BASE_MODELS, BaseModel, Encoding, Method
from mocktune.domain.report import FileFormat
from mocktune_client.dataset.prices import fits
from mocktune_client.dataset.reading import first_lines
from mocktune_client.model_names import base_model_of

DEFAULT_MODEL = "gpt-4o-mini-2024-07-18"
"""Judges a file that no model fits."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the files are looked at. ``judge`` is the model they are judged by: the asked one, else the first fitting."""

    method: Method
    formats: tuple[FileFormat, ...]
    asked: BaseModel | None
    judge: BaseModel
    encodings: tuple[Encoding, ...]
    first_examples: tuple[dict[str, Any] | None, ...]


def plan_for(paths: Sequence[str], model: str | None, method: Method | None, count_tokens: bool) -> Plan:
    asked = base_model_of(model) if model is not None else None
    firsts = [_first_example(path) for path in paths]
    method = method or _method_of(firsts[0], asked)
    formats: tuple[FileFormat, ...] = tuple("unknown" if first is None else detect(first, method) for first in firsts)
    images = b"image_url" in msgspec.json.encode(firsts[0])
    fitting = [each for each in BASE_MODELS.values() if fits(each, formats[0], method, images=images)]
    judge = asked or (fitting[0] if fitting else BASE_MODELS[DEFAULT_MODEL])
    # That the first example has images does not make it a good one: prices may be asked for models without vision.
    priced = [each.encoding for each in BASE_MODELS.values() if fits(each, formats[0], method, images=False)]
    encodings = dict.fromkeys((judge.encoding, *priced)) if count_tokens else ()
    return Plan(method, formats, asked, judge, tuple(encodings), tuple(firsts))


def _first_example(path: str) -> dict[str, Any] | None:
    with open(path, "rb", buffering=0) as source:
        for line in first_lines(source):
            try:
                example = msgspec.json.decode(line)
            except (ValueError, RecursionError):
                continue
            if type(example) is dict:
                return example
    return None


def _method_of(first: dict[str, Any] | None, asked: BaseModel | None) -> Method:
    """Of preferences dpo; of prompts with references beside them, and for a model that is only reinforced,
    reinforcement."""
    if asked is not None and len(asked.methods) == 1:
        return asked.methods[0]
    if first is None:
        return "supervised"
    if detect(first) == "preference":
        return "dpo"
    messages = first.get("messages")
    asks = (
        isinstance(messages, list)
        and messages
        and isinstance(messages[-1], dict)
        and messages[-1].get("role") == "user"
    )
    return "reinforcement" if asks and not TOP_LEVEL_KEYS.issuperset(first) else "supervised"
