"""What ``/responses`` answers when it refuses.

``3P``: measured against the real endpoint by one third party, August 2026; ``OBS``: pasted into several issues.
"""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, InvalidRequestError, NotFoundError, ParameterError

_CREATE = ("responses.create",)
_COUNTED = ("responses.create", "responses.input_tokens.count")
_STORED = ("responses.retrieve", "responses.delete", "responses.cancel", "responses.input_items.list")

RESPONSE_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message="Response with id '{id:.200}' not found.",
    source="assumed",
    operations=_STORED,
)

PREVIOUS_NOT_FOUND = ErrorKind(
    error=ParameterError,
    message="Previous response with id '{id:.200}' not found.",
    source="OBS",  # 400, not 404: pasted into many issues
    operations=_COUNTED,
    param="previous_response_id",
    code="previous_response_not_found",
)

ITEM_NOT_FOUND = ErrorKind(
    error=NotFoundError,
    message="Item with id '{id:.200}' not found.",
    source="OBS",
    operations=_COUNTED,
    param="input",
)

MODEL_NOT_FOUND = ErrorKind(
    error=ParameterError,
    message="The requested model '{model:.200}' does not exist.",
    source="OBS",  # 400 on this route, 404 on the chat route; that a fresh tuned model is told the same is assumed
    operations=_COUNTED,
    param="model",
    code="model_not_found",
)

NO_RESPONSES_MODEL = ErrorKind(
    error=ParameterError,
    message="The requested model '{model:.200}' is not supported with the Responses API.",
    source="3P",  # of models for sound and images; assumed for those of the completions route
    operations=_COUNTED,
    param="model",
)

NO_OUTPUT_FOR_CALL = ErrorKind(
    error=ParameterError,
    message="No tool output found for function call {call_id:.200}.",
    source="OBS",
    operations=_COUNTED,
    param="input",
)

NO_CALL_FOR_OUTPUT = ErrorKind(
    error=ParameterError,
    message="No tool call found for function call output with call_id {call_id:.200}.",
    source="OBS",
    operations=_COUNTED,
    param="input",
)

MISSING = ErrorKind(
    error=ParameterError,
    message="Missing required parameter: '{name}'.",
    source="3P",
    operations=_CREATE,
    code="missing_required_parameter",
)

NOTHING_ASKED = ErrorKind(
    error=InvalidRequestError,
    message="One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be provided.",
    source="3P",
    operations=_COUNTED,
    code="missing_required_parameter",
)

MOVED_PARAMETER = ErrorKind(
    error=InvalidRequestError,
    message="Unsupported parameter: '{name}'. In the Responses API, this parameter has moved to '{to}'. Try again with "
    "the new parameter. See the API documentation for more information: "
    "https://platform.openai.com/docs/api-reference/responses/create.",
    source="OBS",  # of 'messages' in 2026, of the others in 2025
    operations=_CREATE,
    code="unsupported_parameter",
)

TOOL_NOT_OFFERED = ErrorKind(
    error=ParameterError,
    message="Tool choice '{name:.200}' not found in 'tools' parameter.",
    source="OBS",  # of built-in tools; assumed for functions
    operations=_COUNTED,
    param="tool_choice",
)

REQUIRED_WITHOUT_TOOLS = ErrorKind(
    error=ParameterError,
    message="Tool choice 'required' must be specified with 'tools' parameter.",
    source="OBS",
    operations=_COUNTED,
    param="tool_choice",
)

NAME_PATTERN = ErrorKind(
    error=ParameterError,
    message="Invalid '{name}': string does not match pattern. Expected a string that matches the pattern "
    "'^[a-zA-Z0-9_-]+$'.",
    source="3P",
    operations=_COUNTED,
    code="invalid_value",
)

INVALID_FORMAT_SCHEMA = ErrorKind(
    error=ParameterError,
    message="Invalid schema for response_format '{name:.100}': {defect}",
    source="OBS",
    operations=_COUNTED,
    param="text.format.schema",
    code="invalid_json_schema",
)

INVALID_FUNCTION_SCHEMA = ErrorKind(
    error=ParameterError,
    message="Invalid schema for function '{name:.100}': {defect}",
    source="3P",
    operations=_COUNTED,
    code="invalid_function_parameters",
)

JSON_NOT_MENTIONED = ErrorKind(
    error=ParameterError,
    message="Response input messages must contain the word 'json' in some form to use 'text.format' of type "
    "'json_object'.",
    source="OBS",
    operations=_COUNTED,
    param="input",
)

CONTEXT_EXCEEDED = ErrorKind(
    error=ParameterError,
    message="Your input exceeds the context window of this model. Please adjust your input and try again.",
    source="OBS",
    operations=_COUNTED,
    param="input",
    code="context_length_exceeded",
)

NOT_BACKGROUND = ErrorKind(
    error=InvalidRequestError,
    message="Cannot cancel a synchronous response.",
    source="assumed",  # several servers that copy this API say so
    operations=("responses.cancel",),
)

NOT_PART = ErrorKind(
    error=ParameterError,
    message="{what} is not part of mocktune, which plays text, images and function calls of the Responses API.",
    source="assumed",
    operations=_COUNTED,
    code="not_part_of_mocktune",
)

NO_COMPACTION = ErrorKind(
    error=NotFoundError,
    message="POST /v1/responses/compact is not part of mocktune.",
    source="assumed",
    operations=("responses.compact",),
    code="not_part_of_mocktune",
)
