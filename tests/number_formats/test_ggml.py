"""GGUF's blocks: the scalar loops of ggml, its published error figures, and layouts by hand.

``tests/oracles`` compares every byte with gguf-py; here the rules are written out once more, value by value.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from playground import QTensor, Scheme, quantize
from playground.errors import InvalidInputError
from playground.number_formats import FORMATS, BlockFormat, Procedure
from playground.number_formats._ggml_k import IQ4_NL
from playground.number_formats._ggml_search import nearest_in
from playground.quantization import from_bytes

NAMES = [name for name, fmt in FORMATS.items() if isinstance(fmt, BlockFormat) and fmt.procedure]


def procedure(name: str) -> Procedure:
    made = Scheme(name).procedure
    assert made is not None
    return made


def by_hand(x: np.ndarray, bits: int) -> tuple[np.float32, list[int]]:
    """``quantize_row_q4_0_ref`` and ``quantize_row_q5_0_ref`` for one block, in float32, value by value."""
    largest = max(x, key=abs)  # the first one
    d = np.float32(largest) / np.float32(-(1 << (bits - 1)))
    inverse = np.float32(1) / d if d else np.float32(0)
    half = np.float32((1 << (bits - 1)) + 0.5)
    codes = [min((1 << bits) - 1, int(v * inverse + half)) for v in x]
    return d, [code - (1 << (bits - 1)) for code in codes]


@pytest.mark.parametrize(("name", "bits"), [("q4_0", 4), ("q5_0", 5)])
def test_the_value_farthest_from_zero_gets_the_lowest_code(name: str, bits: int) -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=(50, 32)), rng.integers(-4, 5, (50, 32)), np.zeros((1, 32))]).astype(np.float32)
    q = quantize(x, Scheme(name))
    for row, (values, codes, scale) in enumerate(zip(x, q.codes, q.qparams.scale_values, strict=True)):
        d, expected = by_hand(values, bits)
        assert scale.item() == np.float32(np.float16(d)), row
        assert codes.tolist() == expected


@pytest.mark.parametrize(("name", "steps"), [("q4_1", 15), ("q5_1", 31)])
def test_with_an_offset(name: str, steps: int) -> None:
    x = np.random.default_rng(1).normal(3, 1, (20, 32)).astype(np.float32)
    q = quantize(x, Scheme(name))
    low, d = x.min(axis=1), (x.max(axis=1) - x.min(axis=1)) / np.float32(steps)
    np.testing.assert_array_equal(q.qparams.scale_values[:, 0], d.astype(np.float16))
    assert q.qparams.offset_values is not None
    np.testing.assert_array_equal(q.qparams.offset_values[:, 0], low.astype(np.float16))
    expected = np.floor((x - low[:, None]) * (1 / d)[:, None] + np.float32(0.5))
    np.testing.assert_array_equal(q.codes, np.minimum(expected, steps))


def test_q8_0_rounds_ties_away_from_zero() -> None:
    x = np.array([127.0, 0.5, -0.5, 1.5, -2.5, 126.5] + [0] * 26, np.float32)[None]
    assert quantize(x, Scheme("q8_0")).codes[0, :6].tolist() == [127, 1, -1, 2, -3, 127]


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        # tests/test-quantize-fns.cpp: MAX_QUANTIZATION_TOTAL_ERROR, ..._3BITS, ..._2BITS
        *((name, 0.002) for name in ("q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q4_k", "q5_k", "q6_k", "iq4_nl")),
        ("q3_k", 0.0040),
        ("q2_k", 0.0075),
    ],
)
def test_errors_stay_within_ggml_s_limits(name: str, limit: float) -> None:
    """Its test's data and its measure: the root of the summed squares over the count, of 0.1 + 2 cos(i + offset)."""
    count = 32 * 128
    for offset in (0.0, 1.0):
        x = (0.1 + 2 * np.cos(np.arange(count) + offset)).astype(np.float32)
        back = quantize(x, Scheme(name)).dequantize()
        assert math.sqrt(((x - back).astype(np.float64) ** 2).sum()) / count < limit


RECORDED = json.loads((Path(__file__).parent / "ggml_blocks.json").read_text())
"""Blocks as hexadecimal numbers, which ``ggml-quants.c`` of ggml-org/ggml at d99724f2 made of the values below.

Compiled without fused or reordered operations; ``quantize_row_*_ref``, for iq4_nl ``quantize_iq4_nl`` without weights.
"""


def values_of(kind: str) -> np.ndarray:
    """Values that float32 holds exactly, with ties, groups of one sign and a wide spread among them."""
    i = np.arange(256)
    mixed = (i * i * 31 + i * 17 + 7) % 257 - 128
    kinds = {
        "even": mixed / 64,
        "positive": (mixed + 200) / 64,
        "long tails": (mixed / 64) ** 3,
        "whole": mixed % 9 - 4,
        "one sign a group": np.where(i // 32 % 2, -1, 1) * (np.abs(mixed) + 5) / 32,
    }
    return kinds[kind].astype(np.float32)[None]


@pytest.mark.parametrize("kind", RECORDED["q4_k"])
@pytest.mark.parametrize("name", RECORDED)
def test_blocks_are_those_of_ggml_byte_for_byte(name: str, kind: str) -> None:
    x = values_of(kind)
    assert quantize(x, Scheme(name)).packed().tobytes().hex() == RECORDED[name][kind]
    np.testing.assert_array_equal(
        from_bytes(np.frombuffer(bytes.fromhex(RECORDED[name][kind]), np.uint8), Scheme(name), x.shape).dequantize(),
        quantize(x, Scheme(name)).dequantize(),
    )


def test_the_nearest_of_a_table_is_the_upper_one_of_two_as_near() -> None:
    """``best_index_int8``."""
    table = np.array(IQ4_NL, np.float32)
    middles = (table[:-1] + table[1:]) / 2
    assert nearest_in(table, middles).tolist() == list(range(1, 16))
    assert nearest_in(table, np.nextafter(middles, np.float32(-1e9))).tolist() == list(range(15))
    assert nearest_in(table, table).tolist() == list(range(16))
    assert nearest_in(table, np.float32([-1e9, 1e9])).tolist() == [0, 15]


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -1.0])
def test_blocks_of_one_value(name: str, value: float) -> None:
    """Nothing to search for: zeros stay zeros, and what has a sign keeps it."""
    x = np.full((1, 256), value, np.float32)
    back = quantize(x, Scheme(name)).dequantize()
    np.testing.assert_allclose(back, x, rtol=0.15, atol=0)


PAIRS = ["q6_k q5_k", "q5_k q4_k", "q4_k q3_k", "q3_k q2_k", "q4_k q4_0", "iq4_nl q4_0"]


@pytest.mark.parametrize(("wide", "narrow"), [pair.split() for pair in PAIRS])
def test_a_better_format_is_better(wide: str, narrow: str) -> None:
    x = np.random.default_rng(2).normal(size=(64, 512)).astype(np.float32)
    errors = [((quantize(x, Scheme(name)).dequantize() - x) ** 2).mean() for name in (wide, narrow)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_and_back(name: str) -> None:
    made = procedure(name)
    data = np.random.default_rng(3).integers(0, 256, (50, made.nbytes), dtype=np.uint8)
    np.testing.assert_array_equal(made.to_bytes(made.from_bytes(data)), data)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 512), (2, 3, 256), (40, 300), (7,), (256, 1)])
@pytest.mark.parametrize("axis", [-1, 0])
def test_a_tensor_is_what_its_bytes_say(name: str, shape: tuple[int, ...], axis: int) -> None:
    x = np.random.default_rng(4).normal(size=shape).astype(np.float32)
    scheme = Scheme(name, axis=axis)
    q = quantize(x, scheme)
    stored = q.packed()
    made = procedure(name)
    lines = x.size // shape[axis]
    assert stored.size == q.nbytes == lines * -(-shape[axis] // made.values) * made.nbytes
    again = from_bytes(stored, scheme, shape)
    np.testing.assert_array_equal(again.codes, q.codes)
    np.testing.assert_array_equal(again.dequantize(), q.dequantize())
    np.testing.assert_array_equal(again.packed(), stored)


def test_layout_of_q4_0_by_hand() -> None:
    q = quantize(np.array([[-8.0, *range(-7, 8), *[0] * 16]]), Scheme("q4_0"))
    assert q.packed()[:2].tobytes() == np.float16(1).tobytes()
    assert q.packed()[2:].tolist() == [(8 << 4) | code for code in range(16)]


def test_k_quants_hold_quantized_scales() -> None:
    q = quantize(np.random.default_rng(5).normal(size=(2, 512)).astype(np.float32), Scheme("q4_k"))
    scale, offset = q.qparams.scale, q.qparams.offset
    assert isinstance(scale, QTensor)
    assert isinstance(offset, QTensor)
    assert scale.scheme.format == "uint6"
    assert scale.codes.shape == (2, 16)
    assert isinstance(scale.qparams.scale, QTensor)
    assert scale.qparams.scale.codes.shape == (2, 2)
    assert (offset.dequantize() <= 0).all()


def test_bytes_of_another_length_or_format_are_refused() -> None:
    with pytest.raises(
        InvalidInputError, match=r"^data: 35 bytes do not hold q4_0 blocks of shape \(2, 32\)\. Give exactly 36 bytes$"
    ):
        from_bytes(np.zeros(35, np.uint8), Scheme("q4_0"), (2, 32))
    with pytest.raises(InvalidInputError, match=r"^format: .mxfp4. is not a block format of GGUF"):
        from_bytes(np.zeros(17, np.uint8), Scheme("mxfp4"), (1, 32))
    with pytest.raises(InvalidInputError, match=r"^x: the values are too large for the half-precision scales of q8_0"):
        quantize(np.full((1, 32), 1e9), Scheme("q8_0"))
