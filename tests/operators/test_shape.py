from typing import Any

import numpy as np
import pytest


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@pytest.mark.parametrize("shape", [(4, 6), (-1, 3), (0, -1), (0, 0, 4), (24,)])
def test_reshape(check: Any, normal: Any, shape: tuple[int, ...]) -> None:
    check("Reshape", normal(2, 3, 4), ints(*shape))


def test_reshape_of_nothing(check: Any, normal: Any) -> None:
    check("Reshape", normal(0, 3), ints(3, 0), allowzero=1)


@pytest.mark.parametrize("axis", [0, 1, 2, 3, -1])
def test_flatten(check: Any, normal: Any, axis: int) -> None:
    check("Flatten", normal(2, 3, 4), axis=axis)


def test_axes(check: Any, normal: Any) -> None:
    check("Transpose", normal(2, 3, 4))
    check("Transpose", normal(2, 3, 4), perm=[1, 2, 0])
    check("Squeeze", normal(1, 3, 1))
    check("Squeeze", normal(1, 3, 1), ints(-1))
    check("Squeeze", normal(1, 3, 1), opset=11, axes=[0])
    check("Unsqueeze", normal(2, 3), ints(0, -1))
    check("Unsqueeze", normal(2, 3), opset=11, axes=[1, 3])


def test_concat_and_split(check: Any, normal: Any) -> None:
    check("Concat", normal(2, 3), normal(2, 1), axis=-1)
    check("Split", normal(6, 2), outputs=3)
    check("Split", normal(2, 6), ints(1, 5), outputs=2, axis=1)
    check("Split", normal(2, 6), opset=11, outputs=2, axis=1, split=[4, 2])
    check("Split", normal(7, 2), outputs=3, opset=18, num_outputs=3)


def test_gather(check: Any, normal: Any) -> None:
    check("Gather", normal(4, 5), np.array([[0, -1], [2, 2]]))
    check("Gather", normal(4, 5), np.array(3), axis=1)


SLICES = [
    ([0, 1], [2, 100], None, None),
    ([-2], [2**62], [1], None),
    ([1], [-1], [-1], None),
    ([100], [-(2**62)], [1], [-1]),
    ([-1], [0], [1], [-2]),
    ([0, 0], [5, 5], [1, 0], [2, 1]),
    ([3], [3], [0], None),
]


@pytest.mark.parametrize("limits", SLICES)
def test_slice(check: Any, normal: Any, limits: tuple[list[int] | None, ...]) -> None:
    check("Slice", normal(5, 6), *(None if x is None else ints(*x) for x in limits))


def test_slice_with_attributes(check: Any, normal: Any) -> None:
    check("Slice", normal(5, 6), opset=9, starts=[1, -3], ends=[4, 9], axes=[0, 1])


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
def test_pad(check: Any, normal: Any, mode: str) -> None:
    check("Pad", normal(3, 4), ints(1, 0, 2, 3), opset=19, mode=mode)


def test_pad_of_other_kinds(check: Any, normal: Any) -> None:
    check("Pad", normal(3, 4), ints(0, -1, 1, 0), np.array(7, np.float32))
    check("Pad", normal(3, 4), ints(1, 2), np.array(7, np.float32), ints(-1), opset=18)
    check("Pad", normal(3, 4), opset=7, pads=[1, 1, 0, 0], value=2.0)


def test_shapes_as_values(check: Any, normal: Any) -> None:
    check("Shape", normal(2, 3, 4))
    check("Shape", normal(2, 3, 4), start=1)
    check("Shape", normal(2, 3, 4), start=-2, end=-1)
    check("Size", normal(2, 3, 4))
    check("Expand", normal(3, 1), ints(2, 1, 4))
    check("Tile", normal(2, 3), ints(2, 1))
    check("ConstantOfShape", ints(2, 3))
    check("Range", np.array(1), np.array(10), np.array(3))


@pytest.mark.parametrize("to", [1, 2, 3, 6, 7, 9, 10, 11])
def test_cast(check: Any, to: int) -> None:
    check("Cast", np.array([0, 1.7, 100.2], np.float32), to=to)
    check("Cast", np.array([0, 1, 100]), to=to)


def test_dropout(check: Any, normal: Any) -> None:
    check("Dropout", normal(3))
    check("Dropout", normal(3), outputs=2)
