"""The table of errors, continued: rules of faults on the control plane."""

from __future__ import annotations

from mocktune_contract.error_case import Case
from mocktune_contract.lab import Lab

RULES = "<root>/_mocktune/faults"


def a_rule(lab: Lab) -> dict[str, str]:
    lab.http.post(f"{lab.root}/_mocktune/faults", json={"id": "mine", "delay": "1s"}).raise_for_status()
    return {}


CASES = [
    *(
        Case(claim, "ParameterError", f"POST {RULES}", 400, message, "mocktune", code="invalid_fault", param=param,
             send={"json": send})
        for claim, send, param, message in (
            ("a rule with an unknown key", {"falt": "STALL"}, "falt", "unknown key 'falt'; did you mean 'fault'?"),
            ("a rule about an operation that there is not", {"operation": "files.crate", "delay": "1s"}, "operation",
             "operation: there is no operation 'files.crate'; did you mean 'files.create'?"),
            ("a rule that does nothing", {}, None,
             "the rule: it must do something: give it 'fault', 'answer', 'delay' or 'webhook'"),
            ("a second rule that does two things", [{"delay": "1s"}, {"fault": "STALL", "answer": {}}], "[1].answer",
             "[1].answer: a connection that suffers STALL carries no answer; give 'fault' or 'answer'"),
            ("two rules of one id at once", [{"id": "a", "delay": "1s"}] * 2, "[1].id",
             "[1].id: there is another rule 'a'"),
        )
    ),
    Case("a rule that is no object", "ParameterError", f"POST {RULES}", 400,
         "Invalid type for the request body: expected an object, but got a string instead.", "mocktune",
         code="invalid_type", send={"json": ["STALL"]}),
    Case("another rule of one id", "ConflictError", f"POST {RULES}", 409,
         "This sandbox has a fault rule 'mine' already; delete it first, or leave the id out.", "mocktune",
         code="duplicate_fault", send={"json": {"id": "mine", "delay": "1s"}}, prepare=a_rule),
    Case("more rules than a sandbox holds", "InvalidRequestError", f"POST {RULES}", 400,
         "A sandbox holds at most 100 fault rules; this one has 1.", "mocktune", code="too_many_faults",
         send={"json": [{"delay": "1s"}] * 100}, prepare=a_rule),
    *(
        Case(f"{method} of no rule", "NotFoundError", f"{method} {RULES}/none", 404,
             "There is no fault rule 'none' in this sandbox.", "mocktune", code="fault_not_found", param="id")
        for method in ("GET", "DELETE")
    ),
]  # fmt: skip
