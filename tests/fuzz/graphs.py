"""Graphs drawn at random from the operators' own descriptions: which inputs and attributes they have, of which ranks.

Graph number i of a seed is always the same. Its first operator goes round all that have an integer form; others follow,
on values that are there already, so that inputs, weights and results are shared. A share of the graphs is then damaged:
attributes beyond their limits, indices outside, sizes of terabytes, missing values, other element types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.opening.operator_sets import with_operator_set
from playground.operators import Operator, Scales, all_operators, find
from tests.fuzz.arguments import arguments
from tests.fuzz.attributes import attributes_of
from tests.fuzz.damage import damaged

Array = np.ndarray[Any, Any]

QDQ, QOPERATOR, DYNAMIC, FLOAT = "qdq", "qoperator", "dynamic", "float"

# Constants become initializers when a file is read; what gives codes is put where a form wants it
_NOT_INTEGER = {"Constant", "com.microsoft.MatMulNBits", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"}
_NOT_INTEGER |= {"com.microsoft.QuantizeLinear", "com.microsoft.DequantizeLinear"}


@dataclass
class Case:
    """A graph, what it is fed (one batch after the other), and what was done to it."""

    graph: Graph
    feeds: list[dict[str, Array]]
    form: str
    operators: list[str] = field(default_factory=list)
    damage: str = ""


def integer_operators() -> list[Operator]:
    """Those that stand in a chain by themselves and have an integer form."""
    entries = all_operators().values()
    return [e for e in entries if (e.plan or e.expand) and e.id not in _NOT_INTEGER and e.scales is not Scales.CODES]


def coded_operators() -> list[Operator]:
    """Those that take codes and write out what they mean, or give sums."""
    entries = all_operators().values()
    return [e for e in entries if e.expand or e.id in ("MatMulInteger", "ConvInteger")]


def made(seed: int, index: int) -> Case:
    """Graph number ``index`` of a seed."""
    rng = np.random.default_rng([seed, index])
    plain, coded = integer_operators(), coded_operators()
    every = [*plain, *coded]
    wanted = every[index % len(every)]
    form = QOPERATOR if wanted in coded else str(rng.choice([QDQ, DYNAMIC, FLOAT], p=[0.7, 0.15, 0.15]))
    chain = Chain(rng, form)
    chain.append(wanted)
    if wanted.scales is Scales.PRODUCT and rng.random() < 0.4:
        chain.append_sibling()
    for _ in range(int(rng.integers(0, 6))):
        if chain.broken:
            break
        chain.append(
            plain[int(rng.integers(len(plain)))] if form != QOPERATOR else every[int(rng.integers(len(every)))]
        )
    case = chain.case()
    return damaged(case, rng) if rng.random() < 0.45 else case


class Chain:
    """A graph that grows node by node. Every real value is computed, so that shapes and scales are known."""

    def __init__(self, rng: np.random.Generator, form: str) -> None:
        self.rng, self.form = rng, form
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.feeds: dict[str, Array] = {}
        self.values: dict[str, Array] = {}
        self.real: list[str] = []
        self.quantized: dict[str, str] = {}
        self.operators: list[str] = []
        self.broken = False
        self.opset = int(rng.choice([13, 17, 21]))
        self.signed = bool(rng.random() < 0.5)

    # ---- names and values

    def name(self, stem: str) -> str:
        return f"{stem}{len(self.nodes)}_{len(self.constants)}_{len(self.feeds)}"

    def constant(self, values: Any, stem: str = "c") -> str:
        """A constant; one that is alike in shape and type is now and then used again."""
        array = np.asarray(values)
        name = self.name(stem)
        self.constants[name] = self.values[name] = array
        return name

    def node(self, op: str, inputs: list[str], outputs: int = 1, domain: str = "", **attributes: Any) -> list[str]:
        names = [self.name(f"{op.lower()}_{i}_") for i in range(outputs)]
        self.nodes.append(Node(op, f"n{len(self.nodes)}", tuple(inputs), tuple(names), attributes, domain))
        return names

    def shape(self, ranks: tuple[int, int]) -> tuple[int, ...]:
        """A small shape: mostly of few values, now and then with odd sizes that leave a kernel's strips unfilled."""
        low, high = max(ranks[0], 1), min(ranks[1], 5)
        rank = 4 if low <= 4 <= high and self.rng.random() < 0.5 else int(self.rng.integers(low, high + 1))
        largest = 9 if rank > 2 else 40
        return tuple(int(n) for n in self.rng.integers(1, largest, rank))

    def fed(self, shape: tuple[int, ...]) -> str:
        """A new float input of the graph."""
        name = f"x{len(self.feeds)}"
        self.feeds[name] = self.values[name] = self.floats(shape)
        self.real.append(name)
        return name

    def floats(self, shape: tuple[int, ...]) -> Array:
        return (self.rng.standard_normal(shape) * self.rng.choice([0.1, 1, 3])).astype(np.float32)

    def source(self, ranks: tuple[int, int], fits: Callable[[Array], bool] = lambda x: True) -> str:
        """A real value of so many axes: one there is, or a new input."""
        low, high = ranks
        there = [n for n in self.real if low <= self.values[n].ndim <= high and fits(self.values[n])]
        if there and self.rng.random() < 0.85:
            return there[-1] if self.rng.random() < 0.6 else there[int(self.rng.integers(len(there)))]
        return self.fed(self.shape(ranks))

    # ---- quantization

    def scale_of(self, x: Array) -> tuple[np.float32, int, type]:
        finite = x[np.isfinite(x)] if x.size else x
        low, high = min(0.0, float(finite.min(initial=0))), max(0.0, float(finite.max(initial=0)))
        span = (high - low) * float(self.rng.uniform(0.5, 1.2)) or 1.0
        scale = np.float32(min(max(span / 255, 1e-6), 1e6))
        point = int(np.clip(round(-low / float(scale)), 0, 255))
        return (scale, point - 128, np.int8) if self.signed else (scale, point, np.uint8)

    def parameters(self, x: Array) -> list[str]:
        scale, point, kind = self.scale_of(x)
        return [self.constant(scale, "s"), self.constant(kind(point), "z")]

    def codes(self, name: str) -> list[str]:
        """The codes of a real value, with scale and zero-point."""
        key = f"{name}/codes"
        if key not in self.quantized:
            given = self.parameters(self.values[name])
            (codes,) = self.node("QuantizeLinear", [name, *given])
            scale, point = (self.values[n] for n in given)
            limits = np.iinfo(point.dtype)
            with np.errstate(all="ignore"):
                steps = np.nan_to_num(np.rint(self.values[name] / scale)) + point
            self.values[codes] = np.clip(steps, limits.min, limits.max).astype(point.dtype)
            self.quantized[key] = "|".join([codes, *given])
        return self.quantized[key].split("|")

    def read(self, name: str) -> str:
        """A real value as nodes read it: behind a pair of QuantizeLinear and DequantizeLinear in QDQ graphs."""
        if self.form == FLOAT or (self.form == DYNAMIC and self.rng.random() < 0.7):
            return name
        if name not in self.quantized:
            codes, scale, point = self.codes(name)
            (real,) = self.node("DequantizeLinear", [codes, scale, point])
            offsets = self.values[codes].astype(np.float32) - np.float32(self.values[point])
            self.values[real] = offsets * self.values[scale]
            self.quantized[name] = real
        return self.quantized[name]

    def weights(self, shape: tuple[int, ...], axis: int | None, *, anew: bool = False) -> str:
        """A constant of weights: quantized ones per channel or tensor. One of the same shape is often used again."""
        alike = [
            n
            for n in self.quantized.values()
            if n.startswith("dequantizelinear") and f"w/{n}" in self.quantized and self.values[n].shape == shape
        ]
        if alike and not anew and self.rng.random() < 0.4:
            return alike[0]
        if self.form == FLOAT:
            return self.constant(self.floats(shape), "w")
        codes, scale, point = self.stored_weights(shape, axis)
        attributes = {"axis": axis} if axis is not None and self.values[scale].ndim else {}
        (real,) = self.node("DequantizeLinear", [codes, scale, point], **attributes)
        along = [-1 if i == axis else 1 for i in range(len(shape))] if self.values[scale].ndim else ()
        offsets = self.values[codes].astype(np.float32) - self.values[point].reshape(along).astype(np.float32)
        self.values[real] = offsets * self.values[scale].reshape(along)
        self.quantized[f"w/{real}"] = real
        return real

    def stored_weights(self, shape: tuple[int, ...], axis: int | None) -> list[str]:
        kind = np.int8 if self.rng.random() < 0.7 else np.uint8
        limits = np.iinfo(kind)
        codes = self.rng.integers(limits.min, limits.max + 1, shape).astype(kind)
        many = (shape[axis],) if axis is not None and self.rng.random() < 0.5 else ()
        scale = self.rng.uniform(0.001, 0.02, many).astype(np.float32)
        points = np.zeros(many, kind) if self.rng.random() < 0.6 else self.rng.integers(0, 100, many).astype(kind)
        return [self.constant(codes, "w"), self.constant(scale, "ws"), self.constant(points, "wz")]

    # ---- nodes

    def append(self, entry: Operator) -> None:
        """A node of this operator on what there is, and what it gives."""
        self.operators.append(entry.id)
        if entry.scales is Scales.CODES:
            self._append_coded(entry)
            return
        inputs, extra = arguments(self, entry)
        attributes = {**attributes_of(self, entry, self.values[inputs[0]].shape), **extra}
        count = int(attributes.pop("outputs", 1))
        outputs = self.node(entry.name, inputs, count, entry.domain, **attributes)
        self._compute(entry, outputs)

    def append_sibling(self) -> None:
        """The last product once more, by other weights of the same shape."""
        node = self.nodes[-1]
        if self.broken or self.form == FLOAT or node.inputs[1] not in self.quantized.values():
            return
        entry = find(node)
        assert entry is not None
        axis = entry.weights[-1].channel_axis(node, self.values[node.inputs[1]].ndim)
        weights = self.weights(self.values[node.inputs[1]].shape, axis, anew=True)
        outputs = self.node(node.op, [node.inputs[0], weights, *node.inputs[2:]], **node.attributes)
        self._compute(entry, outputs)

    def _compute(self, entry: Operator, outputs: list[str]) -> None:
        node = self.nodes[-1]
        given = [self.values[n] if n else None for n in node.inputs]
        try:
            with np.errstate(all="ignore"):
                results = self._results(entry, node, given)
        except Exception:
            self.broken = True
            return
        for name, result in zip(outputs, results, strict=False):
            self.values[name] = np.asarray(result)
            if self.values[name].dtype == np.float32 and 0 < self.values[name].size < 20_000:
                self.real.append(name)

    def _results(self, entry: Operator, node: Node, given: list[Any]) -> tuple[Array, ...]:
        made_now = entry.run(entry.call(node, len(node.outputs)), *given)
        return made_now if isinstance(made_now, tuple) else (made_now,)

    def _append_coded(self, entry: Operator) -> None:
        from tests.fuzz.coded import append_coded

        append_coded(self, entry)

    def dynamic_product(self, name: str, columns: int) -> None:
        """MatMul as ONNX Runtime's ``quantize_dynamic`` writes it."""
        codes, scale, point = self.node("DynamicQuantizeLinear", [name], 3)
        depth = self.values[name].shape[-1]
        weights, w_scale, w_point = self.stored_weights((depth, columns), 1)
        (scales,) = self.node("Mul", [scale, w_scale])
        (sums,) = self.node("MatMulInteger", [codes, weights, point, w_point])
        (floats,) = self.node("Cast", [sums], to=1)
        (result,) = self.node("Mul", [floats, scales])
        self.values[result] = self.floats((*self.values[name].shape[:-1], columns))
        self.real.append(result)
        self.operators += ["DynamicQuantizeLinear", "MatMulInteger"]

    def case(self) -> Case:
        """What has grown: outputs are values without readers, and now and then something else."""
        if self.form == DYNAMIC and not self.broken:
            name = self.source((2, 4))
            self.dynamic_product(name, int(self.rng.integers(1, 20)))
        read = {n for node in self.nodes for n in node.inputs}
        ends = [n for node in self.nodes for n in node.outputs if n not in read]
        ends = [self._end(n) for n in ends]
        inner = [n for node in self.nodes for n in node.outputs if n in read]
        if inner and self.rng.random() < 0.2:
            ends.append(inner[int(self.rng.integers(len(inner)))])
        used = {n for node in self.nodes for n in node.inputs} | set(ends)
        feeds = {n: x for n, x in self.feeds.items() if n in used}
        graph = Graph(
            "fuzz",
            tuple(ValueInfo(n, x.dtype.name, tuple(x.shape)) for n, x in feeds.items()),
            tuple(ValueInfo(n, "", None) for n in dict.fromkeys(ends)),
            tuple(self.nodes),
            {n: Tensor.of(n, x) for n, x in self.constants.items() if n in used},
            self.opset,
            {"com.microsoft": 1},
        )
        again = {n: self.floats(x.shape) if x.dtype == np.float32 else x for n, x in feeds.items()}
        return Case(with_operator_set(graph), [feeds, again], self.form, self.operators)

    def _end(self, name: str) -> str:
        """An output of the graph: mostly quantized, as files have it."""
        known = self.values.get(name)
        if self.form not in (QDQ, QOPERATOR) or known is None or known.dtype != np.float32 or self.rng.random() < 0.2:
            return name
        if name in self.quantized.values():
            return name
        return self.read(name) if self.rng.random() < 0.7 else self.codes(name)[0]
