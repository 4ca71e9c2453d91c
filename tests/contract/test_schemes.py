"""What holds for every integer format under every convention, symmetric or not, whatever shares a scale."""

import itertools

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import playground
from playground import QTensor, Range, Scheme, choose_qparams, quantize
from playground.quantization import clip_limits, encode, levels, quantize_within
from playground.rounding import ROUNDINGS

CONVENTIONS = list(playground.conventions())
INTEGERS = [name for name, fmt in playground.formats().items() if fmt.family == "integer"]


def scheme_of(**fields) -> Scheme:
    """A narrow range is given up where the format cannot have one."""
    narrow = fields["narrow_range"] and playground.formats()[fields["format"]].bits > 1
    return Scheme(**{**fields, "narrow_range": narrow})


schemes = st.builds(
    scheme_of,
    format=st.sampled_from(INTEGERS),
    symmetric=st.booleans(),
    narrow_range=st.booleans(),
    rounding=st.sampled_from(list(ROUNDINGS)),
    convention=st.sampled_from(CONVENTIONS),
)


def is_the_same_alone(scheme: Scheme) -> bool:
    """Not where random numbers come in, nor where an implementation computes one scale otherwise than several."""
    return scheme.rounding != "stochastic" and scheme.convention_rules.scale_arithmetic != "multiply_if_several"


finite = st.floats(-1e6, 1e6, width=32, allow_subnormal=False)
arrays = hnp.arrays(np.float32, hnp.array_shapes(max_dims=3, max_side=6), elements=finite)
NEAREST = [r for r, rounding in ROUNDINGS.items() if rounding.reach == 0.5]
LIMITS = [
    (fmt, symmetric, narrow)
    for fmt, symmetric, narrow in itertools.product(INTEGERS, (True, False), (True, False))
    if not narrow or playground.formats()[fmt].bits > 1
]


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize(("symmetric", "narrow"), [(True, True), (True, False), (False, True), (False, False)])
def test_zero_is_represented_exactly(convention: str, symmetric: bool, narrow: bool) -> None:
    for fmt in [name for name, *rest in LIMITS if rest == [symmetric, narrow]]:
        scheme = Scheme(fmt, symmetric=symmetric, narrow_range=narrow, convention=convention)
        for lo, hi in [(-1, 1), (0, 0), (0.25, 3), (-7, -0.5), (-1e-30, 1e-30), (-1e6, 2.5)]:
            qparams = choose_qparams(Range(lo, hi), scheme)
            code = encode(0.0, qparams, scheme)
            assert code == qparams.zero_point, (fmt, lo, hi)
            assert QTensor(code, qparams, scheme, ()).dequantize() == 0, (fmt, lo, hi)


@given(x=arrays, scheme=schemes)
def test_codes_stay_within_the_limits_and_errors_within_the_reach(x: np.ndarray, scheme: Scheme) -> None:
    q = quantize(x, scheme)
    qmin, qmax = scheme.limits
    assert q.codes.shape == x.shape
    assert q.codes.dtype == scheme.number_format.dtype
    assert qmin <= q.codes.min() <= q.codes.max() <= qmax
    limits = clip_limits(q.qparams, scheme)
    inside = (x >= limits.lo) & (x <= limits.hi)
    step = q.qparams.scale.item()
    # 1 / scale, by which some conventions multiply, is beyond float32 for a subnormal scale.
    assume(step >= np.finfo(np.float32).tiny)
    slack = 1e-6 * (np.abs(x).max() + step * 2**scheme.number_format.bits)
    errors = np.abs(q.dequantize().astype(np.float64) - x)
    assert errors[inside].max(initial=0) <= ROUNDINGS[scheme.rounding].reach * step + slack
    assert errors[~inside].min(initial=np.inf) >= ROUNDINGS[scheme.rounding].reach * step - slack


@given(x=arrays, scheme=schemes.filter(lambda s: s.rounding in NEAREST))
def test_quantizing_what_was_quantized_changes_nothing(x: np.ndarray, scheme: Scheme) -> None:
    q = quantize(x, scheme)
    np.testing.assert_array_equal(encode(q.dequantize(), q.qparams, scheme), q.codes)


@given(x=arrays, scheme=schemes.filter(lambda s: s.rounding != "stochastic"))
def test_order_is_kept_and_only_levels_come_back(x: np.ndarray, scheme: Scheme) -> None:
    q = quantize(np.sort(x, axis=None), scheme)
    assert (np.diff(q.codes.astype(int)) >= 0).all()
    assert np.isin(q.dequantize(), levels(q.qparams, scheme)).all()


@given(
    x=hnp.arrays(np.float32, (3, 4, 5), elements=finite),
    scheme=schemes.filter(is_the_same_alone),
    axis=st.integers(-3, 2),
)
@settings(max_examples=50)
def test_a_channel_is_quantized_as_if_it_stood_alone(x: np.ndarray, scheme: Scheme, axis: int) -> None:
    per_channel = Scheme(**{**scheme.as_dict(), "granularity": "channel", "axis": axis})
    q = quantize(x, per_channel)
    fused = playground.conventions()[scheme.convention].fused_granularities
    for i in range(x.shape[axis]):
        alone = quantize(x.take(i, axis), scheme)
        assert q.qparams.scale.reshape(-1)[i] == alone.qparams.scale.item()
        assert q.qparams.zero_point.reshape(-1)[i] == alone.qparams.zero_point.item()
        if not fused:  # where it is, a tensor is rounded once and a channel twice
            np.testing.assert_array_equal(q.codes.take(i, axis), alone.codes)


@given(x=arrays, scheme=schemes)
@settings(max_examples=50)
def test_a_signed_narrow_symmetric_scheme_is_odd(x: np.ndarray, scheme: Scheme) -> None:
    bits, symmetric_roundings = max(2, scheme.number_format.bits), {"half_even", "half_away", "toward_zero"}
    changes = {"format": f"int{bits}", "symmetric": True, "narrow_range": True}
    if scheme.rounding not in symmetric_roundings:
        changes["rounding"] = "half_even"
    odd = Scheme(**{**scheme.as_dict(), **changes})
    np.testing.assert_array_equal(quantize(-x, odd).codes, -quantize(x, odd).codes)


@pytest.mark.parametrize("fmt", INTEGERS)
@pytest.mark.parametrize("symmetric", [True, False])
def test_stored_size(fmt: str, symmetric: bool) -> None:
    """It depends on the format's bits and on whether a zero-point has to be kept, and on nothing else."""
    x = np.linspace(-1, 2, 7 * 33, dtype=np.float32).reshape(7, 33)
    q, bits = quantize(x, Scheme(fmt, "channel", 0, symmetric=symmetric)), playground.formats()[fmt].bits
    assert_stored_size(q, bits)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_stored_size_is_the_same_under_every_convention(convention: str) -> None:
    x = np.linspace(-1, 2, 7 * 33, dtype=np.float32).reshape(7, 33)
    for symmetric in (True, False):
        q = quantize(x, Scheme("int5", "channel", 0, symmetric=symmetric, convention=convention))
        assert_stored_size(q, 5)


def assert_stored_size(q: QTensor, bits: int) -> None:
    """Seven channels of 33 values: their codes, a float32 scale each, and zero-points where one is not zero."""
    points = -(-7 * bits // 8) if q.qparams.zero_point.any() else 0
    assert q.packed().nbytes == -(-7 * 33 * bits // 8)
    assert q.nbytes == q.packed().nbytes + 7 * 4 + points
    assert q.bits_per_weight == pytest.approx(8 * q.nbytes / (7 * 33))


@given(
    x=hnp.arrays(np.float32, (2, 3, 11), elements=finite),
    scheme=schemes.filter(is_the_same_alone),
    granularity=st.sampled_from(["token", "block"]),
    axis=st.sampled_from([0, 1, 2, -1]),
    size=st.integers(1, 12),
)
@settings(max_examples=60)
def test_a_block_and_a_token_are_quantized_as_if_they_stood_alone(
    x: np.ndarray, scheme: Scheme, granularity: str, axis: int, size: int
) -> None:
    size = size if granularity == "block" else x.shape[axis]
    grouped = {"granularity": granularity, "axis": axis, "block_size": size if granularity == "block" else None}
    blocked = Scheme(**{**scheme.as_dict(), **grouped})
    lo, hi = (blocked.grouping.reduce(function, x) for function in (np.minimum, np.maximum))
    q = quantize_within(x, Range(lo, hi), blocked)
    # TFLite rounds the scales of blocks to bf16, so they are not those of the values alone.
    assume(not isinstance(q.qparams.scale, QTensor))
    fused = playground.conventions()[scheme.convention].fused_granularities
    scales, codes = (np.moveaxis(part, axis, -1) for part in (q.qparams.scale, q.codes))
    for row in np.ndindex(codes.shape[:-1]):
        values = np.moveaxis(x, axis, -1)[row]
        for block, start in enumerate(range(0, len(values), size)):
            alone = quantize(values[start : start + size], scheme)
            assert scales[row][block] == alone.qparams.scale.item()
            if not fused:
                np.testing.assert_array_equal(codes[row][start : start + size], alone.codes)
