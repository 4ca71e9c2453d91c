"""What a stranger may do to a graph: attributes, indices, sizes, names and element types that are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from playground.model.graph import Tensor, ValueInfo
from playground.operators import find

if TYPE_CHECKING:
    from tests.fuzz.graphs import Case

NUMBERS = (
    -(2**63),
    -(2**31) - 1,
    -(2**31),
    -7,
    -1,
    0,
    1,
    3,
    255,
    2**16,
    2**20,
    2**31 - 1,
    2**31,
    2**40,
    2**62,
    2**63 - 1,
)
FLOATS = (0.0, -1.0, 1e-45, 1e38, -1e38, float("inf"), float("nan"))
TYPES = ("int8", "uint8", "int32", "int64", "float16", "float64", "bool", "float32", "uint16")


def damaged(case: Case, rng: np.random.Generator) -> Case:
    """The case after one or two faults of a random kind; its text says which."""
    for _ in range(1 if rng.random() < 0.7 else 2):
        kind = _KINDS[int(rng.integers(len(_KINDS)))]
        kind(case, rng)
        case.damage += f" {kind.__name__.strip('_')}"
    return case


def _any(rng: np.random.Generator, some: Any) -> Any:
    return some[int(rng.integers(len(some)))]


def _with_node(case: Case, index: int, **changes: Any) -> None:
    nodes = list(case.graph.nodes)
    nodes[index] = replace(nodes[index], **changes)
    case.graph = case.graph.with_(nodes=tuple(nodes))


def _attribute(case: Case, rng: np.random.Generator) -> None:
    index = int(rng.integers(len(case.graph.nodes)))
    node = case.graph.nodes[index]
    entry = find(node)
    known = [*(entry.attributes if entry else ()), *node.attributes]
    if not known:
        return
    chosen = _any(rng, known)
    name = chosen if isinstance(chosen, str) else chosen.name
    old = node.attributes.get(name)
    number = int(_any(rng, NUMBERS))
    values: list[Any] = [number, [number] * int(rng.integers(0, 6)), float(_any(rng, FLOATS)), "text", None]
    if isinstance(old, list) and old:
        values += [[*old[:-1], number]] * 4
    _with_node(case, index, attributes={**node.attributes, name: _any(rng, values)})


def _constant(case: Case, rng: np.random.Generator) -> None:
    if not case.graph.initializers:
        return
    names = list(case.graph.initializers)
    wide = [name for name in names if case.graph.initializers[name].dtype == "int64"]  # sizes, places, axes
    name = _any(rng, wide if wide and rng.random() < 0.7 else names)
    array = case.graph.initializers[name].numpy().copy()
    if array.size and rng.random() < 0.8:
        _wrong_value(array, rng)
    else:
        array = np.zeros((0, *array.shape[1:]), array.dtype)
    _set(case, name, array)


def _places(case: Case, rng: np.random.Generator) -> None:
    """Sizes, axes, bounds or indices just beside what they were, in a constant or in what is fed."""
    wide = [n for n, t in case.graph.initializers.items() if t.dtype in ("int32", "int64") and t.size]
    fed = [n for n, x in case.feeds[0].items() if x.dtype.kind == "i" and x.size]
    for name in [_any(rng, fed)] if fed else []:
        for some in case.feeds:
            some[name] = some[name].copy()
            _wrong_value(some[name], rng, far=0.2)
    lists = [
        (index, name)
        for index, node in enumerate(case.graph.nodes)
        for name, value in node.attributes.items()
        if isinstance(value, list) and value
    ]
    if lists and (not wide or rng.random() < 0.3):
        index, name = _any(rng, lists)
        attributes = case.graph.nodes[index].attributes
        values = np.array(attributes[name])
        _wrong_value(values, rng, far=0.2)
        _with_node(case, index, attributes={**attributes, name: values.tolist()})
    elif wide and not fed:
        name = _any(rng, wide)
        array = case.graph.initializers[name].numpy().copy()
        _wrong_value(array, rng, far=0.2)
        _set(case, name, array)


def _wrong_value(array: Any, rng: np.random.Generator, far: float = 0.6) -> None:
    """Change one value: to one just beside it, or (mostly, or with a chance of ``far``) far out."""
    place = int(rng.integers(array.size))
    old = array.reshape(-1)[place]
    whole = array.dtype.kind in "iu"
    near = [int(old) + 1, int(old) - 1, 2 * int(old) + 1, -int(old) - 1] if whole else [0.0]
    wrong = _any(rng, near if rng.random() >= far else NUMBERS if array.dtype.kind in "iub" else FLOATS)
    with np.errstate(all="ignore"):
        wrapped = (wrong + 2**63) % 2**64 - 2**63 if isinstance(wrong, int) else wrong
        array.reshape(-1)[place] = np.array(wrapped).astype(array.dtype)


def _set(case: Case, name: str, array: Any) -> None:
    case.graph = case.graph.with_(initializers={**case.graph.initializers, name: Tensor.of(name, array)})


def _constant_type(case: Case, rng: np.random.Generator) -> None:
    if case.graph.initializers:
        name = _any(rng, list(case.graph.initializers))
        with np.errstate(all="ignore"):
            _set(case, name, case.graph.initializers[name].numpy().astype(_any(rng, TYPES)))


def _constant_shape(case: Case, rng: np.random.Generator) -> None:
    if case.graph.initializers:
        name = _any(rng, list(case.graph.initializers))
        array = case.graph.initializers[name].numpy()
        shapes = [(1, *array.shape), (*array.shape, 1), (array.size,), (0,), (2, *array.shape)]
        _set(case, name, np.resize(array, _any(rng, shapes)))


def _input(case: Case, rng: np.random.Generator) -> None:
    index = int(rng.integers(len(case.graph.nodes)))
    node = case.graph.nodes[index]
    if not node.inputs:
        return
    names = [n for other in case.graph.nodes for n in (*other.inputs, *other.outputs)]
    place = int(rng.integers(len(node.inputs)))
    other = _any(rng, ["", "nowhere", _any(rng, names), _any(rng, names)])
    changed = (*node.inputs[:place], other, *node.inputs[place + 1 :])
    how = rng.random()
    if how < 0.15:
        changed = node.inputs[:place]
    elif how < 0.3:
        changed = (*node.inputs, other)
    _with_node(case, index, inputs=changed)


def _outputs(case: Case, rng: np.random.Generator) -> None:
    index = int(rng.integers(len(case.graph.nodes)))
    node = case.graph.nodes[index]
    _with_node(case, index, outputs=_any(rng, [(), ("",), (*node.outputs, "more"), node.outputs * 2]))


def _graph_output(case: Case, rng: np.random.Generator) -> None:
    names = ["nowhere", *case.graph.initializers, *(v.name for v in case.graph.inputs)]
    case.graph = case.graph.with_(outputs=(*case.graph.outputs, ValueInfo(_any(rng, names), "", None)))


def _fed_type(case: Case, rng: np.random.Generator) -> None:
    kind = _any(rng, TYPES)
    if case.graph.inputs:
        chosen = _any(rng, case.graph.inputs).name
        inputs = tuple(replace(v, dtype=kind) if v.name == chosen else v for v in case.graph.inputs)
        case.graph = case.graph.with_(inputs=inputs)
        with np.errstate(all="ignore"):
            case.feeds = [{n: x.astype(kind) if n == chosen else x for n, x in fed.items()} for fed in case.feeds]


def _fed_shape(case: Case, rng: np.random.Generator) -> None:
    if not case.graph.inputs:
        return
    value = _any(rng, case.graph.inputs)
    shape = list(value.shape or ())
    if shape:
        shape[int(rng.integers(len(shape)))] = int(_any(rng, [0, 1, 2, 13, 33]))
    else:
        shape = [2]
    inputs = tuple(replace(v, shape=tuple(shape)) if v.name == value.name else v for v in case.graph.inputs)
    case.graph = case.graph.with_(inputs=inputs)
    case.feeds = [
        {n: np.resize(x, shape).astype(x.dtype) if n == value.name else x for n, x in fed.items()} for fed in case.feeds
    ]


def _fed_values(case: Case, rng: np.random.Generator) -> None:
    for fed in case.feeds:
        for name, x in fed.items():
            if not x.size:
                continue
            fed[name] = x.copy()
            _wrong_value(fed[name], rng)


_KINDS = (
    _attribute,
    _attribute,
    _attribute,
    _constant,
    _constant,
    _constant,
    _constant,
    *(_places,) * 8,
    _constant_type,
    _constant_shape,
    _input,
    _outputs,
    _graph_output,
    _fed_type,
    _fed_shape,
    _fed_values,
    _fed_values,
)
