"""The pytorch conventions on values that torch 2.13 was asked about; ``tests/oracles`` asks it about millions."""

import numpy as np
import pytest

from playground import QParams, Range, Scheme, choose_qparams
from playground.quantization import encode

TELLING = np.array([-2.7373499870300293, -1.4899499416351318, 0.08084999769926071, 1.0279500484466553], np.float32)
"""Ties at scale 0.0231 on which, with zero-point 3, no two of the rules below agree."""


@pytest.mark.parametrize(
    ("convention", "granularity", "codes"),
    [
        ("pytorch", "tensor", [-116, -61, 6, 48]),  # rint(fma(x, 1/s, z))
        ("pytorch", "channel", [-116, -62, 6, 48]),  # rint(x * (1/s) + z)
        ("pytorch_fake", "tensor", [-115, -61, 6, 47]),  # rint(x * (1/s)) + z
        ("pytorch_fake", "channel", [-115, -61, 6, 47]),
        ("onnxruntime", "tensor", [-115, -61, 7, 48]),  # rint(x / s) + z
    ],
)
def test_ties_that_tell_the_rules_apart(convention: str, granularity: str, codes: list[int]) -> None:
    axis = 0 if granularity == "channel" else None
    scheme = Scheme("int8", granularity, axis, symmetric=False, convention=convention)
    qparams = QParams(np.full((1, 1), 0.0231, np.float32), np.full((1, 1), 3))
    assert encode(TELLING[None], qparams, scheme)[0].tolist() == codes


@pytest.mark.parametrize("convention", ["pytorch", "pytorch_fake"])
@pytest.mark.parametrize(
    ("fmt", "symmetric", "bounds", "expected"),
    [
        ("int8", True, (-1, 0.5), (np.float32(1) / np.float32(127.5), 0)),
        ("uint8", True, (-1, 0.5), (np.float32(1) / np.float32(127.5), 128)),
        ("uint4", True, (-1, 0.5), (np.float32(1) / np.float32(7.5), 7)),
        ("uint8", False, (0, 0), (2.0**-23, 0)),  # the observers' eps, not 1
        ("int8", False, (0, 0), (2.0**-23, -128)),
        ("int8", False, (-1, 3), (np.float32(4) / np.float32(255), -64)),
    ],
)
def test_parameters_as_the_observers_choose_them(
    convention: str, fmt: str, symmetric: bool, bounds: tuple[float, float], expected: tuple[float, int]
) -> None:
    qparams = choose_qparams(Range(*bounds), Scheme(fmt, symmetric=symmetric, convention=convention))
    assert (qparams.scale.item(), qparams.zero_point.item()) == expected
