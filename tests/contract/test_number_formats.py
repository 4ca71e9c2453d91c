"""Every number format keeps these promises; a new one is tested by existing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import playground
from playground.errors import InvalidInputError
from playground.number_formats import FAMILIES, CodebookFormat, NumberFormat
from playground.rounding import ROUNDINGS

FORMATS = [*playground.formats().values(), *(playground.formats()[name] for name in ("fp5_e2m2", "fp7_e3m3fnuz"))]
SMALL = [f for f in FORMATS if f.bits <= 16]
BINARY = [f for f in FORMATS if not (isinstance(f.element, CodebookFormat) and f.element.radix != 2)]
each_format = pytest.mark.parametrize("fmt", FORMATS, ids=lambda f: f.id)
each_small_format = pytest.mark.parametrize("fmt", SMALL, ids=lambda f: f.id)
each_exact_format = pytest.mark.parametrize("fmt", [f for f in SMALL if f.id != "bnb_dynamic8"], ids=lambda f: f.id)
"""Without the one whose boundaries are those of a lookup in its tool, which never gives some numbers near zero."""

FIXED = [name for name, rounding in ROUNDINGS.items() if not rounding.random]
NEAREST = ("half_even", "half_away", "half_up")
MIRRORED = [f for f in SMALL if np.array_equal(f.grid, -f.grid[::-1])]
COUNTS = (0, 1, 2, 3, 7, 8, 9, 255, 65_536, 131_077)
finite = st.floats(-(2.0**127), 2.0**127, width=32, allow_subnormal=False)


def some_codes(fmt: NumberFormat, count: int = 1 << 16) -> np.ndarray:
    """All codes of a small format, evenly picked ones of a large one."""
    codes = np.unique(np.linspace(fmt.qmin, fmt.qmax, min(count, fmt.qmax - fmt.qmin + 1)).astype(np.int64))
    return codes.astype(fmt.dtype)


def rounded(fmt: NumberFormat, x: np.ndarray, rounding: str = "half_even", seed: int = 0) -> np.ndarray:
    codes = fmt.encode(x.astype(np.float32), ROUNDINGS[rounding], random=np.random.default_rng(seed))
    assert codes.dtype == fmt.dtype
    assert codes.shape == x.shape
    return fmt.decode(codes)


def between(fmt: NumberFormat, count: int = 4000) -> np.ndarray:
    """Values over what the format reaches: near its numbers, halfway between them, and anywhere."""
    rng, grid = np.random.default_rng(1), fmt.grid.astype(np.float64)
    picked = grid if grid.size < count else np.sort(rng.choice(grid, count, replace=False))
    middles = (picked[:-1] + picked[1:]) / 2
    spread = rng.uniform(picked[0], picked[-1], count)
    return np.concatenate([picked, middles, spread]).astype(np.float32)


def test_the_ids_promised_by_the_documentation_exist() -> None:
    integers = {f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 17)}
    floats = {"fp16", "bf16", "tf32", "fp8_e4m3", "fp8_e5m2", "fp8_e4m3fnuz", "fp8_e5m2fnuz", "fp6_e3m2", "fp6_e2m3"}
    tables = {"fp4_e2m1", "nf4", "nf3", "nf2", "bnb_fp4", "kmeans4", "lloyd4", "pot4", "apot4", "ternary", "binary"}
    mx = {"mxfp8_e4m3", "mxfp8_e5m2", "mxfp6_e3m2", "mxfp6_e2m3", "mxfp4", "mxint8", "nvfp4"}
    gguf = {"q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl"}
    assert integers | floats | tables | mx | gguf <= set(playground.formats())


@each_format
def test_it_says_what_it_is(fmt: NumberFormat) -> None:
    assert fmt.title
    assert fmt.source
    assert fmt.family in FAMILIES
    assert fmt.element.element is fmt.element
    assert isinstance(hash(fmt), int)


@each_format
def test_codes_survive_packing(fmt: NumberFormat) -> None:
    some = some_codes(fmt)
    for count in COUNTS:
        codes = np.resize(some, count)
        packed = fmt.element.pack(codes)
        assert packed.dtype == np.uint8
        assert packed.shape == (fmt.element.packed_nbytes(count),)
        unpacked = fmt.element.unpack(packed, count)
        assert unpacked.dtype == fmt.dtype
        np.testing.assert_array_equal(unpacked, codes)


@pytest.mark.parametrize("fmt", BINARY, ids=lambda f: f.id)
def test_packing_is_one_little_endian_number(fmt: NumberFormat) -> None:
    """The definition, with Python's big integers: code i takes bits ``i * bits`` and up."""
    codes = np.resize(some_codes(fmt, 41), 37)
    number = sum((int(code) % 2**fmt.bits) << (i * fmt.bits) for i, code in enumerate(codes))
    assert fmt.pack(codes).tobytes() == number.to_bytes(fmt.packed_nbytes(37), "little")


@each_format
def test_packing_follows_c_order_whatever_the_memory_layout(fmt: NumberFormat) -> None:
    codes, fmt = np.resize(some_codes(fmt), (4, 6)), fmt.element
    np.testing.assert_array_equal(fmt.pack(np.asfortranarray(codes)), fmt.pack(codes.reshape(-1)))
    np.testing.assert_array_equal(fmt.pack(codes[:, ::2]), fmt.pack(codes[:, ::2].copy()))


@each_format
def test_codes_that_do_not_fit_are_refused(fmt: NumberFormat) -> None:
    for bad in (fmt.qmin - 1, fmt.qmax + 1):
        with pytest.raises(InvalidInputError, match=rf"do not fit {fmt.element.id}\. Use codes from"):
            fmt.element.pack(np.array([0, bad], np.int64))
    with pytest.raises(InvalidInputError, match="float32 values are not codes"):
        fmt.element.pack(np.zeros(3, np.float32))
    with pytest.raises(InvalidInputError, match="bytes do not hold 100"):
        fmt.element.unpack(np.zeros(fmt.element.packed_nbytes(100) + 1, np.uint8), 100)


@each_small_format
def test_its_numbers_are_ascending_and_within_its_limits(fmt: NumberFormat) -> None:
    assert fmt.grid.dtype == np.float32
    assert (np.diff(fmt.grid) > 0).all()
    assert (fmt.element.smallest, fmt.element.largest) == (fmt.grid[0], fmt.grid[-1])


@each_exact_format
def test_its_own_numbers_stay_what_they_are(fmt: NumberFormat) -> None:
    for rounding in ROUNDINGS:
        np.testing.assert_array_equal(rounded(fmt, fmt.grid, rounding), fmt.grid, rounding)


@each_exact_format
def test_no_other_number_is_nearer(fmt: NumberFormat) -> None:
    x, grid = between(fmt).astype(np.float64), fmt.grid.astype(np.float64)
    above = np.clip(np.searchsorted(grid, x), 1, grid.size - 1)
    nearest = np.minimum(np.abs(grid[above] - x), np.abs(x - grid[above - 1]))
    for rounding in NEAREST:
        distance = np.abs(rounded(fmt, x, rounding) - x)
        assert (distance <= nearest * (1 + 1e-6) + 2e-7 * np.abs(x)).all(), rounding


@each_small_format
def test_directed_roundings_stay_on_their_side(fmt: NumberFormat) -> None:
    x = between(fmt)
    assert (rounded(fmt, x, "floor") <= x).all()
    assert (rounded(fmt, x, "ceil") >= x).all()


@pytest.mark.parametrize("fmt", [f for f in SMALL if (f.grid == 0).any()], ids=lambda f: f.id)
def test_rounding_toward_zero_never_goes_away_from_it(fmt: NumberFormat) -> None:
    """In formats with a zero: a table without one has nothing on that side."""
    x = between(fmt)
    assert (np.abs(rounded(fmt, x, "toward_zero")) <= np.abs(x)).all()


@each_small_format
def test_order_is_kept(fmt: NumberFormat) -> None:
    x = np.sort(between(fmt))
    for rounding in FIXED:
        assert (np.diff(rounded(fmt, x, rounding)) >= 0).all(), rounding


@each_small_format
def test_stochastic_rounding_gives_neighbours_and_the_right_mean(fmt: NumberFormat) -> None:
    grid = fmt.grid if fmt.grid.size < 50 else fmt.grid[:: fmt.grid.size // 50]
    if fmt.grid.size > grid.size:
        grid = np.array([fmt.grid[i] for i in (0, 1, fmt.grid.size // 3, fmt.grid.size // 3 + 1)], np.float32)
    low, high = grid[0].astype(np.float64), grid[1].astype(np.float64)
    x = np.full(20_000, low + 0.25 * (high - low), np.float32)
    got = rounded(fmt, x, "stochastic")
    assert set(np.unique(got)) <= {np.float32(low), np.float32(high)}
    share = (got == np.float32(high)).mean()
    exact = (float(x[0]) - low) / (high - low)
    assert share == pytest.approx(exact, abs=5 * np.sqrt(0.25 / x.size))


@pytest.mark.parametrize("fmt", MIRRORED, ids=lambda f: f.id)
def test_a_format_that_is_its_own_mirror_image_is_odd(fmt: NumberFormat) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0, fmt.element.largest / 3, 5000).astype(np.float32)
    for rounding in ("half_even", "toward_zero") if (fmt.grid == 0).any() else ("half_even",):
        np.testing.assert_array_equal(rounded(fmt, -x, rounding), -rounded(fmt, x, rounding))


def test_the_mirrored_formats_are_those_with_a_sign_bit() -> None:
    assert {"fp8_e4m3", "fp4_e2m1", "bnb_fp4", "mxfp4", "ternary", "binary"} <= {f.id for f in MIRRORED}
    assert not {"int8", "uint8", "nf4", "iq4_nl"} & {f.id for f in MIRRORED}


@given(x=finite, fmt=st.sampled_from(SMALL))
@settings(max_examples=300)
def test_whatever_is_beyond_saturates(x: float, fmt: NumberFormat) -> None:
    got = float(rounded(fmt, np.array([x], np.float32))[0])
    assert fmt.grid[0] <= got <= fmt.grid[-1]
    if x >= fmt.grid[-1]:
        assert got == fmt.grid[-1]
    if x <= fmt.grid[0]:
        assert got == fmt.grid[0]
