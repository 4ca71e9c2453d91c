"""Codebooks of 1 to 8 bits: made for a normal distribution, for logarithmic spacing, or from the data."""

from __future__ import annotations

import itertools
from statistics import NormalDist

import numpy as np

from playground.number_formats import _clustering
from playground.number_formats._codebook import CodebookFormat

_BNB_FP4 = (0.0, 0.0625, 8.0, 12.0, 4.0, 6.0, 2.0, 3.0)
_QLORA = "Dettmers et al. 2023, https://arxiv.org/abs/2305.14314, appendix E"
_BITSANDBYTES = "bitsandbytes 0.50: functional.get_4bit_type, backends/default/ops.py"


def normal_float(bits: int) -> tuple[float, ...]:
    """NormalFloat: quantiles of the normal distribution at equal distances, an exact zero, scaled to -1 .. 1.

    ``2 ** (bits - 1)`` numbers up to zero and one more from zero on, as in QLoRA; the outermost quantiles are those of
    the authors' code, halfway between the ends that 2 ** bits and 2 ** bits - 1 equal shares would have.
    """
    half, count = 1 << (bits - 1), 1 << bits
    end = 1 - (1 / (2 * count) + 1 / (2 * (count - 1))) / 2
    inverse = NormalDist().inv_cdf

    def quantiles(steps: int) -> list[float]:
        return [inverse(end + (0.5 - end) * i / steps) for i in range(steps)]

    above, below = quantiles(half), quantiles(half - 1)
    largest = max(above)
    return tuple(value / largest for value in sorted([*above, 0.0, *(-value for value in below)]))


def dynamic_map() -> tuple[float, ...]:
    """The signed dynamic map of 8 bits: a decimal exponent and a linear fraction that share seven bits.

    Formed in float32 as ``torch.linspace`` forms it: from both ends, multiply and add rounded once.
    """
    numbers = [np.float32(0), np.float32(1)]
    first = float(np.float32(0.1))
    for i in range(7):
        count = 1 << i
        step = float((np.float32(1) - np.float32(0.1)) / np.float32(count))
        edges = [first + step * k if 2 * k < count else 1.0 - step * (count - k) for k in range(count + 1)]
        for lower, upper in itertools.pairwise(map(np.float32, edges)):
            mean = np.float32(10.0 ** (i - 6)) * ((lower + upper) / np.float32(2))
            numbers += [mean, -mean]
    return tuple(float(value) for value in sorted(numbers))


def powers_of_two(bits: int) -> tuple[float, ...]:
    """0 and powers of two up to 1, by sign and magnitude."""
    magnitudes = (0.0, *(2.0**-(i) for i in range((1 << (bits - 1)) - 2, -1, -1)))
    return (*magnitudes, *(-m for m in magnitudes))


def additive_powers(bits: int) -> tuple[float, ...]:
    """Sums of powers of two, by sign and magnitude, the largest scaled to 1; ``bits`` 3, 4 or 5."""
    terms: dict[int, tuple[tuple[float, ...], ...]] = {
        3: ((0, 2**-1, 2**-2, 2**-3),),
        4: ((0, 2**-1, 2**-2, 2**-4), (0, 2**-3)),
        5: ((0, 2**-1, 2**-3, 2**-5), (0, 2**-2, 2**-4, 2**-6)),
    }
    sums = [0.0]
    for choices in terms[bits]:
        sums = [a + b for a in sums for b in choices]
    magnitudes = tuple(value / max(sums) for value in sorted(sums))
    return (*magnitudes, *(-m for m in magnitudes))


# Max 1960, table I, to more digits: the positive levels for the unit normal distribution
_LLOYD_MAX = {
    2: (0.452780034636492, 1.5104176084990955),
    3: (0.24509417894422167, 0.7560052812058773, 1.343909278505, 2.1519457045369874),
    4: (
        0.128395029851147,
        0.3880482994902902,
        0.6567591185324634,
        0.9423404564869614,
        1.2562311973471771,
        1.6180463860218826,
        2.0690172265313866,
        2.732589570995163,
    ),
}


def _mirrored(positive: tuple[float, ...]) -> tuple[float, ...]:
    return (*(-value / positive[-1] for value in reversed(positive)), *(value / positive[-1] for value in positive))


FORMATS = (
    CodebookFormat(
        id="nf4",
        title="NF4, normal float",
        bits=4,
        values=(
            -1.0,
            -0.6961928009986877,
            -0.5250730514526367,
            -0.39491748809814453,
            -0.28444138169288635,
            -0.18477343022823334,
            -0.09105003625154495,
            0.0,
            0.07958029955625534,
            0.16093020141124725,
            0.24611230194568634,
            0.33791524171829224,
            0.44070982933044434,
            0.5626170039176941,
            0.7229568362236023,
            1.0,
        ),
        source=f"{_QLORA}; {_BITSANDBYTES}",
    ),
    CodebookFormat(
        id="bnb_fp4",
        title="FP4 of bitsandbytes",
        bits=4,
        values=tuple(value / 12 for value in (*_BNB_FP4, *(-value for value in _BNB_FP4))),
        source=_BITSANDBYTES,
    ),
    CodebookFormat(id="nf3", title="NF3, normal float", bits=3, values=normal_float(3), source=f"as NF4: {_QLORA}"),
    CodebookFormat(id="nf2", title="NF2, normal float", bits=2, values=normal_float(2), source=f"as NF4: {_QLORA}"),
    *(
        CodebookFormat(
            id=f"lloyd{bits}",
            title=f"Lloyd-Max, {bits} bit, for a normal distribution",
            bits=bits,
            values=_mirrored(_LLOYD_MAX[bits]),
            source="Max 1960, Quantizing for minimum distortion, https://doi.org/10.1109/TIT.1960.1057548",
        )
        for bits in (4, 3, 2)
    ),
    *(
        CodebookFormat(
            id=f"kmeans{bits}",
            title=f"k-means, {2**bits} levels from the data",
            bits=bits,
            values=tuple(i / (2 ** (bits - 1)) - 1 for i in range(2**bits)),
            fit=_clustering.optimal_levels,
            source="Wang and Song 2011, Ckmeans.1d.dp, https://doi.org/10.32614/RJ-2011-015: the exact optimum",
        )
        for bits in (4, 3, 2, 1)
    ),
    *(
        CodebookFormat(
            id=f"pot{bits}",
            title=f"powers of two, {bits} bit",
            bits=bits,
            values=powers_of_two(bits),
            source="Miyashita et al. 2016, https://arxiv.org/abs/1603.01025; Zhou et al. 2017, arXiv 1702.03044",
        )
        for bits in (5, 4, 3)
    ),
    *(
        CodebookFormat(
            id=f"apot{bits}",
            title=f"additive powers of two, {bits} bit",
            bits=bits,
            values=additive_powers(bits),
            source="Li et al. 2020, https://arxiv.org/abs/1909.13144",
        )
        for bits in (5, 4, 3)
    ),
    CodebookFormat(
        id="ternary",
        title="-1, 0, 1",
        bits=2,
        values=(-1.0, 0.0, 1.0),
        radix=3,
        source="Li et al. 2016, https://arxiv.org/abs/1605.04711; five in a byte as in ggml's TQ1_0",
    ),
    CodebookFormat(
        id="binary",
        title="-1, 1",
        bits=1,
        values=(-1.0, 1.0),
        source="Rastegari et al. 2016, XNOR-Net, https://arxiv.org/abs/1603.05279",
    ),
    CodebookFormat(
        id="bnb_dynamic8",
        title="8 bit dynamic map",
        bits=8,
        values=dynamic_map(),
        lookup_steps=1 << 16,
        source="Dettmers 2016, https://arxiv.org/abs/1511.04561; bitsandbytes 0.50: functional.create_dynamic_map",
    ),
)
