"""Inputs and attributes of a node, by what its operator says of them (``takes``, ``attributes``, ``ranks``)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.operators import Operator, Scales
from playground.operators._operator import Takes
from tests.fuzz.products import product, recurrent

if TYPE_CHECKING:
    from tests.fuzz.graphs import Chain

_INTEGERS = np.int64


def arguments(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    """Names of a node's inputs, and attributes that go with them."""
    if entry.scales is Scales.PRODUCT:
        return product(chain, entry)
    if entry.name in _OWN:
        return _OWN[entry.name](chain, entry)
    first = chain.source(entry.ranks)
    x = chain.values[first]
    least, most = entry.arity
    count = int(chain.rng.integers(max(least, 1), min(most, 4) + 1))
    names = [chain.read(first)]
    for place in range(1, count):
        takes = entry.takes[min(place, len(entry.takes) - 1)]
        names.append(_second(chain, first) if takes is Takes.VALUES else _known(chain, takes, x.shape))
    return names, {}


def _second(chain: Chain, first: str) -> str:
    """Another value that broadcasts with the first: of its shape, one that is there, or a constant."""
    shape, rng = chain.values[first].shape, chain.rng
    kind = rng.random()
    if kind < 0.3:
        return chain.read(chain.source((len(shape), len(shape)), lambda x: x.shape == shape))
    if kind < 0.55:
        partly = tuple(n if rng.random() < 0.6 else 1 for n in shape)[int(rng.integers(0, 2)) * (len(shape) > 1) :]
        if kind < 0.42:
            return chain.read(chain.fed(partly))
        return chain.weights(partly, None)
    if kind < 0.8:
        return chain.constant(np.float32(rng.uniform(0.1, 2)), "k")
    partly = tuple(n if i == len(shape) - 1 else 1 for i, n in enumerate(shape))
    return chain.constant(chain.floats(partly), "k")


def _known(chain: Chain, takes: Takes, shape: tuple[int, ...]) -> str:
    rng, rank = chain.rng, len(shape)
    if takes is Takes.NUMBER:
        return chain.constant(np.float32(rng.normal()))
    if takes is Takes.PARAMETER:
        return chain.constant(chain.floats(shape[-1:]))
    if takes is Takes.CONDITION:
        return chain.constant(rng.random(shape) < 0.5)
    if takes is Takes.AXES:
        some = rng.permutation(rank)[: int(rng.integers(1, rank + 1))]
        return chain.constant((some - rank * int(rng.integers(2))).astype(_INTEGERS))
    return chain.constant(rng.integers(0, 4, rank).astype(_INTEGERS))


def _gather(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    if rng.random() < 0.5:
        rows = int(rng.integers(1, 30))
        table, axis = chain.weights((rows, int(rng.integers(1, 20))), None), 0
    else:
        table = chain.read(chain.source((1, 4)))
        axis = int(rng.integers(chain.values[table].ndim))
        rows = chain.values[table].shape[axis]
    shape = tuple(int(n) for n in rng.integers(1, 5, int(rng.integers(0, 3))))
    places = rng.integers(-rows, rows, shape).astype(rng.choice([np.int32, np.int64]))
    if rng.random() < 0.5:
        return [table, chain.constant(places, "i")], {"axis": axis}
    name = f"x{len(chain.feeds)}"
    chain.feeds[name] = chain.values[name] = places
    return [table, name], {"axis": axis}


def _reshape(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    first = chain.source((1, 6))
    sizes, left = [], math.prod(chain.values[first].shape)
    for _ in range(int(chain.rng.integers(1, 5))):
        divisors = [d for d in range(1, min(left, 50) + 1) if left % d == 0]
        sizes.append(int(chain.rng.choice(divisors)))
        left //= sizes[-1]
    sizes.append(-1 if chain.rng.random() < 0.5 else left)
    return [chain.read(first), chain.constant(np.array(sizes, _INTEGERS))], {}


def _expand(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.fed(tuple(n if rng.random() < 0.5 else 1 for n in chain.shape((1, 4))))
    own = chain.values[first].shape
    wanted = [n if n > 1 else int(rng.integers(1, 6)) for n in own]
    wanted = ([int(rng.integers(1, 4))] if rng.random() < 0.3 else []) + wanted
    return [chain.read(first), chain.constant(np.array(wanted, _INTEGERS))], {}


def _slice(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((1, 5))
    shape = chain.values[first].shape
    axes = rng.permutation(len(shape))[: int(rng.integers(1, len(shape) + 1))]
    starts = [int(rng.integers(-shape[a], shape[a])) for a in axes]
    steps = [int(s) for s in rng.choice([1, 1, 2, -1, -2], axes.size)]
    ends = [2**31 - 1 if s > 0 else -(2**31) + 1 for s in steps]
    if rng.random() < 0.5:
        ends = [int(rng.integers(-shape[a] - 1, shape[a] + 1)) for a in axes]
    given = (np.array(v, _INTEGERS) for v in (starts, ends, axes, steps))
    return [chain.read(first), *(chain.constant(v) for v in given)], {}


def _split(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((1, 5))
    shape = chain.values[first].shape
    axis = int(rng.integers(len(shape)))
    cuts = sorted(int(n) for n in rng.integers(1, max(shape[axis], 2), int(rng.integers(1, 3))))
    sizes = [b - a for a, b in zip([0, *cuts], [*cuts, shape[axis]], strict=True)]
    attributes = {"axis": axis, "outputs": len(sizes)}
    return [chain.read(first), chain.constant(np.array(sizes, _INTEGERS))], attributes


def _unsqueezed(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    if entry.name == "Squeeze":
        first = chain.fed(tuple(n if rng.random() < 0.5 else 1 for n in chain.shape((2, 5))))
        own = chain.values[first].shape
        axes = [i for i, n in enumerate(own) if n == 1 and rng.random() < 0.7] or [
            i for i, n in enumerate(own) if n == 1
        ]
    else:
        first = chain.source((1, 4))
        rank = chain.values[first].ndim + 1
        axes = [int(rng.integers(-rank, rank))]
    return [chain.read(first), *([chain.constant(np.array(axes, _INTEGERS))] if axes else [])], {}


def _reduced(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((1, 5))
    rank = chain.values[first].ndim
    axes = [int(a) for a in rng.permutation(rank)[: int(rng.integers(1, rank + 1))]]
    return [chain.read(first), chain.constant(np.array(axes, _INTEGERS))], {}


def _pad(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((1, 5))
    widths = rng.integers(0, 4, 2 * chain.values[first].ndim).astype(_INTEGERS)
    if rng.random() < 0.3:
        mode = str(rng.choice(["edge", "reflect", "wrap"]))
        return [chain.read(first), chain.constant(widths)], {"mode": mode}
    value = [chain.constant(np.float32(rng.normal()))] if rng.random() < 0.6 else []
    return [chain.read(first), chain.constant(widths), *value], {}


def _resized(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((4, 4))
    factors = np.array([1, 1, *rng.choice([0.5, 1, 1.5, 2, 3], 2)], np.float32)
    how = {"mode": "linear"} if rng.random() < 0.3 else {}
    if rng.random() < 0.5:
        sizes = [*chain.values[first].shape[:2], *(int(n) for n in rng.integers(1, 12, 2))]
        return [chain.read(first), "", "", chain.constant(np.array(sizes, _INTEGERS))], how
    mode = str(rng.choice(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]))
    rounding = str(rng.choice(["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]))
    attributes = {"coordinate_transformation_mode": mode, "nearest_mode": rounding, **how}
    return [chain.read(first), "", chain.constant(np.maximum(factors, 1))], attributes


def _transposed(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    first = chain.source((1, 5))
    order = [int(a) for a in chain.rng.permutation(chain.values[first].ndim)]
    return [chain.read(first)], {"perm": order} if chain.rng.random() < 0.8 else {}


def _blocks(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    size = int(rng.integers(1, 4))
    n, channels, height, width = (int(k) for k in rng.integers(1, 5, 4))
    if entry.name == "SpaceToDepth":
        return [chain.read(chain.fed((n, channels, height * size, width * size)))], {"blocksize": size}
    mode = str(rng.choice(["DCR", "CRD"]))
    return [chain.read(chain.fed((n, channels * size * size, height, width)))], {"blocksize": size, "mode": mode}


def _where(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    first = chain.source((1, 4))
    low = chain.constant(np.float32(-1e9))
    condition = _known(chain, Takes.CONDITION, chain.values[first].shape)
    pair = [chain.read(first), low]
    return [condition, *(pair if chain.rng.random() < 0.5 else pair[::-1])], {}


def _concat(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((1, 4))
    shape = chain.values[first].shape
    axis = int(rng.integers(len(shape)))
    names = [chain.read(first)]
    for _ in range(int(rng.integers(1, 4))):
        if rng.random() < 0.3:
            names.append(names[0])
        else:
            other = tuple(int(rng.integers(1, 6)) if a == axis else n for a, n in enumerate(shape))
            names.append(chain.read(chain.fed(other)))
    return names, {"axis": axis - len(shape) * int(rng.integers(2))}


def _layer_norm(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    first = chain.source((2, 4))
    columns = chain.values[first].shape[-1:]
    more = [chain.constant(chain.floats(columns)) for _ in range(int(chain.rng.integers(1, 3)))]
    return [chain.read(first), *more], {"axis": -1}


def _channel_norm(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    rng = chain.rng
    first = chain.source((3, 5))
    channels = chain.values[first].shape[1]
    count = 4 if entry.name == "BatchNormalization" else 2
    more = [chain.constant(np.abs(chain.floats((channels,)))) for _ in range(count)]
    if entry.name != "GroupNormalization":
        return [chain.read(first), *more], {}
    groups = int(rng.choice([n for n in range(1, channels + 1) if channels % n == 0]))
    return [chain.read(first), *more], {"num_groups": groups}


def _cast(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    array = chain.floats(chain.shape((1, 4)))
    return [chain.constant(array)], {"to": int(chain.rng.choice([1, 6, 7, 10, 11]))}


def _shape(chain: Chain, entry: Operator) -> tuple[list[str], dict[str, Any]]:
    return [chain.read(chain.source((1, 5)))], {}


_OWN = {
    **dict.fromkeys(("BatchNormalization", "GroupNormalization", "InstanceNormalization"), _channel_norm),
    **dict.fromkeys(("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceMax", "ReduceMean", "ReduceMin"), _reduced),
    **dict.fromkeys(("ReduceSum", "ReduceSumSquare"), _reduced),
    "Cast": _cast,
    "Concat": _concat,
    "DepthToSpace": _blocks,
    "Expand": _expand,
    "GRU": recurrent,
    "Gather": _gather,
    "LSTM": recurrent,
    "LayerNormalization": _layer_norm,
    "Pad": _pad,
    "Reshape": _reshape,
    "Resize": _resized,
    "Shape": _shape,
    "Slice": _slice,
    "SpaceToDepth": _blocks,
    "Split": _split,
    "Squeeze": _unsqueezed,
    "Transpose": _transposed,
    "Unsqueeze": _unsqueezed,
    "Where": _where,
}
