"""Numbers of bytes and seconds as people read them."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")


def size(count: int) -> str:
    """A number of bytes in the largest unit (of 1000) that leaves a 1 or more: "214 kB"."""
    value, unit = float(count), 0
    while value >= 999.5 and unit + 1 < len(_UNITS):
        value, unit = value / 1000, unit + 1
    shown = f"{value:.1f}" if unit and value < 9.95 else f"{value:.0f}"
    return f"{shown} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Seconds as "12 s", "3 min 05 s" or "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
