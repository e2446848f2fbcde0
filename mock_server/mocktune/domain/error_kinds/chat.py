"""Errors about chat completions: parameters that do not go together, prompts and answers that are too long, schemas.

"3P" are answers of the real service as people pasted them in public issues and test suites, 2023 to 2026.
"""

from __future__ import annotations

from mocktune.domain.errors import ErrorKind, ModelLoadingError, NotFoundError, ParameterError, ServiceUnavailableError

_CREATE = ("chat.completions.create",)
_INFERENCE = ("chat.completions.create", "completions.create", "responses.create")

MODEL_OVERLOADED = ErrorKind(
    error=ServiceUnavailableError,
    message=(
        "That model is currently overloaded with other requests. You can retry your request, or contact us through our "
        "help center at help.openai.com if the error persists."
    ),
    source="OBS",
    operations=_INFERENCE,
)

NOT_A_CHAT_MODEL = ErrorKind(
    error=NotFoundError,
    message=(
        "This is not a chat model and thus not supported in the v1/chat/completions endpoint. Did you mean to use "
        "v1/completions?"
    ),
    source="3P",
    operations=_CREATE,
    param="model",
)

CONTEXT_LENGTH_EXCEEDED = ErrorKind(
    error=ParameterError,
    message=(
        "This model's maximum context length is {context} tokens. However, your messages resulted in {prompt} tokens. "
        "Please reduce the length of the messages."
    ),
    source="3P",
    operations=_CREATE,
    code="context_length_exceeded",
    param="messages",
)

CONTEXT_LENGTH_EXCEEDED_WITH_FUNCTIONS = ErrorKind(
    error=ParameterError,
    message=(
        "This model's maximum context length is {context} tokens. However, your messages resulted in {prompt} tokens "
        "({messages} in the messages, {functions} in the functions). Please reduce the length of the messages or "
        "functions."
    ),
    source="3P",
    operations=_CREATE,
    code="context_length_exceeded",
    param="messages",
)

CONTEXT_LENGTH_EXCEEDED_WITH_COMPLETION = ErrorKind(
    error=ParameterError,
    message=(
        "This model's maximum context length is {context} tokens. However, you requested {total} tokens ({prompt} in "
        "the messages, {completion} in the completion). Please reduce the length of the messages or completion."
    ),
    source="3P",
    operations=_CREATE,
    code="context_length_exceeded",
    param="messages",
)

MAX_TOKENS_TOO_LARGE = ErrorKind(
    error=ParameterError,
    message=(
        "max_tokens is too large: {given}. This model supports at most {most} completion tokens, whereas you provided "
        "{given}."
    ),
    # The sentence and the parameter are the same for max_completion_tokens.
    source="3P",
    operations=_CREATE,
    code="invalid_value",
    param="max_tokens",
)

BOTH_MAX_TOKENS = ErrorKind(
    error=ParameterError,
    message="Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
    source="3P",
    operations=_CREATE,
    code="invalid_parameter_combination",
    param="max_tokens",
)

STREAM_OPTIONS_WITHOUT_STREAM = ErrorKind(
    error=ParameterError,
    message="The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    source="3P",
    operations=_CREATE,
    param="stream_options",
)

TOP_LOGPROBS_WITHOUT_LOGPROBS = ErrorKind(
    error=ParameterError,
    message="The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
    source="3P",
    operations=_CREATE,
    param="top_logprobs",
)

TOO_MANY_LOGPROBS = ErrorKind(
    error=ParameterError,
    message="mocktune answers at most {most} log probabilities in one completion; ask for fewer choices or tokens.",
    source="assumed",
    operations=_CREATE,
    param="top_logprobs",
    code="invalid_value",
)

ONLY_WITH_TOOLS = ErrorKind(
    error=ParameterError,
    message="Invalid value for '{name}': '{name}' is only allowed when '{tools}' are specified.",
    source="3P",
    operations=_CREATE,
)

NO_TOOLS = ErrorKind(
    error=ParameterError,
    message="Invalid '{name}': empty array. Expected an array with minimum length 1, but got an empty array instead.",
    source="3P",
    operations=_CREATE,
    code="empty_array",
)

UNKNOWN_TOOL_CHOICE = ErrorKind(
    error=ParameterError,
    message="Invalid value: '{value:.100}'. Supported values are: {values}.",
    source="3P",
    operations=_CREATE,
    code="invalid_value",
)

MISSING_PARAMETER = ErrorKind(
    error=ParameterError,
    message="Missing required parameter: '{name}'.",
    source="3P",
    operations=_CREATE,
    code="missing_required_parameter",
)

TOOL_NOT_OFFERED = ErrorKind(
    error=ParameterError,
    message="Invalid value for '{name}': no {kind} named '{tool:.100}' was specified in the '{tools}' parameter.",
    # Seen for functions; that custom tools are named in the same sentence is assumed.
    source="3P",
    operations=_CREATE,
)

NAME_PATTERN = ErrorKind(
    error=ParameterError,
    message=(
        "Invalid '{name}': string does not match pattern. Expected a string that matches the pattern "
        "'^[a-zA-Z0-9_-]+$'."
    ),
    source="3P",
    operations=_CREATE,
    code="invalid_value",
)

RESULT_WITHOUT_CALL = ErrorKind(
    error=ParameterError,
    message=(
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
    ),
    source="3P",
    operations=_CREATE,
)

CALL_WITHOUT_RESULT = ErrorKind(
    error=ParameterError,
    message=(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        "The following tool_call_ids did not have response messages: {ids}"
    ),
    source="3P",
    operations=_CREATE,
)

NO_CONTENT = ErrorKind(
    error=ParameterError,
    message="Invalid value for 'content': expected a string, got null.",
    source="3P",
    operations=_CREATE,
)

JSON_NOT_MENTIONED = ErrorKind(
    error=ParameterError,
    message=("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."),
    source="3P",
    operations=_CREATE,
    param="messages",
)

INVALID_FORMAT_SCHEMA = ErrorKind(
    error=ParameterError,
    message="Invalid schema for response_format '{name:.100}': {defect}",
    source="3P",
    operations=_CREATE,
    param="response_format",
)

INVALID_FUNCTION_SCHEMA = ErrorKind(
    error=ParameterError,
    message="Invalid schema for function '{name:.100}': {defect}",
    source="3P",
    operations=_CREATE,
    code="invalid_function_parameters",
)

UNANSWERABLE_SCHEMA = ErrorKind(
    error=ParameterError,
    message="mocktune cannot make an answer that conforms to the schema of {what:.100}: {reason}.",
    source="assumed",
    operations=("chat.completions.create", "responses.create"),
    code="unsupported_schema",
)

MODEL_LOADING = ErrorKind(
    error=ModelLoadingError,
    message="That model is still being loaded. Please try again shortly.",
    source="OBS",
    operations=_INFERENCE,
)
