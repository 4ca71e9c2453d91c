"""bitsandbytes' layouts in .safetensors, written here by their description; tests/oracles has files of the tool."""

import json
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import playground
from playground.errors import BadFileError
from playground.model.graph import Model
from tests.hostile.guard import guarded

TABLE = np.linspace(-1, 1, 16, dtype=np.float32)
LEVELS = np.linspace(0, 1, 256, dtype=np.float32)
STATE = {"quant_type": "nf4", "blocksize": 64, "dtype": "float32", "shape": [6, 32]}
NESTED = STATE | {"nested_blocksize": 2, "nested_dtype": "float32", "nested_offset": 0.25}


def four_bits(state: Any = STATE, **changes: Any) -> dict[str, np.ndarray]:
    """The tensors of a weight of 6 rows of 32: codes 0 to 15 again and again, and three blocks."""
    codes = np.arange(192) % 16
    octets = (codes[::2] << 4 | codes[1::2]).astype(np.uint8)
    text = json.dumps(state).encode()
    made = {
        "a.weight": octets[:, None],
        "a.weight.absmax": np.float32([1, 2, 4]),
        "a.weight.quant_map": TABLE,
        "a.weight.quant_state.bitsandbytes__nf4": np.frombuffer(text, np.uint8),
        "bias": np.ones(3, np.float32),
    }
    return {name: values for name, values in (made | changes).items() if values is not None}


def double(**changes: Any) -> dict[str, np.ndarray]:
    return four_bits(
        NESTED,
        **{
            "a.weight.absmax": np.uint8([0, 255, 51]),
            "a.weight.nested_absmax": np.float32([2, 10]),
            "a.weight.nested_quant_map": LEVELS,
        }
        | changes,
    )


def load(arrays: dict[str, np.ndarray]) -> Model:
    return playground.load(safetensors.numpy.save(arrays), "w.safetensors")


def test_four_bits_are_one_tensor() -> None:
    model = load(four_bits())
    assert sorted(model.tensors) == ["a.weight", "bias"]
    weight = model.tensors["a.weight"]
    assert (weight.dtype, weight.shape, weight.quantized, weight.real) == ("nf4", (6, 32), True, True)
    assert list(weight.parts) == ["codes", "quant_state", "absmax", "quant_map"]
    assert weight.nbytes == 96 + 12 + 64 + len(json.dumps(STATE))
    expected = TABLE[np.arange(192) % 16] * np.repeat(np.float32([1, 2, 4]), 64)
    np.testing.assert_array_equal(weight.numpy(), expected.reshape(6, 32))
    np.testing.assert_array_equal(weight.parts["absmax"].numpy(), np.float32([1, 2, 4]))


def test_scales_that_are_quantized_themselves() -> None:
    weight = load(double()).tensors["a.weight"]
    scales = np.float32([0.25, 2.25, 2.25])
    expected = TABLE[np.arange(192) % 16] * np.repeat(scales, 64)
    np.testing.assert_allclose(weight.numpy().ravel(), expected, rtol=1e-6)


def test_values_are_rounded_to_the_stated_type() -> None:
    exact = load(four_bits()).tensors["a.weight"].numpy()
    half = load(four_bits(STATE | {"dtype": "float16"})).tensors["a.weight"].numpy()
    np.testing.assert_array_equal(half, exact.astype(np.float16).astype(np.float32))
    brain = load(four_bits(STATE | {"dtype": "bfloat16"})).tensors["a.weight"].numpy()
    assert not (brain.view(np.uint32) & 0xFFFF).any()
    assert np.abs(brain - exact).max() <= 4 / 256


def test_eight_bits_are_one_tensor() -> None:
    codes = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)
    arrays = {"a.weight": codes, "a.SCB": np.float32([127, 254, 1]), "a.weight_format": np.zeros((), np.uint8)}
    weight = load(arrays).tensors["a.weight"]
    assert (weight.dtype, weight.nbytes, weight.quantized) == ("bnb_int8", 12 + 12 + 1, True)
    np.testing.assert_allclose(weight.numpy(), codes * np.float32([[1], [2], [1 / 127]]), rtol=1e-6)


def test_what_is_incomplete_stays_as_it_is_stored() -> None:
    for arrays in (four_bits(**{"a.weight.absmax": None}), double(**{"a.weight.nested_absmax": None})):
        model = load(arrays)
        assert sorted(model.tensors) == sorted(arrays)
        assert "1 tensor of bitsandbytes is shown as stored" in model.notes[0]
    other = {
        "a.weight": np.zeros((3, 4), np.int8),
        "a.SCB": np.ones(3, np.float32),
        "a.weight_format": np.ones((), np.uint8),
    }
    assert sorted(load(other).tensors) == sorted(other)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (four_bits([1]), "not a JSON object"),
        (four_bits(STATE | {"quant_type": "fp4"}), "another kind"),
        (four_bits(STATE | {"shape": [6, -1]}), "has no shape"),
        (four_bits(STATE | {"shape": [6, 33]}), "96 bytes of codes do not fill"),
        (four_bits(STATE | {"shape": [2**62, 2**62]}), "do not fill"),
        (four_bits(STATE | {"blocksize": 0}), "no block size"),
        (four_bits(STATE | {"blocksize": 32}), "absmax is not 6 numbers"),
        (four_bits(STATE | {"dtype": "int8"}), "an unknown dtype"),
        (four_bits(**{"a.weight.quant_map": TABLE[:8]}), "quant_map is not 16 numbers"),
        (four_bits(**{"a.weight.absmax": np.uint8([1, 2, 3])}), "absmax is not 3 numbers of float32"),
        (double(**{"a.weight.nested_absmax": np.ones(9, np.float32)}), "does not fit absmax"),
        (double(**{"a.weight.nested_quant_map": TABLE}), "does not fit absmax"),
        ({"a.weight": np.zeros((3, 4), np.int8), "a.SCB": np.ones(4, np.float32)}, "one float32 for each row"),
    ],
)
def test_refuses(arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(BadFileError) as error:
        load(arrays)
    assert message in str(error.value)


def test_blocks_far_larger_than_the_tensor_cost_nothing() -> None:
    state = NESTED | {"blocksize": 2**31 - 1, "nested_blocksize": 2**31 - 1}
    arrays = double(**{"a.weight.absmax": np.uint8([5]), "a.weight.nested_absmax": np.float32([2])})
    arrays["a.weight.quant_state.bitsandbytes__nf4"] = np.frombuffer(json.dumps(state).encode(), np.uint8)
    weight = load(arrays).tensors["a.weight"]
    outcome = guarded(weight.numpy)
    assert outcome.fine, outcome
    assert outcome.megabytes < 10
