"""ONNX's cases of Cast between narrow types, which ONNX Runtime passes only in part: what runs here is right."""

from typing import Any

import numpy as np
import pytest

from playground.errors import UnsupportedError
from playground.operators._casts import cast
from tests.engines import node_cases

CASES = {case.name: case for module in ("cast", "castlike", "swiglu") for case in node_cases.of(module)}
TO_SMALL_FLOATS = ("to_FLOAT8", "to_FLOAT4")


@pytest.mark.parametrize("name", CASES)
def test_every_case_passes_or_is_refused(name: str) -> None:
    if any(kind in name for kind in TO_SMALL_FLOATS):
        with pytest.raises(UnsupportedError, match=r"Cast(Like)? to float"):
            node_cases.run_here(CASES[name])
    else:
        node_cases.run_here(CASES[name])


@pytest.mark.parametrize(("to", "dtype", "lowest"), [(21, "uint8", 0), (22, "int8", -8), (26, "int8", -2)])
def test_integers_of_few_bits_are_cut(to: int, dtype: str, lowest: int) -> None:
    x: Any = np.arange(-40, 40, dtype=np.float32) + np.float32(0.5)
    made = cast(x, "", to, "Cast")
    most = 15 if to == 21 else -lowest - 1
    assert (made.dtype.name, made.min(), made.max()) == (dtype, lowest, most)
    inside = (x > lowest - 1) & (x < most + 1)
    np.testing.assert_array_equal(made[inside], np.trunc(x[inside]))
