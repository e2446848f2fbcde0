"""The table of errors: what a request is answered with, and how we know.

``CASES`` is read by ``test_errors.py``; the rows here are of the routes of the main job and of what all routes share. A
case whose source is ``assumed``, ``REC`` or ``mocktune`` has words nobody recorded.
"""

from __future__ import annotations

import re

from mocktune_contract import (
    error_table_faults,
    error_table_inference,
    error_table_requests,
    error_table_sandboxes,
    error_table_scenarios,
    error_table_state,
    error_table_surface,
    error_table_webhooks,
)
from mocktune_contract.error_case import CHAT, FILES, HELLO, JOBS, PLAIN, Case, chat, create, invalid, upload
from mocktune_contract.lab import MODEL

WWW_AUTHENTICATE = {"www-authenticate": 'Bearer realm="OpenAI API"'}
NOT_JSON = re.compile(r"We could not parse the JSON body of your request\. \(HINT: .*\)", re.DOTALL)
NO_MODEL = "The model `ft:none` does not exist or you do not have access to it."
NO_JOB = "Could not find fine tune: ftjob-none"
NOT_JSONL = (
    "Expected file to have JSONL format, where every line is a valid JSON dictionary. Line 1 is not a dictionary "
    '(HINT: line starts with: "{"p...").'
)

CASES = [
    *error_table_inference.CASES,
    *error_table_sandboxes.CASES,
    *error_table_surface.CASES,
    *error_table_webhooks.CASES,
    *error_table_faults.CASES,
    *error_table_requests.CASES,
    *error_table_scenarios.CASES,
    *error_table_state.CASES,
    # -- who may call --------------------------------------------------------------------------------------------------
    Case(
        "no key", "AuthenticationError", "GET /models", 401,
        re.compile(
            r"You didn't provide an API key\. You need to provide your API key in an Authorization header using Bearer "
            r"auth \(i\.e\. Authorization: Bearer YOUR_KEY\), or as the password field \(with blank username\) if "
            r"you're accessing the API from your browser.*"
        ),
        "OBS", key=None, headers=WWW_AUTHENTICATE,
    ),
    Case(
        "no bearer", "AuthenticationError", "GET /models", 401, re.compile("You didn't provide an API key.*"),
        "assumed", key=None, send={"headers": {"authorization": "Token sk-something"}}, headers=WWW_AUTHENTICATE,
    ),
    Case(
        "a bad key", "AuthenticationError", "GET /models", 401,
        "Incorrect API key provided: sk-in***le. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        "OBS", code="invalid_api_key", key="sk-invalid-example", headers=WWW_AUTHENTICATE,
    ),
    Case(
        "a bad key comes before an unknown URL", "AuthenticationError", "GET /nothing", 401,
        re.compile("Incorrect API key provided.*"), "assumed", code="invalid_api_key", key="sk-invalid-example",
    ),
    Case(
        "a bad key comes before a bad body", "AuthenticationError", JOBS, 401,
        re.compile("Incorrect API key provided.*"), "OBS, order assumed", code="invalid_api_key",
        key="sk-invalid-example", send={"content": b"{"},
    ),
    Case(
        "a foreign host", "PermissionDeniedError", "GET /models", 403,
        "This mocktune server does not answer for the host 'example.org'; start it with --allowed-host example.org.",
        "mocktune", send={"headers": {"host": "example.org"}},
    ),
    Case(
        "a page of a foreign origin", "PermissionDeniedError", "GET /models", 403,
        "This mocktune server does not answer pages of the origin 'https://example.org'; start it with --allow-origin "
        "https://example.org.",
        "mocktune", send={"headers": {"origin": "https://example.org"}},
    ),
    Case(
        "deleting a base model", "PermissionDeniedError", f"DELETE /models/{MODEL}", 403,
        f"You do not have permission to delete the model '{MODEL}'.", "assumed",
    ),
    # -- no such thing -------------------------------------------------------------------------------------------------
    *(
        Case(f"{request}: no file", "NotFoundError", request, 404, "No such File object: file-none", "OBS", param="id")
        for request in ("GET /files/file-none", "DELETE /files/file-none", "GET /files/file-none/content")
    ),
    *(
        Case(
            f"{request}: no job", "NotFoundError", request, 404, NO_JOB, "OBS RUBY", code="fine_tune_not_found",
            param="fine_tune_id",
        )
        for request in (
            "GET /fine_tuning/jobs/ftjob-none", "POST /fine_tuning/jobs/ftjob-none/cancel",
            "GET /fine_tuning/jobs/ftjob-none/events", "GET /fine_tuning/jobs/ftjob-none/checkpoints",
        )
    ),
    Case("no model", "NotFoundError", "GET /models/ft:none", 404, NO_MODEL, "REC", code="model_not_found"),
    Case(
        "a chat with no model", "NotFoundError", CHAT, 404, NO_MODEL, "OBS", code="model_not_found",
        send=chat(model="ft:none"),
    ),
    Case(
        "deleting no model", "NotFoundError", "DELETE /models/ft:none", 404, "The model 'ft:none' does not exist",
        "OBS RUBY", code="model_not_found", param="model",
    ),
    Case("an unknown URL", "NotFoundError", "GET /nothing", 404, "Invalid URL (GET /v1/nothing)", "REC"),
    Case("an unknown URL below one", "NotFoundError", "GET /files/a/b", 404, "Invalid URL (GET /v1/files/a/b)", "REC"),
    Case(
        "an endpoint that is not played", "NotFoundError", "POST /embeddings", 404,
        "POST /v1/embeddings is not part of mocktune.", "mocktune", code="not_part_of_mocktune",
        send={"json": {"model": "m", "input": "x"}},
    ),
    Case(
        "a wrong method", "MethodNotAllowedError", "PUT /files", 405, "Not allowed to PUT on /v1/files", "REC",
        headers={"allow": "GET, POST"},
    ),
    Case(
        "a wrong method on an object", "MethodNotAllowedError", "DELETE /fine_tuning/jobs/<job>", 405,
        "Not allowed to DELETE on /v1/fine_tuning/jobs/<job>", "REC", headers={"allow": "GET"},
    ),
    # -- not in this state ---------------------------------------------------------------------------------------------
    Case(
        "deleting a file in processing", "ConflictError", "DELETE /files/<processing>", 409,
        "File is still processing. Check back later.", "OBS",
    ),
    Case(
        "cancelling a finished job", "InvalidRequestError", "POST /fine_tuning/jobs/<job>/cancel", 400,
        "Job has already completed: <job>", "REC",
    ),
    Case(
        "a model that is loading", "ModelLoadingError", CHAT, 429,
        "That model is still being loaded. Please try again shortly.", "OBS, help article 6643004",
        type="server_error", send=chat(model="<model>"), headers={"retry-after": "50", "retry-after-ms": "50000"},
    ),
    Case(
        "a model that is loading, as an overload", "ServiceUnavailableError", CHAT, 503,
        re.compile(
            r"That model is currently overloaded with other requests\. You can retry your request, or contact us "
            r"through our help center.*"
        ),
        "OBS openai-python #414", type="server_error", send=chat(model="<model>"), headers={"retry-after": "50"},
        server={"scenario": ("model.loading_as=unavailable",)},
    ),
    Case(
        "a server without room for a sandbox", "ServiceUnavailableError", "GET /models", 503,
        re.compile("This mocktune server has 0 open sandboxes and opens no more; raise --max-sandboxes.*"), "mocktune",
        type="server_error", server={"max_sandboxes": 0},
    ),
    # -- too large -----------------------------------------------------------------------------------------------------
    Case(
        "a file over the limit", "PayloadTooLargeError", FILES, 413,
        re.compile(r"Maximum content size limit \(1000\) exceeded \(\d+ bytes read\)"), "OBS audio, REC files",
        type="server_error", send=upload(b'{"messages": []}\n' * 100), server={"max_file_bytes": 1000},
    ),
    Case(
        "a body that is declared to be over the limit", "PayloadTooLargeError", FILES, 413,
        re.compile(r"Maximum content size limit \(1000\) exceeded \(\d{7} bytes read\)"), "OBS audio, REC files",
        type="server_error", send=upload(b'{"messages": []}\n' * 100_000), server={"max_file_bytes": 1000},
        headers={"connection": "close"},
    ),
    # -- uploads -------------------------------------------------------------------------------------------------------
    invalid("another extension", FILES, upload(PLAIN, "training.json"), None, None,
            "Invalid file format for Fine-Tuning API. Must be .jsonl", "OBS 3.7 row 1"),
    invalid("a first line that is not JSON", FILES, upload(b'{"prompt": oops\n'), None, None,
            NOT_JSONL, "OBS 3.7 row 2"),
    invalid("a first line that is no object", FILES, upload(b'[1, 2]\n{"messages": []}\n'), None, None,
            NOT_JSONL.replace('{"p', "[1,"), "OBS 3.7 row 2"),
    invalid("another purpose", FILES, upload(PLAIN, purpose="fun"), None, None,
            "'fun' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
            "OBS"),
    invalid("an empty file", FILES, upload(b""), None, None, "File is empty.", "assumed"),
    invalid("no purpose", FILES, {"files": {"file": ("a.jsonl", PLAIN)}}, "missing_required_parameter", "purpose",
            "Missing required parameter: 'purpose'."),
    invalid("no file", FILES, {"files": {"other": ("a.jsonl", PLAIN)}, "data": {"purpose": "fine-tune"}},
            "missing_required_parameter", "file", "Missing required parameter: 'file'."),
    invalid("two files", FILES, {"files": [("file", ("a.jsonl", PLAIN))] * 2, "data": {"purpose": "fine-tune"}},
            None, "file", "The multipart body has more than one 'file' part.", "assumed"),
    invalid("no form", FILES, {"json": {"purpose": "fine-tune"}}, "invalid_content_type", None,
            "The request body must be sent as multipart/form-data with a boundary.", "assumed"),
    invalid("a form cut short", FILES,
            {"content": b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n{}',
             "headers": {"content-type": "multipart/form-data; boundary=x"}},
            None, None, "The multipart body ended before its closing boundary.", "assumed"),
    invalid("an expiry that is too soon", FILES,
            upload(PLAIN, **{"expires_after[anchor]": "created_at", "expires_after[seconds]": "3599"}),
            "integer_below_min_value", "expires_after.seconds",
            "Invalid 'expires_after.seconds': integer below minimum value. Expected a value >= 3600, but got 3599 "
            "instead."),
    invalid("an expiry without an anchor", FILES, upload(PLAIN, **{"expires_after[seconds]": "3600"}),
            "missing_required_parameter", "expires_after.anchor",
            "Missing required parameter: 'expires_after.anchor'."),
    # -- bodies that cannot be read ------------------------------------------------------------------------------------
    *(
        Case(f"{claim} ({request})", "InvalidRequestError", request, 400, NOT_JSON, "OBS", send={"content": body})
        for request in (JOBS, CHAT)
        for claim, body in (
            ("JSON cut short", b'{"model": "gpt-4o-mini'), ("no body", b""), ("no JSON", b"model=gpt-4o"),
            ("bytes that are no text", b'{"model": "\xff\xfe"}'), ("a NUL", b'{"model": "\x00"}'),
            ("deep JSON", b'{"model":' * 100_000), ("deep arrays", b"[" * 100_000 + b"]" * 100_000),
        )
    ),
    invalid("a body that is no object", JOBS, {"json": ["model"]}, "invalid_type", None,
            "Invalid type for the request body: expected an object, but got an array instead.", "assumed"),
    # -- creating a job ------------------------------------------------------------------------------------------------
    *(
        Case(
            f"tuning {model}", "InvalidRequestError", JOBS, 400,
            f"Model {model} is not available for fine-tuning or does not exist.", "OBS", code="model_not_available",
            param="model", send=create(model=model),
        )
        for model in ("gpt-5", "ft:none")
    ),
    Case(
        "supervised tuning of a reasoning model", "InvalidRequestError", JOBS, 400,
        "Model o4-mini-2025-04-16 is not available for fine-tuning or does not exist.", "assumed",
        code="model_not_available", param="model", send=create(model="o4-mini-2025-04-16"),
    ),
    invalid("no such training file", JOBS, create(training_file="file-none"), None, "training_file",
            "invalid training_file: file-none", "OBS 3.7 row 12"),
    invalid("no such validation file", JOBS, create(training_file="<processing>", validation_file="file-none"), None,
            "validation_file", "invalid validation_file: file-none", "assumed"),
    invalid("no model", JOBS, create(model=...), "missing_required_parameter", "model",
            "Missing required parameter: 'model'."),
    invalid("no training file", JOBS, create(training_file=...), "missing_required_parameter", "training_file",
            "Missing required parameter: 'training_file'."),
    invalid("an unknown parameter", JOBS, create(foo=1), "unknown_parameter", "foo", "Unknown parameter: 'foo'."),
    invalid("an unknown hyperparameter", JOBS, create(hyperparameters={"foo": 1}), "unknown_parameter",
            "hyperparameters.foo", "Unknown parameter: 'hyperparameters.foo'."),
    invalid("a training file that is null", JOBS, create(training_file=None), "invalid_type", "training_file",
            "Invalid type for 'training_file': expected a string, but got null instead."),
    invalid("a seed that is a text", JOBS, create(seed="7"), "invalid_type", "seed",
            "Invalid type for 'seed': expected an integer, but got a string instead."),
    invalid("a seed below 0", JOBS, create(seed=-1), "integer_below_min_value", "seed",
            "Invalid 'seed': integer below minimum value. Expected a value >= 0, but got -1 instead."),
    invalid("a seed of 2**31", JOBS, create(seed=2**31), "integer_above_max_value", "seed",
            "Invalid 'seed': integer above maximum value. Expected a value <= 2147483647, but got 2147483648 instead."),
    invalid("a suffix of 65 characters", JOBS, create(suffix="x" * 65), "string_above_max_length", "suffix",
            "Invalid 'suffix': string too long. Expected a string with maximum length 64, but got a string with length "
            "65 instead."),
    invalid("an empty suffix", JOBS, create(suffix=""), "string_below_min_length", "suffix",
            re.compile("Invalid 'suffix': string too short. Expected a string with minimum length 1, but got .*")),
    *(
        invalid(f"{value} epochs", JOBS, create(hyperparameters={"n_epochs": value}), code, "hyperparameters.n_epochs",
                message)
        for value, code, message in (
            (0, "integer_below_min_value",
             "Invalid 'hyperparameters.n_epochs': integer below minimum value. Expected a value >= 1, but got 0 "
             "instead."),
            (51, "integer_above_max_value",
             "Invalid 'hyperparameters.n_epochs': integer above maximum value. Expected a value <= 50, but got 51 "
             "instead."),
            ("many", "invalid_type",
             "Invalid type for 'hyperparameters.n_epochs': expected an integer, but got a string instead."),
            (True, "invalid_type",
             "Invalid type for 'hyperparameters.n_epochs': expected an integer, but got a boolean instead."),
            (2.5, "invalid_type",
             "Invalid type for 'hyperparameters.n_epochs': expected an integer, but got a decimal number instead."),
        )
    ),
    invalid("a batch of 257 in method", JOBS,
            create(method={"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 257}}}),
            "integer_above_max_value", "method.supervised.hyperparameters.batch_size",
            "Invalid 'method.supervised.hyperparameters.batch_size': integer above maximum value. Expected a value <= "
            "256, but got 257 instead."),
    *(
        invalid(f"a multiplier of {value}", JOBS, create(hyperparameters={"learning_rate_multiplier": value}),
                "decimal_below_min_value", "hyperparameters.learning_rate_multiplier",
                "Invalid 'hyperparameters.learning_rate_multiplier': decimal below minimum value. Expected a value > "
                f"0, but got {value} instead.")
        for value in (-0.5, 0)
    ),
    invalid("an unknown method", JOBS, create(method={"type": "magic"}), "invalid_value", "method.type",
            re.compile(r"Invalid value: 'magic'\. Supported values are: 'supervised'.*\.")),
    invalid("17 pairs of metadata", JOBS, create(metadata={str(n): "" for n in range(17)}),
            "object_above_max_properties", "metadata",
            "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object "
            "with 17 properties instead."),
    invalid("metadata that is no text", JOBS, create(metadata={"run": 7}), "invalid_type", "metadata.run",
            "Invalid type for 'metadata.run': expected a string, but got an integer instead."),
    invalid("metadata that is too long", JOBS, create(metadata={"run": "x" * 513}), "string_above_max_length",
            "metadata.run",
            "Invalid 'metadata.run': string too long. Expected a string with maximum length 512, but got a string with "
            "length 513 instead."),
    invalid("a metadata key that is too long", JOBS, create(metadata={"k" * 65: ""}), "string_above_max_length",
            "metadata", re.compile("Invalid 'metadata': .* too long.* 64, but got .* 65 instead.")),
    invalid("metadata that names no scenario", JOBS,
            create(training_file="<processing>", metadata={"mocktune_scenario": "realistc"}), "invalid_value",
            "metadata.mocktune_scenario",
            "metadata.mocktune_scenario: unknown scenario 'realistc'; did you mean 'realistic'?", "mocktune"),
    invalid("six integrations", JOBS, create(integrations=[{"type": "wandb", "wandb": {"project": "p"}}] * 6),
            "array_above_max_length", "integrations",
            "Invalid 'integrations': array too long. Expected an array with maximum length 5, but got an array with "
            "length 6 instead."),
    invalid("an integration without a project", JOBS, create(integrations=[{"type": "wandb", "wandb": {}}]),
            "missing_required_parameter", "integrations[0].wandb.project",
            "Missing required parameter: 'integrations[0].wandb.project'."),
    # -- lists ---------------------------------------------------------------------------------------------------------
    *(
        invalid(f"{request} with a limit of {limit}", request, {"params": {"limit": limit}}, code, "limit", message)
        for request, most in (
            ("GET /fine_tuning/jobs", 1000), ("GET /fine_tuning/jobs/<job>/events", 1000),
            ("GET /fine_tuning/jobs/<job>/checkpoints", 1000), ("GET /files", 10_000),
        )
        for limit, code, message in (
            ("0", "integer_below_min_value",
             "Invalid 'limit': integer below minimum value. Expected a value >= 1, but got 0 instead."),
            (str(most + 1), "integer_above_max_value",
             f"Invalid 'limit': integer above maximum value. Expected a value <= {most}, but got {most + 1} instead."),
            ("ten", "invalid_type",
             "Invalid type for 'limit': expected an integer, but got a string instead."),
        )
    ),
    *(
        invalid(f"{request} after no such object", request, {"params": {"after": "none"}}, "invalid_value", "after",
                "Invalid 'after': no object with id 'none' is in this list.", "assumed")
        for request in (
            "GET /fine_tuning/jobs", "GET /fine_tuning/jobs/<job>/events", "GET /fine_tuning/jobs/<job>/checkpoints",
            "GET /files", "GET /files?order=asc",
        )
    ),
    invalid("another order", "GET /files", {"params": {"order": "up"}}, "invalid_value", "order",
            "Invalid value: 'up'. Supported values are: 'asc' and 'desc'."),
    invalid("metadata that is null and not", "GET /fine_tuning/jobs?metadata=null&metadata%5Ba%5D=b", {},
            "invalid_value", "metadata",
            "Invalid 'metadata': give either metadata[key]=value pairs or metadata=null, not both.", "assumed"),
    # -- chat ----------------------------------------------------------------------------------------------------------
    invalid("a chat without messages", CHAT, chat(messages=...), "missing_required_parameter", "messages",
            "Missing required parameter: 'messages'."),
    invalid("a chat with an unknown parameter", CHAT, chat(foo=1), "unknown_parameter", "foo",
            "Unknown parameter: 'foo'."),
    invalid("an unknown role", CHAT, chat(messages=[{"role": "sailor", "content": "Ahoy"}]), "invalid_value",
            "messages[0].role",
            "Invalid value: 'sailor'. Supported values are: 'system', 'developer', 'user', 'assistant', 'tool', and "
            "'function'."),
    invalid("a message without a role", CHAT, chat(messages=[*HELLO, {"content": "Ahoy"}]),
            "missing_required_parameter", "messages[1].role", "Missing required parameter: 'messages[1].role'."),
    invalid("a content that is a number", CHAT, chat(messages=[{"role": "user", "content": 5}]), "invalid_type",
            "messages[0].content",
            re.compile(r"Invalid type for 'messages\[0\]\.content': expected .*, but got an integer instead\.")),
    invalid("a stop that is a number", CHAT, chat(stop=5), "invalid_type", "stop",
            re.compile(r"Invalid type for 'stop': expected .*, but got an integer instead\.")),
    *(
        invalid(f"a temperature of {value}", CHAT, chat(temperature=value), "decimal_above_max_value", "temperature",
                f"Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got {value} instead.")
        for value in (2.5, 3)
    ),
    invalid("too many log probabilities", CHAT, chat(top_logprobs=21), "integer_above_max_value", "top_logprobs",
            "Invalid 'top_logprobs': integer above maximum value. Expected a value <= 20, but got 21 instead."),
]  # fmt: skip
