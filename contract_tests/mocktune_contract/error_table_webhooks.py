"""What ``/_mocktune/webhooks`` and ``/_mocktune/events`` refuse."""

from __future__ import annotations

from typing import Any

from mocktune_contract.error_case import Case
from mocktune_contract.lab import Lab

WEBHOOKS, TRIGGER = "<root>/_mocktune/webhooks", "POST <root>/_mocktune/events/trigger"
ENDPOINTS, LISTENERS, DELIVERIES = (f"{WEBHOOKS}/{what}" for what in ("endpoints", "listeners", "deliveries"))
HOOK = {"url": "https://example.com/hook"}
SUCCEEDED = "fine_tuning.job.succeeded"
BAD_SECRET = "Invalid 'secret': expected 'whsec_' and base64 behind it, or any other printable text."


def a_delivery_of_a_deleted_endpoint(lab: Lab) -> dict[str, str]:
    control = f"{lab.root}/_mocktune"
    endpoint = lab.http.post(f"{control}/webhooks/endpoints", json=HOOK).raise_for_status().json()["id"]
    made = lab.http.post(f"{control}/events/trigger", json={"type": SUCCEEDED}).raise_for_status().json()
    lab.http.delete(f"{control}/webhooks/endpoints/{endpoint}").raise_for_status()
    return {"delivery": made["deliveries"][0]["id"]}


def many(what: str, count: int, body: dict[str, Any]) -> Any:
    def prepare(lab: Lab) -> dict[str, str]:
        for _ in range(count):
            lab.http.post(f"{lab.root}/_mocktune/webhooks/{what}", json=body).raise_for_status()
        return {}

    return prepare


CASES = [
    *(
        Case(f"no delivery ({request})", "NotFoundError", request, 404,
             "There is no delivery 'whd_none' in this sandbox's log.", "mocktune", param="id")
        for request in (f"GET {DELIVERIES}/whd_none", f"POST {DELIVERIES}/whd_none/resend")
    ),
    Case("deliveries after no such object", "ParameterError", f"GET {DELIVERIES}", 400,
         "Invalid 'after': no object with id 'none' is in this list.", "assumed", code="invalid_value", param="after",
         send={"params": {"after": "none"}}),
    Case("a delivery nobody can be sent", "ConflictError", f"POST {DELIVERIES}/<delivery>/resend", 409,
         "Delivery <delivery> cannot be sent again: its endpoint is deleted.", "mocktune",
         prepare=a_delivery_of_a_deleted_endpoint),
    Case("an event about no such job", "NotFoundError", TRIGGER, 404, "Could not find fine tune: ftjob-none",
         "mocktune", code="fine_tune_not_found", param="job",
         send={"json": {"type": SUCCEEDED, "job": "ftjob-none"}}),
    Case("an event that is about no job", "ParameterError", TRIGGER, 400,
         "An event of the type 'batch.failed' is about no fine-tuning job; leave 'job' out.", "mocktune",
         code="invalid_value", param="job", send={"json": {"type": "batch.failed", "job": "ftjob-none"}}),
    Case("an endpoint elsewhere", "ParameterError", f"POST {ENDPOINTS}", 400,
         "Invalid 'url': expected a URL that starts with https:// and names a host, but got 'http://169.254.169.254/' "
         "instead. (mocktune takes http:// as well for hosts it sends to: this machine, and those of "
         "--allow-webhook-host.)", "assumed", code="invalid_value", param="url",
         send={"json": {"url": "http://169.254.169.254/"}}),
    *(
        Case(f"a secret that cannot sign ({request})", "ParameterError", request, 400, BAD_SECRET, "mocktune",
             code="invalid_value", param="secret", send={"json": {**body, "secret": "whsec_!"}})
        for request, body in ((f"POST {ENDPOINTS}", HOOK), (f"POST {LISTENERS}", {}))
    ),
    Case("no such endpoint of ours", "NotFoundError", f"DELETE {ENDPOINTS}/whe_none", 404,
         "No such WebhookEndpoint object: whe_none", "assumed", param="id"),
    Case("one endpoint too many", "InvalidRequestError", f"POST {ENDPOINTS}", 400,
         "This project has 100 webhook endpoints and can have no more; delete one first.", "assumed",
         code="webhook_endpoint_limit_reached", send={"json": HOOK}, prepare=many("endpoints", 100, HOOK)),
    *(
        Case(f"no such listener ({request})", "NotFoundError", request, 404,
             "There is no listener 'whl_none'. One that fetches nothing for a minute is closed: open another.",
             "mocktune", param="id", send=send)
        for request, send in (
            (f"DELETE {LISTENERS}/whl_none", {}), (f"POST {LISTENERS}/whl_none/next", {"json": {"timeout_s": 0}}),
            (f"POST {LISTENERS}/whl_none/result", {"json": {"id": "parcel-1", "status_code": 200}}),
        )
    ),
    Case("one listener too many", "InvalidRequestError", f"POST {LISTENERS}", 400,
         "This sandbox has 10 listeners and can have no more; close one first.", "mocktune",
         send={"json": {}}, prepare=many("listeners", 10, {})),
]  # fmt: skip
