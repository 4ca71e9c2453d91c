"""What a graph's inputs are for, as far as its nodes and names tell: ids of a table, masks, images, sizes, states."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import operators
from playground.engines.evaluation import evaluate
from playground.errors import PlaygroundError
from playground.model.element_types import BY_NAME
from playground.model.graph import Node, ValueInfo
from playground.model.graph_view import GraphView
from playground.operators import Trait, find

LOW = -100.0
"""What is added to scores that Softmax is to ignore lies below this."""

BYTES = 255.0
"""The highest value of a pixel that is a byte."""

MOST_STEPS = 200
"""Nodes that are followed from one input."""

IMAGE_CHANNELS = (1, 3, 4)

_POSITIONS = re.compile(r".*position.*", re.IGNORECASE)
_TYPES = re.compile(r".*(token_type|segment).*", re.IGNORECASE)
_MASK = re.compile(r".*mask.*", re.IGNORECASE)
_STATE = re.compile(r".*(state|hidden|cache|past|memory|mems?).*|[hc]_?0|[hc]x|[hc]n?", re.IGNORECASE)
_SIZES = re.compile(r".*(size|shape|length|len|lens|scale|ratio|sr|rate|num|count|timestep).*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Role:
    """What an input is for.

    Attributes:
        kind: ``"ids"``, ``"positions"``, ``"types"``, ``"mask"``, ``"flag"``, ``"image"``, ``"sizes"``, ``"state"`` or
            ``"values"``.
        rows: of ids and positions: how many rows the smallest table has that they choose from; 0: not known.
        highest: of images: the value of the brightest pixel.
        neutral: of masks: the value that hides nothing.
        channels_last: of images.
    """

    kind: str
    rows: int = 0
    highest: float = 1.0
    neutral: float = 1.0
    channels_last: bool = False


def role_of(view: GraphView, value: ValueInfo) -> Role:
    """What an input is for: what the nodes that read it tell, then its name, type and shape."""
    whole = _is_whole(value.dtype)
    if value.dtype == "bool":
        return Role("mask") if _MASK.fullmatch(value.name) else Role("flag")
    rows = _rows_of_tables(view, value.name) if whole else 0
    if whole and _TYPES.fullmatch(value.name):
        return Role("types", rows)
    if whole and _POSITIONS.fullmatch(value.name):
        return Role("positions", rows)
    if rows:
        return Role("ids", rows)
    neutral = _neutral_mask(view, value)
    if neutral is not None:
        return Role("mask", neutral=neutral)
    if _MASK.fullmatch(value.name):
        return Role("mask")
    return _by_shape(view, value, whole)


def _by_shape(view: GraphView, value: ValueInfo, whole: bool) -> Role:
    shape, channels = value.shape, _channels_axis(value)
    if shape is not None and len(shape) <= 2:
        short = len(shape) < 2 or shape[-1] == 2
        if (whole and len(shape) < 2) or (_SIZES.fullmatch(value.name) and (whole or short)):
            return Role("sizes")
    if not whole and _STATE.fullmatch(value.name) and channels is None:
        return Role("state")
    if channels is not None and (not whole or value.dtype == "uint8"):
        highest = BYTES if value.dtype == "uint8" else _highest_pixel(view, value.name)
        return Role("image", highest=highest, channels_last=channels == 3)
    return Role("values")


def _is_whole(dtype: str) -> bool:
    element = BY_NAME.get(dtype)
    return element is not None and bool(element.stored) and np.dtype(element.stored).kind in "iu"


def _channels_axis(value: ValueInfo) -> int | None:
    """The axis of an image's channels; None if it is not an image."""
    shape = value.shape
    if shape is None or len(shape) != 4:
        return None
    if shape[1] in IMAGE_CHANNELS:
        return 1
    return 3 if shape[3] in IMAGE_CHANNELS else None


def _moves(node: Node) -> bool:
    """Whether values come out of a node as they went in: moved, or of another type."""
    found = find(node)
    if found is None:
        return False
    return bool(found.traits & (Trait.MOVES | Trait.REMOVABLE)) or found is operators.cast.OPERATOR


def _constant(view: GraphView, name: str) -> NDArray[Any] | None:
    tensor = view.constants.get(name)
    return None if tensor is None or tensor.dtype == "string" else tensor.numpy()


def _rows_of_tables(view: GraphView, name: str) -> int:
    """How many rows the smallest constant table has that a value chooses from; 0 if it chooses from none."""
    rows: list[int] = []
    waiting, seen = [(name, 0)], {name}
    while waiting and len(seen) < MOST_STEPS:
        held, offset = waiting.pop()
        for node in view.readers(held):
            table = view.constants.get(node.inputs[0]) if node.inputs else None
            if find(node) is operators.gather.OPERATOR and held in node.inputs[1:] and table is not None:
                if table.shape:
                    rows.append(table.shape[int(node.attributes.get("axis", 0))] - offset)
                continue
            more = _shift(view, node, held)
            if more is not None and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                waiting.append((node.outputs[0], offset + more))
    return max(1, min(rows)) if rows else 0


def _shift(view: GraphView, node: Node, held: str) -> int | None:
    """What a node adds to indices that it passes on; None if it makes something else of them."""
    if _moves(node):
        return 0 if held == node.inputs[0] else None
    if find(node) is operators.add.OPERATOR:
        others = [_constant(view, name) for name in node.inputs if name != held]
        if len(others) == 1 and others[0] is not None and others[0].size and others[0].dtype.kind in "iu":
            return int(others[0].max())
    return None


def _neutral_mask(view: GraphView, value: ValueInfo) -> float | None:
    """The value, 0 or 1, with which an input hides no scores from Softmax; None if it is no mask.

    Both are followed through what the graph makes of them until they are added to something or choose what is kept.
    """
    element = BY_NAME.get(value.dtype)
    if element is None or not element.stored:
        return None
    waiting = [(value.name, np.array([0, 1, 1, 0]).astype(element.stored))]
    seen = {value.name}
    while waiting and len(seen) < MOST_STEPS:
        name, both = waiting.pop()
        for node in view.readers(name):
            neutral = _decided(view, node, name, both)
            if neutral is not None:
                return neutral
            made = _made_of(view, node, name, both)
            if made is not None and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                waiting.append((node.outputs[0], made))
    return None


def _decided(view: GraphView, node: Node, name: str, both: NDArray[Any]) -> float | None:
    """Which value hides nothing, where a node uses what became of them to hide something."""
    found, others = find(node), [other for other in node.inputs if other != name]
    live = [other for other in others if other not in view.constants]
    if found is operators.add.OPERATOR and len(live) == 1 and both.dtype.kind == "f":
        if both.min() <= LOW:
            return float(both[1] > both[0])
        return 0.0 if both[0] == 0 and _read_by_softmax(view, node.outputs[0]) else None
    if found is operators.where.OPERATOR and node.inputs[0] == name and len(live) == 1:
        (constant,) = (_constant(view, other) for other in others if other in view.constants)
        if constant is not None and constant.dtype.kind == "f" and constant.size and constant.min() <= LOW:
            chooses = live[0] == node.inputs[1]
            return float(bool(both[1]) == chooses)
    return None


def _read_by_softmax(view: GraphView, name: str) -> bool:
    for node in view.readers(name):
        if find(node) is operators.softmax.OPERATOR:
            return True
        if _moves(node) and node.inputs[0] == name and _read_by_softmax(view, node.outputs[0]):
            return True
    return False


def _made_of(view: GraphView, node: Node, name: str, both: NDArray[Any]) -> NDArray[Any] | None:
    """What a node makes of the two values, if it treats each value by itself; None if it does not."""
    found = find(node)
    if found is None or found.run is None:
        return None
    if _moves(node) and found is not operators.cast.OPERATOR:
        return both if node.inputs[0] == name else None
    values = {name: both}
    for other in node.inputs:
        if other and other != name:
            constant = _constant(view, other)
            if constant is None:  # two masks, or a mask and what it hides
                return both if found is operators.mul.OPERATOR else None
            if not constant.size:
                return None
            values[other] = constant.reshape(-1)[:1]
    try:
        made = evaluate(view.graph, node, values)[node.outputs[0]]
    except PlaygroundError:
        return None
    alike = made.shape == both.shape and made[0] == made[3] and made[1] == made[2] and made[0] != made[1]
    return made if alike else None


def _highest_pixel(view: GraphView, name: str) -> float:
    """1, or 255 where the graph begins by dividing by much or by taking off a mean of many grey levels."""
    waiting, seen = [name], {name}
    while waiting and len(seen) < MOST_STEPS:
        held = waiting.pop()
        for node in view.readers(held):
            if any(size > sign for size, sign in _signs_of_bytes(view, node, held)):
                return BYTES
            if _moves(node) and node.inputs[0] == held and node.outputs[0] not in seen:
                seen.add(node.outputs[0])
                waiting.append(node.outputs[0])
    return 1.0


def _signs_of_bytes(view: GraphView, node: Node, held: str) -> Iterator[tuple[float, float]]:
    """Magnitudes of what a first node takes off or divides by, each with the bound beyond which pixels are bytes."""
    found = find(node)
    constants = [_constant(view, name) for name in node.inputs if name != held]
    if not constants or constants[0] is None or not constants[0].size or node.inputs[0] != held:
        return
    size = float(np.abs(constants[0]).max())
    if found is operators.div.OPERATOR:
        yield size, 16.0
    elif found is operators.mul.OPERATOR:
        yield 1 / max(size, 1e-9), 16.0
    elif found is operators.sub.OPERATOR or found is operators.add.OPERATOR:
        yield size, 4.0
    elif found is operators.batch_normalization.OPERATOR and len(constants) > 2 and constants[2] is not None:
        yield float(np.abs(constants[2]).max()), 4.0
