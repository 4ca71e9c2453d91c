"""The torchao_mx convention where its order of operations shows; ``tests/oracles`` runs torchao itself."""

import numpy as np

from playground import Scheme, quantize


def test_nvfp4_multiplies_by_nested_reciprocals() -> None:
    """``x * ((1 / outer) / inner)`` rounds some values between two codes elsewhere than ``x / (outer * inner)``."""
    rng = np.random.default_rng(4)
    x = (rng.choice([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 6], (1000, 16)) * rng.uniform(0.1, 1, (1000, 1))).astype(
        np.float32
    )
    ours, divided = (quantize(x, Scheme("nvfp4", convention=name)) for name in ("torchao_mx", "onnx_spec"))
    scales = ours.qparams.scale
    factors = (np.float32(1) / scales.qparams.scale_values) / scales.scheme.element.decode(scales.codes)
    middle = np.abs(x * factors)
    goes_down = (middle <= 0.25).sum()  # a tie between 0 and 1/2 is even at 0
    assert (ours.scheme.element.decode(ours.codes) == 0).sum() == goes_down
    assert (ours.codes != divided.codes).any()
