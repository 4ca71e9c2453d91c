"""The tflite convention on values that ai-edge-quantizer 0.10 was asked about; tests/oracles asks about millions."""

import numpy as np
import pytest

from playground import Scheme, quantize

ROWS = np.array([[-1, 0.5, 0.3], [0.1, 0.2, 0.7], [0, 0, 0]], np.float32)


@pytest.mark.parametrize(
    ("fmt", "symmetric", "scales", "points", "codes"),
    [
        ("int8", True, [1 / 127, 0.7 / 127, 1e-9 / 127], [0, 0, 0], [[-127, 64, 38], [18, 36, 127], [0, 0, 0]]),
        (
            "int8",
            False,
            [1.5 / 255, 0.7 / 255, 1e-9 / 255],
            [42, -128, -128],
            [[-128, 127, 93], [-92, -55, 127], [-128, -128, -128]],
        ),
        ("int4", True, [1 / 7, 0.1, 1e-9 / 7], [0, 0, 0], [[-7, 3, 2], [1, 2, 7], [0, 0, 0]]),
        ("int4", False, [0.1, 0.7 / 15, 1e-9 / 15], [2, -8, -8], [[-8, 7, 5], [-6, -4, 7], [-8, -8, -8]]),
    ],
)
def test_rows(fmt: str, symmetric: bool, scales: list[float], points: list[int], codes: list[list[int]]) -> None:
    """The largest value is the largest code, and a row of zeros has a range of 1e-9."""
    q = quantize(ROWS, Scheme(fmt, "channel", 0, symmetric=symmetric, convention="tflite"))
    np.testing.assert_allclose(q.qparams.scale.ravel(), scales, rtol=2e-7)
    assert q.qparams.zero_point.ravel().tolist() == points
    assert q.codes.tolist() == codes


def test_symmetric_codes_of_eight_bits_have_no_smallest_one() -> None:
    assert Scheme("int8", convention="tflite").limits == (-127, 127)
    assert Scheme("int8", symmetric=False, convention="tflite").limits == (-128, 127)
    assert Scheme("int4", convention="tflite").limits == (-8, 7)
