"""k_linspace against np.linspace, bit for bit."""

import numpy as np
import pytest


@pytest.mark.parametrize("n", [2, 3, 42, 121, 512])
@pytest.mark.parametrize("ends", [(-1.3914479, 1.9726806), (0.1, 0.3), (-3e38, 3e38), (1e-40, 3e-39)])
def test_linspace(guarded, out, n, ends):
    first, last = (float(np.float32(end)) for end in ends)
    for single, dtype in ((0, np.float64), (1, np.float32)):
        spaced = guarded("k_linspace", first=first, last=last, n=n, single=single, out=out((n,), np.dtype(dtype).name))
        np.testing.assert_array_equal(spaced, np.linspace(first, last, n, dtype=dtype))
