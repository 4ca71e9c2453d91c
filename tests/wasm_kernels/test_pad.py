"""k_pad against np.pad."""

import numpy as np
import pytest


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "float32"])
@pytest.mark.parametrize("pads", [((0, 0), (0, 0), (0, 0)), ((1, 2), (0, 3), (4, 0)), ((0, 1), (2, 2), (17, 19))])
def test_pad(guarded, inside, box_of, out, rng, pads, dtype):
    x = rng.integers(0, 100, (2, 3, 7)).astype(dtype)
    value = np.array(-1 if dtype != "uint8" else 255).astype(dtype)
    expected = np.pad(x, pads, constant_values=value)
    target = expected[tuple(slice(before, before + n) for (before, _), n in zip(pads, x.shape, strict=True))]
    start = target.__array_interface__["data"][0] - expected.__array_interface__["data"][0]
    word = int.from_bytes(value.tobytes().ljust(4, b"\0"), "little", signed=True)
    to = out(expected.shape, dtype)
    box = {"x": x, "out": inside(to, start), "width": x.itemsize, "table": None, **box_of(x, target)}
    result = guarded("k_pad", out=to, nbytes=expected.nbytes, value=word, box=box)
    np.testing.assert_array_equal(result, expected)
