"""Normalizations written out in quantized files: one operator where no rounding stands between their operators."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static

from playground.engines import reference, wasm
from playground.engines.planning.plan import refusals
from playground.opening import load
from playground.operators.layer_normalization import LayerNorm

COLUMNS = 16
GELU = [("Div", "h root", "d"), ("Erf", "d", "e"), ("Add", "e one", "p"), ("Mul", "h p", "m"), ("Mul", "m half", "o")]
NORM = [
    ("ReduceMean", "h", "mean"), ("Sub", "h mean", "d"), ("Pow", "d two", "s"), ("ReduceMean", "s", "v"),
    ("Add", "v eps", "p"), ("Sqrt", "p", "r"), ("Div", "d r", "n"), ("Mul", "n scale", "m"), ("Add", "m bias", "o"),
]  # fmt: skip


class OneBatch(CalibrationDataReader):
    def __init__(self):
        self.batches = iter([{"x": inputs(64, 1)}])

    def get_next(self):
        return next(self.batches, None)


def inputs(n, seed):
    return np.random.default_rng(seed).normal(size=(n, COLUMNS)).astype(np.float32)


def quantized(folder, middle, operators):
    """A product, what is written out, another product, quantized by ONNX Runtime's tool: its bytes."""
    rng = np.random.default_rng(3)
    numbers = {"root": 2**0.5, "one": 1, "half": 0.5, "two": 2, "eps": 1e-3}
    arrays = {name: np.float32(value) for name, value in numbers.items()}
    arrays |= {name: rng.normal(size=(COLUMNS, COLUMNS)).astype(np.float32) for name in ("w1", "w2")}
    arrays |= {name: rng.uniform(0.5, 1.5, COLUMNS).astype(np.float32) for name in ("scale", "bias")}
    written = [("MatMul", "x w1", "h"), *middle, ("MatMul", "o w2", "y")]
    nodes = [
        helper.make_node(op, reads.split(), [made], **({"axes": [-1]} if op == "ReduceMean" else {}))
        for op, reads, made in written
    ]
    used = {name for node in nodes for name in node.input}
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items() if name in used]
    ends = [helper.make_tensor_value_info(name, 1, ["n", COLUMNS]) for name in "xy"]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    onnx.save(model, folder / "float.onnx")
    target = folder / "qdq.onnx"
    form = {"quant_format": QuantFormat.QDQ, "op_types_to_quantize": operators}
    quantize_static(folder / "float.onnx", target, OneBatch(), **form)
    return target.read_bytes()


@pytest.mark.parametrize(
    ("middle", "operators"),
    [(NORM, ["MatMul"]), (GELU, ["MatMul"]), (GELU, ["MatMul", "Div", "Erf", "Add", "Mul"])],
    ids=["norm", "gelu", "gelu with roundings"],
)
def test_it_runs_and_is_onnxruntimes_within_a_code(tmp_path, middle, operators):
    model = quantized(tmp_path, middle, operators)
    graph, x = load(model, "net.onnx").graph, inputs(50, 2)
    assert refusals(graph, {"x": x.shape}) == ()
    planned = wasm.plan(graph, {"x": x.shape})
    found = planned.run({"x": x})["y"]
    np.testing.assert_array_equal(found, reference.run(planned.program, {"x": x})["y"])
    (theirs,) = onnxruntime.InferenceSession(model).run(None, {"x": x})
    (last,) = (node for node in graph.nodes if node.outputs == ("y",))
    step = float(graph.initializers[last.inputs[1]].numpy())
    assert np.abs(found - theirs).max() <= 1.01 * step
    # each rounding between them has its own ties, and each code of those is read by a whole row of the product
    most = 0.06 if "Erf" in operators else 0.02
    assert (np.abs(found - theirs) > 0.01 * step).mean() < most
    assert any(isinstance(s, LayerNorm) for s in planned.program.steps) == (middle is NORM)


def test_roundings_between_its_operators_are_not_left_out(tmp_path):
    operators = sorted({op for op, *_ in NORM} | {"MatMul"})
    graph = load(quantized(tmp_path, NORM, operators), "net.onnx").graph
    assert "a quotient of two computed values" in " ".join(map(str, refusals(graph, {"x": (2, COLUMNS)})))
