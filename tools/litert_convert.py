"""Writes ``tests/benchmarks/litert_nets.zip``: the bench page's nets as TensorFlow's own converter makes them.

TensorFlow is large and needed for nothing else, so it goes into an environment of its own, outside the checkout:

    python -m venv /tmp/tensorflow
    /tmp/tensorflow/bin/pip install --require-hashes -r requirements/tensorflow.txt
    /tmp/tensorflow/bin/python -m tools.litert_convert

Each net of ``tests/benchmarks/nets.py`` is written in TensorFlow's operators, with its weights, and converted twice: as
float, and as int8 with float inputs and outputs, calibrated on the samples on which our ``quantize_model`` is.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from itertools import groupby, islice, permutations
from operator import attrgetter
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from playground.model.graph import Graph, Node
from tests.benchmarks import litert_nets, nets
from tests.benchmarks.litert_nets import Change, Weight

CALIBRATION = 8
"""Samples, as in ``nets.quantized``."""

SMALLEST = 256
"""Bytes: smaller constants stay in the file."""

GELU = ("Div", "Erf", "Add", "Mul", "Mul")
"""Gelu as ``nets.py`` writes it. TFLite has no Erf, but Gelu as one operator."""

Values = Callable[[str], Any]
Operator = Callable[[Values, Node], Any]


def conv(get: Values, node: Node) -> Any:
    """Conv with its bias; all of these nets keep the size, but for the stride."""
    x, w, b = (get(name) for name in node.inputs)
    strides = list(node.attributes.get("strides", [1, 1]))
    if node.attributes.get("group", 1) > 1:
        y = tf.nn.depthwise_conv2d(x, w.transpose(2, 3, 0, 1), [1, *strides, 1], "SAME")
    else:
        y = tf.nn.conv2d(x, w.transpose(2, 3, 1, 0), strides, "SAME")
    return tf.nn.bias_add(y, b)


def normal(get: Values, node: Node) -> Any:
    """LayerNormalization over the last axis, which TFLite has in parts."""
    x, scale, b = (get(name) for name in node.inputs)
    centred = x - tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
    return centred * tf.math.rsqrt(variance + node.attributes.get("epsilon", 1e-5)) * scale + b


def reshape(get: Values, node: Node) -> Any:
    """Reshape; 0 keeps a size."""
    x, sizes = (get(name) for name in node.inputs)
    return tf.reshape(x, [x.shape[axis] if size == 0 else int(size) for axis, size in enumerate(sizes)])


def pool(get: Values, node: Node) -> Any:
    """MaxPool without padding."""
    return tf.nn.max_pool2d(get(node.inputs[0]), node.attributes["kernel_shape"], node.attributes["strides"], "VALID")


def gemm(get: Values, node: Node) -> Any:
    """Gemm with transposed weights."""
    x, w, b = (get(name) for name in node.inputs)
    return tf.nn.bias_add(tf.matmul(x, w, transpose_b=True), b)


def flatten(get: Values, node: Node) -> Any:
    """Flatten, where the layout makes no difference: all but one of the axes behind the first are of size 1."""
    x = get(node.inputs[0])
    if sum(size > 1 for size in x.shape[1:]) > 1 and x.shape[-1] > 1:
        raise SystemExit(f"{node.name}: channels last would be flattened in another order. Write it out.")
    return tf.reshape(x, [x.shape[0], -1])


def binary(function: Callable[[Any, Any], Any]) -> Operator:
    """An operator of two values."""
    return lambda get, node: function(get(node.inputs[0]), get(node.inputs[1]))


def unary(function: Callable[[Any], Any]) -> Operator:
    """An operator of one value."""
    return lambda get, node: function(get(node.inputs[0]))


def axes(get: Values, node: Node) -> list[int]:
    """The axes that a reduction is given as its second input."""
    return [int(axis) for axis in get(node.inputs[1])]


OPERATORS: Mapping[str, Operator] = {
    "Add": binary(lambda a, b: a + b),
    "Conv": conv,
    "Div": binary(lambda a, b: a / b),
    "Flatten": flatten,
    "Gather": binary(tf.gather),
    "Gelu": unary(lambda x: tf.nn.gelu(x, approximate=False)),
    "Gemm": gemm,
    "GlobalAveragePool": unary(lambda x: tf.reduce_mean(x, [1, 2], keepdims=True)),
    "LayerNormalization": normal,
    "MatMul": binary(tf.matmul),
    "MaxPool": pool,
    "ReduceMean": lambda get, node: tf.reduce_mean(get(node.inputs[0]), axes(get, node)),
    "Relu": unary(tf.nn.relu),
    "Reshape": reshape,
    "Shape": unary(lambda x: np.array(x.shape)),
    "Slice": lambda get, node: get(node.inputs[0])[int(get(node.inputs[1])[0]) : int(get(node.inputs[2])[0])],
    "Softmax": unary(tf.nn.softmax),
    "Transpose": lambda get, node: tf.transpose(get(node.inputs[0]), node.attributes["perm"]),
}
"""What nodes are in TensorFlow, images with the channels last."""


def joined(nodes: tuple[Node, ...]) -> Iterator[Node]:
    """Nodes with each Gelu that is written out as one."""
    at = 0
    while at < len(nodes):
        part = nodes[at : at + len(GELU)]
        if tuple(node.op for node in part) == GELU:
            yield replace(part[-1], op="Gelu", inputs=part[0].inputs[:1])
            at += len(GELU)
        else:
            yield nodes[at]
            at += 1


def traced(graph: Graph, x: Any) -> Any:
    """The output of a net that TensorFlow traces."""
    values: dict[str, Any] = {graph.inputs[0].name: x}

    def get(name: str) -> Any:
        return values[name] if name in values else graph.initializers[name].numpy()

    for node in joined(graph.nodes):
        values[node.outputs[0]] = OPERATORS[node.op](get, node)
    return values[graph.outputs[0].name]


def converted(graph: Graph, batch: int, kind: str) -> bytes:
    """A net's ``.tflite`` file."""
    (samples,) = nets.sample(graph, CALIBRATION, seed=0).values()
    # Whatever the batch, the same samples: the ranges are those of all of them
    samples = np.tile(litert_nets.layout(samples), (2, *[1] * (samples.ndim - 1)))
    signature = tf.TensorSpec([batch, *samples.shape[1:]], samples.dtype, name="x")
    function = tf.function(lambda x: traced(graph, x), input_signature=[signature], autograph=False)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    if kind == "int8":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([samples[at : at + batch]] for at in range(0, len(samples), batch))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    made: bytes = converter.convert()
    return made


def weights_in(graph: Graph, file: bytes) -> Iterator[Weight]:
    """Which constants of a file are weights of the net, value by value."""
    model = schema.Model.GetRootAs(file, 0)
    tensors = model.Subgraphs(0)
    for i in range(tensors.TensorsLength()):
        tensor = tensors.Tensors(i)
        buffer, points = model.Buffers(tensor.Buffer()), tensor.Quantization()
        if buffer.DataLength() < SMALLEST or tensor.Type() not in (schema.TensorType.FLOAT32, schema.TensorType.INT8):
            continue
        place: dict[str, Any] = {"at": _start(buffer, 4)}
        if tensor.Type() == schema.TensorType.INT8:
            place["scales"] = (_start(points, 8), points.ScaleLength())
            place |= {"axis": points.QuantizedDimension(), "point": int(points.ZeroPoint(0))}
        shape = tuple(int(size) for size in tensor.ShapeAsNumpy())
        stored = file[place["at"] : place["at"] + buffer.DataLength()]
        fitting = (weight for weight in candidates(graph, shape, place) if weight.octets(graph, file) == stored)
        yield from islice(fitting, 1)


def _start(table: Any, slot: int) -> int:
    """The offset of the first element of a vector in a table."""
    at: int = table._tab.Vector(table._tab.Offset(slot))
    return at


def candidates(graph: Graph, shape: tuple[int, ...], place: Mapping[str, Any]) -> Iterator[Weight]:
    """Whatever of a net could be a constant of that shape."""
    floats = {name: tensor for name, tensor in graph.initializers.items() if tensor.dtype == "float32"}
    vectors = [name for name, tensor in floats.items() if tensor.shape == shape[-1:]]
    for name, tensor in floats.items():
        for order in permutations(range(len(tensor.shape))):
            if tuple(tensor.shape[axis] for axis in order) == shape:
                yield from (Weight(name=name, permutation=order, factor=it, **place) for it in (None, *vectors))


def differences(file: bytes, other: bytes) -> list[Change]:
    """What to change in a file to get another of the same length."""
    if len(file) != len(other):
        raise SystemExit("The files for the two batches differ in length. Keep both whole.")
    places = enumerate(at for at in range(len(file)) if file[at] != other[at])
    runs = (list(run) for _, run in groupby(places, lambda pair: pair[1] - pair[0]))
    spans = ((run[0][1], run[-1][1] + 1) for run in runs)
    return [(start, other[start:end].hex()) for start, end in spans]


def main() -> None:
    """Convert every net, and check that each file comes out of the archive as the converter made it."""
    members: dict[str, bytes] = {}
    places: dict[str, dict[str, Any]] = {}
    for name, make in nets.EVERY.items():
        graph = make()
        for kind in litert_nets.KINDS:
            one, sixteen = (converted(graph, batch, kind) for batch in (1, 16))
            weights = sorted(weights_in(graph, one), key=attrgetter("at"))
            hollow = bytearray(one)
            for weight in weights:
                size = len(weight.octets(graph, one))
                hollow[weight.at : weight.at + size] = bytes(size)
            changes = differences(one, sixteen)
            if litert_nets.changed(litert_nets.filled(graph, bytes(hollow), weights), changes) != sixteen:
                raise SystemExit(f"{name}, {kind}: the weights do not come back.")
            members[f"{name}.{kind}.tflite"] = bytes(hollow)
            sums = [hashlib.sha256(file).hexdigest() for file in (one, sixteen)]
            places.setdefault(name, {})[kind] = {
                "weights": [asdict(weight) for weight in weights],
                "changes": changes,
                "sha256": sums,
            }
            left = len(hollow) - hollow.count(0)
            print(f"{name}, {kind}: {len(one)} bytes, {left} of them kept, {len(changes)} changes", flush=True)
    members[litert_nets.PLACES] = json.dumps(places, separators=(",", ":")).encode()
    with zipfile.ZipFile(litert_nets.ARCHIVE, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for member, content in members.items():
            archive.writestr(zipfile.ZipInfo(member), content, zipfile.ZIP_DEFLATED, 9)


if __name__ == "__main__":
    main()
