"""Numbers from the literature, each beside what our code gives: the tables of docs/literature.md and their test."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

import playground
from playground import Range, Scheme
from playground.calibration.aciq import gauss_multiple, laplace_multiple

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Row:
    """One published number.

    Attributes:
        what: of what.
        published: the number as it stands there.
        ours: computed now.
        within: how far the two may be apart: half of the last digit that is printed, or what sampling leaves.
    """

    what: str
    published: str
    ours: float
    within: float

    @property
    def agrees(self) -> bool:
        """Whether ours is near enough."""
        return abs(self.ours - float(self.published)) <= self.within

    def cells(self) -> tuple[str, str, str]:
        """As the table shows it: ours with as many digits as the published number."""
        digits = len(self.published.partition(".")[2])
        return self.what, self.published, f"{self.ours:.{digits}f}"


@dataclass(frozen=True)
class Limit(Row):
    """A published bound: ours has to be below it."""

    @property
    def agrees(self) -> bool:
        """Whether ours is below."""
        return self.ours < float(self.published)

    def cells(self) -> tuple[str, str, str]:
        """As the table shows it."""
        return self.what, f"< {self.published}", f"{self.ours:.5f}"


@functools.cache
def normal_values(count: int = 1 << 17) -> Floats:
    """Quantiles of the unit normal distribution at equal distances: a sample without chance."""
    inverse = NormalDist().inv_cdf
    upper = np.array([inverse((i + 0.5) / count) for i in range(count // 2, count)], np.float32)
    return np.concatenate([-upper[::-1], upper])


def squared_error(x: Floats, scheme: Scheme, clip: float) -> float:
    """Mean squared error when ``-clip .. clip`` is covered."""
    return float(playground.compare(x, playground.quantize(x, scheme, Range(-clip, clip)).dequantize())["mse"])


def least(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function with one minimum has it (golden section)."""
    golden = (5**0.5 - 1) / 2
    a, b = high - golden * (high - low), low + golden * (high - low)
    at_a, at_b = function(a), function(b)
    for _ in range(30):
        if at_a < at_b:
            high, b, at_b = b, a, at_a
            a = high - golden * (high - low)
            at_a = function(a)
        else:
            low, a, at_a = a, b, at_b
            b = low + golden * (high - low)
            at_b = function(b)
    return (low + high) / 2


def lloyd_max() -> list[Row]:
    """Max 1960, table I: the quantizers of the unit normal distribution with the least squared error."""
    published = {
        2: ("0.4528", "1.510", "0.1175"),
        3: ("0.2451", "2.152", "0.03454"),
        4: ("0.1284", "2.733", "0.009497"),
    }
    rows, x = [], normal_values()
    for bits, (innermost, outermost, error) in published.items():
        fitted = np.unique(playground.quantize(x, Scheme(f"kmeans{bits}")).dequantize())
        rows += [
            Row(f"{2**bits} levels, innermost", innermost, float(fitted[fitted > 0][0]), 5e-4),
            Row(f"{2**bits} levels, outermost", outermost, float(fitted[-1]), 2e-3),
            Row(f"{2**bits} levels, squared error", error, lloyd_error(bits), float(error) * 2e-3),
        ]
    return rows


def lloyd_error(bits: int) -> float:
    """The squared error of ``lloyd2`` .. ``lloyd4`` on the unit normal distribution, their outermost level in place."""
    outermost = {2: 1.5104176, 3: 2.1519457, 4: 2.7325896}[bits]
    return squared_error(normal_values(), Scheme(f"lloyd{bits}"), outermost)


def uniform_steps() -> list[Row]:
    """Max 1960, table II: the best step of an equally spaced quantizer of the unit normal distribution."""
    published = {1: "1.596", 2: "0.9957", 3: "0.5860", 4: "0.3352", 5: "0.1881", 6: "0.1041", 7: "0.0569", 8: "0.0308"}
    x, rows = normal_values(), []
    for bits, step in published.items():
        scheme = Scheme(f"uint{bits}", symmetric=False, zero_point_type="offset", zero_in_range=False)
        half = (2**bits - 1) / 2

        def error(at: float, scheme: Scheme = scheme, half: float = half) -> float:
            return squared_error(x, scheme, at * half)

        found = least(error, float(step) * 0.7, float(step) * 1.4)
        rows.append(Row(f"{bits} bit", step, found, 3e-4))
    return rows


def aciq() -> list[Row]:
    """Banner et al. 2018 and its code: the clipping value, in scale parameters of the distribution."""
    laplace = {2: "2.83", 3: "3.89", 4: "5.03", 5: "6.2", 6: "7.41", 7: "8.64", 8: "9.89"}
    gauss = {2: "1.71", 3: "2.15", 4: "2.55", 5: "2.93", 6: "3.28", 7: "3.61", 8: "3.92"}
    rows = [
        Row(f"Laplace, {bits} bit, α / b", value, laplace_multiple(2**bits), 0.0101) for bits, value in laplace.items()
    ]
    return rows + [
        Row(f"Gauss, {bits} bit, α / σ", value, gauss_multiple(2**bits), 0.0101) for bits, value in gauss.items()
    ]


def decibels_a_bit() -> list[Row]:
    """Bennett 1948: each bit halves the step, so the noise of evenly spread values falls by 20 log10(2) dB."""
    x = np.linspace(-1, 1, 1 << 20, dtype=np.float32)

    def signal_to_noise(bits: int) -> float:
        scheme = Scheme(f"int{bits}", convention="qwix")  # absmax is half a step beyond the largest code
        q = playground.quantize(x, scheme, Range(-1, 1))
        return float(playground.compare(x, q.dequantize())["sqnr_db"])

    slope = (signal_to_noise(14) - signal_to_noise(8)) / 6
    q = playground.quantize(x, Scheme("int8", convention="qwix"), Range(-1, 1))
    rmse = playground.compare(x, q.dequantize())["rmse"] / q.qparams.scale_values.item()
    return [
        Row("dB a bit, from 8 to 14 bits", "6.02", slope, 0.01),
        Row("root of the squared error, in steps, 1 / √12", "0.2887", rmse, 1e-4),
    ]


def bitsandbytes_errors() -> list[Row]:
    """What bitsandbytes' own tests expect of a normal distribution: mean error and mean relative error."""
    published = {
        ("nf4", 64): ("0.072792", "0.203299"),
        ("nf4", 128): ("0.076835", "0.215252"),
        ("nf4", 256): ("0.080326", "0.226044"),
        ("bnb_fp4", 64): ("0.096545", "0.260130"),
        ("bnb_fp4", 128): ("0.102947", "0.275734"),
        ("bnb_fp4", 256): ("0.108685", "0.289842"),
    }
    x, rows = np.random.default_rng(1).standard_normal(1 << 21).astype(np.float32), []
    for (fmt, size), (absolute, relative) in published.items():
        scheme = Scheme(fmt, "block", block_size=size, convention="bitsandbytes")
        error = np.abs(x - playground.quantize(x, scheme).dequantize())
        name = f"{fmt}, blocks of {size}"
        rows.append(Row(f"{name}, error", absolute, float(error.mean()), 1e-3))
        rows.append(Row(f"{name}, relative error", relative, float((error / (np.abs(x) + 1e-8)).mean()), 2e-3))
    return rows


def ggml_limits() -> list[Row]:
    """The errors that llama.cpp's tests allow, on their data and by their measure."""
    i = np.arange(32 * 128)
    x = (np.float32(0.1) + np.float32(2) * np.cos(i.astype(np.float32))).astype(np.float32)
    limits = {"q4_0": "0.002", "q4_1": "0.002", "q5_0": "0.002", "q5_1": "0.002", "q8_0": "0.002", "q2_k": "0.0075"}
    limits |= {"q3_k": "0.0040", "q4_k": "0.002", "q5_k": "0.002", "q6_k": "0.002", "iq4_nl": "0.002"}
    rows: list[Row] = []
    for fmt, limit in limits.items():
        error = x.astype(np.float64) - playground.quantize(x, Scheme(fmt)).dequantize()
        rows.append(Limit(fmt, limit, float(np.sqrt((error**2).sum()) / x.size), 0))
    return rows


def bits_per_weight() -> list[Row]:
    """The formats' own definitions; NF4 with a float32 for every 64 values, NVFP4 without its one float32 a tensor."""
    published = {"q4_0": "4.5", "q8_0": "8.5", "q2_k": "2.625", "q3_k": "3.4375", "q4_k": "4.5", "q5_k": "5.5"}
    x = np.ones((64, 1024), np.float32)
    published |= {"q6_k": "6.5625", "mxfp4": "4.25", "nvfp4": "4.5"}
    schemes = {fmt: Scheme(fmt) for fmt in published}
    schemes["nf4"] = Scheme("nf4", "block", block_size=64)
    published |= {"nf4": "4.5"}
    return [
        Row(fmt, published[fmt], playground.quantize(x, scheme).bits_per_weight, 1e-3)
        for fmt, scheme in schemes.items()
    ]


SECTIONS: dict[str, Callable[[], list[Row]]] = {
    "lloyd-max": lloyd_max,
    "uniform-steps": uniform_steps,
    "aciq": aciq,
    "decibels": decibels_a_bit,
    "bitsandbytes": bitsandbytes_errors,
    "ggml": ggml_limits,
    "bits": bits_per_weight,
}
