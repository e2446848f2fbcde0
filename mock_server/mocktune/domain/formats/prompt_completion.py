"""The prompt/completion format of babbage-002 and davinci-002: ``{"prompt": "...", "completion": "..."}`` a line.

Contract 3.6. Nothing was recorded of its defects, so they are said in the words of the chat format.
"""

from __future__ import annotations

from mocktune.domain.formats.defects import Defect
from mocktune.domain.formats.messages import extra_key, json_type, special_token_in

KEYS = ("prompt", "completion")


def check_example(example: object, number: int) -> Defect | None:
    """The first defect of example ``number`` (1-based): an absent key, an extra one, then the texts."""
    if not isinstance(example, dict):
        return _defect("not_json", number, " is not an object.")
    for key in KEYS:
        if key not in example:
            # OBS for 'messages' and for 'input' of the preference format.
            return _defect("missing_messages", number, f" is missing key '{key}'")
    if len(example) > len(KEYS):
        return extra_key(number, next(key for key in example if key not in KEYS))
    for key in KEYS:
        text = example[key]
        if not isinstance(text, str):
            return _defect("bad_message", number, f" '{key}' must be a string, not {json_type(text)}.")
        if token := special_token_in(text):
            return _defect("special_token", number, f" {key} contains an invalid token: {token}.")
    if not example["completion"]:
        return _defect("bad_message", number, " has nothing to learn: its completion is empty.")
    return None


def _defect(kind: str, number: int, said: str) -> Defect:
    return Defect(kind, f"Invalid file format. Example {number}{said}", number)
