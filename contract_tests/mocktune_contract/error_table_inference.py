"""The table of errors, continued: chat completions, legacy completions, responses, moderations."""

from __future__ import annotations

import re
from typing import Any

from mocktune_contract.error_case import (
    CHAT,
    COMPLETIONS,
    COUNT,
    HELLO,
    LEGACY,
    RESPONSES,
    Case,
    chat,
    complete,
    invalid,
    respond,
)
from mocktune_contract.lab import MODEL

SMALL = "gpt-3.5-turbo-0613"
"""Its context and its longest answer are 4,096 tokens."""

LONG = "word " * 5_000
FUNCTION: dict[str, Any] = {"name": "tide_at", "parameters": {"type": "object", "properties": {}}}
TOOL = {"type": "function", "function": FUNCTION}
CALL = {"id": "call_1", "type": "function", "function": {"name": "tide_at", "arguments": "{}"}}
PATTERN = "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
NO_OBJECT = "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"array\"'."
IMPOSSIBLE = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 2}},
    "required": ["n"],
    "additionalProperties": False,
}
OF_A_STORED_COMPLETION: tuple[tuple[str, dict[str, Any]], ...] = (
    ("GET /chat/completions/chatcmpl-none", {}),
    ("DELETE /chat/completions/chatcmpl-none", {}),
    ("POST /chat/completions/chatcmpl-none", {"json": {"metadata": {}}}),
    ("GET /chat/completions/chatcmpl-none/messages", {}),
)
LOADING = "That model is still being loaded. Please try again shortly."
OVERLOADED = re.compile(r"That model is currently overloaded with other requests\. .*")


def schema_format(schema: Any, name: str = "mood") -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


def text_format(schema: Any, name: str = "mood") -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": name, "strict": True, "schema": schema}}


def said(*messages: dict[str, Any]) -> dict[str, Any]:
    return chat(messages=[*HELLO, *messages])


def counted(claim: str, body: dict[str, Any], code: str | None, param: str | None, message: Any, source: str,
            status: int = 400) -> list[Case]:  # fmt: skip
    """A case of a response, and of the count of its input."""
    kind = "ParameterError" if status == 400 else "NotFoundError"
    return [
        Case(f"{claim} ({route})", kind, route, status, message, source, code=code, param=param, send=respond(**body))
        for route in (RESPONSES, COUNT)
    ]


CASES = [
    # -- a model that is not ready, on every route that answers --------------------------------------------------------
    *(
        Case(f"a model that is loading ({route})", "ModelLoadingError", route, 429, LOADING, "OBS", type="server_error",
             send=send, headers={"retry-after": "50"})
        for route, send in (
            (COMPLETIONS, complete(model="<legacy_model>")), (RESPONSES, respond(model="<model>")),
        )
    ),
    *(
        Case(f"a model that is loading, as an overload ({route})", "ServiceUnavailableError", route, 503, OVERLOADED,
             "OBS", type="server_error", send=send, server={"scenario": ("model.loading_as=unavailable",)})
        for route, send in (
            (COMPLETIONS, complete(model="<legacy_model>")), (RESPONSES, respond(model="<model>")),
        )
    ),
    # -- chat: lengths -------------------------------------------------------------------------------------------------
    invalid("a conversation that is too long", CHAT, chat(model=SMALL, messages=[{"role": "user", "content": LONG}]),
            "context_length_exceeded", "messages",
            re.compile(r"This model's maximum context length is 4096 tokens\. However, your messages resulted in \d+ "
                       r"tokens\. Please reduce the length of the messages\."), "3P"),
    invalid("a conversation with functions that is too long", CHAT,
            chat(model=SMALL, messages=[{"role": "user", "content": LONG}], tools=[TOOL]),
            "context_length_exceeded", "messages",
            re.compile(r"This model's maximum context length is 4096 tokens\. However, your messages resulted in \d+ "
                       r"tokens \(\d+ in the messages, \d+ in the functions\)\. Please reduce the length of the "
                       r"messages or functions\."), "3P"),
    invalid("room for an answer that there is not", CHAT, chat(model=SMALL, max_tokens=4096),
            "context_length_exceeded", "messages",
            re.compile(r"This model's maximum context length is 4096 tokens\. However, you requested 41\d\d tokens "
                       r"\(\d+ in the messages, 4096 in the completion\)\. Please reduce the length of the messages or "
                       r"completion\."), "3P"),
    invalid("an answer longer than any", CHAT, chat(max_completion_tokens=16_385), "invalid_value", "max_tokens",
            "max_tokens is too large: 16385. This model supports at most 16384 completion tokens, whereas you provided "
            "16385.", "3P"),
    # -- chat: parameters that do not go together ----------------------------------------------------------------------
    invalid("both ways to limit an answer", CHAT, chat(max_tokens=5, max_completion_tokens=5),
            "invalid_parameter_combination", "max_tokens",
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.", "3P"),
    invalid("options of a stream that is none", CHAT, chat(stream_options={"include_usage": True}), None,
            "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "3P"),
    invalid("top_logprobs alone", CHAT, chat(top_logprobs=2), None, "top_logprobs",
            "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", "3P"),
    invalid("a tool_choice without tools", CHAT, chat(tool_choice="auto"), None, "tool_choice",
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.", "3P"),
    invalid("no tools in tools", CHAT, chat(tools=[]), "empty_array", "tools",
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
            "3P"),
    invalid("an unknown tool_choice", CHAT, chat(tools=[TOOL], tool_choice="maybe"), "invalid_value", "tool_choice",
            "Invalid value: 'maybe'. Supported values are: 'none', 'auto', and 'required'.", "3P"),
    invalid("a tool without its function", CHAT, chat(tools=[{"type": "function"}]), "missing_required_parameter",
            "tools[0].function", "Missing required parameter: 'tools[0].function'.", "3P"),
    invalid("a choice that is not on offer", CHAT,
            chat(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "sing"}}), None, "tool_choice",
            "Invalid value for 'tool_choice': no function named 'sing' was specified in the 'tools' parameter.", "3P"),
    invalid("a name of odd signs", CHAT, chat(tools=[{"type": "function", "function": {"name": "tide at"}}]),
            "invalid_value", "tools[0].function.name", f"Invalid 'tools[0].function.name': {PATTERN}", "3P"),
    invalid("json_object without the word", CHAT, chat(response_format={"type": "json_object"}), None, "messages",
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
            "3P"),
    invalid("a schema that is of no object", CHAT, chat(response_format=schema_format({"type": "array"})), None,
            "response_format", f"Invalid schema for response_format 'mood': {NO_OBJECT}", "3P"),
    invalid("a function whose schema is of no object", CHAT,
            chat(tools=[{"type": "function", "function": {"name": "sing", "parameters": {"type": "array"}}}]),
            "invalid_function_parameters", "tools[0].function.parameters",
            f"Invalid schema for function 'sing': {NO_OBJECT}", "3P"),
    invalid("a schema that nothing conforms to", CHAT, chat(response_format=schema_format(IMPOSSIBLE)),
            "unsupported_schema", "response_format",
            re.compile(r"mocktune cannot make an answer that conforms to the schema of response_format 'mood': .*\."),
            "assumed"),
    # -- chat: messages ------------------------------------------------------------------------------------------------
    invalid("a result of no call", CHAT, said({"role": "tool", "tool_call_id": "call_1", "content": "High."}), None,
            "messages.[1].role",
            "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with "
            "'tool_calls'.", "3P"),
    invalid("a call without a result", CHAT, said({"role": "assistant", "tool_calls": [CALL]}), None, "messages",
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each "
            "'tool_call_id'. The following tool_call_ids did not have response messages: call_1", "3P"),
    invalid("a message that says nothing", CHAT, said({"role": "user", "content": None}), None,
            "messages.[1].content", "Invalid value for 'content': expected a string, got null.", "3P"),
    Case("a chat with a model of completions", "NotFoundError", CHAT, 404,
         "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use "
         "v1/completions?", "3P", param="model", send=chat(model=LEGACY)),
    # -- stored chat completions ---------------------------------------------------------------------------------------
    *(
        Case(f"{request}: no completion", "NotFoundError", request, 404,
             "No chat completion found with id 'chatcmpl-none'.", "assumed", param="completion_id", send=send)
        for request, send in OF_A_STORED_COMPLETION
    ),
    invalid("metadata without a key", "GET /chat/completions?metadata=a", {}, "invalid_type", "metadata",
            "Invalid type for 'metadata': expected an object, but got a string instead.", "assumed"),
    *(
        invalid(f"{request} after no such object", request, {"params": {"after": "none"}}, "invalid_value", "after",
                "Invalid 'after': no object with id 'none' is in this list.", "assumed")
        for request in (
            "GET /chat/completions", "GET /chat/completions/<stored>/messages", "GET /responses/<response>/input_items",
        )
    ),
    # -- legacy completions --------------------------------------------------------------------------------------------
    Case("a completion with no model", "NotFoundError", COMPLETIONS, 404,
         "The model `ft:none` does not exist or you do not have access to it.", "OBS", code="model_not_found",
         send=complete(model="ft:none")),
    Case("a completion by a chat model", "NotFoundError", COMPLETIONS, 404,
         "This is a chat model and not supported in the v1/completions endpoint. Did you mean to use "
         "v1/chat/completions?", "OBS", param="model", send=complete(model=MODEL)),
    invalid("more choices than generated", COMPLETIONS, complete(n=3, best_of=2), None, "n",
            "You requested that the server return more choices than it will generate (HINT: you must set 'n' "
            "(currently 3) to be at most 'best_of' (currently 2), or omit either parameter if you don't specifically "
            "want to use them.)", "3P"),
    invalid("the best of many, streamed", COMPLETIONS, complete(best_of=2, stream=True), "invalid_value", "best_of",
            "Invalid 'best_of': results cannot be streamed when 'best_of' is greater than 'n'.", "assumed"),
    invalid("a prompt that is too long", COMPLETIONS, complete(prompt="word " * 17_000), None, None,
            re.compile(r"This model's maximum context length is 16384 tokens, however you requested \d+ tokens \(\d+ "
                       r"in your prompt; 16 for the completion\)\. Please reduce your prompt; or completion length\."),
            "3P"),
    invalid("too many completions at once", COMPLETIONS, complete(prompt=["Hello"] * 2000, n=2), "invalid_value",
            "prompt",
            "Invalid 'prompt': mocktune generates at most 2048 completions in one request, and this one asks for 4000.",
            "assumed"),
    # -- responses: what is asked --------------------------------------------------------------------------------------
    *(
        Case(f"{request}: no response", "NotFoundError", request, 404, "Response with id 'resp_none' not found.",
             "assumed")
        for request in (
            "GET /responses/resp_none", "DELETE /responses/resp_none", "POST /responses/resp_none/cancel",
            "GET /responses/resp_none/input_items",
        )
    ),
    *(
        Case(f"no model ({route})", "ParameterError", route, 400, "The requested model 'ft:none' does not exist.",
             "OBS", code="model_not_found", param="model", send=respond(model="ft:none"))
        for route in (RESPONSES, COUNT)
    ),
    *counted("a model of the completions route", {"model": "davinci-002"}, None, "model",
             "The requested model 'davinci-002' is not supported with the Responses API.", "3P"),
    *counted("no such previous response", {"previous_response_id": "resp_none"}, "previous_response_not_found",
             "previous_response_id", "Previous response with id 'resp_none' not found.", "OBS"),
    *counted("a reference to no item", {"input": [{"type": "item_reference", "id": "msg_none"}]}, None, "input",
             "Item with id 'msg_none' not found.", "OBS", status=404),
    *counted("a call without its output",
             {"input": [{"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}]}, None, "input",
             "No tool output found for function call call_1.", "OBS"),
    *counted("an output without its call",
             {"input": [{"type": "function_call_output", "call_id": "call_1", "output": "High."}]}, None, "input",
             "No tool call found for function call output with call_id call_1.", "OBS"),
    *(
        Case(f"nothing asked ({route})", "InvalidRequestError", route, 400,
             "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.", "3P",
             code="missing_required_parameter", send=respond(input=[]))
        for route in (RESPONSES, COUNT)
    ),
    *(
        invalid(f"a response without its {name}", RESPONSES, respond(**{name: ...}), "missing_required_parameter", name,
                f"Missing required parameter: '{name}'.", "3P")
        for name in ("model", "input")
    ),
    Case("messages instead of input", "InvalidRequestError", RESPONSES, 400,
         "Unsupported parameter: 'messages'. In the Responses API, this parameter has moved to 'input'. Try again with "
         "the new parameter. See the API documentation for more information: "
         "https://platform.openai.com/docs/api-reference/responses/create.", "OBS", code="unsupported_parameter",
         send=respond(input=..., messages=HELLO)),
    *counted("a conversation that is kept elsewhere", {"conversation": "conv_1"}, "not_part_of_mocktune",
             "conversation",
             "'conversation' is not part of mocktune, which plays text, images and function calls of the Responses "
             "API.", "assumed"),
    # -- responses: tools and formats ----------------------------------------------------------------------------------
    *counted("a named tool that is not on offer", {"tool_choice": {"type": "function", "name": "sing"}}, None,
             "tool_choice", "Tool choice 'sing' not found in 'tools' parameter.", "OBS"),
    *counted("a call is required of no tool", {"tool_choice": "required"}, None, "tool_choice",
             "Tool choice 'required' must be specified with 'tools' parameter.", "OBS"),
    *counted("a tool's name of odd signs", {"tools": [{"type": "function", "name": "tide at"}]}, "invalid_value",
             "tools[0].name", f"Invalid 'tools[0].name': {PATTERN}", "3P"),
    *counted("a text format that is of no object", {"text": text_format({"type": "array"})}, "invalid_json_schema",
             "text.format.schema", f"Invalid schema for response_format 'mood': {NO_OBJECT}", "OBS"),
    *counted("a strict tool whose schema is of no object",
             {"tools": [{"type": "function", "name": "sing", "strict": True, "parameters": {"type": "array"}}]},
             "invalid_function_parameters", "tools[0].parameters", f"Invalid schema for function 'sing': {NO_OBJECT}",
             "3P"),
    *counted("a JSON text format without the word", {"text": {"format": {"type": "json_object"}}}, None, "input",
             "Response input messages must contain the word 'json' in some form to use 'text.format' of type "
             "'json_object'.", "OBS"),
    invalid("a text format that nothing conforms to", RESPONSES, respond(text=text_format(IMPOSSIBLE)),
            "unsupported_schema", "text.format",
            re.compile(r"mocktune cannot make an answer that conforms to the schema of response_format 'mood': .*\."),
            "assumed"),
    invalid("an input that is too long", RESPONSES, respond(model=SMALL, input=LONG), "context_length_exceeded",
            "input", "Your input exceeds the context window of this model. Please adjust your input and try again.",
            "OBS"),
    # -- responses: the rest -------------------------------------------------------------------------------------------
    Case("cancelling a response", "InvalidRequestError", "POST /responses/<response>/cancel", 400,
         "Cannot cancel a synchronous response.", "assumed"),
    Case("compacting a response", "NotFoundError", "POST /responses/compact", 404,
         "POST /v1/responses/compact is not part of mocktune.", "assumed", code="not_part_of_mocktune",
         send={"json": {"model": MODEL}}),
    # -- moderations ---------------------------------------------------------------------------------------------------
    invalid("another moderation model", "POST /moderations", {"json": {"input": "Hello", "model": "strict"}}, None,
            "model",
            "Invalid value for 'model' = strict. Please check the OpenAI documentation and try again.", "assumed"),
    invalid("an image for the older moderation model", "POST /moderations",
            {"json": {"model": "text-moderation-latest",
                      "input": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}},
            "invalid_value", "input",
            "Invalid 'input': the model text-moderation-latest takes text only; images need 'omni-moderation-latest'.",
            "assumed"),
]  # fmt: skip
