"""Sparse constants of TFLite files: their zeros come back, and places outside of the shape are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground import load, run
from playground.errors import BadFileError
from tests.hostile.make_tflite import model, operator, tensor
from tests.model.readers.flatbuffer_writer import Number, Numbers, flatbuffer

DENSE, WHILE, DENSIFY = 9, 119, 124


def opened(content: dict[int, Any]) -> Any:
    return load(flatbuffer(content), "m.tflite")


def floats(*values: float) -> bytes:
    return np.array(values, np.float32).tobytes()


def sparse(levels: list[dict[int, Any]], order: list[int], blocks: list[int] | None = None) -> dict[int, Any]:
    """Where sparse values are, as a tensor's field."""
    return {6: {0: Numbers("i", order), 1: Numbers("i", blocks or []), 2: levels}}


def full(size: int) -> dict[int, Any]:
    return {0: Number("b", 0), 1: Number("i", size)}


def listed(segments: list[int], indices: list[int], code: str = "B") -> dict[int, Any]:
    kind = Number("B", {"i": 1, "H": 2, "B": 3}[code])
    return {0: Number("b", 1), 2: kind, 3: {0: Numbers(code, segments)}, 4: kind, 5: {0: Numbers(code, indices)}}


SPARSE = {
    "rows": (sparse([full(3), listed([0, 2, 2, 3], [0, 3, 2])], [0, 1]), [1, 2, 3]),
    "columns": (sparse([full(4), listed([0, 1, 1, 2, 3], [0, 2, 0], "i")], [1, 0]), [1, 3, 2]),
    "blocks": (
        sparse([full(3), listed([0, 2, 2, 3], [0, 1, 1], "H"), full(2)], [0, 1, 2], [1]),
        [1, 0, 0, 2, 3, 0],
    ),
}


@pytest.mark.parametrize("name", SPARSE)
def test_sparse_weights_have_their_zeros(name: str) -> None:
    """[[1, 0, 0, 2], [0, 0, 0, 0], [0, 0, 3, 0]] by rows, by columns, and in blocks of two."""
    where, values = SPARSE[name]
    tensors = [
        *(tensor([2, 4], name="x"), tensor([2, 3], name="y"), tensor([3, 4], name="w")),
        tensor([3, 4], 0, 1, "s") | where,
    ]
    operators = [operator([3], [2]), operator([0, 2], [1], code=1)]
    held = opened(model(tensors, operators, [DENSIFY, DENSE], [floats(*values)]))
    wanted = np.zeros((3, 4), np.float32)
    wanted[0, 0], wanted[0, 3], wanted[2, 2] = 1, 2, 3
    assert np.array_equal(held.tensors["s"].numpy(), wanted)
    x = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert np.array_equal(run(held, {"x": x}, engine="reference")["y"], x @ wanted.T)


@pytest.mark.parametrize(
    "where",
    [
        sparse([full(3), listed([0, 2, 2, 3], [0, 4, 2])], [0, 1]),
        sparse([full(3), listed([0, 2, 2, 9], [0, 3, 2])], [0, 1]),
        sparse([full(3), listed([0, 2], [0, 3, 2])], [0, 1]),
        sparse([full(3), full(4)], [0, 0]),
        sparse([full(3), full(2**30)], [0, 1]),
        sparse([full(3), full(4)], [0, 1]),
        sparse([full(3), full(4)], [0, 1, 2], [7]),
        sparse([full(3), {0: Number("b", 1)}], [0, 1]),
    ],
)
def test_sparse_values_outside_of_their_shape_are_refused(where: dict[int, Any]) -> None:
    tensors = [tensor([1], name="x"), tensor([1], name="y"), tensor([3, 4], 0, 1, "w") | where]
    held = opened(model(tensors, [operator([0], [1])], [WHILE], [floats(1, 2, 3)]))
    with pytest.raises(BadFileError, match="'w'"):
        held.tensors["w"].numpy()
