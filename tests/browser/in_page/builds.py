"""In the page's worker: which build of the kernels is used, and that either one multiplies."""

import numpy as np
import pytest

from playground import host
from playground.host.browser import PyodideKernels
from playground.operators._products import GEMM
from playground.programs import integer_ops as ops
from playground.programs.kernel_parts import ACCUMULATORS
from playground.programs.lowering import NOTHING_ADDED
from playground.programs.packing import Values, pack


def test_the_relaxed_build_is_used_where_the_probe_found_it_exact():
    kernels = host.kernels()
    assert kernels.dot in {"int16", "unsigned", "signed"}
    assert ("k_relaxed_dot" in kernels.slots) == (kernels.dot != "int16")


@pytest.mark.parametrize("dot", ["int16", "unsigned", "signed"])
def test_an_injected_build_multiplies(dot):
    """Seven bits of either operand: there all machines compute the relaxed dot product alike."""
    kernels, rng = PyodideKernels(dot), np.random.default_rng(1)
    flipped = Values(False, 9, dot).flip
    a = (rng.integers(0, 64, (7, 13)).astype(np.uint8) ^ np.uint8(flipped)).astype(np.uint8)
    weights = rng.integers(-64, 64, (13, 10)).astype(np.int16)
    by = Values(False, 9, dot)
    packed = pack(weights[None], np.arange(10, dtype=np.int32), np.ones(10, np.float32), by)
    sums = np.zeros((7, 10), np.int32)
    scratch = np.zeros(by.scratch_bytes(13), np.uint8)
    to = {"lo": 0.0, "hi": 0.0, "zero_point": 0, "kind": ACCUMULATORS, "out": sums}
    product = {"weights": packed.weights, "bias": packed.bias, "shift": None, "multiplier": packed.multiplier}
    counts = {"batch": 1, "rows": 7, "depth": 13, "matrices": 1}
    kernels.call(
        GEMM,
        codes=a,
        **counts,
        source=by.source,
        product={**product, **NOTHING_ADDED, "columns": 10, "to": to},
        scratch=scratch,
    )
    np.testing.assert_array_equal(sums, ops.add_bias(ops.matmul_integer(a, weights, 9), np.arange(10, dtype=np.int32)))
