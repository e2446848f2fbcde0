"""Amounts as people read them."""

from __future__ import annotations


def told_duration(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``2 min 05 s``, ``3 h 20 min``, ``2 d 4 h``: two units at most."""
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if hours < 24:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(round(seconds / 3600), 24)
    return f"{days} d {hours} h"


def told_stopwatch(seconds: float) -> str:
    """``0:07``, ``1:02:07``: for the margin of a log."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def told_size(size_bytes: int) -> str:
    """``123 bytes``, ``12.3 kB``, ``300.0 MB``: decimal units."""
    if size_bytes < 1000:
        return f"{size_bytes} bytes"
    size = float(size_bytes)
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.95:
            return f"{size:.1f} {unit}"
    return f"{size / 1000:,.1f} TB"


def told_usd(usd: float) -> str:
    """``$1,234.50``, ``$0.0238``, ``$0.000028``: small amounts with more digits, below a millionth ``<$0.000001``."""
    if usd >= 0.1 or usd == 0:
        return f"${usd:,.2f}"
    if usd >= 0.0001:
        return f"${usd:.4f}"
    return f"${usd:.6f}" if usd >= 0.000001 else "<$0.000001"


def counted(count: int, noun: str) -> str:
    """``1 example``, ``1,200 examples``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
