import ml_dtypes
import numpy as np
import pytest

from playground.errors import UnsupportedError
from playground.model.element_types import BY_NAME, BY_ONNX, decode, encode


def test_numbers_and_names_are_onnx_own() -> None:
    onnx = pytest.importorskip("onnx")
    for number, element in BY_ONNX.items():
        dtype = onnx.helper.tensor_dtype_to_np_dtype(number)
        assert dtype.name == element.name
        if dtype.itemsize > 1:
            assert dtype.itemsize * 8 == element.bits


@pytest.mark.parametrize("name", [name for name, element in BY_NAME.items() if element.stored])
def test_numpy_types(name: str) -> None:
    values = np.arange(6).reshape(2, 3).astype(name)
    stored = encode(BY_NAME[name], values)
    assert len(stored) == BY_NAME[name].nbytes(6)
    back = decode(BY_NAME[name], stored, (2, 3))
    assert back.dtype == values.dtype
    assert np.array_equal(back, values)


def test_bfloat16_rounds_as_ml_dtypes() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 100_000, dtype=np.uint32)
    values = np.concatenate([bits.view(np.float32), np.float32([0, -0.0, np.inf, -np.inf, np.nan, 3.4e38, 1e-40])])
    ours = decode(BY_NAME["bfloat16"], encode(BY_NAME["bfloat16"], values), values.shape)
    with np.errstate(all="ignore"):
        assert np.array_equal(ours, values.astype(ml_dtypes.bfloat16).astype(np.float32), equal_nan=True)


@pytest.mark.parametrize("name", ["int4", "uint4", "int2", "uint2"])
def test_packed_integers_lie_as_in_onnx(name: str) -> None:
    onnx = pytest.importorskip("onnx")
    low, high = (
        (-(2 ** (BY_NAME[name].bits - 1)) if name[0] == "i" else 0),
        2 ** (BY_NAME[name].bits - (name[0] == "i")),
    )
    values = np.random.default_rng(1).integers(low, high, (3, 3)).astype(np.int8 if name[0] == "i" else np.uint8)
    proto = onnx.numpy_helper.from_array(values.astype(getattr(ml_dtypes, name)))
    assert encode(BY_NAME[name], values) == proto.raw_data
    assert np.array_equal(decode(BY_NAME[name], proto.raw_data, (3, 3)), values)


def test_small_floats_say_that_they_cannot_be_read() -> None:
    with pytest.raises(UnsupportedError, match="float8_e4m3fn cannot be read"):
        decode(BY_NAME["float8_e4m3fn"], b"\0", (1,))
    with pytest.raises(UnsupportedError, match="float8_e4m3fn cannot be written"):
        encode(BY_NAME["float8_e4m3fn"], np.zeros(1))
