"""Whether an image in a data URL is one that training takes.

VISDOC: JPEG, PNG or WEBP of at most 10 MB in mode RGB or RGBA. An image that is not is *skipped*, and the job goes on
without it. Its format is told by its content, whatever the URL says; it has to be whole, but its pixels are not
decoded. Images behind http(s) URLs are never fetched, and count as good.
"""

from __future__ import annotations

from binascii import Error as Base64Error
from binascii import a2b_base64
from typing import Literal

Skipped = Literal["too_large", "unreadable", "wrong_format", "wrong_mode"]

MAX_IMAGE_BYTES = 10 * 1024 * 1024
"""VISDOC's 10 MB, taken as 2**20 bytes each (assumed)."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_COLOURS = (2, 6)
"""The colour types RGB and RGBA; the others are greys and palettes."""
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that begin a frame, which tells the number of components."""
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD8)))
"""Markers without a length."""


def skipped(url: str) -> Skipped | None:
    """Why the image at ``url`` is left out of training; None for one that is used."""
    if url[:5].lower() != "data:":
        return None
    encoded = url[url.index(",") + 1 :]
    if len(encoded) // 4 * 3 > MAX_IMAGE_BYTES + 2:
        return "too_large"
    try:
        data = a2b_base64(encoded, strict_mode=True)
    except (Base64Error, ValueError):  # ValueError: a character that base64 cannot have at all
        return "unreadable"
    if len(data) > MAX_IMAGE_BYTES:
        return "too_large"
    if data.startswith(_PNG):
        return _png_fault(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg_fault(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp_fault(data)
    return "wrong_format"


def _png_fault(data: bytes) -> Skipped | None:
    if data[12:16] != b"IHDR" or data.find(b"IEND", 33) < 0 or not (any(data[16:20]) and any(data[20:24])):
        return "unreadable"
    return None if data[25] in _PNG_COLOURS else "wrong_mode"


def _jpeg_fault(data: bytes) -> Skipped | None:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # padding before a marker
            at += 1
        elif marker in _JPEG_FRAMES:
            if at + 10 > len(data) or data.find(b"\xff\xd9", at) < 0:
                return "unreadable"
            return None if data[at + 9] == 3 else "wrong_mode"  # 1: grey, 4: CMYK
        elif marker in _JPEG_BARE:
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4], "big"))
    return "unreadable"


def _webp_fault(data: bytes) -> Skipped | None:
    """Every WEBP is RGB or RGBA; its container says how long it is."""
    whole = len(data) >= 20 and int.from_bytes(data[4:8], "little") + 8 <= len(data)
    return None if whole and data[12:16] in (b"VP8 ", b"VP8L", b"VP8X") else "unreadable"
