from typing import Any

import numpy as np
import pytest

from playground.errors import InvalidInputError, UnsupportedError
from playground.operators import operator
from playground.programs.call import Call


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


def test_batch_normalization_in_training(normal: Any) -> None:
    """What it computes from x is what it takes at inference; what it was given moves towards that."""
    entry, x = operator("BatchNormalization"), normal(4, 3, 5)
    scale, bias, mean, variance = normal(3), normal(3), normal(3), np.abs(normal(3))
    call = Call({**entry.defaults, "training_mode": 1, "momentum": 0.75}, 3)
    y, running_mean, running_variance = entry.run(call, x, scale, bias, mean, variance)
    own = x.mean((0, 2)), x.var((0, 2))
    np.testing.assert_allclose(y, entry.run(Call(entry.defaults), x, scale, bias, *own), 1e-4, 1e-5)
    np.testing.assert_allclose(running_mean, 0.75 * mean + 0.25 * own[0], 1e-5, 1e-6)
    np.testing.assert_allclose(running_variance, 0.75 * variance + 0.25 * own[1], 1e-5, 1e-6)
    with pytest.raises(UnsupportedError, match="outputs of training"):
        entry.run(Call(entry.defaults, 3), x, scale, bias, mean, variance)


@pytest.mark.parametrize("shape", [(2, 6, 5), (2, 6, 5, 4), (1, 6, 3, 2, 4)], ids=str)
@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_of_channels(check: Any, normal: Any, shape: tuple[int, ...], kind: type) -> None:
    x, scale, bias = ((3 * a).astype(kind) for a in (normal(*shape) + 2, normal(6), normal(6)))
    near = {"rtol": 1e-5, "atol": 1e-5} if kind is np.float32 else {"rtol": 2e-3, "atol": 4e-3}
    check("InstanceNormalization", x, scale, bias, epsilon=1e-3, **near)
    for groups in (1, 2, 6):
        check("GroupNormalization", x, scale, bias, opset=21, num_groups=groups, **near)


@pytest.mark.parametrize("size", [1, 3, 5, 13])
def test_local_response(check: Any, normal: Any, size: int) -> None:
    check("LRN", 20 * normal(2, 5, 3, 4), size=size, alpha=0.02, bias=2.0, beta=0.6)


@pytest.mark.parametrize("p", [1, 2])
def test_norms(check: Any, normal: Any, p: int) -> None:
    x = normal(2, 3, 6)
    check("LpNormalization", x, axis=1, p=p)
    check("GlobalLpPool", x, p=p)
    for attributes in ({}, {"strides": [2], "pads": [1, 0]}, {"strides": [2], "pads": [1, 1], "ceil_mode": 1}):
        check("LpPool", x, p=p, kernel_shape=[3], opset=18, **attributes)


def test_rows_of_zeros_stay_zeros() -> None:
    entry = operator("LpNormalization")
    made = entry.run(Call(entry.defaults), np.float32([[0, 0], [3, 4]]))
    np.testing.assert_allclose(made, [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_determinants(check: Any, normal: Any) -> None:
    check("Det", normal(3, 3))
    check("Det", normal(2, 5, 4, 4))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 3.0])
def test_celu(check: Any, normal: Any, alpha: float) -> None:
    check("Celu", 5 * normal(3, 7), alpha=alpha)


def test_what_does_not_fit_is_refused(normal: Any) -> None:
    for name, shapes, attributes in (
        ("InstanceNormalization", [(2, 3, 4), (3,), (4,)], {}),
        ("GroupNormalization", [(2, 3, 4), (3,), (3,)], {"num_groups": 2}),
        ("LRN", [(3,)], {"size": 3}),
        ("Det", [(3, 4)], {}),
        ("LpNormalization", [(3, 4)], {"axis": 2}),
    ):
        entry = operator(name)
        with pytest.raises(InvalidInputError):
            entry.run(Call({**entry.defaults, **attributes}), *(normal(*shape) for shape in shapes))


@pytest.mark.parametrize("group", [1, 4])
def test_float16_is_summed_in_float32(check: Any, normal: Any, group: int) -> None:
    """Sums of hundreds of values: each alone would be rounded to the steps of the sum so far."""
    x = np.abs(normal(1, 4, 40, 40)).astype(np.float16)
    w = np.abs(normal(4, 4 // group, 15, 15)).astype(np.float16)
    check("Conv", x, w, group=group, rtol=1e-3)
    check("ConvTranspose", x[:, :, :20, :20], w, group=group, rtol=1e-3)
    check("AveragePool", x, kernel_shape=[15, 15], rtol=1e-3)
    check("LogSoftmax", x.reshape(1, -1), rtol=1e-3)
