"""A randomised Hadamard rotation of what a product reads, undone in its weight: outliers are spread over all channels.

Ashkboos et al., "QuaRot", 2024: with an orthogonal Q, ``x @ W == (x @ Q) @ (Q.T @ W)``. Where a product without
activation function comes before, Q becomes part of its weight; elsewhere a MatMul with Q's signs is put into the graph
(as int8, so that they are no weight to quantize), and its size becomes part of the weight behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from playground.model.graph import Graph, Node
from playground.operators import Scales, cast, find, gemm, mat_mul, view_of
from playground.ptq.algorithms._algorithm import Algorithm, Context, Outcome, Parameter
from playground.ptq.algorithms._matrices import Matrices, matrices_of
from playground.quantization.rotation import rotate
from playground.tasks import Progress, Task

Float32 = NDArray[np.float32]

_ROTATED = (mat_mul.OPERATOR, gemm.OPERATOR)

FLOAT = 1
"""ONNX's number for float32."""


def peak_ratio(values: NDArray[np.floating]) -> float:
    """Largest absolute value over the root mean square: what a scale for all of them costs."""
    size = float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))
    return float(np.abs(values).max()) / size if size > 0 else 1.0


class _Rotation:
    """The graph while tensors in it are rotated, one after the other."""

    def __init__(self, context: Context, seed: int, insert: bool) -> None:
        self._context, self._seed, self._insert = context, seed, insert
        self.view = context.view
        self.skipped: dict[str, str] = {}
        self.peaks: dict[str, tuple[float, float]] = {}
        self.inserted = 0
        self._sizes: dict[str, Float32] = {}

    def tensor(self, name: str) -> None:
        """Rotate a tensor if everything that reads it can be adapted."""
        readers = self.view.readers(name)
        layers = [self._layer(node) for node in readers]
        usable = [layer for layer in layers if not isinstance(layer, str)]
        if len(usable) < len(layers):
            before = None
            reason = next(layer for layer in layers if isinstance(layer, str))
        else:
            before = self._producer(name)
            reason = ""
        if reason or before is None:
            # A rotation put in between serves those readers only that can be adapted
            if not usable or not self._insert:
                reason = reason or "what comes before is no product that could take the rotation"
                self.skipped |= {node.name: reason for node in readers if _is_product(node)}
                return
            self._put_in(name, usable)
        else:
            self._fold(before)
        self._turn(usable)

    def _layer(self, node: Node) -> Matrices | str:
        if find(node) not in _ROTATED or node.name in self._context.placement.excluded:
            return f"{node.op} {node.name!r} is not rotated"
        weight = self.view.weight(node)
        if weight is None:
            return f"{node.name!r} has no constant weight"
        if self.view.uses(weight) > 1:
            return f"the weight {weight} has several readers"
        if self.view.dtypes[weight] != "float32":
            return f"{weight} is no float32"
        return matrices_of(node, self.view)

    def _producer(self, name: str) -> Matrices | None:
        """The product whose output a tensor is, if it can take the rotation."""
        node = self.view.producer(name)
        if node is None or name in self.view.ends:
            return None
        layer = self._layer(node)
        if isinstance(layer, str):
            return None
        biases = [bias for bias in node.inputs[2:] if bias]
        held = self.view.constants
        fit = all(b in held and held[b].size == layer.outputs and self.view.uses(b) == 1 for b in biases)
        return layer if fit else None

    def _put_in(self, name: str, layers: list[Matrices]) -> None:
        signs, matrix, turned = (f"{name}_{part}" for part in ("rotation_signs", "rotation", "rotated"))
        new = [
            Node(cast.OPERATOR.name, matrix, (signs,), (matrix,), {"to": FLOAT}),
            Node(mat_mul.OPERATOR.name, turned, (name, matrix), (turned,)),
        ]
        readers = {layer.node.name for layer in layers}
        nodes: list[Node] = []
        for node in self.view.graph.nodes:
            if node.name in readers:
                nodes += new
                new = []
                nodes.append(replace(node, inputs=(turned, *node.inputs[1:])))
            else:
                nodes.append(node)
        rotation = rotate(np.eye(layers[0].inputs, dtype=np.float32), self._seed)
        graph = self.view.graph.with_constants({signs: np.sign(rotation).astype(np.int8)})
        self.view = view_of(graph.with_(nodes=tuple(nodes)))
        self.inserted += 1
        self._sizes |= {layer.weight: np.abs(rotation).max(axis=0) for layer in layers}

    def _fold(self, before: Matrices) -> None:
        """Rotate a product's outputs by its weight and bias."""
        rows = before.of(self.view.constants[before.weight].numpy())
        changed = {before.weight: before.back(rotate(rows.swapaxes(1, 2), self._seed).swapaxes(1, 2))}
        for bias in before.node.inputs[2:]:
            values = self.view.constants[bias].numpy()
            changed[bias] = rotate(values.reshape(-1), self._seed).reshape(values.shape)
        self._replace(changed)

    def _turn(self, layers: list[Matrices]) -> None:
        """Undo the rotation in the weights that meet it."""
        for layer in layers:
            values = layer.of(self.view.constants[layer.weight].numpy())
            turned = rotate(values, self._seed)
            self.peaks[layer.weight] = peak_ratio(values), peak_ratio(turned)
            # What arrives through a rotation that was put in has been multiplied with Q's signs, not with Q
            self._replace({layer.weight: layer.back(turned * self._sizes.get(layer.weight, np.float32(1)))})

    def _replace(self, changed: Mapping[str, Float32]) -> None:
        self.view = view_of(self.view.graph.with_constants(changed))


def _is_product(node: Node) -> bool:
    operator = find(node)
    return operator is not None and operator.scales is Scales.PRODUCT


def _apply(context: Context, parameters: Mapping[str, float]) -> Task[Outcome]:
    rotation = _Rotation(context, int(parameters["seed"]), bool(parameters["insert"]))
    products = context.products().values()
    names = dict.fromkeys(node.inputs[0] for node in products if find(node) in _ROTATED)
    for index, name in enumerate(names):
        yield Progress(index, len(names), f"Rotating {name}")
        rotation.tensor(name)
    convolutions = {node.name: f"{node.op} is not rotated" for node in products if find(node) not in _ROTATED}
    pairs = rotation.peaks
    return Outcome(
        graph=rotation.view.graph,
        before={"peak_to_rms": float(np.mean([a for a, _ in pairs.values()] or [1.0]))},
        after={"peak_to_rms": float(np.mean([b for _, b in pairs.values()] or [1.0]))},
        tensors={name: {"peak_to_rms": pair} for name, pair in pairs.items()},
        skipped=convolutions | rotation.skipped,
        notes=_notes(rotation, context.graph),
    )


def _notes(rotation: _Rotation, before: Graph) -> tuple[str, ...]:
    added = sum(t.size for name, t in rotation.view.constants.items() if name not in before.initializers)
    if not rotation.inserted:
        return ()
    return (f"{rotation.inserted} rotations were put into the graph: {added} signs of a byte each to multiply with.",)


ALGORITHM = Algorithm(
    id="hadamard",
    name="Hadamard rotation",
    summary="Rotates what products read, and their weights back: outliers are spread over all channels.",
    source="Ashkboos et al. 2024, https://arxiv.org/abs/2404.00456",
    stage="graph",
    apply=_apply,
    parameters=(
        Parameter("seed", 0, 0, 2**31, True, "Of the random signs."),
        Parameter("insert", 1, 0, 1, True, "1: rotations that cannot be folded are put into the graph; 0: left out."),
    ),
)
