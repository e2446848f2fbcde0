"""What is said of a line that is no JSON: the service's recorded words are those of Python's ``json``."""

from __future__ import annotations

import json
import re


def json_fault(line: bytes, refusal: Exception) -> str:
    """What Python's json says of a line that msgspec refused."""
    try:
        json.loads(line.decode())
    except json.JSONDecodeError as error:
        return str(error)
    except UnicodeDecodeError as error:
        return placed("Invalid UTF-8", len(line[: error.start].decode()))
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits, and ten thousand brackets
        return placed("Nesting is too deep" if isinstance(error, RecursionError) else "Number out of range", 0)
    # Python takes more than JSON allows: NaN, 1e400, half a surrogate pair. msgspec says where, sometimes.
    place = re.search(r"\(byte (\d+)\)", str(refusal))
    return placed("Invalid value", len(line[: int(place[1])].decode("utf-8", "replace")) if place else 0)


def placed(said: str, position: int) -> str:
    return f"{said}: line 1 column {position + 1} (char {position})"


def syntax_error(fault: str, number: int) -> str:
    """``status_details`` of a file whose line ``number`` (1-based) is no JSON object [OBS openai-php fixture]."""
    return (
        f"Invalid file format. Example {number} cannot be parsed. "
        f"Error: line contains invalid json: {fault} (line {number})"
    )
