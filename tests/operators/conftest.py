"""Each operator is run by our interpreter and by ONNX Runtime on the same one-node model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper, numpy_helper

from playground.engines.interpreter import run_graph
from playground.opening import load

Check = Callable[..., list[np.ndarray]]


def _one_node(node: onnx.NodeProto, inputs: list[Any], constants: set[int], opset: int) -> onnx.ModelProto:
    typed = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
        for i, (name, x) in enumerate(zip(node.input, inputs, strict=True))
        if name and i not in constants
    ]
    graph = helper.make_graph(
        [node],
        "one",
        typed,
        [helper.make_empty_tensor_value_info(name) for name in node.output],
        [numpy_helper.from_array(inputs[i], f"x{i}") for i in sorted(constants)],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


@pytest.fixture
def check() -> Check:
    def run(
        op: str,
        *inputs: np.ndarray | None,
        constants: set[int] = frozenset(),
        outputs: int = 1,
        opset: int = 17,
        rtol: float = 1e-5,
        atol: float = 1e-5,
        **attributes: Any,
    ) -> list[np.ndarray]:
        """Compare with ONNX Runtime; exactly where the result is not a float. Returns ONNX Runtime's outputs."""
        names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
        node = helper.make_node(op, names, [f"y{i}" for i in range(outputs)], **attributes)
        data = _one_node(node, list(inputs), set(constants), opset).SerializeToString()
        graph = load(data, f"{op}.onnx").graph
        assert graph is not None
        feeds = {f"x{i}": x for i, x in enumerate(inputs) if x is not None and i not in constants}
        expected = onnxruntime.InferenceSession(data).run(None, feeds)
        found = list(run_graph(graph, feeds).values())
        assert len(found) == len(expected)
        for ours, theirs in zip(found, expected, strict=True):
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
            if ours.dtype.kind == "f":
                np.testing.assert_allclose(ours, theirs, rtol, atol)
            else:
                np.testing.assert_array_equal(ours, theirs)
        return expected

    return run


@pytest.fixture
def normal() -> Callable[..., np.ndarray]:
    """Normally distributed float32 values of a shape."""
    rng = np.random.default_rng(0)
    return lambda *shape: rng.normal(size=shape).astype(np.float32)
