from typing import Any

import numpy as np
import pytest


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("opset", [11, 17])
def test_softmax(check: Any, normal: Any, op: str, axis: int | None, opset: int) -> None:
    attributes = {} if axis is None else {"axis": axis}
    check(op, 20 * normal(2, 3, 4), opset=opset, **attributes)


def test_batch_normalization(check: Any, normal: Any) -> None:
    for x in (normal(2, 3, 5, 4), normal(2, 3)):
        check("BatchNormalization", x, normal(3), normal(3), normal(3), np.abs(normal(3)), epsilon=1e-3)


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_layer_normalization(check: Any, normal: Any, axis: int, outputs: int) -> None:
    x = normal(2, 3, 4) + 1
    shape = x.shape[axis:]
    check("LayerNormalization", x, normal(*shape), normal(*shape), outputs=outputs, axis=axis)
    check("LayerNormalization", x, normal(*shape), outputs=outputs, axis=axis, epsilon=0.1)


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"])
def test_reductions(check: Any, normal: Any, op: str) -> None:
    x = normal(2, 3, 4)
    attribute_opset = 11
    check(op, x, opset=attribute_opset)
    check(op, x, opset=attribute_opset, axes=[1], keepdims=0)
    check(op, x, opset=attribute_opset, axes=[0, -1])
    check(op, x, np.array([1]), opset=18, keepdims=0, constants={1})
    check(op, x, np.array([], np.int64), opset=18, noop_with_empty_axes=1, constants={1})


@pytest.mark.parametrize("last", [0, 1])
def test_arg_max(check: Any, last: int) -> None:
    x = np.array([[1, 5, 5], [7, 2, 7]], np.float32)
    for axis in (0, 1, -1):
        for keepdims in (0, 1):
            check("ArgMax", x, axis=axis, keepdims=keepdims, select_last_index=last)
