"""The table of errors, continued: the journal and the verdict on the control plane."""

from __future__ import annotations

import re
from typing import Any

from mocktune_contract.error_case import Case

REQUESTS = "<root>/_mocktune/requests"
FILTERED = ("", "find", "count", "wait-for-count", "verify")
"""What takes filters: the list in its query, the others in a body."""


def asking(action: str, **filters: Any) -> tuple[str, dict[str, Any]]:
    if not action:
        return f"GET {REQUESTS}", {"params": filters}
    return f"POST {REQUESTS}/{action}", {"json": filters}


def refused(claim: str, action: str, param: str, message: str | re.Pattern[str], **filters: Any) -> Case:
    request, send = asking(action, **filters)
    return Case(f"{claim} ({request})", "ParameterError", request, 400, message, "mocktune", code="invalid_value",
                param=param, send=send)  # fmt: skip


CASES = [
    Case("no such request", "NotFoundError", f"GET {REQUESTS}/req_none", 404,
         "There is no request 'req_none' in this sandbox's journal: it was never made, or dropped since.", "mocktune",
         param="id"),
    *(
        refused("a page after no request", action, "after",
                "Invalid 'after': there is no request 'req_none' in this sandbox's journal.", after="req_none")
        for action in ("", "find")
    ),
    *(
        refused("a status that is none", action, "status",
                "Invalid 'status': '4x4' is no status; write a number such as 429, a class such as '4xx', or 0 for "
                "requests that got no answer.", status="4x4")
        for action in FILTERED
    ),
    *(
        refused("an operation that is none", action, "operation",
                "Invalid 'operation': there is no operation 'fine_tuning.job.create'; did you mean "
                "'fine_tuning.jobs.create'?", operation="fine_tuning.job.create")
        for action in FILTERED
    ),
    refused("a count beside a range", "verify", "count", "Give either 'count', or 'at_least', 'at_most' or both.",
            count=1, at_least=1),
    Case("no such finding", "ParameterError", "GET <root>/_mocktune/verdict", 400,
         "Invalid 'allow': there is no finding 'MT3'; did you mean 'MT03'?", "mocktune", code="invalid_value",
         param="allow", send={"params": {"allow": "MT3"}}),
]  # fmt: skip
