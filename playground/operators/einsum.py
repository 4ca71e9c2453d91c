"""Einsum: sums of products, by the names of axes."""

from __future__ import annotations

import math
import re

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, text
from playground.operators._operator import Operator
from playground.programs.call import Array, Call

_EQUATION = re.compile(r"[A-Za-z.,]*(->[A-Za-z.]*)?")


def run(call: Call, first: Array, *others: Array) -> Array:
    """Products of all inputs, summed over the axes that the output does not name."""
    equation = text(call.get("equation")).replace(" ", "")
    inputs = (first, *others)
    terms, _, output = equation.partition("->")
    named = terms.split(",")
    if not _EQUATION.fullmatch(equation) or len(named) != len(inputs):
        raise InvalidInputError(
            f"{equation!r:.80} is not a valid equation of {len(inputs)} inputs",
            hint="Give one letter an axis, a comma between inputs, and -> before the output",
        )
    sizes: dict[str, int] = {}
    for term, x in zip(named, inputs, strict=True):
        for label, n in zip(_labels(term, x), x.shape, strict=True):
            known = sizes.setdefault(label, n)
            if known == 1:
                sizes[label] = n
            elif n not in (known, 1):
                raise InvalidInputError(
                    f"axis {label!r} of {equation!r:.80} is {known} and {n} long", hint="Use one size for each letter"
                )
    call.room.work(math.prod(sizes.values()))
    shown = output if "->" in equation else [label for label in sizes if terms.count(label) == 1]
    call.room.value([n for label, n in sizes.items() if label in shown or label.isdigit()], np.result_type(*inputs))
    made = np.einsum(equation, *inputs, optimize=len(inputs) == 2)
    return np.asarray(made, first.dtype)


def _labels(term: str, x: Array) -> list[str]:
    """A name for each axis of an input: its letter; those under dots are counted from the last one."""
    before, dots, after = term.partition("...")
    spread = x.ndim - len(before) - len(after)
    if "." in before + after or spread < 0 or (spread and not dots):
        raise InvalidInputError(
            f"{term!r} does not name the axes of a value of shape {list(x.shape)}", hint="Give one letter an axis"
        )
    return [*before, *(str(n) for n in range(spread)[::-1]), *after]


OPERATOR = Operator(name="Einsum", run=run, attributes=(Attribute("equation", "string", required=True),))
