"""The table of errors, continued: jobs and what an organization may do, forms and uploads, graders, permissions,
webhook endpoints, deployments, the control plane."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from mocktune_contract.error_case import (
    CHAT,
    COMPLETIONS,
    COUNT,
    FILES,
    JOBS,
    NOT_JSONL_BYTES,
    PLAIN,
    RESPONSES,
    Case,
    chat,
    complete,
    create,
    invalid,
    respond,
)
from mocktune_contract.lab import MODEL, Lab

# -- jobs, and what an organization may do -----------------------------------------------------------------------------

PAST_THE_CAP = "This fine-tune request has been rate-limited. Your organization has reached the maximum of "
QUOTA = (
    "You exceeded your current quota, please check your plan and billing details. For more information on this error, "
    "read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors."
)


def a_file(lab: Lab) -> dict[str, str]:
    return {"own_file": lab.upload_ready(PLAIN).id}


def five_jobs(lab: Lab) -> dict[str, str]:
    """As many as the model may have at once."""
    file = lab.upload_ready(PLAIN).id
    for _ in range(5):
        lab.create_job(file)
    return {"own_file": file}


def eight_jobs(lab: Lab) -> dict[str, str]:
    """As many as the model may have in a day, none of them still there."""
    file = lab.upload_ready(PLAIN).id
    for _ in range(8):
        lab.client().fine_tuning.jobs.cancel(lab.create_job(file, model="gpt-4o").id)
    return {"own_file": file}


OF_JOBS = [
    *(
        Case(f"{do}: no job", "NotFoundError", f"POST /fine_tuning/jobs/ftjob-none/{do}", 404,
             "Could not find fine tune: ftjob-none", "OBS RUBY", code="fine_tune_not_found", param="fine_tune_id")
        for do in ("pause", "resume")
    ),
    *(
        Case(f"{do} of a finished job", "InvalidRequestError", f"POST /fine_tuning/jobs/<job>/{do}", 400,
             f'Cannot {do} job <job> with status "succeeded".', "assumed")
        for do in ("pause", "resume")
    ),
    invalid("reinforcement without a grader", JOBS, create(method={"type": "reinforcement"}),
            "missing_required_parameter", "method.reinforcement.grader",
            "Missing required parameter: 'method.reinforcement.grader'."),
    invalid("a response format that is none", JOBS,
            create(method={"type": "reinforcement", "reinforcement": {"grader": {}, "response_format": {"a": "b"}}}),
            "invalid_value", "method.reinforcement.response_format",
            "Invalid 'response_format': expected {'type': 'json_schema', 'json_schema': {'name': ..., 'schema': "
            "...}}.", "assumed"),
    Case("more metadata than anybody asks for", "InvalidRequestError",
         "GET /fine_tuning/jobs?" + "&".join(f"metadata%5B{n}%5D=a" for n in range(1001)), 400,
         "Too many query parameters: at most 1000 are read.", "mocktune", code="invalid_value"),
    Case("training after the end of training", "PermissionDeniedError", JOBS, 403,
         "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new "
         "fine-tuning training jobs.", "OBS", code="training_not_available", send=create(),
         server={"scenario": ("limits.org=wound_down",)}),
    Case("training on the free plan", "PermissionDeniedError", JOBS, 403,
         "Fine-tuning jobs cannot be created on an Explore plan. You can upgrade to a paid plan on your billing page: "
         "https://platform.openai.com/account/billing/overview", "OBS", send=create(),
         server={"scenario": ("limits.org=free",)}),
    Case("a training file on the free plan", "InvalidRequestError", "GET /files/<own_file>/content", 400,
         "To help mitigate abuse, downloading of fine-tune training files is disabled for free accounts.", "OBS",
         server={"scenario": ("limits.org=free",)}, prepare=a_file),
    Case("a job too many at once", "RateLimitError", JOBS, 429,
         PAST_THE_CAP + f"5 active requests (0 running, 5 pending) for the model '{MODEL}'.", "assumed",
         code="rate_limit_exceeded", send=create(training_file="<own_file>"),
         server={"scenario": ("limits.caps=observed",)}, prepare=five_jobs),
    Case("a job too many in a day", "RateLimitError", JOBS, 429,
         PAST_THE_CAP + "8 fine-tuning requests per day for the model 'gpt-4o-2024-08-06'.", "OBS LLMCOMP",
         code="daily_rate_limit_exceeded", send=create(model="gpt-4o", training_file="<own_file>"),
         server={"scenario": ("limits.caps=observed",)}, prepare=eight_jobs),
    Case("a job that nobody would pay", "RateLimitError", JOBS, 429, QUOTA, "OBS", type="insufficient_quota",
         code="insufficient_quota", send=create(training_file="<own_file>"),
         server={"scenario": ("limits.quota_usd=0",)}, prepare=a_file),
]  # fmt: skip

# -- forms and uploads -------------------------------------------------------------------------------------------------

PARTS = "POST /uploads/<upload>/parts"
FORM_ROUTES = ((FILES, "file"), (PARTS, "data"))
BOUNDARY = {"content-type": "multipart/form-data; boundary=x"}


def raw_form(content: bytes) -> dict[str, Any]:
    return {"content": content, "headers": BOUNDARY}


def field_form(name: str, value: bytes = b"x", *, more: bytes = b"") -> bytes:
    disposition = f'--x\r\ncontent-disposition: form-data; name="{name}"'
    return disposition.encode() + more + b"\r\n\r\n" + value + b"\r\n"


def an_upload(lab: Lab) -> dict[str, str]:
    body = {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 5000, "mime_type": "text/jsonl"}
    return {"own_upload": lab.http.post("/uploads", json=body).json()["id"]}


def new_upload(**body: Any) -> dict[str, Any]:
    return {"json": {"filename": "a.jsonl", "purpose": "fine-tune", "bytes": 9, "mime_type": "text/jsonl", **body}}


OF_FORMS = [
    case
    for route, name in FORM_ROUTES
    for case in (
        invalid(f"no form ({route})", route, {"json": {"purpose": "fine-tune"}}, "invalid_content_type", None,
                "The request body must be sent as multipart/form-data with a boundary.", "assumed"),
        invalid(f"a form without the {name} ({route})", route, raw_form(field_form("other") + b"--x--\r\n"),
                "missing_required_parameter", name, f"Missing required parameter: '{name}'."),
        invalid(f"a form that is none ({route})", route, raw_form(b"no form at all"), None, None,
                re.compile(r"The multipart body could not be parsed: .*\."), "assumed"),
        invalid(f"a form that ends early ({route})", route, raw_form(field_form(name)), None, None,
                "The multipart body ended before its closing boundary.", "assumed"),
        invalid(f"the {name} twice ({route})", route, raw_form(field_form(name) * 2 + b"--x--\r\n"), None, name,
                f"The multipart body has more than one '{name}' part.", "assumed"),
        invalid(f"a form of 33 parts ({route})", route, raw_form(field_form("a") * 33 + b"--x--\r\n"), None, None,
                "The multipart body has more than 32 parts.", "mocktune"),
        invalid(f"a field of 65 kB ({route})", route, raw_form(field_form("a", b"x" * 65_537) + b"--x--\r\n"), None,
                None, "The form field 'a' is too long.", "mocktune"),
        invalid(f"headers of 17 kB in a form ({route})", route,
                raw_form(field_form("a", more=(b"\r\na: " + b"x" * 4000) * 5) + b"--x--\r\n"), None, None,
                "The headers of a part of the multipart body are longer than 16384 bytes.", "mocktune"),
    )
]  # fmt: skip
OF_UPLOADS = [
    *(
        Case(f"no room on the disk ({route})", "ServiceUnavailableError", route, 503,
             "This mocktune server keeps at most 1000 bytes of uploads; delete files or raise --max-disk.", "mocktune",
             type="server_error", send={"files": {name: ("a.jsonl", PLAIN)}, "data": {"purpose": "fine-tune"}},
             server={"max_disk_bytes": 1000}, prepare=an_upload)
        for route, name in ((FILES, "file"), (PARTS.replace("<upload>", "<own_upload>"), "data"))
    ),
    *(
        Case(f"{do}: no upload", "NotFoundError", f"POST /uploads/upload_none/{do}", 404,
             "No such Upload object: upload_none", "assumed", param="id", send=send)
        for do, send in (
            ("parts", raw_form(field_form("data") + b"--x--\r\n")), ("complete", {"json": {"part_ids": []}}),
            ("cancel", {}),
        )
    ),
    *(
        Case(f"{words} an upload that is over", "InvalidRequestError", f"POST /uploads/<completed>/{do}", 400,
             f'Cannot {words} upload <completed>: it already has status "cancelled".', "assumed", send=send)
        for do, words, send in (
            ("parts", "add a part to", raw_form(field_form("data") + b"--x--\r\n")),
            ("complete", "complete", {"json": {"part_ids": []}}), ("cancel", "cancel", {}),
        )
    ),
    invalid("an upload for another purpose", "POST /uploads", new_upload(purpose="fun"), None, None,
            "'fun' is not one of ['fine-tune', 'assistants', 'batch', 'user_data', 'vision', 'evals'] - 'purpose'",
            "OBS"),
    invalid("a part without bytes", PARTS, raw_form(field_form("data", b"") + b"--x--\r\n"), None, "data",
            "The part is empty.", "assumed"),
    invalid("completing with no such part", "POST /uploads/<upload>/complete", {"json": {"part_ids": ["part_none"]}},
            None, "part_ids", "Upload <upload> has no part 'part_none'.", "assumed"),
    invalid("completing with a part twice", "POST /uploads/<upload>/complete",
            {"json": {"part_ids": ["<part>", "<part>"]}}, None, "part_ids",
            "The part '<part>' is named more than once.", "assumed"),
    Case("completing with fewer bytes", "InvalidRequestError", "POST /uploads/<upload>/complete", 400,
         f"The parts hold 0 bytes, but upload <upload> was created for {len(NOT_JSONL_BYTES)} bytes.", "assumed",
         send={"json": {"part_ids": []}}),
    invalid("completing with another checksum", "POST /uploads/<upload>/complete",
            {"json": {"part_ids": ["<part>"], "md5": "0" * 32}}, None, "md5",
            f"The MD5 checksum of the uploaded bytes is {hashlib.md5(NOT_JSONL_BYTES).hexdigest()}, not "
            f"'{'0' * 32}'.", "assumed"),
    invalid("completing what is no JSONL", "POST /uploads/<upload>/complete", {"json": {"part_ids": ["<part>"]}}, None,
            None,
            "Expected file to have JSONL format, where every line is a valid JSON dictionary. Line 1 is not a "
            'dictionary (HINT: line starts with: "no ...").', "OBS 3.7 row 2"),
    invalid("completing what is not called so", "POST /uploads/<text_upload>/complete",
            {"json": {"part_ids": ["<text_part>"]}}, None, None,
            "Invalid file format for Fine-Tuning API. Must be .jsonl", "OBS 3.7 row 1"),
]  # fmt: skip

# -- graders -----------------------------------------------------------------------------------------------------------

CHECK: dict[str, Any] = {
    "type": "string_check",
    "name": "same",
    "input": "{{sample.output_text}}",
    "reference": "{{item.answer}}",
    "operation": "eq",
}
SIMILAR = {**CHECK, "type": "text_similarity", "evaluation_metric": "cosine"}
del SIMILAR["operation"]
PYTHON = {"type": "python", "source": "def grade(sample, item):\n    return 1.0\n"}
MULTI = {"type": "multi", "name": "both", "graders": {"a": CHECK}, "calculate_output": "a"}
JUDGE = {"type": "score_model", "name": "judge", "model": "gpt-4o-2024-08-06"}
MESSAGES = [{"role": "user", "content": "{{sample.output_text}}"}] * 129


def without(grader: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in grader.items() if key != name}


def graded(grader: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """The three routes that look at a grader: the route, the grader's path, the request."""
    method = {"type": "reinforcement", "reinforcement": {"grader": grader}}
    return [
        ("POST /fine_tuning/alpha/graders/run", "grader", {"json": {"grader": grader, "model_sample": "x"}}),
        ("POST /fine_tuning/alpha/graders/validate", "grader", {"json": {"grader": grader}}),
        (JOBS, "method.reinforcement.grader", create(model="o4-mini-2025-04-16", method=method)),
    ]


BAD_GRADERS: list[tuple[str, dict[str, Any], str, str, str]] = [
    ("a grader without its input", without(CHECK, "input"), "missing_required_parameter", ".input",
     "Missing required parameter: '{path}'."),
    ("a grader with more", {**CHECK, "more": 1}, "unknown_parameter", ".more", "Unknown parameter: '{path}'."),
    ("a grader whose input is a number", {**CHECK, "input": 1}, "invalid_type", ".input",
     "Invalid type for '{path}': expected a string, but got an integer instead."),
    ("a grader of another operation", {**CHECK, "operation": "contains"}, "invalid_value", ".operation",
     "Invalid value: 'contains'. Supported values are: 'eq', 'ne', 'like', and 'ilike'."),
    ("a formula that cannot be read", {**MULTI, "calculate_output": "a +"}, "invalid_value", ".calculate_output",
     "Invalid '{path}': the formula cannot be read: *."),
    ("a template of 257 kB", {**CHECK, "input": "x" * 262_145}, "string_above_max_length", ".input",
     "Invalid '{path}': string too long. Expected a string with maximum length 262144, but got a string with length "
     "262145 instead."),
    ("a judge that is asked 129 messages", {**JUDGE, "input": MESSAGES}, "array_above_max_length", ".input",
     "Invalid '{path}': array too long. Expected an array with maximum length 128, but got an array with length 129 "
     "instead."),
    ("a metric of evals", SIMILAR, "invalid_value", ".evaluation_metric",
     "Invalid '{path}': 'cosine' is only available for evals."),
    ("labels alone", {**JUDGE, "type": "label_model"}, "invalid_value", ".type",
     "Invalid '{path}': a 'label_model' grader is only available inside a 'multi' grader and for evals."),
    ("a multi grader in another", {**MULTI, "graders": {"a": MULTI}}, "invalid_value", ".graders.a",
     "Invalid '{path}': a 'multi' grader cannot contain another 'multi' grader."),
]  # fmt: skip

OF_GRADERS = [
    *(
        invalid(f"{claim} ({route})", route, send, code, param + below,
                re.compile(re.escape(words.format(path=param + below)).replace(r"\*", ".*")), "assumed")
        for claim, grader, code, below, words in BAD_GRADERS
        for route, param, send in graded(grader)
    ),
    invalid("a python grader", "POST /fine_tuning/alpha/graders/run", {"json": {"grader": PYTHON, "model_sample": "x"}},
            "python_grader_not_run", "grader",
            "'grader' is a 'python' grader, and mocktune runs no code of its clients: it checks the source, and plays "
            "a score for it in reinforcement jobs.", "mocktune"),
]  # fmt: skip

# -- permissions -------------------------------------------------------------------------------------------------------

SHARED = "/fine_tuning/checkpoints/{}/permissions"
PERMISSION_ROUTES: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("GET", "", "read", {}),
    ("POST", "", "write", {"json": {"project_ids": ["proj_a"]}}),
    ("DELETE", "/cp_none", "write", {}),
)

OF_PERMISSIONS = [
    *(
        Case(f"permissions with an ordinary key ({method})", "AuthenticationError",
             f"{method} {SHARED.format('<tuned>')}{below}", 401,
             "You have insufficient permissions for this operation. Missing scopes: "
             f"api.fine_tuning.checkpoints.{access}. Check that you have the correct role in your organization "
             "(Reader, Writer, Owner) and project (Member, Owner), and if you're using a restricted API key, that it "
             "has the necessary scopes.", "OBS", send=send)
        for method, below, access, send in PERMISSION_ROUTES
    ),
    *(
        Case(f"permissions of no checkpoint ({method})", "NotFoundError",
             f"{method} {SHARED.format('ft:none')}{below}", 404,
             "The model `ft:none` does not exist or you do not have access to it.", "assumed", code="model_not_found",
             send=send, key="<admin>")
        for method, below, _, send in PERMISSION_ROUTES
    ),
    Case("no such permission", "NotFoundError", f"DELETE {SHARED.format('<tuned>')}/cp_none", 404,
         "No such checkpoint permission: cp_none", "assumed", param="permission_id", key="<admin>"),
    Case("shared with too many", "InvalidRequestError", f"POST {SHARED.format('<tuned>')}", 400,
         "A checkpoint can be shared with 100 projects; this would be more.", "assumed",
         code="checkpoint_permission_limit_reached", key="<admin>",
         send={"json": {"project_ids": [f"proj_{n}" for n in range(101)]}}),
    invalid("shared with nobody", f"POST {SHARED.format('<tuned>')}", {"json": {"project_ids": []}},
            "array_below_min_length", "project_ids",
            "Invalid 'project_ids': array too short. Expected an array with minimum length 1, but got an array with "
            "length 0 instead.", "assumed", key="<admin>"),
    invalid("permissions after no such object", f"GET {SHARED.format('<tuned>')}", {"params": {"after": "none"}},
            "invalid_value", "after", "Invalid 'after': no object with id 'none' is in this list.", "assumed",
            key="<admin>"),
]  # fmt: skip

# -- webhook endpoints -------------------------------------------------------------------------------------------------

HOOKS = "/webhook_endpoints"
HOOK = {"name": "hook", "url": "https://example.com/hook", "event_types": ["fine_tuning.job.succeeded"]}
TEST = {"json": {"event_type": "fine_tuning.job.succeeded"}}

OF_WEBHOOKS = [
    *(
        Case(f"{method} {HOOKS}/whe_none{below}: no endpoint", "NotFoundError", f"{method} {HOOKS}/whe_none{below}",
             404, "No such WebhookEndpoint object: whe_none", "assumed", param="id", send=send)
        for method, below, send in (
            ("GET", "", {}), ("POST", "", {"json": {}}), ("DELETE", "", {}), ("POST", "/rotate_secret", {}),
            ("POST", "/test", TEST),
        )
    ),
    *(
        invalid(f"{claim} that is not secure", f"POST {HOOKS}{below}", {"json": {**body, "url": "http://example.com"}},
                "invalid_value", "url",
                "Invalid 'url': expected a URL that starts with https:// and names a host, but got "
                "'http://example.com' instead. (mocktune takes http:// as well for hosts it sends to: this machine, "
                "and those of --allow-webhook-host.)", "assumed")
        for claim, below, body in (("a new endpoint", "", HOOK), ("an endpoint", "/<endpoint>", {}))
    ),
    Case("a receiver that is not sent to", "InvalidRequestError", f"POST {HOOKS}/<endpoint>/test", 400,
         re.compile(r"The webhook endpoint could not be reached: .* --allow-webhook-host example\.com .*"), "assumed",
         code="webhook_endpoint_unreachable", send=TEST),
    invalid("endpoints after no such object", f"GET {HOOKS}", {"params": {"after": "none"}}, "invalid_value", "after",
            "Invalid 'after': no object with id 'none' is in this list.", "assumed"),
]  # fmt: skip

# -- Azure -------------------------------------------------------------------------------------------------------------

VERSION = "api-version=2024-10-21"
ACCOUNT = "<root>/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"
NOT_DEPLOYED = (
    "The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, "
    "please wait a moment and try again."
)
DATA_PLANE, MANAGED = "<root>/openai/deployments", ACCOUNT + "/deployments"


def deployed(model: str) -> dict[str, Any]:
    return {"json": {"properties": {"model": {"name": model}}}}


def azure(
    claim: str, kind: str, request: str, status: int, code: str, message: str, source: str = "assumed",
    send: dict[str, Any] | None = None, **more: Any,
) -> Case:  # fmt: skip
    return Case(claim, kind, request, status, message, source, code=code, send=send or {}, azure=True, **more)


OF_AZURE = [
    *(
        azure(f"no deployment ({route})", "NotFoundError", f"POST <root>/openai/{path}?{VERSION}", 404,
              "DeploymentNotFound", NOT_DEPLOYED, "OBS", send)
        for route, path, send in (
            (CHAT, "deployments/none/chat/completions", chat(model="none")),
            (COMPLETIONS, "deployments/none/completions", complete(model="none")),
            (RESPONSES, "responses", respond(model="none")), (COUNT, "responses/input_tokens", respond(model="none")),
            ("a model's own name", f"deployments/{MODEL}/chat/completions", chat()),
        )
    ),
    *(
        azure(f"{method} of no deployment ({plane})", "NotFoundError", f"{method} {url}/none?{VERSION}", 404,
              "ResourceNotFound", "The deployment 'none' could not be found.")
        for plane, url in (("data plane", DATA_PLANE), ("resource manager", MANAGED))
        for method in ("GET", "DELETE")
    ),
    *(
        azure(f"a deployment of no model ({request})", "InvalidRequestError", f"{request}?{VERSION}", 400,
              "DeploymentModelNotSupported", "The specified model 'gpt-none' is not found.", send=send)
        for request, send in (
            (f"POST {DATA_PLANE}", {"json": {"model": "gpt-none"}}), (f"PUT {MANAGED}/d", deployed("gpt-none")),
        )
    ),
    *(
        azure(f"a deployment of a bad name ({request})", "ParameterError", f"{request}?{VERSION}", 400,
              "InvalidResourceName",
              "The deployment name 'a*b' is invalid: 1 to 64 letters, digits, '-', '_' and '.' are allowed.", send=send)
        for request, send in (
            (f"POST {DATA_PLANE}", {"json": {"model": MODEL, "id": "a*b"}}), (f"PUT {MANAGED}/a*b", deployed(MODEL)),
        )
    ),
    azure("nothing of Azure's", "NotFoundError", f"GET <root>/openai/nothing?{VERSION}", 404, "404",
          "Resource not found", "OBS"),
    azure("no api-version", "NotFoundError", "GET <root>/openai/files", 404, "404", "Resource not found", "OBS"),
    azure("no key of Azure's", "AuthenticationError", f"GET <root>/openai/files?{VERSION}", 401, "401",
          "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for "
          "an active subscription and use a correct regional API endpoint for your resource.", "OBS", key=None),
]  # fmt: skip

# -- the control plane -------------------------------------------------------------------------------------------------

CLOCK = "<root>/_mocktune/clock"

OF_CONTROL = [
    *(
        Case(f"{claim} that cannot be read", "ParameterError", request, 400, re.compile(".+"), "mocktune",
             code="invalid_value", param=param, send={"json": send})
        for claim, request, param, send in (
            ("a pace", f"PUT {CLOCK}", "clock", {"clock": "fast"}),
            ("an instant", f"PUT {CLOCK}", "start", {"clock": "frozen", "start": "soon"}),
            ("a duration", f"POST {CLOCK}/advance", "by", {"by": "a while"}),
        )
    ),
    Case("two ways to advance", "ParameterError", f"POST {CLOCK}/advance", 400,
         "Give exactly one of 'by', 'to', 'until' and 'next'.", "mocktune", code="invalid_value",
         send={"json": {"by": "1s", "next": True}}),
    Case("advancing to the end of no job", "NotFoundError", f"POST {CLOCK}/advance", 404,
         "Could not find fine tune: ftjob-none", "mocktune", code="fine_tune_not_found", param="job",
         send={"json": {"until": {"job": "ftjob-none", "status": "terminal"}}}),
    Case("advancing where nothing happens", "ConflictError", f"POST {CLOCK}/advance", 409,
         "Nothing is due in this sandbox: no job, file or model will change on its own.", "mocktune",
         send={"json": {"next": True}}),
    *(
        Case(f"back in time ({request})", "ConflictError", request, 409,
             re.compile(r"This sandbox's clock cannot be moved back: .*\."), "mocktune", send={"json": send},
             prepare=a_file)
        for request, send in (
            (f"PUT {CLOCK}", {"clock": "frozen", "start": 0}), (f"POST {CLOCK}/advance", {"to": 0}),
        )
    ),
    Case("no such schema", "NotFoundError", "GET <root>/_mocktune/schemas/none", 404,
         "There is no schema 'none'. GET /_mocktune/schemas lists all.", "mocktune"),
]  # fmt: skip

CASES = [*OF_JOBS, *OF_FORMS, *OF_UPLOADS, *OF_GRADERS, *OF_PERMISSIONS, *OF_WEBHOOKS, *OF_AZURE, *OF_CONTROL]
