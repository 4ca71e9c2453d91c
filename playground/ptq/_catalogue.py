"""The algorithms there are. They are imported when they are asked for: the page's first view needs none of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from playground import ptq
from playground.ptq._algorithm import Algorithm
from playground.registry import discover

MACHINERY = (
    "activations",
    "constants",
    "exclusion",
    "pipeline",
    "placement",
    "qdq",
    "report",
)
"""The modules of ``playground/ptq/`` that are no algorithms; every other one is."""


@cache
def algorithms() -> Mapping[str, Algorithm]:
    """Algorithm id -> algorithm, read-only.

    Raises:
        TypeError, ValueError: a file defines no ``ALGORITHM``, or two share an id: as ``registry.discover``.
    """
    return discover(ptq, "ALGORITHM", Algorithm, besides=MACHINERY)
