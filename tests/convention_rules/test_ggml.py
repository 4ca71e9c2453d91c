"""The ggml convention on values that gguf-py 0.19 was asked about; ``tests/oracles`` asks about millions."""

import numpy as np

from playground import Scheme, quantize


def test_a_block_of_int8() -> None:
    """127 is the largest code, and ties go away from zero."""
    x = np.zeros(32, np.float32)
    x[:7] = 127, 2.5, -2.5, 0.5, -0.5, 3.49, -1.5
    q = quantize(x, Scheme("int8", "block", 0, 32, convention="ggml"))
    assert q.qparams.scale.item() == 1
    assert q.codes[:7].tolist() == [127, 3, -3, 1, -1, 3, -2]
