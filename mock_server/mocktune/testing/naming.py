"""How sandboxes of tests are called and seeded: the same test, the same seed; never the same name twice."""

from __future__ import annotations

import itertools
import os
import secrets
from hashlib import blake2b

_RUN = secrets.token_hex(4)
_numbers = itertools.count(1)


def seed_of(node_id: str) -> int:
    """A test's seed, 32 bits of its node id: short enough to be typed."""
    return int.from_bytes(blake2b(node_id.encode("utf-8", "surrogateescape"), digest_size=4).digest(), "big")


def sandbox_name(label: str) -> str:
    """A name that no other sandbox has, on this server or on any that outlives this run."""
    digest = blake2b(label.encode("utf-8", "surrogateescape"), digest_size=5).hexdigest()
    return f"t{digest}-{_RUN}{os.getpid():x}-{next(_numbers):x}"


def label_of(text: str) -> str:
    """What people see of a sandbox: at most 100 printable characters, the end of a long text."""
    shown = "".join(each if each.isprintable() else "?" for each in text)
    return shown if len(shown) <= 100 else "…" + shown[-99:]
