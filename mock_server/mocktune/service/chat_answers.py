"""From what a model has to say to a choice of a completion: calls that were asked for, formats, stops and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import msgspec

from mocktune.domain import draws
from mocktune.domain.conversation import ToolCall, decoded, normalise, text_of
from mocktune.domain.error_kinds import chat as kinds
from mocktune.domain.learned import Answer
from mocktune.domain.models import Encoding
from mocktune.ports import Tokenizer
from mocktune.service.chat_objects import ChatRequest, Choice, Message, ResponseFormat
from mocktune.service.tools import definition_of, is_custom, tool_names

MAX_LOGPROBS = 200_000
"""Log probabilities in one completion, those of other tokens included."""

_encode = msgspec.json.Encoder().encode


class Composer:
    """Makes the choices of one request, which may have ``limit`` tokens each."""

    def __init__(self, request: ChatRequest, tokenizer: Tokenizer, encoding: Encoding, limit: int) -> None:
        self._request = request
        self._tokenizer = tokenizer
        self._encoding = encoding
        self._limit = limit

    def choice(self, answer: Answer, seed: int) -> Choice:
        """``answer`` as the request wants it, drawing what was never trained by ``seed``.

        Raises ``ParameterError`` where a schema is to be answered that nothing is found for.
        """
        request, content, calls = self._request, answer.content, answer.tool_calls
        if calls:
            calls = self._as_offered(calls, seed)
        elif request.must_call:
            content, calls = None, (self._call(seed),)
        if calls:
            return self._calling(content, calls)
        said = content or ""
        if request.response_format is not None:
            said = _formatted(said, request.response_format, self._asked(seed))
        return self._saying(said, seed)

    # -- calls -----------------------------------------------------------------------------------------------------

    def _as_offered(self, calls: tuple[ToolCall, ...], seed: int) -> tuple[ToolCall, ...]:
        """Trained calls: one where no more may be made at once, and with arguments that strict functions allow."""
        if self._request.legacy_functions or not self._request.parallel_tool_calls:
            calls = calls[:1]
        tools = {str(definition_of(tool).get("name")): tool for tool in self._request.tools}
        return tuple(self._conforming(call, tools.get(call.name, {}), seed) for call in calls)

    def _conforming(self, call: ToolCall, tool: Message, seed: int) -> ToolCall:
        definition = definition_of(tool)
        if is_custom(tool):
            return replace(call, custom=True)
        if definition.get("strict") is True:
            from mocktune.domain.json_schema_answers import conforms

            if not conforms(decoded(call.arguments), _parameters(definition)):
                return self._made_up(tool, seed)
        return call

    def _call(self, seed: int) -> ToolCall:
        """A call of a tool that may be called, with arguments nobody trained."""
        left = self._request.callable_tools
        tools = [tool for tool in self._request.tools if left is None or not left.isdisjoint(tool_names([tool]))]
        return self._made_up(tools[draws.integer(self._asked(seed), 0, len(tools) - 1, "tool")], seed)

    def _made_up(self, tool: Message, seed: int) -> ToolCall:
        definition = definition_of(tool)
        name = str(definition.get("name"))
        seed = draws.derive_seed(self._asked(seed), "arguments", name)
        if is_custom(tool):
            return ToolCall(name, _custom_input(definition, seed), custom=True)
        return ToolCall(name, _answer(_parameters(definition), seed, f"function '{name}'"))

    def _calling(self, content: str | None, calls: tuple[ToolCall, ...]) -> Choice:
        request, left = self._request, self._limit
        texts = [text for call in calls for text in (call.name, call.arguments)]
        if content or 4 * sum(map(len, texts)) > left:  # a token is at least a byte of UTF-8
            made: list[ToolCall] = []
            for call in calls:
                left -= self._count(call.name)
                arguments = self._tokenizer.cut(call.arguments, max(left, 0), self._encoding)
                made.append(replace(call, arguments=arguments))
                if len(arguments) < len(call.arguments):
                    return Choice(content, tuple(made), "length", legacy=request.legacy_functions)
                left -= self._count(arguments)
        if request.named_tool:  # OBS (3P): a call that was forced by name ends with "stop"
            return Choice(content, calls, "stop", legacy=request.legacy_functions)
        if request.legacy_functions:
            return Choice(content, calls, "function_call", legacy=True)
        return Choice(content, calls, "tool_calls")

    # -- texts -----------------------------------------------------------------------------------------------------

    def _saying(self, content: str, seed: int) -> Choice:
        request, reason = self._request, "stop"
        if request.stop:
            ends = [content.find(stop) for stop in request.stop if stop]
            content = content[: min((end for end in ends if end >= 0), default=len(content))]
        if 4 * len(content) > self._limit:
            beginning = self._tokenizer.cut(content, self._limit, self._encoding)
            if len(beginning) < len(content):
                content, reason = beginning, "length"
        choice = Choice(content, (), "length" if reason == "length" else "stop")
        if request.top_logprobs is None:
            return choice
        from mocktune.domain.logprobs import token_logprobs

        tokens = self._tokenizer.split(content, self._encoding)
        if len(tokens) * (1 + request.top_logprobs) * request.choices > MAX_LOGPROBS:
            raise kinds.TOO_MANY_LOGPROBS(most=MAX_LOGPROBS)
        return replace(choice, logprobs=token_logprobs(tokens, request.top_logprobs, self._asked(seed)))

    def _count(self, text: str) -> int:
        return self._tokenizer.count([text], self._encoding)[0]

    def _asked(self, seed: int) -> int:
        """A seed of its own for what was asked."""
        asked = ""
        for message in self._request.messages:
            if isinstance(message, Mapping) and message.get("role") in ("user", "tool", "function"):
                asked = normalise(text_of(message.get("content")))
        return draws.derive_seed(seed, "asked", asked)


def _parameters(definition: Message) -> Mapping[str, object]:
    """A function's schema; one without has no arguments, and arguments are always an object."""
    parameters = definition.get("parameters")
    if not isinstance(parameters, Mapping) or not parameters:
        return {"type": "object", "additionalProperties": False}
    return parameters if "type" in parameters or "$ref" in parameters else {"type": "object", **parameters}


def _custom_input(definition: Message, seed: int) -> str:
    """A text for a custom tool: one that its regular expression matches, if that is its grammar and understood."""
    from mocktune.domain.patterns import UnsupportedPatternError, pattern

    format = definition.get("format")
    grammar = format.get("grammar") if isinstance(format, Mapping) else None
    if isinstance(grammar, Mapping) and grammar.get("syntax") == "regex":
        try:
            return pattern(str(grammar.get("definition"))).example(seed) or ""
        except UnsupportedPatternError as error:
            name = f"custom tool '{definition.get('name')}'"
            reason = f"its pattern is not understood: {error}"
            raise kinds.UNANSWERABLE_SCHEMA(param="tools", what=name, reason=reason) from error
    return f"mocktune runs no model; this is the input of {definition.get('name')}."


def _formatted(content: str, format: ResponseFormat, seed: int) -> str:
    """``content`` itself where it is what the format asks for, else JSON that is."""
    value = decoded(content)
    if format.schema is None:
        return content if isinstance(value, dict) else _encode({"answer": content}).decode()
    from mocktune.domain.json_schema_answers import conforms

    if value is not None and conforms(value, format.schema):
        return content
    return _answer(format.schema, seed, f"response_format '{format.name}'")


def _answer(schema: Mapping[str, object], seed: int, what: str) -> str:
    from mocktune.domain.json_schema_answers import UnanswerableSchemaError, json_answer

    try:
        return _encode(json_answer(schema, seed)).decode()
    except UnanswerableSchemaError as error:
        param = "response_format" if what.startswith("response_format") else "tools"
        raise kinds.UNANSWERABLE_SCHEMA(param=param, what=what, reason=str(error)) from error
