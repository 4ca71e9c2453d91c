from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playground import host
from playground.errors import EngineError, InvalidInputError
from playground.operators._dynamic import DYNAMIC_RANGE
from playground.programs.boxes import COPY
from playground.programs.float_steps import BINARY
from playground.programs.kernel_program import At, KernelProgramBuilder

NOWHERE = {"sizes": (1, 1, 1, 1, 1, 0), "a_strides": (0,) * 6, "b_strides": (0,) * 6}
EMPTY = {**NOWHERE, "function": 0, "lo": 0.0, "hi": 1.0}


@pytest.fixture
def builder():
    return KernelProgramBuilder(host.kernels().dot)


def use(builder, *buffers):
    """A call that uses some buffers and touches nothing of them."""
    for a, b, out in zip(buffers, [*buffers[1:], *buffers[:1]], reversed(buffers), strict=True):
        builder.call(BINARY, a=a, b=b, out=out, **EMPTY)


def laid_out(builder):
    arena, _ = builder.build(host.kernels())
    arena.release()


@settings(deadline=None)  # the first example compiles the kernels
@given(st.lists(st.tuples(st.integers(1, 500), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_buffers_that_live_at_the_same_time_never_overlap(spans):
    builder = KernelProgramBuilder(host.kernels().dot)
    buffers = [builder.buffer(size) for size, _, _ in spans]
    for call in range(10):
        use(builder, *(b for b, (_, i, j) in zip(buffers, spans, strict=True) if call in (i, j)))
    laid_out(builder)
    for a in buffers:
        for b in buffers:
            together = a is not b and a.first <= b.last and b.first <= a.last
            assert not together or a.offset + a.nbytes <= b.offset or b.offset + b.nbytes <= a.offset


def test_bytes_are_reused_once_their_last_call_is_over(builder):
    buffers = [builder.buffer(1 << 20) for _ in range(8)]
    for before, after in pairwise(buffers):
        builder.call(BINARY, a=before, b=before, out=after, **EMPTY)
    arena, _ = builder.build(host.kernels())
    assert arena.nbytes < 3 << 20


def test_constants_and_kept_buffers_share_their_bytes_with_nobody(builder):
    kept, constant = builder.buffer(64, kept=True), builder.constant(np.arange(16, dtype=np.int32))
    others = [builder.buffer(64) for _ in range(3)]
    for other in others:
        builder.call(BINARY, a=other, b=other, out=other, **EMPTY)
    laid_out(builder)
    offsets = {other.offset for other in others}
    assert len(offsets) == 1
    assert kept.offset not in offsets and constant.offset not in offsets


def test_the_program_holds_slots_counts_and_arguments(builder):
    kernels = host.kernels()
    a, out = builder.constant(np.zeros(4, np.float32)), builder.buffer(16)
    sizes, strides = (1, 1, 1, 1, 1, 3), (0, 0, 0, 0, 0, 1)
    given = {"sizes": sizes, "a_strides": strides, "b_strides": strides, "function": 2}
    builder.call(BINARY, a=a, b=a, **given, lo=0.5, hi=-0.0, out=out)
    arena, words = builder.build(kernels)
    half, zero = np.array([0.5, -0.0], np.float32).view(np.int32)
    places = [arena.address + buffer.offset for buffer in (a, a, out)]
    wanted = [kernels.slots["k_binary_f32"], 24, *places[:2], *sizes, *strides, *strides, 2, half, zero, places[2]]
    np.testing.assert_array_equal(words, wanted)


def copy(builder, x, out, *, stride=4):
    sizes, strides = (1, 1, 1, 1, 1, 5), (0,) * 5
    given = {"sizes": sizes, "x_strides": (*strides, stride), "out_strides": (*strides, 4)}
    builder.call(COPY, x=x, out=out, width=4, table=None, **given)


def test_a_box_may_reach_back_from_a_place_inside_a_buffer(builder):
    x, out = builder.buffer(20), builder.buffer(20)
    copy(builder, At(x, 16), out, stride=-4)
    for offset, told in ((15, "from byte -16 to 4"), (17, "from byte -16 to 4")):
        with pytest.raises(
            InvalidInputError, match=f"k_copy: x is touched {told}, but there are {offset} bytes before"
        ):
            copy(builder, At(x, offset), out, stride=-4)


def test_a_constant_is_not_written_to(builder):
    constant, x = builder.constant(np.zeros(5, np.float32)), builder.buffer(20)
    copy(builder, constant, x)
    with pytest.raises(
        InvalidInputError,
        match=r"k_copy: out is a constant or read-only array\. Give an address that may be written to",
    ):
        copy(builder, x, constant)


def test_numbers_are_no_addresses(builder):
    for number in (0, 4096):
        with pytest.raises(InvalidInputError, match=f"k_dynamic_range: x is {number}. Give an address"):
            builder.call(DYNAMIC_RANGE, x=number, n=0, range=builder.buffer(8))


def test_a_program_for_kernels_that_multiply_otherwise_is_refused():
    with pytest.raises(EngineError, match="for products by signed, not int16"):
        KernelProgramBuilder("signed").build(host.kernels())
