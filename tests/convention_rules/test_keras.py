"""The keras convention on values that Keras 3.15 was asked about; ``tests/oracles`` asks about millions."""

import numpy as np
import pytest

from playground import Scheme, quantize

ROWS = np.array([[-1, 0.5, 0.3], [0.1, 0.2, 0.7], [0, 0, 0]], np.float32)


@pytest.mark.parametrize(
    ("fmt", "inverse", "codes"),
    [
        ("int8", [126.99998474121094, 181.4285430908203, 1.27e9], [[-127, 63, 38], [18, 36, 127], [0, 0, 0]]),
        ("int4", [6.999999046325684, 9.999998092651367, 7e7], [[-7, 3, 2], [1, 2, 7], [0, 0, 0]]),
    ],
)
def test_rows(fmt: str, inverse: list[float], codes: list[list[int]]) -> None:
    """What Keras stores is the inverse, ``qmax / (absmax + 1e-7)``: 0.5 becomes 63, not the 64 of a tie."""
    q = quantize(ROWS, Scheme(fmt, "channel", 0, convention="keras"))
    assert q.qparams.factors is not None
    assert q.qparams.factors.multiply is not None
    assert q.qparams.factors.multiply.ravel().tolist() == inverse
    assert q.codes.tolist() == codes


def test_groups_whose_range_does_not_hold_zero() -> None:
    """All above zero and far from it: the zero-point is moved to the smallest code, and the values saturate."""
    x = np.array([[2, 2.5], [2.25, 3], [0, 0], [-1, 1]], np.float32)
    q = quantize(x, Scheme("int4", "block", 0, 2, symmetric=False, convention="keras"))
    assert q.codes.tolist() == [[7, 7], [7, 7], [7, -8], [-8, 7]]
    assert q.qparams.zero_point.tolist() == [[-8, -8], [7, -8]]
    expected = [[0.016666673123836517, 0.033333342522382736], [0.06666667759418488, 0.06666667759418488]]
    assert q.qparams.scale.tolist() == expected
