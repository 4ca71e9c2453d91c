"""Numbers as people read them: units, three significant digits, a true minus sign."""

from __future__ import annotations

import math

from playground.units import size

__all__ = ["affine", "digits", "grouped", "percent", "points", "shape", "size", "times"]


def digits(value: float, significant: int = 3) -> str:
    """``value`` with the given number of significant digits, without an exponent where that is readable.

    >>> digits(0.0914159), digits(1234.5), digits(-0.5), digits(float("inf"))
    ('0.0914', '1230', '−0.500', '∞')
    """
    if math.isnan(value):
        return "—"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(abs(value)))
    rounded = round(value, significant - 1 - exponent)
    exponent = math.floor(math.log10(abs(rounded)))
    if -5 < exponent < 7:
        text = f"{rounded:.{max(0, significant - 1 - exponent)}f}"
    else:
        text = f"{rounded:.{significant - 1}e}"
    return text.replace("-", "−")


def affine(scale: float, code: int, zero_point: int) -> str:
    """``real = scale × (code − zero_point)`` with its numbers, as one would write it: ``1.92 = 0.481 × (3 + 1)``."""
    sign, offset = ("−", zero_point) if zero_point >= 0 else ("+", -zero_point)
    shown = f"({code} {sign} {offset})".replace("(-", "(−")
    return f"{digits(scale * (code - zero_point))} = {digits(scale)} × {shown}"


def grouped(count: int) -> str:
    """A whole number in groups of three, set apart by narrow no-break spaces: ``65 536``."""
    return f"{count:,}".replace(",", "\u202f")


def percent(share: float) -> str:
    """A share of one as a percentage with one decimal: ``85.6 %``; what rounds to none or all says so: ``< 0.1 %``."""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %"


def points(difference: float) -> tuple[str, str]:
    """A difference of two shares in percentage points, and whether it is ``"better"``, ``"worse"`` or neither."""
    change = round(100 * difference, 1)
    tone = "better" if change > 0 else "worse" if change < 0 else ""
    return (f"{change:+.1f} points".replace("-", "−") if change else "as float"), tone


def times(ratio: float) -> str:
    """How many times as fast or as long: times vary from run to run, so two digits.

    >>> times(2.04), times(0.613)
    ('2.0', '0.61')
    """
    return digits(ratio, 2)


def shape(sizes: tuple[int, ...]) -> str:
    """A shape: ``512 × 128``; a scalar is called that."""
    return " × ".join(str(n) for n in sizes) if sizes else "scalar"
