from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from playground import host
from playground.engines.kernel_program import KernelProgramBuilder
from playground.engines.kernel_signatures import SIGNATURES

ANY_KERNEL = "k_linspace"  # one whose words are not checked
assert ANY_KERNEL not in SIGNATURES


def laid_out(builder):
    arena, _ = builder.build(host.kernels())
    arena.release()


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_buffers_that_live_at_the_same_time_never_overlap(spans):
    builder = KernelProgramBuilder()
    buffers = [builder.buffer(size) for size, _, _ in spans]
    for call in range(10):
        used = [b for b, (_, i, j) in zip(buffers, spans, strict=True) if call in (i, j)]
        builder.call(ANY_KERNEL, *used)
    laid_out(builder)
    for a in buffers:
        for b in buffers:
            together = a is not b and a.first <= b.last and b.first <= a.last
            assert not together or a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset


def test_bytes_are_reused_once_their_last_call_is_over():
    builder = KernelProgramBuilder()
    buffers = [builder.buffer(1 << 20) for _ in range(8)]
    for before, after in pairwise(buffers):
        builder.call(ANY_KERNEL, before, after)
    arena, _ = builder.build(host.kernels())
    assert arena.nbytes < 3 << 20


def test_constants_and_kept_buffers_share_their_bytes_with_nobody():
    builder = KernelProgramBuilder()
    kept, constant = builder.buffer(64, kept=True), builder.constant(np.arange(16, dtype=np.int32))
    others = [builder.buffer(64) for _ in range(3)]
    for other in others:
        builder.call(ANY_KERNEL, other)
    laid_out(builder)
    offsets = {other.offset for other in others}
    assert len(offsets) == 1
    assert kept.offset not in offsets and constant.offset not in offsets


def test_the_program_holds_slots_counts_and_arguments():
    builder, kernels = KernelProgramBuilder(), host.kernels()
    buffer = builder.constant(np.zeros(4, np.int32))
    builder.call(ANY_KERNEL, buffer, 3, 0.5)
    arena, address = builder.build(kernels)
    words = arena.view(address - arena.address, (5,), np.int32)
    half = np.float32(0.5).view(np.int32)
    np.testing.assert_array_equal(words, [kernels.slots[ANY_KERNEL], 3, arena.address + buffer.offset, 3, half])
