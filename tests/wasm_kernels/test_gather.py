"""k_gather against np.take, and what it makes of indices out of range."""

import numpy as np
import pytest


def gather(guarded, out, x, indices):
    outer, rows, row_bytes = x.shape
    chosen = {"indices": indices, "n": indices.size, "index_width": indices.itemsize}
    place = out((outer, indices.size, row_bytes), "uint8")
    counted = out((1,), "int32")
    return guarded("k_gather", x=x, outer=outer, rows=rows, row_bytes=row_bytes, **chosen, out=place, outside=counted)


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("row_bytes", [1, 7, 16, 33])
@pytest.mark.parametrize("outer", [1, 3])
def test_rows(guarded, out, rng, outer, row_bytes, index):
    x = rng.integers(0, 256, (outer, 11, row_bytes)).astype(np.uint8)
    indices = np.array([0, 10, -1, -11, 5, 5, 3]).astype(index)
    result, outside = gather(guarded, out, x, indices)
    np.testing.assert_array_equal(result, np.take(x, indices, axis=1))
    assert outside == 0


@pytest.mark.parametrize("index", ["int32", "int64"])
def test_indices_out_of_range_are_counted_and_give_the_nearest_row(guarded, out, index):
    limits = np.iinfo(index)
    x, indices = np.arange(8, dtype=np.uint8).reshape(4, 2), np.array([4, -5, limits.min, limits.max], index)
    result, outside = gather(guarded, out, x[None], indices)
    assert outside == 4
    np.testing.assert_array_equal(result[0], x[[3, 0, 0, 3]])
