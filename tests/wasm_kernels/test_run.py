"""k_run against the same kernels called one by one."""

import numpy as np

from playground import host


def test_runs_the_steps_in_order_over_function_table_slots():
    kernels = host.kernels()
    x = kernels.resident(np.linspace(-3, 3, 50, dtype=np.float32))
    scale, zero_point = kernels.resident(np.array([0.1], np.float32)), kernels.resident(np.array([4], np.int32))
    codes, back = kernels.empty(50, np.int8), kernels.empty(50, np.float32)
    calls = [
        ("k_quantize", (x, 1, 1, 50, scale, zero_point, -20, 20, 0, 0, 0, codes)),
        ("k_dequantize", (codes, 1, 1, 1, 50, scale, zero_point, back)),
    ]
    words = [word for name, args in calls for word in (kernels.slots[name], len(args), *map(kernels.word, args))]
    program = kernels.resident(np.array(words, np.int32))
    kernels.call("k_run", program, len(calls))
    expected = np.clip(np.rint(x / np.float32(0.1)), -24, 16)
    np.testing.assert_array_equal(codes, expected + 4)
    np.testing.assert_array_equal(back, expected.astype(np.float32) * np.float32(0.1))


def test_a_program_without_steps_does_nothing():
    kernels = host.kernels()
    kernels.call("k_run", kernels.empty(1, np.int32), 0)
