"""The prompt/completion format of babbage-002 and davinci-002: ``{"prompt": "...", "completion": "..."}`` a line.

Contract 3.6. Nothing was recorded of its defects, so they are said in the words of the chat format.
"""

from __future__ import annotations

from collections.abc import Iterator

from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import extra_key, json_type, special_token_in

KEYS = ("prompt", "completion")


def defects(example: object, number: int) -> Iterator[Defect]:
    """The defects of example ``number`` (1-based): absent keys, extra ones, then the texts."""
    if not isinstance(example, dict):
        yield _defect("not_json", number, " is not an object.")
        return
    for key in KEYS:
        if key not in example:
            # OBS for 'messages' and for 'input' of the preference format.
            yield _defect("missing_messages", number, f" is missing key '{key}'")
    for key in example:
        if key not in KEYS:
            yield extra_key(number, key)
    for key in KEYS:
        text = example.get(key, "")
        if not isinstance(text, str):
            yield _defect("bad_message", number, f" '{key}' must be a string, not {json_type(text)}.")
        elif token := special_token_in(text):
            yield _defect("special_token", number, f" {key} contains an invalid token: {token}.")
    if example.get("completion") == "":
        yield _defect("bad_message", number, " has nothing to learn: its completion is empty.")


def _defect(kind: str, number: int, said: str) -> Defect:
    return Defect(kind, f"Invalid file format. Example {number}{said}", number)
