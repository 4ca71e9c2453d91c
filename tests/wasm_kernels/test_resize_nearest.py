"""k_resize_nearest against NumPy's indexing."""

import numpy as np
import pytest

from playground.programs.row_ops import nearest_indices


def resized(guarded, x, lines, columns, place):
    sizes = dict(zip(("batch", "height", "width", "pixel"), x.shape, strict=True))
    tables = {"lines": lines, "columns": columns, "out_height": lines.size, "out_width": columns.size}
    return guarded("k_resize_nearest", image=x, **sizes, **tables, out=place)


@pytest.mark.parametrize("channels", [1, 3, 16, 17])
@pytest.mark.parametrize("size", [(4, 6), (8, 12), (3, 1), (1, 5), (9, 7)])
def test_resize(guarded, out, rng, size, channels):
    x = rng.integers(-128, 128, (2, 4, 6, channels)).astype(np.int8)
    lines, columns = nearest_indices(4, size[0]), nearest_indices(6, size[1])
    result = resized(guarded, x, lines, columns, out((2, *size, channels), "int8"))
    np.testing.assert_array_equal(result, x[:, lines][:, :, columns])


def test_indices_outside_the_image_are_those_of_the_edge(guarded, out):
    x = np.arange(6, dtype=np.uint8).reshape(1, 2, 3, 1)
    lines, columns = np.array([-5, 0, 7], np.int32), np.array([2**31 - 1, -1, -(2**31)], np.int32)
    result = resized(guarded, x, lines, columns, out((3, 3), "uint8"))
    np.testing.assert_array_equal(result, [[2, 0, 0], [2, 0, 0], [5, 3, 3]])
