"""The codebooks against what their papers and tools say they are."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest

from playground import Scheme, compare, quantize
from playground.number_formats import FORMATS, CodebookFormat, boundaries_for, codebook
from playground.rounding import ROUNDINGS

NORMAL = NormalDist()


def table(name: str) -> np.ndarray:
    fmt = FORMATS[name]
    assert isinstance(fmt, CodebookFormat)
    return fmt.table


def test_nf4_is_the_construction_of_its_paper() -> None:
    """QLoRA, equation 4 and appendix E; the published table is made with a rounded outermost quantile."""
    np.testing.assert_allclose(codebook.normal_float(4), table("nf4"), atol=1e-6)


@pytest.mark.parametrize(("name", "bits"), [("nf2", 2), ("nf3", 3), ("nf4", 4)])
def test_normal_floats_have_a_zero_and_one_more_level_above_it(name: str, bits: int) -> None:
    values = table(name)
    assert (np.diff(values) > 0).all()
    assert (values[0], values[-1], (values == 0).sum()) == (-1, 1, 1)
    assert ((values < 0).sum(), (values > 0).sum()) == (2 ** (bits - 1) - 1, 2 ** (bits - 1))


def normal_mean(lo: float, hi: float) -> float:
    """The mean of the unit normal distribution between two bounds."""
    return (NORMAL.pdf(lo) - NORMAL.pdf(hi)) / (NORMAL.cdf(hi) - NORMAL.cdf(lo))


@pytest.mark.parametrize(("name", "first", "distortion"), [
    ("lloyd2", 1.510, 0.1175), ("lloyd3", 2.152, 0.03454), ("lloyd4", 2.733, 0.009497),
])  # fmt: skip
def test_lloyd_max_levels_are_optimal_and_as_published(name: str, first: float, distortion: float) -> None:
    """Max 1960, table I: the outermost level and the mean squared error for the unit normal distribution."""
    values = table(name).astype(np.float64) * first
    scale = {"lloyd2": 1.5104176, "lloyd3": 2.1519457, "lloyd4": 2.7325896}[name]
    assert scale == pytest.approx(first, abs=6e-4)
    values = table(name).astype(np.float64) * scale
    edges = [-12.0, *((values[:-1] + values[1:]) / 2), 12.0]
    means = [normal_mean(lo, hi) for lo, hi in itertools.pairwise(edges)]
    np.testing.assert_allclose(values, means, atol=2e-6)  # each level is the mean of what it stands for
    shares = np.diff([NORMAL.cdf(edge) for edge in edges])
    assert 1 - (shares * values**2).sum() == pytest.approx(distortion, rel=4e-3)


def test_bnb_fp4_codes_are_sign_and_place() -> None:
    twelfths = [0, 0.0625, 8, 12, 4, 6, 2, 3]
    np.testing.assert_allclose(table("bnb_fp4")[:8] * 12, twelfths, rtol=1e-6)
    np.testing.assert_array_equal(table("bnb_fp4")[8:], -table("bnb_fp4")[:8])
    codes = quantize(np.array([1.0, -1.0, 0.66, 0.0]), Scheme("bnb_fp4")).codes
    assert codes.tolist() == [3, 11, 2, 0]


def test_powers_of_two() -> None:
    assert sorted(set(np.abs(table("pot4")))) == [0, *(2.0**-k for k in range(6, -1, -1))]
    # Li et al. 2020, section 3.1: sums of one number from each set, scaled so that the largest is 1
    sets = [(0, 2**-1, 2**-2, 2**-4), (0, 2**-3)]
    sums = {a + b for a in sets[0] for b in sets[1]}
    assert sorted(set(np.abs(table("apot4")))) == pytest.approx(sorted(s / max(sums) for s in sums))
    assert len(set(table("apot5"))) == 31


def test_a_number_on_a_boundary_goes_where_the_rounding_says() -> None:
    values = np.array([-2.0, -1, 0, 2], np.float32)
    middles = np.array([-1.5, -0.5, 1.0], np.float32)
    book = CodebookFormat(id="t", title="t", bits=2, values=tuple(values.tolist()), source="this test")
    expected = {
        "half_even": [-2, -1, 0],  # down, as bitsandbytes has it
        "half_up": [-1, 0, 2],
        "half_away": [-2, -1, 2],
    }
    for rounding, wanted in expected.items():
        assert book.decode(book.encode(middles.copy(), ROUNDINGS[rounding])).tolist() == wanted
    assert boundaries_for(values, "half_even").tolist() == middles.tolist()


def test_ternary_and_binary_weights() -> None:
    x = np.array([-3.0, -0.2, 0.1, 1.6, 3.0])
    assert quantize(x, Scheme("ternary")).dequantize().tolist() == [-3, 0, 0, 3, 3]
    assert quantize(x, Scheme("binary")).dequantize().tolist() == [-3, -3, 3, 3, 3]


def test_tables_made_for_the_data_are_kept_with_it() -> None:
    x = np.concatenate([np.full((2, 30), 1.0), np.full((2, 30), 5.0)], axis=1) * np.array([[1], [10]])
    q = quantize(x, Scheme("kmeans1", "channel", 0))
    assert q.qparams.codebook is not None
    assert q.qparams.codebook.tolist() == [[[1, 5]], [[10, 50]]]
    assert compare(x, q.dequantize())["mse"] == 0
    assert q.nbytes == math.ceil(120 / 8) + 4 * 4


def test_a_clip_range_leaves_out_what_lies_beyond_it() -> None:
    import playground

    x = np.array([0.0, 0.0, 1.0, 1.0, 100.0])
    q = quantize(x, Scheme("kmeans1"), playground.Range(-2, 2))
    assert q.qparams.codebook is not None
    assert q.qparams.codebook.max() < 2.1
