"""The onnx_spec convention against the specification's formulas; ``tests/oracles`` runs the reference evaluator."""

import numpy as np
import pytest

from playground import Range, Scheme, choose_qparams


@pytest.mark.parametrize(
    ("lo", "hi", "scale", "point"),
    [
        (-1, 3, np.float32(4) / np.float32(255), 64),
        (0.5, 2, np.float32(2) / np.float32(255), 0),
        (-127.5, 127.5, 1, 128),  # a tie, to even
        (0, 0, np.float32(1) / np.float32(255), 0),
    ],
)
def test_parameters_of_dynamic_quantize_linear(lo: float, hi: float, scale: float, point: int) -> None:
    qparams = choose_qparams(Range(lo, hi), Scheme("uint8", symmetric=False, convention="onnx_spec"))
    assert (qparams.scale.item(), qparams.zero_point.item()) == (scale, point)
