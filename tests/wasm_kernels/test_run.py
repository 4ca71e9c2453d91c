"""k_run against the same kernels called one by one."""

import numpy as np

from playground import host
from playground.programs.kernel_program import RUN, KernelProgramBuilder
from playground.programs.steps import QUANTIZE
from playground.tensor_view.fast_path_kernels import DEQUANTIZE


def test_runs_the_steps_in_order_over_function_table_slots():
    kernels = host.kernels()
    builder = KernelProgramBuilder(kernels.dot)
    x = np.linspace(-3, 3, 50, dtype=np.float32)
    grid = {"scale": builder.constant(np.array([0.1], np.float32))}
    grid["zero_point"] = builder.constant(np.array([4], np.int32))
    codes, back = builder.buffer(50, kept=True), builder.buffer(200, kept=True)
    sizes, how = {"outer": 1, "channels": 1, "inner": 50}, {"reciprocal": 0, "order": 0, "rounding": 0}
    builder.call(QUANTIZE, x=builder.constant(x), **sizes, **grid, qmin=-20, qmax=20, **how, codes=codes)
    builder.call(DEQUANTIZE, codes=codes, is_signed=1, **sizes, **grid, x=back)
    arena, program = builder.build(kernels)
    kernels.call(RUN, program=program, words=program.size)
    expected = np.clip(np.rint(x / np.float32(0.1)), -24, 16)
    np.testing.assert_array_equal(arena.view(codes.offset, (50,), np.int8), expected + 4)
    found = arena.view(back.offset, (50,), np.float32)
    np.testing.assert_array_equal(found, expected.astype(np.float32) * np.float32(0.1))


def test_a_program_without_steps_does_nothing():
    kernels = host.kernels()
    kernels.call(RUN, program=kernels.empty(1, np.int32), words=0)
