"""What stands in the texts of errors where a test gives no values: as they might come from the service."""

from __future__ import annotations

EXAMPLES: dict[str, object] = {
    "access": "read", "actual": "d41d8cd98f00b204e9800998ecf8427e", "after": "ftjob-nothere", "aim": "2026-02-01",
    "allowed": "'auto' and 'none'", "asked": 200, "beginning": "not json", "best_of": 1, "bound": 64,
    "call_id": "call_abc123", "code": "MT99", "completion": 4096, "context": 128000, "count": 50, "declared": 1024,
    "defect": "In context=(), 'additionalProperties' is required to be supplied and to be false.", "do": "pause",
    "elapsed": "2h", "expected": "a string", "field": "purpose", "functions": 40, "given": 100000, "got": "an integer",
    "held": 1000, "host": "api.example.com", "hottest": "Nothing happened on the way.", "id": "ftjob-abc123",
    "ids": "call_abc123", "key": "sk-inval*******************bc12", "kind": "function", "length": 65, "limit": 26214400,
    "messages": 128960, "method": "GET", "model": "ft:gpt-4o-mini-2024-07-18:acme::abc123", "most": 10, "n": 2,
    "name": "answer", "near": "; known are a, b", "nearest": "; known are files.list, models.list",
    "now": "2026-01-15", "of_jobs": "", "operation": "files.lst", "origin": "https://example.com",
    "part": "part_abc123", "path": "model", "pending": 1, "problem": "it is not valid", "prompt": 129000,
    "purpose": "finetune", "purposes": ["assistants", "batch", "fine-tune", "vision"], "reason": "it is not valid",
    "request_id": "req_0123456789abcdef0123456789abcdef", "running": 2, "sign": "<=", "size": 26214401,
    "status": "succeeded", "to": "text.format", "tool": "get_weather", "tools": "tools", "total": 133096,
    "type": "batch.completed", "url": "http://example.com", "value": "maybe", "values": "'auto' and 'none'",
    "what": "'answer'", "which": "training_file", "why": "deleted",
}  # fmt: skip
"""What stands in the place of a field that is not given."""

IDS = {
    "files": "file-abc123", "deliveries": "whd_abc123", "permissions": "cp_abc123", "responses": "resp_abc123",
    "stored_completions": "chatcmpl-abc123", "uploads": "upload_abc123", "webhook_endpoints": "we_abc123",
    "requests": "req_abc123", "sandboxes": "test-1", "faults": "lost-create",
}  # fmt: skip
"""Of ``id``, by the resource the error is about."""

UNKNOWN = "…"
"""Of a field that nobody has given an example yet."""

OF_KIND: dict[str, dict[str, object]] = {
    "common.invalid_url": {"path": "/v1/nowhere"},
    "common.not_part_of_mocktune": {"method": "POST", "path": "/v1/embeddings"},
    "common.method_not_allowed": {"method": "PUT", "path": "/v1/files"},
    "common.integer_below_min": {"path": "limit", "sign": ">=", "bound": 1, "value": 0},
    "common.integer_above_max": {"path": "limit", "bound": 100, "value": 101},
    "common.decimal_below_min": {"path": "temperature", "sign": ">=", "bound": 0, "value": -1},
    "common.decimal_above_max": {"path": "temperature", "bound": 2, "value": 2.5},
    "common.string_too_short": {"bound": 1, "length": 0},
    "common.array_too_short": {"path": "messages", "bound": 1, "length": 0},
    "common.too_many_properties": {"path": "metadata", "bound": 16, "length": 17},
    "common.property_name_too_long": {"path": "metadata"},
    "common.body_no_json": {"problem": "Expecting value: line 1 column 1 (char 0)"},
    "common.body_no_object": {"got": "an array"},
    "chat.max_tokens_too_large": {"most": 16384},
    "chat.only_with_tools": {"name": "tool_choice"},
    "chat.no_tools": {"name": "tools"},
    "chat.missing_parameter": {"name": "response_format.json_schema"},
    "chat.tool_not_offered": {"name": "tool_choice"},
    "control.no_such_file": {"id": "file-abc123"},
    "control.no_such_model": {"id": "ft:gpt-4o-mini-2024-07-18:acme::abc123"},
    "files.first_line_no_object": {"beginning": "prompt,completion"},
    "jobs.invalid_file": {"id": "file-abc123"},
    "permissions.no_such_checkpoint": {"id": "ft:gpt-4o-mini-2024-07-18:acme::abc123:ckpt-step-40"},
    "requests.no_status": {"status": "done"},
    "responses.item_not_found": {"id": "msg_abc123"},
    "responses.missing": {"name": "model"},
    "responses.moved_parameter": {"name": "response_format", "to": "text.format"},
    "responses.not_part": {"what": "The tool type 'web_search'"},
    "uploads.not_pending": {"do": "complete", "status": "cancelled"},
    "uploads.other_md5": {"given": "0cc175b9c0f1b6a831c399e269772661"},
    "uploads.too_many_bytes": {"most": 8589934592, "size": 8589934593},
}
"""Of single errors, where the examples above say something odd."""


def example(name: str, field: str) -> object:
    """The value of a template's ``field``, of the error with this full name in lower case."""
    of_kind, resource = OF_KIND.get(name, {}), name.partition(".")[0]
    if field in of_kind:
        return of_kind[field]
    return IDS.get(resource, "ftjob-abc123") if field == "id" else EXAMPLES.get(field, UNKNOWN)
