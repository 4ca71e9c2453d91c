"""A model with other weights, against ONNX Runtime on a file with those weights."""

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.errors import InvalidInputError, UnsupportedError

RNG = np.random.default_rng(20)


def gathered(table, places):
    """The bytes of a model that picks rows of a table."""
    nodes = [helper.make_node("Gather", ["table", "places"], ["y"])]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [len(places), table.shape[1]])],
        [numpy_helper.from_array(table, "table"), numpy_helper.from_array(places, "places")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def test_the_model_computes_with_the_new_values():
    table, other = (RNG.normal(size=(5, 3)).astype(np.float32) for _ in range(2))
    places, others = np.array([0, 4], np.int64), np.array([3, 1], np.int64)
    model = playground.load(gathered(table, places))
    changed = model.with_tensors({"table": other.astype(np.float64), "places": others})
    feeds = {"x": np.zeros(1, np.float32)}
    expected = onnxruntime.InferenceSession(gathered(other, others)).run(None, feeds)[0]
    assert np.array_equal(playground.run(changed, feeds, "reference")["y"], expected)
    assert np.array_equal(model.tensors["table"].numpy(), table)


@pytest.mark.parametrize("given", [[0.5, 1.0], [2.0**70, 0.0], [np.nan, 1.0]])
def test_values_that_an_integer_tensor_cannot_have_are_refused(given):
    model = playground.load(gathered(np.zeros((5, 3), np.float32), np.array([0, 4], np.int64)))
    with pytest.raises(InvalidInputError, match="these would change in it"):
        model.with_tensors({"places": np.array(given)})


def test_a_type_that_numpy_lacks_is_not_replaced():
    model = playground.load({"w": np.zeros((2, 3), ml_dtypes.bfloat16)})
    with pytest.raises(UnsupportedError, match="bfloat16, which NumPy does not have"):
        model.with_tensors({"w": np.zeros((2, 3), np.float32)})
