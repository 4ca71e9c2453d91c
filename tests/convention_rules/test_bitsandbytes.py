"""The bitsandbytes convention on values that bitsandbytes 0.50 was asked about; tests/oracles asks about millions."""

import numpy as np
import pytest

from playground import Scheme, quantize

ROWS = np.array([[-1, 0.5, 0.3], [0.1, 0.2, 0.7], [0, 0, 0]], np.float32)


def test_rows_of_int8() -> None:
    """A row of zeros has no scale, and keeps its absmax of 0."""
    q = quantize(ROWS, Scheme("int8", "token", convention="bitsandbytes"))
    assert q.codes.tolist() == [[-127, 64, 38], [18, 36, 127], [0, 0, 0]]
    assert q.qparams.scale[2] == 0


@pytest.mark.parametrize(("fmt", "codes"), [("nf4", [15, 6, 7, 10, 11, 2, 7]), ("bnb_fp4", [3, 14, 8, 7, 4, 10, 0])])
def test_a_block_of_four_bits(fmt: str, codes: list[int]) -> None:
    """In FP4, a little above zero is the code of -0."""
    x = np.zeros(64, np.float32)
    x[:6] = 1, -0.1, 0.001, 0.26, 0.3, -0.6
    q = quantize(x, Scheme(fmt, "block", block_size=64, convention="bitsandbytes"))
    assert q.codes[:7].tolist() == codes
