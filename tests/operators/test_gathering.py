"""What takes values from places: by indices, conditions, blocks, around the middle."""

from typing import Any

import numpy as np
import pytest

from playground.errors import InvalidInputError, PlaygroundError
from playground.operators import operator
from playground.programs.call import Call

RNG = np.random.default_rng(1)


def run(name: str, *inputs: Any, **attributes: Any) -> Any:
    entry = operator(name)
    return entry.run(Call({**entry.defaults, **attributes}), *inputs)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 2, 4), (2, 3, 0)], ids=str)
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_gather_elements(check: Any, normal: Any, axis: int, shape: tuple[int, ...], kind: type) -> None:
    x = normal(2, 3, 5)
    indices = RNG.integers(-x.shape[axis], x.shape[axis], shape).astype(kind)
    check("GatherElements", x, indices, axis=axis)


@pytest.mark.parametrize("batch", [0, 1, 2])
@pytest.mark.parametrize("depth", [1, 2])
def test_gather_nd(check: Any, normal: Any, batch: int, depth: int) -> None:
    x = normal(2, 3, 4, 5)
    ranges = x.shape[batch : batch + depth]
    lead = (*x.shape[:batch], 7)
    indices = np.stack([RNG.integers(-n, n, lead) for n in ranges], -1)
    check("GatherND", x, indices, batch_dims=batch)


def test_compress(check: Any, normal: Any) -> None:
    x = normal(3, 4)
    for axis in (0, 1, -1):
        check("Compress", x, np.array([True, False, True]), axis=axis)
    check("Compress", x, np.array([False, True, True, False, True]))
    check("Compress", x, np.zeros(2, bool), axis=0)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(check: Any, normal: Any, mode: str) -> None:
    check("DepthToSpace", normal(2, 18, 3, 4), blocksize=3, mode=mode)
    check("DepthToSpace", normal(1, 4, 1, 2).astype(np.float64), blocksize=2, mode=mode)


@pytest.mark.parametrize("sizes", [(7, 4, 2), (6, 5, 3), (1, 1, 1), (0, 5, 9)], ids=str)
def test_center_crop_pad(check: Any, normal: Any, sizes: tuple[int, ...]) -> None:
    check("CenterCropPad", normal(6, 5, 3), np.array(sizes), opset=18)
    check("CenterCropPad", normal(6, 5, 3), np.array(sizes[:2]), opset=18, axes=[-1, 0])


@pytest.mark.parametrize("k", [-5, -1, 0, 2, 9])
def test_eye_like(check: Any, k: int) -> None:
    check("EyeLike", np.zeros((3, 4), np.int64), k=k)
    check("EyeLike", np.zeros((3, 4), np.float32), k=k, dtype=6)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_arg_min_and_hardmax(check: Any, axis: int) -> None:
    x = RNG.integers(0, 3, (4, 5)).astype(np.float32)
    for last in (0, 1):
        check("ArgMin", x, axis=axis, select_last_index=last, keepdims=last)
        check("ArgMax", x, axis=axis, select_last_index=last, keepdims=last)
    check("Hardmax", x, axis=axis)


REFUSED = [
    ("GatherElements", ((2, 3), [[3, 0]]), {"axis": 1}),
    ("GatherElements", ((2, 3), [[-4, 0]]), {"axis": 1}),
    ("GatherElements", ((2, 3), [0, 1]), {}),
    ("GatherElements", ((2, 3), [[0, 0], [0, 0], [0, 0]]), {"axis": 1}),
    ("GatherElements", ((2, 3), [[0.5, 0.5]]), {}),
    ("GatherElements", ((1, 3, 4), [[[0]], [[0]]]), {"axis": 1}),
    ("GatherElements", ((4, 3, 1), [[[0, 0]]]), {"axis": 1}),
    ("GatherND", ((2, 3), [[0, 3]]), {}),
    ("GatherND", ((2, 3), [[-3, 0]]), {}),
    ("GatherND", ((2, 3), [[0, 0, 0]]), {}),
    ("GatherND", ((2, 3), [[0], [0], [0]]), {"batch_dims": 1}),
    ("GatherND", ((2, 3), [[0]]), {"batch_dims": 2}),
    ("Compress", ((2, 3), [True] * 7), {}),
    ("Compress", ((2, 3), [[True]]), {"axis": 0}),
    ("DepthToSpace", ((1, 3, 2, 2),), {"blocksize": 2}),
    ("DepthToSpace", ((1, 4, 2),), {"blocksize": 2}),
    ("EyeLike", ((2, 3, 4),), {}),
    ("CenterCropPad", ((2, 3), [2]), {}),
    ("CenterCropPad", ((2, 3), [2, -1]), {}),
    ("CenterCropPad", ((2, 3), [2, 2]), {"axes": [0, -2]}),
    ("ArgMin", ((2, 3),), {"axis": 2}),
    ("Hardmax", ((2, 3),), {"axis": -3}),
]


@pytest.mark.parametrize(("name", "given", "attributes"), REFUSED)
def test_what_does_not_fit_is_refused(name: str, given: tuple[Any, ...], attributes: dict[str, Any]) -> None:
    shape, *others = given
    with pytest.raises(InvalidInputError):
        run(name, np.ones(shape, np.float32), *map(np.array, others), **attributes)


def test_sizes_are_refused_before_anything_is_made() -> None:
    for name, inputs in (
        ("CenterCropPad", (np.ones((2, 2)), np.array([2**30, 2**30]))),
        ("HannWindow", (np.array(2**60),)),
        ("BlackmanWindow", (np.array(-1),)),
    ):
        with pytest.raises(PlaygroundError, match=r"would take|cannot have"):
            run(name, *inputs)
