"""Whole networks with made-up weights, in float and quantized: what engines are compared on.

The four architectures of MLPerf Tiny and an encoder as in BERT. Weights are random (seeded), batch normalization is
folded. ``quantized`` runs our own ``quantize_model`` on random data.

``net_programs`` writes them for the bench page. Run as a script this prints a table (or, with --json, its rows): our
kernels under wasmtime and native ONNX Runtime, in turns, on one thread.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.opening import working
from playground.ptq.pipeline import quantize_model

SEED = 20260101
Array = np.ndarray


@dataclass
class Builder:
    """Nodes and random weights of a net that grows from its input."""

    name: str
    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Array] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(SEED)

    def op(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node; returns the name of its output."""
        name = f"{op.lower()}{len(self.nodes)}"
        self.nodes.append(Node(op, name, inputs, (f"{name}:y",), attributes))
        return f"{name}:y"

    def constant(self, name: str, values: Array) -> str:
        """A constant; returns its name."""
        name = f"{name}{len(self.weights)}"
        self.weights[name] = np.asarray(values)
        return name

    def weight(self, *shape: int, fan: int) -> str:
        """He's initialisation."""
        return self.constant("w", (self.random.normal(size=shape) * np.sqrt(2 / fan)).astype(np.float32))

    def bias(self, n: int) -> str:
        """A small bias."""
        return self.constant("b", (0.1 * self.random.normal(size=n)).astype(np.float32))

    def conv(self, x: str, into: int, out: int, kernel: tuple[int, int] = (3, 3), stride: int = 1, **more: Any) -> str:
        """A convolution that keeps the size (but for the stride), and what is to follow it."""
        groups, relu = more.get("groups", 1), more.get("relu", True)
        fan = into // groups * kernel[0] * kernel[1]
        w, b = self.weight(out, into // groups, *kernel, fan=fan), self.bias(out)
        y = self.op("Conv", x, w, b, strides=[stride, stride], group=groups, auto_pad="SAME_UPPER")
        return self.op("Relu", y) if relu else y

    def separable(self, x: str, into: int, out: int, stride: int = 1) -> str:
        """Depthwise, then pointwise."""
        return self.conv(self.conv(x, into, into, stride=stride, groups=into), into, out, (1, 1))

    def dense(self, x: str, into: int, out: int, *, relu: bool = False) -> str:
        """Gemm."""
        y = self.op("Gemm", x, self.weight(out, into, fan=into), self.bias(out), transB=1)
        return self.op("Relu", y) if relu else y

    def linear(self, x: str, into: int, out: int) -> str:
        """MatMul and Add, as encoders are written."""
        return self.op("Add", self.op("MatMul", x, self.weight(into, out, fan=2 * into)), self.bias(out))

    def normal(self, x: str, n: int) -> str:
        """LayerNormalization."""
        scale = self.constant("scale", (1 + 0.1 * self.random.normal(size=n)).astype(np.float32))
        return self.op("LayerNormalization", x, scale, self.bias(n), axis=-1)

    def shape(self, *sizes: int) -> str:
        """A constant shape."""
        return self.constant("shape", np.array(sizes, np.int64))

    def graph(self, x: ValueInfo, y: str) -> Graph:
        """The whole net, whose output is called y."""
        held = {name: Tensor.of(name, values) for name, values in self.weights.items()}
        *nodes, last = self.nodes
        assert last.outputs == (y,)
        nodes.append(replace(last, outputs=("y",)))
        made = Graph(self.name, (x,), (ValueInfo("y", "float32", None),), tuple(nodes), held, 17)
        return working(made)[0]


def resnet8() -> Graph:
    """ResNet-8 for 32 x 32 colour images: 12.5 M multiplications."""
    b = Builder("resnet8")
    x, into = b.conv("x", 3, 16), 16
    for out, stride in ((16, 1), (32, 2), (64, 2)):
        y = b.conv(b.conv(x, into, out, stride=stride), out, out, relu=False)
        side = x if stride == 1 else b.conv(x, into, out, (1, 1), stride, relu=False)
        x, into = b.op("Relu", b.op("Add", y, side)), out
    y = b.dense(b.op("Flatten", b.op("GlobalAveragePool", x)), 64, 10)
    return b.graph(ValueInfo("x", "float32", ("n", 3, 32, 32)), b.op("Softmax", y, axis=-1))


def mobilenet() -> Graph:
    """MobileNetV1 of a quarter of the width, for 96 x 96 colour images: 7.5 M multiplications."""
    b = Builder("mobilenet")
    x, into = b.conv("x", 3, 8, stride=2), 8
    sizes = [(16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (128, 2), *[(128, 1)] * 5, (256, 2), (256, 1)]
    for out, stride in sizes:
        x, into = b.separable(x, into, out, stride), out
    y = b.dense(b.op("Flatten", b.op("GlobalAveragePool", x)), 256, 2)
    return b.graph(ValueInfo("x", "float32", ("n", 3, 96, 96)), b.op("Softmax", y, axis=-1))


def dscnn() -> Graph:
    """DS-CNN for keywords: 49 x 10 features."""
    b = Builder("dscnn")
    x = b.conv("x", 1, 64, (10, 4), 2)
    for _ in range(4):
        x = b.separable(x, 64, 64)
    y = b.dense(b.op("Flatten", b.op("GlobalAveragePool", x)), 64, 12)
    return b.graph(ValueInfo("x", "float32", ("n", 1, 49, 10)), b.op("Softmax", y, axis=-1))


def autoencoder() -> Graph:
    """The fully connected autoencoder for 640 features of a sound."""
    b, x = Builder("autoencoder"), "x"
    sizes = [640, 128, 128, 128, 128, 8, 128, 128, 128, 128]
    for into, out in pairwise(sizes):
        x = b.dense(x, into, out, relu=True)
    return b.graph(ValueInfo("x", "float32", ("n", 640)), b.dense(x, 128, 640))


WIDTH, HEADS, TOKENS, WORDS = 256, 4, 128, 1000


def encoder() -> Graph:
    """Four layers as in BERT, 256 wide, for up to 128 tokens: 436 M multiplications."""
    b = Builder("encoder")
    words = b.constant("words", b.random.normal(size=(WORDS, WIDTH)).astype(np.float32))
    places = b.constant("places", b.random.normal(size=(TOKENS, WIDTH)).astype(np.float32))
    zero, one, two = (b.constant("at", np.array([n], np.int64)) for n in (0, 1, 2))
    length = b.op("Slice", b.op("Shape", "x"), one, two, zero)
    x = b.op("Add", b.op("Gather", words, "x", axis=0), b.op("Slice", places, zero, length, zero))
    x = b.normal(x, WIDTH)
    for _ in range(4):
        x = _layer(b, x)
    return b.graph(
        ValueInfo("x", "int64", ("n", "tokens")), b.linear(b.op("ReduceMean", x, axes=[1], keepdims=0), WIDTH, 8)
    )


def _layer(b: Builder, x: str) -> str:
    heads = b.shape(0, 0, HEADS, WIDTH // HEADS)
    q, k, v = (b.op("Reshape", b.linear(x, WIDTH, WIDTH), heads) for _ in range(3))
    q, v = (b.op("Transpose", part, perm=[0, 2, 1, 3]) for part in (q, v))
    scores = b.op("MatMul", q, b.op("Transpose", k, perm=[0, 2, 3, 1]))
    scores = b.op("Div", scores, b.constant("root", np.float32(np.sqrt(WIDTH // HEADS))))
    mixed = b.op("Transpose", b.op("MatMul", b.op("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
    mixed = b.linear(b.op("Reshape", mixed, b.shape(0, 0, WIDTH)), WIDTH, WIDTH)
    x = b.normal(b.op("Add", x, mixed), WIDTH)
    y = b.linear(_gelu(b, b.linear(x, WIDTH, 4 * WIDTH)), 4 * WIDTH, WIDTH)
    return b.normal(b.op("Add", x, y), WIDTH)


def _gelu(b: Builder, x: str) -> str:
    """Gelu as PyTorch exports it."""
    root, one, half = (b.constant("c", np.float32(c)) for c in (np.sqrt(2), 1, 0.5))
    return b.op("Mul", b.op("Mul", x, b.op("Add", b.op("Erf", b.op("Div", x, root)), one)), half)


NETS: dict[str, Callable[[], Graph]] = {
    "resnet8": resnet8,
    "mobilenet": mobilenet,
    "dscnn": dscnn,
    "autoencoder": autoencoder,
    "encoder": encoder,
}


def sample(graph: Graph, count: int, seed: int = 1) -> dict[str, Array]:
    """Random inputs."""
    random, (x,) = np.random.default_rng(seed), graph.inputs
    if x.dtype == "int64":
        return {x.name: random.integers(0, WORDS, (count, TOKENS))}
    assert x.shape is not None
    return {x.name: random.normal(size=(count, *(int(n or 0) for n in x.shape[1:]))).astype(np.float32)}


def model_of(graph: Graph) -> Model:
    """A graph as a model."""
    return Model("onnx", f"{graph.name}.onnx", graph.initializers, graph)


def quantized(graph: Graph) -> tuple[Graph, bytes]:
    """Quantized by our own quantize_model on random data: the QDQ graph and its file."""
    made = quantize_model(model_of(graph), None, sample(graph, 8, seed=0))
    assert made.model.graph is not None
    return made.model.graph, made.onnx


GALLERY = ("digits-mlp", "digits-convnet")
"""The trained nets of the gallery."""


def gallery_net(name: str) -> Graph:
    """One of them."""
    from playground import gallery

    graph = gallery.open_model(name).graph
    assert graph is not None
    return graph


EVERY: dict[str, Callable[[], Graph]] = {**NETS, **{name: partial(gallery_net, name) for name in GALLERY}}


def medians_ms(runs: list[Callable[[], object]], rounds: int = 15, round_ms: float = 20) -> list[float]:
    """Median time of one run of each, in turns: what else the machine does meanwhile meets all of them."""
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for run, held in zip(runs, times, strict=True):
            began, count = time.perf_counter(), 0
            while count == 0 or 1e3 * (time.perf_counter() - began) < round_ms:
                run()
                count += 1
            held.append(1e3 * (time.perf_counter() - began) / count)
    return [float(np.median(held)) for held in times]


def engines(graph: Graph, batch: int) -> list[Callable[[], object]]:
    """Our kernels, ONNX Runtime on the quantized model, and on the float one."""
    import onnxruntime

    from playground.engines import wasm

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    qdq, file = quantized(graph)
    feeds = sample(graph, batch)
    program = wasm.plan(qdq, {key: value.shape for key, value in feeds.items()})
    sessions = [onnxruntime.InferenceSession(data, options) for data in (file, to_onnx(graph))]
    return [partial(program.run, feeds), *(partial(session.run, None, feeds) for session in sessions)]


def native() -> list[dict[str, Any]]:
    """Our kernels under wasmtime beside native ONNX Runtime on one thread: medians in ms."""
    rows = []
    for name, make in EVERY.items():
        for batch in (1, 16):
            ours, qdq, floats = medians_ms(engines(make(), batch))
            rows.append({"net": name, "batch": batch, "ours_ms": ours, "qdq_ms": qdq, "float_ms": floats})
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    """These rows for people."""
    lines = [f"{'net':16} {'batch':>5} {'ours':>9} {'QDQ':>9} {'float':>9}   ms; QDQ / ours, float / ours"]
    for row in rows:
        ours, qdq, floats = (row[f"{which}_ms"] for which in ("ours", "qdq", "float"))
        ratios = f"{qdq / ours:5.2f}  {floats / ours:5.2f}"
        lines.append(f"{row['net']:16} {row['batch']:5} {ours:9.3f} {qdq:9.3f} {floats:9.3f}   {ratios}")
    return "\n".join(lines)


if __name__ == "__main__":
    measured = native()
    print(json.dumps(measured) if "--json" in sys.argv else table(measured))
