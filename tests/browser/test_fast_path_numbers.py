"""The fast path's numbers are written as Python writes them, and they are there before Python is asked."""

import numpy as np
import pytest

from playground.render import numbers as python

TIES = [0.0, 0.5, 1.5, 2.5, 0.125, 1.125, 1.135, 0.0625, 2.0**-13, 1.220703125e-4]
CARRIES = [999.5, 9.996, 99.95, 999.9999999999999, 9.995e-5]
SIZES = [1234.5, 1e7, 123456789.0, 1e-5, 0.000123456, 3.4e38, 1.2e-38, 1 / 3, 2e22, 5e-324]
NUMBERS = [*TIES, *CARRIES, *SIZES]


def test_numbers_are_written_as_python_writes_them(act):
    rng = np.random.default_rng(5)
    random_ones = (rng.normal(size=400) * 10.0 ** rng.integers(-8, 9, 400)).tolist()
    dyadic = (rng.integers(-4000, 4000, 400) / 2.0 ** rng.integers(0, 12, 400)).tolist()
    values = [*NUMBERS, *(-v for v in NUMBERS), *random_ones, *dyadic]
    written = act("written", values)
    assert written["digits"] == [python.digits(v) for v in values]
    assert written["two"] == [python.digits(v, 2) for v in values]
    assert written["size"] == [python.size(abs(v)) for v in values]
    assert written["percent"] == [python.percent(v) for v in values if 0 <= v <= 1]
    assert written["fixed"] == [f"{v:.0f}" for v in values if abs(v) < 1e20]
    assert written["four"] == [f"{v:.4f}" for v in values if abs(v) < 1e15]
    assert written["nine"] == [float(f"{v:.9g}") for v in values]
    assert written["grouped"] == [python.grouped(int(abs(v))) for v in values if abs(v) < 1e15]


def test_a_step_is_drawn_once_and_without_python(act, page):
    """Python gets nothing before the picture is there, and one request at most; ``build.py bench`` times the step."""
    counts = act("alone", "grip-hi", [0.3 + 0.01 * i for i in range(6)])
    assert [count["drawn"] for count in counts] == [1] * 6
    assert max(count["requests"] for count in counts) <= 1
    assert page.evaluate("() => playground.state.hi") == pytest.approx(0.35)
