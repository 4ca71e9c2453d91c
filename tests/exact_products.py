"""ONNX Runtime as an oracle for products of int8: exact on every processor.

On x86 without VNNI its fast products of int8 weights overflow 16 bits: its answers are not what the operators say.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as Missing

from playground.host.onnxruntime_native import EXACT_PRODUCTS

PLAIN = onnxruntime.InferenceSession

OF_CODES = {"MatMulInteger", "ConvInteger", "QLinearMatMul", "QLinearConv", "QGemm", "DynamicQuantizeLSTM"}


class ExactSession(PLAIN):  # type: ignore[misc]
    """A session whose products do not overflow, unless its options say otherwise.

    Where they do all the same, a test that asks for its answers is skipped. The package's own sessions answer.
    """

    def __init__(self, model: Any, sess_options: Any = None, *args: Any, **kwargs: Any) -> None:
        """As of ONNX Runtime's."""
        options = onnxruntime.SessionOptions() if sess_options is None else sess_options
        self._asked_by = sys._getframe(1).f_globals["__name__"]
        self._overflows = False
        try:
            options.get_session_config_entry(EXACT_PRODUCTS)
        except RuntimeError:
            options.add_session_config_entry(EXACT_PRODUCTS, "1")
            self._overflows = products_overflow() and has_products_of_codes(model)
        try:
            super().__init__(model, options, *args, **kwargs)
        except (Fail, Missing):  # what it makes of some graphs, as where a weight has two readers
            options.add_session_config_entry(EXACT_PRODUCTS, "0")
            super().__init__(model, options, *args, **kwargs)
            self._overflows = products_overflow()

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """As of ONNX Runtime's."""
        if self._overflows and not self._asked_by.startswith("playground."):
            pytest.skip("ONNX Runtime's products of int8 overflow on this processor (x86 without VNNI)")
        return super().run(*args, **kwargs)


def has_products_of_codes(model: Any) -> bool:
    """Whether a file multiplies int8 weights by operators of their own, which the setting is not for."""
    content = onnx.load(model) if isinstance(model, (str, Path)) else onnx.load_from_string(bytes(model))
    graphs = [content.graph]
    for graph in graphs:
        graphs += [one.g for node in graph.node for one in node.attribute if one.HasField("g")]
    weights = any(t.data_type == TensorProto.INT8 and len(t.dims) > 1 for graph in graphs for t in graph.initializer)
    return weights and any(node.op_type in OF_CODES for graph in graphs for node in graph.node)


def use() -> None:
    """Let all tests of this process have such sessions."""
    onnxruntime.InferenceSession = ExactSession


@functools.cache
def products_overflow() -> bool:
    """Whether ONNX Runtime adds two products of octets in 16 bits: it does on x86 without VNNI."""
    a = helper.make_tensor_value_info("a", TensorProto.UINT8, [32, 64])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, [32, 32])
    b = numpy_helper.from_array(np.full((64, 32), 127, np.int8), "b")
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["a", "b"], ["y"])], "products", [a], [y], [b])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry(EXACT_PRODUCTS, "0")
    session = PLAIN(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"a": np.full((32, 64), 255, np.uint8)})
    return bool((np.asarray(found) != 64 * 127 * 255).any())
