"""Numbers with their units, as people read them."""

from __future__ import annotations


def size(count: float) -> str:
    """Bytes with unit and three significant digits: ``1.08 MB``; what would round to 1 000 takes the next unit."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= 0.9995 * factor:
            return f"{count / factor:#.3g}".rstrip(".") + f" {unit}"
    return f"{count:.0f} B"
