"""ONNX's cases of Cast between narrow types, which ONNX Runtime passes only in part: what runs here is right."""

from typing import Any

import numpy as np
import pytest

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME
from playground.operators._casts import cast
from playground.programs.call import Call
from tests.engines import node_cases

CASES = {case.name: case for module in ("cast", "castlike", "swiglu") for case in node_cases.of(module)}


@pytest.mark.parametrize("name", CASES)
def test_every_case_passes(name: str) -> None:
    node_cases.run_here(CASES[name])


def test_floats_of_6_bits_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="a cast to float6_e2m3fn is not supported"):
        cast(np.zeros(3, np.float32), "", BY_NAME["float6_e2m3fn"].onnx, Call({}, 1))


@pytest.mark.parametrize(("to", "dtype", "lowest"), [(21, "uint8", 0), (22, "int8", -8), (26, "int8", -2)])
def test_integers_of_few_bits_are_cut(to: int, dtype: str, lowest: int) -> None:
    x: Any = np.arange(-40, 40, dtype=np.float32) + np.float32(0.5)
    made = cast(x, "", to, Call({}, 1))
    most = 15 if to == 21 else -lowest - 1
    assert (made.dtype.name, made.min(), made.max()) == (dtype, lowest, most)
    inside = (x > lowest - 1) & (x < most + 1)
    np.testing.assert_array_equal(made[inside], np.trunc(x[inside]))
