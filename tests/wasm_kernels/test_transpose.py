"""k_transpose against NumPy: planes below, at and above the blocks of eight and four."""

import numpy as np
import pytest


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("columns", [1, 4, 5, 7, 8, 9, 33])
@pytest.mark.parametrize("rows", [1, 3, 4, 8, 17])
def test_transpose(guarded, out, rng, rows, columns, dtype):
    x = rng.integers(-128, 128, (3, rows, columns)).astype(dtype)
    given = {"x": x, "outer": 3, "rows": rows, "columns": columns, "width": x.itemsize}
    result = guarded("k_transpose", **given, out=out((3, columns, rows), dtype))
    np.testing.assert_array_equal(result, x.transpose(0, 2, 1))
