"""What chooses, orders, writes and compares values, against ONNX Runtime; and what is refused."""

from typing import Any

import numpy as np
import pytest

from playground.engines.interpreter import run_graph
from playground.errors import EngineError, PlaygroundError
from playground.model.graph import Graph, Node, Tensor, ValueInfo

RNG = np.random.default_rng(3)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def boxes(count: int, batches: int = 2) -> np.ndarray:
    corner, size = RNG.uniform(0, 60, (batches, count, 2)), RNG.uniform(1, 40, (batches, count, 2))
    return np.concatenate([corner, corner + size], 2).astype(np.float32)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("least", [None, 0.2, 0.9])
@pytest.mark.parametrize("most", [0, 3, 500])
@pytest.mark.parametrize("centred", [0, 1])
def test_boxes_that_do_not_overlap(check: Any, overlap: float, least: float | None, most: int, centred: int) -> None:
    scores = RNG.uniform(0, 1, (2, 3, 60)).astype(np.float32).round(2)
    floor = () if least is None else (np.float32([least]),)
    check("NonMaxSuppression", boxes(60), scores, ints(most), np.float32([overlap]), *floor, center_point_box=centred)


def test_boxes_with_corners_in_any_order_or_without_area(check: Any) -> None:
    some = boxes(40, 1)
    some[0, ::3] = some[0, ::3][:, [2, 3, 0, 1]]
    some[0, ::5, 2:] = some[0, ::5, :2]
    scores = RNG.uniform(0, 1, (1, 1, 40)).astype(np.float32)
    check("NonMaxSuppression", some, scores, ints(40), np.float32([0.2]), np.float32([0.1]))


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("dtype", ["float32", "int64", "float64"])
def test_largest_and_smallest(check: Any, axis: int, largest: int, count: int, dtype: str) -> None:
    x = RNG.integers(0, 6, (4, 5, 7)).astype(dtype)
    check("TopK", x, ints(count), axis=axis, largest=largest, outputs=2)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("ordered", [0, 1])
def test_unique(check: Any, axis: int | None, ordered: int) -> None:
    x = RNG.integers(0, 2, (5, 3, 2)).astype(np.float32)
    check("Unique", x, sorted=ordered, outputs=4, **({} if axis is None else {"axis": axis}))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(check: Any, axis: int) -> None:
    check("OneHot", ints(0, -1, 5, 3, -9), ints(5), np.float32([-1, 4]), axis=axis)
    check("OneHot", np.float32([[1, 2], [0, -3]]), np.float32([4]), np.float32([0, 1]), axis=axis)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_scattered_elements(check: Any, reduction: str, axis: int, dtype: str) -> None:
    x, updates = RNG.integers(-5, 5, (4, 5, 6)).astype(dtype), RNG.integers(-5, 5, (2, 3, 4)).astype(dtype)
    indices = RNG.integers(-4, 4, (2, 3, 4))
    check("ScatterElements", x, indices, updates, axis=axis, reduction=reduction, opset=18)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_scattered_slices(check: Any, normal: Any, reduction: str, depth: int) -> None:
    x, indices = normal(4, 5, 6), RNG.integers(-4, 4, (3, 2, depth))
    check("ScatterND", x, indices, normal(3, 2, *x.shape[depth:]), reduction=reduction, opset=18)


def test_older_and_other_ways_to_write(check: Any, normal: Any) -> None:
    check("Scatter", normal(3, 4), ints(0, 2, 1).reshape(1, 3), normal(1, 3), axis=1, opset=10)
    check("NonZero", np.float32([[0, 1], [2, 0]]))
    check("NonZero", np.array(5.0, np.float32))
    check("NonZero", np.zeros((2, 3), bool))
    check("ReverseSequence", normal(5, 3, 2), ints(5, 0, 2))
    check("ReverseSequence", normal(3, 5), ints(5, 0, 2), batch_axis=0, time_axis=1)
    check("Xor", RNG.random((2, 3)) > 0.5, RNG.random(3) > 0.5)
    check("SpaceToDepth", normal(2, 3, 4, 6), blocksize=2)


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [None, 0, 1, -2, 9, -9, 2**40, -(2**40)])
@pytest.mark.parametrize("shape", [(4, 6), (2, 5, 3), (0, 4)], ids=str)
def test_triangles(check: Any, normal: Any, upper: int, k: int | None, shape: tuple[int, ...]) -> None:
    check("Trilu", normal(*shape), *(() if k is None else (np.array(k, np.int64),)), upper=upper)


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("window", [{}, {"pads": [1, 1, 0, 1], "strides": [2, 1]}, {"dilations": [2, 1]}], ids=str)
def test_largest_values_and_their_places(check: Any, normal: Any, order: int, window: dict[str, Any]) -> None:
    check("MaxPool", normal(2, 3, 7, 8), kernel_shape=[2, 3], storage_order=order, outputs=2, **window)


def test_places_of_values_on_lines_and_in_boxes(check: Any, normal: Any) -> None:
    check("MaxPool", normal(2, 3, 9), kernel_shape=[3], strides=[2], pads=[1, 1], outputs=2)
    check("MaxPool", normal(1, 2, 5, 4, 6), kernel_shape=[2, 2, 3], strides=[2, 1, 2], outputs=2)


def test_values_back_at_their_places(check: Any, normal: Any) -> None:
    x = normal(2, 3, 8, 6)
    largest, places = check("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], outputs=2)
    check("MaxUnpool", largest, places, kernel_shape=[2, 2], strides=[2, 2])


X = np.ones((2, 3, 4), np.float32)
IMAGES = np.ones((1, 1, 4, 4), np.float32)
FEW = np.ones((1, 2, 4), np.float32)

REFUSED = [
    ("TopK", (X, ints(9)), {}),
    ("TopK", (X, ints(-1)), {}),
    ("TopK", (X, ints(1, 1)), {}),
    ("TopK", (X, ints(1)), {"axis": 3}),
    ("Trilu", (np.ones(3, np.float32),), {}),
    ("Trilu", (X, ints(1, 2)), {}),
    ("OneHot", (ints(1), ints(0), np.float32([0, 1])), {}),
    ("OneHot", (ints(1), ints(2**50), np.float32([0, 1])), {}),
    ("OneHot", (ints(1), ints(3), np.float32([0, 1, 2])), {}),
    ("OneHot", (ints(1), ints(3), np.float32([0, 1])), {"axis": 5}),
    ("ScatterElements", (X, ints(9).reshape(1, 1, 1), X[:1, :1, :1]), {}),
    ("ScatterElements", (X, ints(-3).reshape(1, 1, 1), X[:1, :1, :1]), {}),
    ("ScatterElements", (X, np.zeros((1, 4, 1), np.int64), np.ones((1, 4, 1), np.float32)), {}),
    ("ScatterElements", (X, np.zeros((1, 1, 1), np.int64), X), {}),
    ("ScatterElements", (X, ints(0), np.float32([1])), {}),
    ("ScatterND", (X, ints(2).reshape(1, 1), X[:1]), {}),
    ("ScatterND", (X, ints(1).reshape(1, 1), X), {}),
    ("ScatterND", (X, np.array(0), X[0, 0, 0]), {}),
    ("ScatterND", (X, np.zeros((2, 0), np.int64), np.ones((2, *X.shape), np.float32)), {}),
    ("ScatterND", (X, ints(0, 0, 0, 0).reshape(1, 4), X[:1, 0, 0]), {}),
    ("ReverseSequence", (X, ints(1, 2)), {}),
    ("ReverseSequence", (X, ints(1, 2, 3)), {}),
    ("ReverseSequence", (X, ints(0, -1, 0)), {}),
    ("ReverseSequence", (X, ints(0, 0, 0)), {"batch_axis": 0}),
    ("NonMaxSuppression", (FEW, np.ones((1, 1, 3), np.float32)), {}),
    ("NonMaxSuppression", (FEW[..., :3], np.ones((1, 1, 2), np.float32)), {}),
    ("NonMaxSuppression", (FEW, np.ones((1, 1, 2), np.float32), ints(1), np.float32([1.5])), {}),
    ("NonMaxSuppression", (FEW, np.ones((1, 1, 2), np.float32), ints(1), np.float32([np.nan])), {}),
    ("NonMaxSuppression", (FEW, np.ones((1, 1, 2), np.float32), ints()), {}),
    ("MaxUnpool", (IMAGES, np.full(IMAGES.shape, 64)), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("MaxUnpool", (IMAGES, np.full(IMAGES.shape, -1)), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ("MaxUnpool", (IMAGES, ints(1)), {"kernel_shape": [2, 2]}),
    ("MaxUnpool", (IMAGES, np.zeros(IMAGES.shape, np.int64), ints(1, 1, 2, 2)), {"kernel_shape": [2, 2]}),
    ("MaxUnpool", (IMAGES, np.zeros(IMAGES.shape, np.int64)), {"kernel_shape": [2]}),
    ("MaxUnpool", (IMAGES, np.zeros(IMAGES.shape, np.int64)), {"kernel_shape": [2, 2], "strides": [2**30, 2**30]}),
    ("MaxUnpool", (IMAGES, np.zeros(IMAGES.shape, np.int64)), {"kernel_shape": [2, 2], "pads": [9, 9, 9, 9]}),
    ("SpaceToDepth", (IMAGES,), {"blocksize": 3}),
    ("SpaceToDepth", (X,), {"blocksize": 1}),
    ("Unique", (X,), {"axis": 3}),
]


@pytest.mark.parametrize(("op", "inputs", "given"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_cannot_be_is_refused(op: str, inputs: tuple[np.ndarray, ...], given: dict[str, Any]) -> None:
    names = [f"c{place}" for place in range(len(inputs))]
    tensors = {name: Tensor.of(name, array) for name, array in zip(names, inputs, strict=True)}
    graph = Graph("g", (), (ValueInfo("y", "", None),), (Node(op, "n", tuple(names), ("y",), given),), tensors, 18)
    with pytest.raises(PlaygroundError, match="node 'n'") as caught:
        run_graph(graph, {})
    # What is foreseen has a kind of its own; the interpreter's net is for what is not
    assert not isinstance(caught.value, EngineError)
