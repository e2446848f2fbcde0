"""Training data for the benchmarks, the same at every run."""

from __future__ import annotations

import json


def examples(count: int, mark: str = "") -> bytes:
    """``count`` conversations as JSONL, a different one a line; ``mark`` makes other bytes of the same shape."""
    lines = [
        {
            "messages": [
                {"role": "system", "content": "You answer questions about numbers, briefly." + mark},
                {"role": "user", "content": f"What comes after {number}?"},
                {"role": "assistant", "content": f"After {number} comes {number + 1}, as it has always done."},
            ]
        }
        for number in range(count)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)
