"""The forms in which every operator with a plan is put: attributes, operator sets, inputs.

Attributes and what they may be are read from the operators, so an operator that is new, or gains an attribute, has
forms at once. What cannot be read from there is in ``plan_inputs.py``: shapes, lists of numbers, what was an input or
an attribute in which operator set.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from playground.operators import Operator
from playground.operators._attributes import Attribute
from tests.contract.plan_inputs import ABSENT, INPUTS, Activation, Inputs, Source, Weights, X

__all__ = ["Activation", "Form", "Source", "Weights", "forms_of"]


@dataclass(frozen=True)
class Form:
    """One node to be planned."""

    opset: int
    attributes: Mapping[str, Any]
    sources: tuple[Source, ...]


VALUES: dict[str, tuple[Any, ...]] = {
    "strides": (ABSENT, [3, 2]),
    "dilations": (ABSENT, [2, 1]),
    "pads": (ABSENT, [1, 0, 1, 2]),
    "axis": (ABSENT, 0, 1, -1, -2),
    "block_size": (ABSENT,),
}
"""By attribute: values worth trying."""


def forms_of(entry: Operator) -> Iterator[Form]:
    """Every form of an operator."""
    required = [p for p in list(inspect.signature(entry.run).parameters.values())[1:] if p.default is p.empty]
    count = sum(p.kind is p.POSITIONAL_OR_KEYWORD for p in required)
    for inputs in INPUTS.get(entry.name, [Inputs((X,) * max(1, count))]):
        tried = [inputs.attributes.get(a.name) or values_of(a) for a in entry.attributes]
        for opset, values in itertools.product(inputs.opsets, itertools.product(*tried)):
            named = zip(entry.attributes, values, strict=True)
            attributes = {a.name: value for a, value in named if value is not ABSENT}
            if not ("pads" in attributes and attributes.get("auto_pad", "NOTSET") not in ("NOTSET", "")):
                sources = inputs.sources(attributes) if callable(inputs.sources) else inputs.sources
                yield Form(opset, attributes, sources)


def values_of(attribute: Attribute) -> tuple[Any, ...]:
    """What an attribute is tried with: everything it may be, or its absence and other numbers."""
    if attribute.name in VALUES:
        return VALUES[attribute.name]
    if attribute.choices:
        return attribute.choices
    return *([] if attribute.required else [ABSENT]), *{
        "float": (0.3, 1.5),
        "int": (max(1, int(attribute.low or 1)),),
    }.get(attribute.kind, ())
