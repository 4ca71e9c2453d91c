"""k_gather against np.take, and what it makes of indices out of range."""

import numpy as np
import pytest


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("row_bytes", [1, 7, 16, 33])
@pytest.mark.parametrize("outer", [1, 3])
def test_rows(guarded, out, rng, outer, row_bytes, index):
    x = rng.integers(0, 256, (outer, 11, row_bytes)).astype(np.uint8)
    indices = np.array([0, 10, -1, -11, 5, 5, 3]).astype(index)
    result = guarded(
        *("k_gather", x, outer, 11, row_bytes, indices, 7, indices.itemsize, out((outer, 7, row_bytes), "uint8"))
    )
    np.testing.assert_array_equal(result, np.take(x, indices, axis=1))


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_indices_out_of_range_give_the_nearest_row(guarded, out, index):
    limits = np.iinfo(index)
    x, indices = np.arange(8, dtype=np.uint8).reshape(4, 2), np.array([4, -5, limits.min, limits.max], index)
    result = guarded("k_gather", x, 1, 4, 2, indices, 4, indices.itemsize, out((4, 2), "uint8"))
    np.testing.assert_array_equal(result, x[[3, 0, 0, 3]])
