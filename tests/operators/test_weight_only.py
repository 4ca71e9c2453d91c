"""MatMulNBits against ONNX Runtime, by NumPy and by the kernel that decodes 4-bit weights in registers."""

from dataclasses import replace

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground import host
from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError, UnsupportedError
from playground.opening import load


def model(rng, depth, columns, bits=4, block=32, points=None, bias=False, accuracy=0):
    """ONNX bytes of one product, and weights as they are meant: (depth, columns)."""
    blocks = -(-depth // block)
    codes = rng.integers(0, 2**bits, (columns, blocks, block)).astype(np.uint8)
    scales = rng.uniform(0.01, 0.1, (columns, blocks)).astype(np.float32)
    zeros = rng.integers(0, 2**bits, (columns, blocks)).astype(np.uint8)
    constants = {"w": packed(codes, bits), "s": scales.reshape(-1)}
    meant = zeros.astype(np.float32) if points else np.full_like(scales, 2 ** (bits - 1))
    if points == "packed":
        per_octet = 8 // bits
        constants["z"] = packed(np.pad(zeros, [(0, 0), (0, -blocks % per_octet)]), bits).reshape(-1)
    elif points == "numbers":
        constants["z"] = zeros.astype(np.float32).reshape(-1)
    names = ["x", "w", "s", "z" if points else ""]
    if bias:
        constants["b"], names = rng.normal(size=columns).astype(np.float32), [*names, "", "b"]
    attributes = {"K": depth, "N": columns, "bits": bits, "block_size": block, "accuracy_level": accuracy}
    node = helper.make_node("MatMulNBits", names, ["y"], name="product", domain="com.microsoft", **attributes)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "xy"]
    held = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph([node], "net", ends[:1], ends[1:], held)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    weights = ((codes - meant[..., None]) * scales[..., None]).reshape(columns, -1)[:, :depth].T
    return made, weights.astype(np.float64), constants.get("b", 0)


def packed(codes, bits):
    """Neighbours in one octet, the first in the lowest bits."""
    per_octet = 8 // bits
    parts = codes.reshape(*codes.shape[:-1], -1, per_octet).astype(np.uint8)
    return np.bitwise_or.reduce(parts << (np.arange(per_octet, dtype=np.uint8) * bits), axis=-1).astype(np.uint8)


CASES = [
    {"depth": 64, "columns": 5},
    {"depth": 96, "columns": 8, "bias": True},
    {"depth": 64, "columns": 4, "points": "packed"},
    {"depth": 96, "columns": 3, "points": "packed"},
    {"depth": 64, "columns": 4, "points": "numbers"},
    {"depth": 128, "columns": 6, "block": 64},
    {"depth": 128, "columns": 6, "block": 16, "points": "packed"},
    {"depth": 50, "columns": 7},
    {"depth": 64, "columns": 5, "bits": 8, "points": "packed"},
]


@pytest.mark.parametrize("slow", [False, True], ids=["numpy", "kernel"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_equals_onnxruntime(monkeypatch, case, slow):
    monkeypatch.setattr(host, "numpy_is_slow", lambda: slow)
    rng = np.random.default_rng(5)
    made, weights, bias = model(rng, **case)
    x = rng.normal(size=(2, 3, case["depth"])).astype(np.float32)
    found = run_graph(load(made, "net.onnx").graph, {"x": x})["y"]
    (theirs,) = onnxruntime.InferenceSession(made).run(None, {"x": x})
    assert (found.dtype, found.shape) == (np.float32, theirs.shape)
    limits = 4 * case["depth"] * 2.0**-24 * (np.abs(x).astype(np.float64) @ np.abs(weights)) + 1e-6
    assert (np.abs(found - (x @ weights + bias)) <= limits).all()
    assert (np.abs(found.astype(np.float64) - theirs) <= 2 * limits).all()


INTEGER_CASES = [
    {"depth": 64, "columns": 5},
    {"depth": 96, "columns": 8, "bias": True},
    {"depth": 512, "columns": 9, "points": "packed"},
    {"depth": 256, "columns": 6, "block": 64},
    {"depth": 256, "columns": 6, "block": 128, "points": "packed"},
    {"depth": 50, "columns": 7},
]


@pytest.mark.parametrize("case", INTEGER_CASES, ids=str)
def test_integer_activations_are_onnxruntimes(monkeypatch, case):
    """Its own rounding of activations (which is far larger than the limit) is met, not only the product."""
    rng = np.random.default_rng(5)
    made, weights, bias = model(rng, **case, accuracy=4)
    x = rng.normal(size=(2, 3, case["depth"])).astype(np.float32)
    graph, found = load(made, "net.onnx").graph, []
    for slow in (False, True):
        monkeypatch.setattr(host, "numpy_is_slow", lambda slow=slow: slow)
        found.append(run_graph(graph, {"x": x})["y"])
    np.testing.assert_array_equal(*found)
    (theirs,) = onnxruntime.InferenceSession(made).run(None, {"x": x})
    rounded = case["depth"] // case.get("block", 32) + 8  # blocks are added up, all within them is exact
    limits = rounded * 2.0**-24 * (np.abs(x).astype(np.float64) @ np.abs(weights)) + 1e-6
    assert (np.abs(found[0].astype(np.float64) - theirs) <= 2 * limits).all()
    assert np.abs(found[0] - (x @ weights + bias)).max() > 20 * limits.max()


def test_integer_activations_are_multiplied_by_kernels_where_numpy_is_slow(monkeypatch):
    monkeypatch.setattr(host, "numpy_is_slow", lambda: True)
    kernels, called = host.kernels(), []
    whole = kernels.call
    monkeypatch.setattr(kernels, "call", lambda kernel, **args: (called.append(kernel.name), whole(kernel, **args)))
    made, *_ = model(np.random.default_rng(0), 64, 5, accuracy=4)
    run_graph(load(made, "net.onnx").graph, {"x": np.ones((1, 64), np.float32)})
    assert called == ["k_quantize_blocks", "k_gemv_4bit_s8"]


def test_the_kernel_is_what_multiplies_where_numpy_is_slow(monkeypatch):
    monkeypatch.setattr(host, "numpy_is_slow", lambda: True)
    kernels, called = host.kernels(), []
    whole = kernels.call
    monkeypatch.setattr(kernels, "call", lambda kernel, **args: (called.append(kernel.name), whole(kernel, **args)))
    made, *_ = model(np.random.default_rng(0), 64, 5)
    run_graph(load(made, "net.onnx").graph, {"x": np.ones((1, 64), np.float32)})
    assert called == ["k_gemv_4bit"]


def test_what_is_not_handled_is_refused():
    made, *_ = model(np.random.default_rng(0), 64, 4)
    graph = load(made, "net.onnx").graph
    (node,) = graph.nodes

    def changed(**attributes):
        return graph.with_(nodes=(replace(node, attributes={**node.attributes, **attributes}),))

    with pytest.raises(UnsupportedError, match="2, 4 and 8 bits"):
        run_graph(changed(bits=3), {"x": np.ones((1, 64), np.float32)})
    with pytest.raises(InvalidInputError, match="do not match"):
        run_graph(changed(N=5), {"x": np.ones((1, 64), np.float32)})
    with pytest.raises(InvalidInputError, match="do not match"):
        run_graph(graph, {"x": np.ones((1, 32), np.float32)})
