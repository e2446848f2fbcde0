"""The table of errors, continued: clocks and sandboxes on the control plane."""

from __future__ import annotations

import re

from mocktune_contract.error_case import Case
from mocktune_contract.error_table_surface import CLOCK, a_file
from mocktune_contract.lab import Lab

SANDBOXES = "<root>/_mocktune/sandboxes"
CURRENT = f"{SANDBOXES}/current"
TOKEN = "mt-admin-of-the-tests"
WITH_TOKEN = {"admin_token": TOKEN}
LABEL = "A label has at most 100 printable characters."
BAD_NAME = (
    "'{}' is no name of a sandbox: at most 64 letters, digits, '.', '_' and '-', no '--', and no '.' or '-' in front."
)


def a_job(lab: Lab) -> dict[str, str]:
    return {"own_job": lab.create_job(a_file(lab)["own_file"]).id}


def a_job_under_a_frozen_clock(lab: Lab) -> dict[str, str]:
    made = a_job(lab)
    lab.http.put(f"{lab.root}/_mocktune/clock", json={"clock": "frozen", "max_frozen_reads": 0}).raise_for_status()
    return made


def opened(lab: Lab) -> dict[str, str]:
    """A sandbox with a name, once for all cases that ask for it."""
    answer = lab.keyless.post(
        f"{lab.root}/_mocktune/sandboxes", json={"name": "taken"}, headers={"authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code in (200, 409)
    return {}


OF_CLOCKS = [
    Case("a clock that is set to nothing", "ParameterError", f"PUT {CLOCK}", 400,
         "Give at least one of 'clock', 'start', 'advance_on_poll' and 'max_frozen_reads'.", "mocktune",
         code="invalid_value", send={"json": {}}),
    Case("polls that advance by no duration", "ParameterError", f"PUT {CLOCK}", 400,
         re.compile("'soon' is no duration: .*, or 'next'"), "mocktune", code="invalid_value", param="advance_on_poll",
         send={"json": {"advance_on_poll": "soon"}}),
    *(
        Case(f"waiting for {claim}", "ParameterError", f"POST {CLOCK}/advance", 400,
             "Give exactly one of 'job', 'file' and 'model' to wait for.", "mocktune", code="invalid_value",
             param="until", send={"json": {"until": {**objects, "status": "terminal"}}})
        for claim, objects in (("nothing", {}), ("two things", {"job": "ftjob-1", "file": "file-1"}))
    ),
    Case("waiting for what never comes", "ParameterError", f"POST {CLOCK}/advance", 400,
         re.compile("a file never is 'running': use processed, error, terminal"), "mocktune", code="invalid_value",
         param="until", send={"json": {"until": {"file": "file-1", "status": "running"}}}),
    Case("waiting for no file", "NotFoundError", f"POST {CLOCK}/advance", 404, "No such File object: file-none",
         "mocktune", param="file", send={"json": {"until": {"file": "file-none", "status": "processed"}}}),
    Case("waiting for no model", "NotFoundError", f"POST {CLOCK}/advance", 404,
         "The model `ft:none` does not exist by now.", "mocktune", code="model_not_found", param="model",
         send={"json": {"until": {"model": "ft:none", "status": "ready"}}}),
    Case("waiting for a clock that nobody moves", "InvalidRequestError", "GET /fine_tuning/jobs/<own_job>", 400,
         re.compile(r"The clock is frozen and nobody advances it: fine_tuning\.jobs\.retrieve asked 1 times about "
                    r"ftjob-\w+, which is not finished, while it stood at \S+Z\. Move the clock, .*"),
         "mocktune", code="clock_frozen", prepare=a_job_under_a_frozen_clock),
    Case("an advance that goes too far", "ConflictError", f"POST {CLOCK}/advance", 409,
         re.compile(r"The advance to job ftjob-\w+ running was stopped by max_virtual \(46s\)\. The clock stands at "
                    r"\S+Z, 46s on\. One thing happened on the way, to job ftjob-\w+\. Nothing is lost: .*"),
         "mocktune", code="clock_bound_reached", prepare=a_job,
         send={"json": {"until": {"job": "<own_job>", "status": "running"}, "max_virtual": "46s"}}),
]  # fmt: skip

OF_SANDBOXES = [
    *(
        Case(f"{claim} ({request})", error, request, status, message, "mocktune", code=code, key=key,
             send={"json": {}} if request.startswith("POST") else {}, server=WITH_TOKEN)
        for request in (f"GET {SANDBOXES}", f"POST {SANDBOXES}", f"DELETE {SANDBOXES}/sandbox_1")
        for claim, key, error, status, code, message in (
            ("no admin token", None, "AuthenticationError", 401, "admin_token_required",
             re.compile("This call is about the whole server: send its admin token, .*")),
            ("a key in the place of the admin token", "<key>", "PermissionDeniedError", 403, "admin_token_invalid",
             re.compile("This call is about the whole server, and what was sent is not its admin token: .*")),
        )
    ),
    Case("a server without an admin token", "PermissionDeniedError", f"GET {SANDBOXES}", 403,
         re.compile("This call is about the whole server, .*"), "mocktune", code="admin_token_invalid",
         server={"admin_token": ""}),
    *(
        Case(f"a sandbox with {claim}", "ParameterError", f"POST {SANDBOXES}", 400, message, "mocktune",
             code="invalid_value", param=param, key=TOKEN, send={"json": send}, server=WITH_TOKEN)
        for claim, send, param, message in (
            ("a bad name", {"name": "../etc"}, "name", BAD_NAME.format("../etc")),
            ("a bad label", {"label": "\x1b[2J"}, "label", LABEL),
            ("a bad pace", {"clock": "fast"}, "clock", re.compile("'fast' is no clock: .*")),
            ("a bad start", {"start": "soon"}, "start", re.compile("'soon' is no instant: .*")),
            ("a scenario that there is not", {"scenario": "fails-midwy"}, "scenario",
             re.compile("unknown scenario 'fails-midwy'; .*")),
        )
    ),
    Case("a sandbox that there is", "ConflictError", f"POST {SANDBOXES}", 409,
         "There is a sandbox 'taken' already: close it first, or take another name.", "mocktune",
         code="sandbox_exists", key=TOKEN, send={"json": {"name": "taken"}}, server=WITH_TOKEN, prepare=opened),
    Case("a sandbox where none are kept apart", "ConflictError", f"POST {SANDBOXES}", 409,
         "This server keeps no sandboxes apart: it was started with --stateless or --save-on-exit.", "mocktune",
         code="sandboxes_not_apart", key=TOKEN, send={"json": {}}, server={**WITH_TOKEN, "stateless": True}),
    Case("closing no sandbox", "NotFoundError", f"DELETE {SANDBOXES}/sandbox_1", 404,
         "There is no open sandbox 'sandbox_1'.", "mocktune", code="sandbox_not_found", param="id", key=TOKEN,
         server=WITH_TOKEN),
    Case("a page of sandboxes after none", "ParameterError", f"GET {SANDBOXES}?after=sandbox_1", 400,
         "Invalid 'after': no object with id 'sandbox_1' is in this list.", "mocktune", code="invalid_value",
         param="after", key=TOKEN, server=WITH_TOKEN),
    Case("a label that is none", "ParameterError", f"PATCH {CURRENT}", 400, LABEL, "mocktune", code="invalid_value",
         param="label", send={"json": {"label": "x" * 101}}),
    Case("a URL that names no sandbox", "ParameterError", "GET <root>/s/a--b/v1/models", 400, BAD_NAME.format("a--b"),
         "mocktune", code="invalid_value", param="name"),
    Case("a key that nobody opened a sandbox for", "AuthenticationError", "GET /models", 401,
         re.compile(r"Incorrect API key provided: sk-\S*\*\*\*\S+\. You can find your API key at .*"), "OBS",
         code="invalid_api_key", server={"known_keys_only": True}),
]  # fmt: skip

CASES = [*OF_CLOCKS, *OF_SANDBOXES]
