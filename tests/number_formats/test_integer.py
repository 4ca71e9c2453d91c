"""Packed integers against ONNX's own packing."""

import numpy as np
import onnx
import pytest
from onnx import helper

from playground.number_formats import FORMATS


@pytest.mark.parametrize(
    ("name", "onnx_type"),
    [
        ("int4", onnx.TensorProto.INT4),
        ("uint4", onnx.TensorProto.UINT4),
        ("int2", onnx.TensorProto.INT2),
        ("uint2", onnx.TensorProto.UINT2),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 16, 101])
def test_packed_bytes_are_those_of_an_onnx_tensor(name: str, onnx_type: int, count: int) -> None:
    fmt = FORMATS[name]
    codes = np.resize(np.arange(fmt.qmin, fmt.qmax + 1), count).astype(fmt.dtype)
    tensor = helper.make_tensor("t", onnx_type, (count,), fmt.pack(codes).tobytes(), raw=True)
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(tensor).astype(int), codes)


def test_limits() -> None:
    assert {f.id: (f.qmin, f.qmax) for f in FORMATS.values() if f.family == "integer" and f.bits in (2, 3, 8)} == {
        "int8": (-128, 127),
        "uint8": (0, 255),
        "int3": (-4, 3),
        "uint3": (0, 7),
        "int2": (-2, 1),
        "uint2": (0, 3),
    }
