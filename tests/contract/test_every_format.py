"""What holds for a tensor in every number format: sizes, shapes, repeatability, extremes, and what is refused."""

import itertools
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import playground
from playground import QTensor, Scheme, quantize
from playground.errors import InvalidInputError
from playground.quantization import clip_limits, encode, levels

FORMATS = [name for name, fmt in playground.formats().items() if name != "e8m0"]
"""All but the format of scales, which has neither signs nor zero."""

each_format = pytest.mark.parametrize("name", FORMATS)
EXACT = [n for n in FORMATS if n != "bnb_dynamic8"]
"""Without the one whose boundaries are those of a lookup in its tool, which never gives some numbers near zero."""

SHAPES = [(1,), (7,), (64,), (3, 5), (2, 3, 40), (5, 300), (1, 1)]
UP_TO_10_BITS = [n for n in FORMATS if playground.formats()[n].bits <= 10]
BY_RANGE = [n for n in FORMATS if Scheme(n).needs_range]
BLOCKS = [n for n in FORMATS if playground.formats()[n].family == "block"]
HALF_PRECISION_SCALES = [n for n in BLOCKS if Scheme(n).procedure]
"""ggml's, whose scales reach 65504."""


def in_rows(name: str, **fields: Any) -> Scheme:
    """A scale a row, or the format's own blocks, which never cross rows."""
    if playground.formats()[name].family == "block":
        return Scheme(name, **fields)
    return Scheme(name, "token", **fields)


def values(shape: tuple[int, ...] = (12, 320), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, shape) * np.exp(rng.normal(0, 1, (*shape[:-1], 1)))).astype(np.float32)


def as_published(name: str) -> float:
    """Bits a value in whole blocks, from the formats' own definitions."""
    return {
        "q4_0": 4.5, "q4_1": 5.0, "q5_0": 5.5, "q5_1": 6.0, "q8_0": 8.5, "iq4_nl": 4.5,
        "q2_k": 2.625, "q3_k": 3.4375, "q4_k": 4.5, "q5_k": 5.5, "q6_k": 6.5625,
        "mxfp8_e4m3": 8.25, "mxfp8_e5m2": 8.25, "mxfp6_e3m2": 6.25, "mxfp6_e2m3": 6.25, "mxfp4": 4.25, "mxint8": 8.25,
    }[name]  # fmt: skip


@pytest.mark.parametrize("name", [n for n in FORMATS if playground.formats()[n].family == "block" and n != "nvfp4"])
def test_bits_per_weight_are_as_published(name: str) -> None:
    assert quantize(values((4, 512)), Scheme(name)).bits_per_weight == as_published(name)


def test_bits_per_weight_of_schemes() -> None:
    x = values((64, 1024))
    blocks = {"granularity": "block", "axis": -1}
    cases = {
        4.5: Scheme("nf4", block_size=64, **blocks),
        4.03125: Scheme("int4", block_size=1024, **blocks),
        4.25: Scheme("int4", block_size=64, scale_scheme=Scheme("fp16"), **blocks),
        4.125: Scheme("int4", block_size=128, scale_scheme=Scheme("bf16"), **blocks),
        4.5 + 32 / x.size: Scheme("nvfp4"),
        # QLoRA: 8 bits a block of 64, 32 bits a block of 256 such scales, and their mean
        4 + 8 / 64 + 32 / (64 * 256) + 32 / x.size: Scheme(
            "nf4",
            block_size=64,
            scale_scheme=Scheme("bnb_dynamic8", "block", block_size=256, centre=True),
            granularity="block",
        ),
    }
    for bits, scheme in cases.items():
        q = quantize(x, scheme)
        assert q.bits_per_weight == pytest.approx(bits, abs=1e-9)
        assert q.nbytes * 8 == pytest.approx(bits * x.size)


@each_format
def test_any_shape_comes_back(name: str) -> None:
    for shape, scheme in itertools.product(SHAPES, {Scheme(name), in_rows(name)}):
        x = values(shape)
        q = quantize(x, scheme)
        assert q.codes.shape == q.shape == q.dequantize().shape == shape
        assert q.codes.dtype == scheme.element.dtype
        assert q.dequantize().dtype == np.float32
        assert np.isfinite(q.dequantize()).all()
        stored = q.packed().nbytes
        assert q.nbytes >= stored >= scheme.element.packed_nbytes(x.size)


@pytest.mark.parametrize("name", UP_TO_10_BITS)
def test_levels_are_all_there_is(name: str) -> None:
    scheme = in_rows(name)
    x = values((3, 256))
    q = quantize(x, scheme)
    lines = levels(q.qparams, scheme)
    assert lines.shape[:-1] == scheme.qparams_shape(x.shape)
    reached = scheme.grouping.expand(np.arange(lines[..., 0].size).reshape(lines.shape[:-1]), x.shape)
    flat = lines.reshape(-1, lines.shape[-1])
    for group in np.unique(reached):
        assert np.isin(q.dequantize()[reached == group], flat[group]).all()


@pytest.mark.parametrize("name", UP_TO_10_BITS)
def test_inside_the_limits_the_error_is_at_most_half_a_gap(name: str) -> None:
    scheme = in_rows(name)
    x = values((4, 256))
    q = quantize(x, scheme)
    lines = levels(q.qparams, scheme)
    limits = clip_limits(q.qparams, scheme)
    lo, hi, widest = (
        scheme.grouping.expand(np.ascontiguousarray(part), x.shape)
        for part in (limits.lo, limits.hi, np.diff(np.sort(lines, axis=-1), axis=-1).max(axis=-1))
    )
    inside = (x >= lo) & (x <= hi)
    error = np.abs(q.dequantize() - x)
    slack = 2.0**-10 if scheme.procedure else 1e-6  # where codes are made with scales before they are rounded to fp16
    assert (error[inside] <= (widest / 2 + slack * np.abs(x) + 1e-6)[inside]).all()


@pytest.mark.parametrize("name", EXACT)
def test_encoding_what_was_decoded_changes_nothing(name: str) -> None:
    """A format that comes with its own procedure comes with its rounding."""
    for fields in [{}] if Scheme(name).procedure else [{"rounding": "half_even"}, {"rounding": "half_away"}]:
        scheme = in_rows(name, **fields)
        q = quantize(values(), scheme)
        once = q.dequantize()
        codes = encode(once, q.qparams, scheme)
        again = QTensor(codes, q.qparams, scheme, q.shape).dequantize()
        np.testing.assert_allclose(again, once, rtol=2e-7, atol=0, err_msg=str(fields))


@each_format
def test_a_plain_repetition_gives_the_same(name: str) -> None:
    scheme = in_rows(name)
    first, second = (quantize(values(), scheme) for _ in range(2))
    np.testing.assert_array_equal(first.codes, second.codes)
    assert first.packed().tobytes() == second.packed().tobytes()


@each_format
def test_how_an_array_lies_in_memory_does_not_matter(name: str) -> None:
    x, scheme = values((6, 320)), in_rows(name)
    expected = quantize(x, scheme).dequantize()
    wide = np.zeros((6, 640), np.float32)
    wide[:, ::2] = x
    for other in (np.asfortranarray(x), wide[:, ::2], x.astype(">f4"), x.astype(np.float64), x[::-1][::-1]):
        np.testing.assert_array_equal(quantize(other, scheme).dequantize(), expected)


@pytest.mark.parametrize("name", [n for n in FORMATS if n != "nvfp4"])
def test_rows_do_not_depend_on_the_batch_they_come_in(name: str) -> None:
    """Except in NVFP4, which has one scale for the whole tensor besides."""
    x, scheme = values((9, 320)), in_rows(name)
    whole = quantize(x, scheme).dequantize()
    for start, stop in [(0, 1), (1, 4), (4, 9)]:
        np.testing.assert_array_equal(quantize(x[start:stop], scheme).dequantize(), whole[start:stop])


@pytest.mark.parametrize("name", [n for n in FORMATS if playground.formats()[n].family == "block" and n != "nvfp4"])
def test_blocks_along_another_axis_are_those_of_the_turned_tensor(name: str) -> None:
    x = values((320, 6))
    across = quantize(x, Scheme(name, axis=0))
    turned = quantize(np.ascontiguousarray(x.T), Scheme(name))
    np.testing.assert_array_equal(across.dequantize(), turned.dequantize().T)
    assert across.nbytes == turned.nbytes


@pytest.mark.parametrize("name", EXACT)
def test_zeros_stay_zeros(name: str) -> None:
    for shape in [(5,), (3, 70)]:
        back = quantize(np.zeros(shape, np.float32), in_rows(name)).dequantize()
        fmt = playground.formats()[name]
        smallest = 0 if fmt.bits > 16 or (fmt.grid == 0).any() else 2.0**-126  # a table may have no zero
        assert np.abs(back).max() <= smallest


def with_peak(value: float) -> np.ndarray:
    return np.array([[value, 0, -value / 3, value / 7] * 16], np.float32)


@each_format
def test_extreme_values_stay_finite(name: str) -> None:
    for value in (1e-42, 1e-30) if name in HALF_PRECISION_SCALES else (1e-42, 1e-30, 1e30, 1e38, -1e38):
        x = with_peak(value)
        back = quantize(x, in_rows(name)).dequantize()
        assert np.isfinite(back).all(), value
        assert np.abs(back).max() <= 1.6 * np.abs(x).max() + 1e-37, value


@pytest.mark.parametrize("name", HALF_PRECISION_SCALES)
@pytest.mark.parametrize("value", [1e30, 1e38, -1e38])
def test_values_too_large_for_half_precision_scales_are_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidInputError, match="too large for the half-precision scales"):
        quantize(with_peak(value), in_rows(name))


@given(
    x=hnp.arrays(np.float32, (3, 40), elements=st.floats(-1000, 1000, width=32, allow_subnormal=False)),
    name=st.sampled_from(BY_RANGE),
)
@settings(max_examples=200)
def test_order_is_kept_within_a_group(x: np.ndarray, name: str) -> None:
    q = quantize(np.sort(x, axis=1), Scheme(name))
    width = Scheme(name).block_size or x.shape[1]
    assert (np.diff(q.dequantize()[:, :width], axis=1) >= 0).all()


@each_format
def test_what_is_no_tensor_is_refused(name: str) -> None:
    for x, message in [
        (np.zeros((0, 4), np.float32), "has no values"),
        (np.array([[1.0, np.nan]]), "NaN or infinite"),
        (np.array([[1.0, np.inf]]), "NaN or infinite"),
        (np.array([["a"]]), "values of type .* are not real numbers"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            quantize(x, in_rows(name))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        *itertools.product(
            BLOCKS,
            [
                {"granularity": "channel", "axis": 0},
                {"block_size": 7},
                {"symmetric": False},
                {"narrow_range": True},
                {"scaled": False},
                {"zero_point_type": "offset"},
                {"centre": True},
            ],
        ),
        *itertools.product(["q4_0", "q4_k", "iq4_nl"], [{"rounding": "floor"}, {"scale_scheme": Scheme("bf16")}]),
        *itertools.product(["nf4", "fp8_e4m3"], [{"narrow_range": True, "granularity": "token"}]),
    ],
)
def test_fields_that_contradict_a_format_are_refused(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=rf"^{next(iter(fields))}: .* contradicts format '{name}'"):
        Scheme(name, **fields)


def test_a_scalar_has_no_blocks_and_no_rows() -> None:
    for scheme in (Scheme("mxfp4"), Scheme("q4_0"), Scheme("int8", "token"), Scheme("nf4", "block", block_size=4)):
        with pytest.raises(InvalidInputError, match=r"^axis: .* Use granularity 'tensor' for a scalar"):
            quantize(1.0, scheme)
    for name in FORMATS:
        if playground.formats()[name].family != "block":
            assert quantize(2.0, Scheme(name)).dequantize().shape == ()
