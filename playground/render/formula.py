"""The formula behind a level, with the numbers of the report in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from playground.render.numbers import affine, digits
from playground.tensor_view.picture import Picture


def general(report: Picture) -> str:
    """The formula as such."""
    scheme = report.scheme
    if scheme.number_format.is_fitted:
        return "real = the nearest level of the codebook made for these values"
    if not scheme.is_scaled:
        return "real = the nearest number of the format"
    number = "(code − zero-point)" if report.has_zero_point and not report.offset else "number"
    return f"real = scale × {number}" + (" + offset" if report.offset else "")


def of_level(report: Picture, place: int) -> str:
    """The formula of a listed level."""
    if report.has_zero_point and not report.offset:
        return affine(report.scale, int(report.codes[place]), report.zero_point)
    value = digits(float(report.levels[place]))
    if not report.scheme.is_scaled:
        return value
    product = f"{value} = {digits(report.scale)} × {digits(float(report.numbers[place]))}"
    if not report.offset:
        return product
    return product + (" + " if report.offset > 0 else " − ") + digits(abs(report.offset))


def at(report: Picture, values: NDArray[np.float64]) -> list[str]:
    """For each value the formula of the level it ends up on, or what becomes of it where levels are not listed."""
    if report.levels.size:
        places = report.places_of(values).tolist()
        texts = {place: of_level(report, place) for place in set(places)}
        return [texts[place] for place in places]
    made = report.become(values.astype(np.float32)).tolist()
    return [f"{digits(x, 5)} → {digits(y, 5)}" for x, y in zip(values.tolist(), made, strict=True)]


def example(report: Picture) -> str:
    """The formula of the highest level."""
    if report.levels.size:
        return of_level(report, int(np.argmax(report.levels)))
    return at(report, np.array([report.hi]))[0]
