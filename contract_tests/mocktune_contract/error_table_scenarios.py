"""The table of errors, continued: scenarios on the control plane."""

from __future__ import annotations

import re

from mocktune_contract.error_case import Case

SCENARIO, SCENARIOS = "<root>/_mocktune/scenario", "<root>/_mocktune/scenarios"
ONE_OF_TWO = "Give 'name' or 'document', not both; or 'set' alone, to change single fields of the present scenario."

CASES = [
    *(
        Case(claim, "ParameterError", f"PUT {SCENARIO}", 400, message, "mocktune", code="invalid_scenario", param=param,
             send={"json": send})
        for claim, send, param, message in (
            ("a scenario that there is not", {"name": "fails-midwy"}, "name",
             "unknown scenario 'fails-midwy'; did you mean 'fails-midway'?"),
            ("a path in the place of a scenario", {"name": "/etc/hostname.toml"}, "name",
             re.compile(r"unknown scenario '/etc/hostname\.toml'; .*")),
            ("a document with an unknown key", {"document": {"model": {"absnt_for": "2s"}}}, "model.absnt_for",
             "unknown key 'model.absnt_for'; did you mean 'model.absent_for'?"),
            ("a document that extends a file", {"document": {"extends": "../quick"}}, "extends",
             re.compile(r"extends: '\.\./quick' is no packaged scenario.*")),
            ("a field set to nothing it may be", {"set": {"limits.quota_usd": "5"}}, "limits.quota_usd",
             "limits.quota_usd: expected a number from 0 to 1e+12, or null, got '5'"),
            ("a setting that sets nothing", {"name": "quick", "set": ["model"]}, None,
             "'model' sets nothing: write KEY=VALUE, for example model.absent_for=20s"),
        )
    ),
    *(
        Case(f"{claim} ({request})", "ParameterError", request, 400, ONE_OF_TWO, "mocktune", code="invalid_value",
             param="name", send={"json": send})
        for request in (f"PUT {SCENARIO}", f"POST {SCENARIOS}/check")
        for claim, send in (
            ("a scenario by name and document", {"name": "quick", "document": {}}), ("no scenario at all", {}),
        )
    ),
    Case("no such scenario", "NotFoundError", f"GET {SCENARIOS}/lost-creat", 404,
         "There is no scenario 'lost-creat'; did you mean 'lost-create'?", "mocktune", param="name"),
]  # fmt: skip
