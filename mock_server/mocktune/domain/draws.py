"""Seeded draws: every number that looks random is a hash of a seed and of what it is for.

A *counter-based* generator needs no state, so the draw for step 900,000 costs what the draw for step 1 costs, and
asking for one draw never shifts another. ``blake2b`` is the generator; the parts that name a draw are its counter.
"""

from __future__ import annotations

from functools import cache
from hashlib import blake2b
from math import cos, log, pi, sqrt

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_TWO_TO_53 = float(1 << 53)


def digest(seed: int, *parts: str | int, size_bytes: int = 32) -> bytes:
    """``size_bytes`` (1..64) pseudo-random bytes for the draw named by ``parts`` under ``seed``."""
    if len(parts) == 2:  # the common case, in half the time
        name = f"{seed}\x1f{parts[0]}\x1f{parts[1]}"
    else:
        name = "\x1f".join(map(str, (seed, *parts)))
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=size_bytes).digest()


def derive_seed(seed: int, *parts: str | int) -> int:
    """A 63-bit seed of its own for the thing named by ``parts``."""
    return int.from_bytes(digest(seed, *parts, size_bytes=8), "big") >> 1


def uniform(seed: int, *parts: str | int) -> float:
    """A float in [0, 1)."""
    return (int.from_bytes(digest(seed, *parts, size_bytes=8), "big") >> 11) / _TWO_TO_53


def integer(seed: int, low: int, high: int, *parts: str | int) -> int:
    """An integer in [low, high], both included."""
    span = high - low + 1
    return low + int.from_bytes(digest(seed, *parts, size_bytes=16), "big") % span


def normals(seed: int, *parts: str | int) -> tuple[float, float]:
    """Two independent standard normal draws out of one hash (Box-Muller)."""
    raw = digest(seed, *parts, size_bytes=16)
    first = ((int.from_bytes(raw[:8], "big") >> 11) + 1) / (_TWO_TO_53 + 1)
    second = (int.from_bytes(raw[8:], "big") >> 11) / _TWO_TO_53
    radius = sqrt(-2.0 * log(first))
    return radius * cos(2 * pi * second), radius * cos(2 * pi * second - pi / 2)


def text(seed: int, length: int, *parts: str | int, alphabet: str = BASE62) -> str:
    """``length`` (1..64) characters of ``alphabet``; a byte modulo its size is even enough for a name."""
    return digest(seed, *parts, size_bytes=length).translate(_table(alphabet)).decode("ascii")


@cache
def _table(alphabet: str) -> bytes:
    return bytes(ord(alphabet[byte % len(alphabet)]) for byte in range(256))


def to_digits(number: int, length: int, alphabet: str = BASE62) -> str:
    """``number`` written with exactly ``length`` digits of ``alphabet``, most significant first."""
    # Two digits at a time: the ids of a page of events are written this way.
    pairs, digits = _pairs(alphabet), ""
    for _ in range(length // 2):
        number, rest = divmod(number, len(pairs))
        digits = pairs[rest] + digits
    return alphabet[number % len(alphabet)] + digits if length % 2 else digits


@cache
def _pairs(alphabet: str) -> list[str]:
    return [high + low for high in alphabet for low in alphabet]


def from_digits(digits: str, alphabet: str = BASE62) -> int | None:
    """The number ``to_digits`` wrote, or None where a character is not of the alphabet."""
    number = 0
    for digit in digits:
        value = alphabet.find(digit)
        if value < 0:
            return None
        number = number * len(alphabet) + value
    return number
