"""k_softmax_s8 against playground.programs.row_ops: columns below, at and above each tile edge."""

import numpy as np
import pytest

from playground.programs import row_ops
from playground.programs.integer_ops import Target

TARGETS = {
    "uint8": Target("uint8", 0, 0.0, 255.0),
    "int8": Target("int8", -128, 0.0, 255.0),
    "float32": Target("float32", 0, -1.0, 2.0),
}


@pytest.fixture
def softmax(guarded, epilogue, out):
    return lambda codes, scale, to: checked(guarded, epilogue, out, codes, scale, to)


def checked(guarded, epilogue, out, codes, scale, to):
    rows, columns = codes.shape
    ratio = np.float32(1 if to.dtype == "float32" else 256)
    exps = row_ops.exp_table(scale)
    result, _ = guarded(
        "k_softmax_s8",
        codes=codes,
        rows=rows,
        columns=columns,
        is_signed=codes.dtype == np.int8,
        exps=exps,
        ratio=ratio,
        to=epilogue(to, codes.shape),
        scratch=out((columns,), "float32"),
    )
    np.testing.assert_array_equal(result, row_ops.softmax(codes, exps, ratio, to))
    return result


@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 129])
def test_rows(softmax, rng, columns, dtype, to):
    limits = np.iinfo(dtype)
    codes = rng.integers(limits.min, limits.max, (3, columns), endpoint=True).astype(dtype)
    softmax(codes, 0.043, TARGETS[to])


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
@pytest.mark.parametrize("end", ["min", "max"])
def test_rows_of_one_code_share_evenly(softmax, dtype, end):
    codes = np.full((2, 32), getattr(np.iinfo(dtype), end), dtype)
    np.testing.assert_array_equal(softmax(codes, 0.1, TARGETS["uint8"]), 8)


def test_the_largest_code_is_found_wherever_it_is(softmax):
    codes = np.full((40, 40), -128, np.int8)
    np.fill_diagonal(codes, 127)
    result = softmax(codes, 1.0, TARGETS["uint8"])
    np.testing.assert_array_equal(result, np.where(np.eye(40, dtype=bool), 255, 0))


def test_is_a_softmax(softmax, rng):
    codes, scale = rng.integers(-128, 128, (5, 200)).astype(np.int8), 0.06
    x = codes * scale
    exact = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(softmax(codes, scale, TARGETS["float32"]), exact, rtol=1e-5)
