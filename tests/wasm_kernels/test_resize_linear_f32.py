"""k_resize_linear_f32 against playground.programs.float_rows."""

import numpy as np
import pytest

from playground.programs.float_rows import resize_linear


@pytest.mark.parametrize("channels", [1, 3, 4, 9])
@pytest.mark.parametrize("size", [(1, 1), (5, 2), (3, 7)])
def test_images(guarded, out, rng, channels, size):
    images = rng.normal(size=(2, channels, 4, 3)).astype(np.float32)
    tables = []
    for count, n in zip(size, images.shape[2:], strict=True):
        places = rng.integers(0, n, (count, 2)).astype(np.int32)
        tables.append((places, rng.uniform(size=(count, 2)).astype(np.float32)))
    made = guarded(
        "k_resize_linear_f32",
        image=np.ascontiguousarray(images.transpose(0, 2, 3, 1)),
        **{"batch": 2, "height": 4, "width": 3, "channels": channels, "out_height": size[0], "out_width": size[1]},
        **{"lines": tables[0][0], "line_weights": tables[0][1]},
        **{"columns": tables[1][0], "column_weights": tables[1][1]},
        out=out((2, *size, channels), "float32"),
    )
    np.testing.assert_array_equal(made.transpose(0, 3, 1, 2), resize_linear(images, *tables))


def test_an_index_outside_is_that_of_the_edge(guarded, out):
    image = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    places, weights = np.array([[-5, 9]], np.int32), np.float32([[0.5, 0.5]])
    made = guarded(
        "k_resize_linear_f32",
        image=image,
        **{"batch": 1, "height": 2, "width": 3, "channels": 1, "out_height": 1, "out_width": 1},
        **{"lines": places, "line_weights": weights, "columns": places.copy(), "column_weights": weights.copy()},
        out=out((1, 1, 1, 1), "float32"),
    )
    assert made.item() == image.mean()
