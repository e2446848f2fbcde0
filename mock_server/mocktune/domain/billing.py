"""How many tokens an example is billed for, and how many a prompt uses. The tokenizer is passed in.

Training (contract 3.8): the tokens of what the messages say, plus 4 for each message and 1 for each example. The sum
for three-message examples is recorded (RUBY: 10 examples, 377 tokens of content, 10 epochs, 5,070 billed); how it
splits into the two numbers is assumed, and so are the same overhead for o200k, images, prompt/completion pairs and
preferences (input and both outputs). A job that is billed by time shows the tokens of its prompts.
Inference: the cookbook's rule, which the cookbook shows to agree with the API's own count, tools included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mocktune.domain.formats.chat import is_trained
from mocktune.domain.formats.images import skipped
from mocktune.domain.models import Encoding
from mocktune.domain.report import FileFormat

Count = Callable[[list[str]], list[int]]
"""Tokens of each text, in order."""

TOKENS_PER_MESSAGE = 4
TOKENS_PER_EXAMPLE = 1
TOKENS_PER_IMAGE = 85
"""VISDOC's price of an image with ``detail: low``; assumed for every image, whose size a text server cannot know."""

PROMPT_TOKENS_PER_MESSAGE = 3 + 1
"""The cookbook's 3, and the role: each of the six roles is one token in both encodings."""
PROMPT_TOKENS_PER_NAME = 1
PROMPT_TOKENS_FOR_REPLY = 3

# The cookbook's published formula for tool definitions.
_TOOL_TOKENS: dict[Encoding, int] = {"o200k_base": 7, "cl100k_base": 10}
_TOKENS_BEFORE_PROPERTIES = 3
_TOKENS_PER_PROPERTY = 3
_TOKENS_BEFORE_ENUM = -3
_TOKENS_PER_ENUM_ITEM = 3
_TOKENS_AFTER_TOOLS = 12


@dataclass(frozen=True, slots=True)
class ExampleTokens:
    """Tokens of one example: ``total`` is billed (before it is cut at the model's training context), ``content`` is
    the text of all messages, ``assistant`` the part of it that is learned."""

    total: int
    content: int
    assistant: int


class ExampleTexts(NamedTuple):
    """The texts of one example that take tokens, and the tokens that no text stands for.

    A named tuple, since a file has one for each of its lines. ``context`` is read, ``learned`` is trained on,
    ``definitions`` are those of tools. ``images`` counts all of them, also the ``skipped_images``, which cost nothing.
    """

    context: list[str]
    learned: list[str]
    definitions: list[str]
    fixed: int
    images: int = 0
    skipped_images: int = 0


def example_tokens(
    example: Mapping[str, Any], format: FileFormat, count: Count, encoding: Encoding = "o200k_base"
) -> ExampleTokens:
    """The tokens of one example that passed ``check_example``."""
    return count_examples([example_texts(example, format, encoding)], count)[0]


def example_texts(example: Mapping[str, Any], format: FileFormat, encoding: Encoding = "o200k_base") -> ExampleTexts:
    """What ``count_examples`` needs of an example that passed ``check_example``; ``encoding`` prices its tools."""
    if format == "prompt_completion":
        return ExampleTexts([example["prompt"]], [example["completion"]], [], 0)
    asked = example["input"] if format == "preference" else example
    context: list[str] = []
    learned: list[str] = []
    images = left_out = 0
    for message in asked["messages"]:
        taught = format == "chat" and message["role"] == "assistant" and is_trained(message)
        texts = learned if taught else context
        if len(message) == 2 and type(content := message.get("content")) is str:
            texts.append(content)
        elif urls := _add_texts(message, texts):
            images += len(urls)
            left_out += sum(skipped(url) is not None for url in urls)
    n_messages = len(asked["messages"])
    if format == "preference":
        for output in (*example["preferred_output"], *example["non_preferred_output"]):
            _add_texts(output, learned)
            n_messages += 1
    fixed = TOKENS_PER_EXAMPLE + TOKENS_PER_MESSAGE * n_messages + TOKENS_PER_IMAGE * (images - left_out)
    definitions: list[str] = []
    if len(asked) > 1:
        tools = [*asked.get("tools", ())]
        if format == "chat":
            tools += asked.get("functions", ())
        fixed += _add_definitions(tools, definitions, encoding)
    return ExampleTexts(context, learned, definitions, fixed, images, left_out)


def count_examples(examples: Sequence[ExampleTexts], count: Count) -> list[ExampleTokens]:
    """The tokens of each example, after one call of ``count`` for the texts of all."""
    texts: list[str] = []
    for context, learned, definitions, *_ in examples:
        texts += context
        texts += learned
        texts += definitions
    counts = count(texts)
    tokens = []
    start = 0
    for context, learned, definitions, fixed, _, _ in examples:
        middle = start + len(context)
        end = middle + len(learned)
        assistant = sum(counts[middle:end])
        content = sum(counts[start:middle]) + assistant
        start = end + len(definitions)
        total = content + fixed + (sum(counts[end:start]) if definitions else 0)
        tokens.append(ExampleTokens(total, content, assistant))
    return tokens


def chat_prompt_tokens(
    messages: Iterable[Mapping[str, Any]],
    tools: Iterable[Mapping[str, Any]] | None,
    count: Count,
    encoding: Encoding = "o200k_base",
) -> int:
    """``usage.prompt_tokens`` of a chat completion with these messages and tools (or legacy functions)."""
    texts: list[str] = []
    fixed = PROMPT_TOKENS_FOR_REPLY
    for message in messages:
        fixed += PROMPT_TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE * len(_add_texts(message, texts))
        if message.get("name"):
            fixed += PROMPT_TOKENS_PER_NAME
    fixed += _add_definitions(tools or (), texts, encoding)
    return fixed + sum(count(texts))


def _add_texts(message: Mapping[str, Any], texts: list[str]) -> list[str]:
    """Append what ``message`` says to ``texts``: content, name, and of each call its name and arguments. Answers the
    URLs of its images. A call's id and a tool message's reference to it cost nothing (assumed)."""
    images: list[str] = []
    content = message.get("content")
    if isinstance(content, str):
        texts.append(content)
    elif content:
        for part in content:
            if part["type"] == "image_url":
                image = part.get("image_url")
                images.append(str(image.get("url", "")) if isinstance(image, dict) else "")
            elif isinstance(text := part.get("text", part.get("refusal")), str):
                texts.append(text)
    called = (call.get("function") for call in message.get("tool_calls") or ())
    calls = [call for call in called if isinstance(call, Mapping)]
    if function_call := message.get("function_call"):
        calls.append(function_call)
    for call in calls:
        texts += (call["name"], call["arguments"])
    texts += [text for key in ("name", "refusal") if isinstance(text := message.get(key), str)]
    return images


def _add_definitions(tools: Iterable[Mapping[str, Any]], texts: list[str], encoding: Encoding) -> int:
    """Append the texts of tool (or function) definitions to ``texts``; answers the tokens that come on top.

    As in the cookbook only the outermost properties count. Where it would stumble (no description, a list of types,
    an enum of numbers) the value is left out or written as JSON would.
    """
    fixed = 0
    for tool in tools:
        function = inner if isinstance(inner := tool.get("function"), Mapping) else tool
        fixed += _TOOL_TOKENS[encoding]
        texts.append(f"{_word(function.get('name'))}:{_sentence(function.get('description'))}")
        parameters = function.get("parameters")
        properties = parameters.get("properties") if isinstance(parameters, dict) else None
        if not properties or not isinstance(properties, dict):
            continue
        fixed += _TOKENS_BEFORE_PROPERTIES
        for key, schema in properties.items():
            fixed += _TOKENS_PER_PROPERTY
            if not isinstance(schema, dict):
                schema = {}
            if isinstance(items := schema.get("enum"), list):
                fixed += _TOKENS_BEFORE_ENUM + _TOKENS_PER_ENUM_ITEM * len(items)
                texts += [_word(item) for item in items]
            texts.append(f"{key}:{_word(schema.get('type'))}:{_sentence(schema.get('description'))}")
    return fixed + _TOKENS_AFTER_TOOLS if fixed else 0


def _word(value: object) -> str:
    """A scalar as JSON writes it, the members of a list of scalars; nothing for null and for anything deeper."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list():
            return "|".join(member for member in value if isinstance(member, str))
        case _:
            return ""


def _sentence(value: object) -> str:
    return _word(value).removesuffix(".")
