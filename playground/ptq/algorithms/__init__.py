"""The algorithms there are. They are imported when they are asked for: the page's first view needs none of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import cache

from playground.errors import InvalidInputError, one_of
from playground.model.recipe import AlgorithmCall
from playground.ptq.algorithms._algorithm import Algorithm
from playground.registry import discover


@cache
def algorithms() -> Mapping[str, Algorithm]:
    """Algorithm id -> algorithm, read-only.

    Raises:
        TypeError, ValueError: a file defines no ``ALGORITHM``, or two share an id: as ``registry.discover``.
    """
    return discover(sys.modules[__name__], "ALGORITHM", Algorithm)


def checked_calls(calls: Sequence[AlgorithmCall]) -> list[tuple[Algorithm, dict[str, float]]]:
    """The algorithms that a recipe calls, each with all its parameters.

    Raises:
        InvalidInputError: there is no such algorithm, or it has no such parameter, or a value is out of its bounds.
    """
    found = []
    for call in calls:
        algorithm = algorithms().get(call.id)
        if algorithm is None:
            raise InvalidInputError(
                f"there is no algorithm {call.id!r}", where="algorithms", hint=one_of(call.id, algorithms())
            )
        parameters = {parameter.name: parameter.default for parameter in algorithm.parameters}
        known = {parameter.name: parameter for parameter in algorithm.parameters}
        for name, value in call.parameters:
            if name not in known:
                accepted = one_of(name, known) if known else "Leave it out: this algorithm has no parameters"
                raise InvalidInputError(
                    f"{call.id} has no parameter {name!r}", where=f"algorithm {call.id!r}", hint=accepted
                )
            known[name].require(value)
            parameters[name] = int(value) if known[name].integer else value
        found.append((algorithm, parameters))
    return found
