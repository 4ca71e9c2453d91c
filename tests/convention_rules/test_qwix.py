"""The qwix convention on values that Qwix 0.1.8 was asked about; ``tests/oracles`` asks about millions."""

import numpy as np

from playground import QParams, Scheme, quantize
from playground.quantization import encode

ROWS = np.array([[-1, 0.5, 0.3], [0.1, 0.2, 0.7], [0, 0, 0]], np.float32)


def test_symmetric_rows() -> None:
    q = quantize(ROWS, Scheme("int8", "channel", 0, convention="qwix"))
    assert q.qparams.scale.ravel().tolist() == [0.007843137718737125, 0.005490196403115988, 1.0]
    assert q.codes.tolist() == [[-127, 64, 38], [18, 36, 127], [0, 0, 0]]


def test_asymmetric_rows() -> None:
    """A row of zeros has the scale 1, and its zero-point is computed as always."""
    q = quantize(ROWS, Scheme("int8", "channel", 0, symmetric=False, convention="qwix"))
    assert q.qparams.scale.ravel().tolist() == [0.005882353521883488, 0.002745098201557994, 1.0]
    assert q.qparams.zero_point.ravel().tolist() == [42, -128, -128]
    assert q.codes.tolist() == [[-128, 127, 93], [-92, -55, 127], [-128, -128, -128]]


def test_ties_on_which_the_reciprocal_shows() -> None:
    x = np.array([-1.559249997138977, 0.3811500072479248, -0.10395000129938126], np.float32)
    qparams = QParams(np.float32(0.0231), 3)
    scheme = Scheme("int8", symmetric=False, convention="qwix")
    assert encode(x, qparams, scheme).tolist() == [-64, 20, -2]  # a division and a sum after it: -65, 19, -1
