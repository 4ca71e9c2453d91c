"""OCTAV against Google's implementation in ai-edge-quantizer.

The module is skipped where that is not installed.
"""

from __future__ import annotations

import numpy as np
import pytest

from playground import Scheme, calibration

octav = pytest.importorskip("ai_edge_quantizer.algorithms.uniform_quantize.octav")


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("kind", ["normal", "laplace", "student"])
def test_thresholds(kind: str, axis: int | None, bits: int) -> None:
    """Theirs starts from 1, ours from the mean magnitude; where it jumps around a value, each stops at a side of it."""
    rng = np.random.default_rng(bits)
    draw = {"normal": rng.normal, "laplace": rng.laplace, "student": lambda size: rng.standard_t(3, size)}[kind]
    x = draw(size=(60, 2000)).astype(np.float32)
    reduced = None if axis is None else 1 - axis
    expected = octav._guess_clipping_with_octav(x, bits, reduced, max_iterations=100, exponent_divisor=3.0)
    scheme = Scheme(f"int{bits}", "tensor" if axis is None else "channel", axis, calibrator="octav")
    found = calibration.calibrate(x, scheme)
    thresholds = np.maximum(-found.lo, found.hi).reshape(-1)
    np.testing.assert_allclose(thresholds, np.asarray(expected).reshape(-1), rtol=0.02)
    assert np.isclose(thresholds, np.asarray(expected).reshape(-1), rtol=1e-4).mean() > 0.9
