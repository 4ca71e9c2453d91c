"""Why answers of a deep net differ: each operator of the gallery's transformer by itself, on what LiteRT gave it.

All codes are those of our reference engine, but for products of two activations: LiteRT's reference kernel rounds their
sums twice, so that a few results that lie just beside the middle between two codes get the other code.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import gallery, load, quantize_model, run
from playground.model.graph import Graph, Model, Node, ValueInfo
from playground.model.readers._tflite_file import Subgraph
from playground.model.writers._tflite_file import count
from tests.oracles.test_tflite_writer import graph_of

litert = pytest.importorskip("ai_edge_litert.interpreter")

Values = dict[str, NDArray[Any]]


def values_of(file: bytes, tensors: Subgraph, feed: NDArray[Any]) -> Values:
    """All tensors of a run by LiteRT's reference kernels."""
    how = {"experimental_op_resolver_type": litert.OpResolverType.BUILTIN_REF, "num_threads": 1}
    model = litert.Interpreter(model_content=file, experimental_preserve_all_tensors=True, **how)
    (given,) = model.get_input_details()
    model.resize_tensor_input(given["index"], feed.shape)
    model.allocate_tensors()
    model.set_tensor(given["index"], feed)
    model.invoke()
    return {tensor.name: model.get_tensor(at) for at, tensor in enumerate(tensors.tensors) if count(tensor.shape)}


def alone(graph: Graph, output: str, inputs: set[str], values: Values) -> NDArray[Any]:
    """What our reference engine makes of an operator's inputs: the nodes between these and the output."""
    makers = {name: node for node in graph.nodes for name in node.outputs}
    nodes: list[Node] = []
    fed, seen, waiting = set[str](), set[str](), [output]
    while waiting:
        name = waiting.pop()
        if not name or name in seen or name in graph.initializers:
            continue
        seen.add(name)
        if (name in inputs and name != output) or name not in makers:
            fed.add(name)
        else:
            nodes.append(makers[name])
            waiting += makers[name].reads
    ends = [
        tuple(ValueInfo(name, values[name].dtype.name, values[name].shape) for name in names)
        for names in (sorted(fed), [output])
    ]
    kept = tuple(node for node in graph.nodes if node in nodes)
    part = graph.with_(nodes=kept, inputs=ends[0], outputs=ends[1])
    model = Model("onnx", "part.onnx", part.initializers, part)
    return run(model, {name: values[name] for name in fed}, engine="reference")[output]


@cache
def differences() -> dict[str, list[NDArray[np.int64]]]:
    """Operator -> the differences of its codes, each time that it occurs."""
    key = "moby-dick-transformer"
    samples = gallery.calibration(key)
    file = quantize_model(gallery.open_model(key), calibration=samples, runtime="tflite", verify=False).file
    tensors, graph = graph_of(file), load(file, "again.tflite").required_graph()
    values = values_of(file, tensors, samples["tokens"][:1])
    found = defaultdict(list)
    for op in tensors.operations:
        output = tensors.tensors[op.outputs[0]]
        if output.codes is not None:
            names = {tensors.tensors[at].name for at in op.inputs if at >= 0}
            ours = alone(graph, output.name, names, values)
            found[op.op].append(ours.astype(np.int64) - values[output.name])
    return dict(found)


def test_every_operator_has_our_codes_but_for_products_of_activations() -> None:
    found = differences()
    assert found.keys() >= {"ADD", "BATCH_MATMUL", "FULLY_CONNECTED", "GELU", "MUL", "QUANTIZE", "SELECT_V2", "SOFTMAX"}
    for op, each in found.items():
        flat = np.concatenate([values.reshape(-1) for values in each])
        assert np.abs(flat).max() <= 1, op
        share = np.count_nonzero(flat) / flat.size
        assert share < (0.005 if op == "BATCH_MATMUL" else 1e-4), op
    products = np.concatenate([values.reshape(-1) for values in found["BATCH_MATMUL"]])
    assert np.count_nonzero(products) > 0.001 * products.size
