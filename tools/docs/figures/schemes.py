"""How a tensor is laid on a grid: levels, granularity, symmetry, the formats' precision."""

from __future__ import annotations

import numpy as np

import playground
from playground import gallery
from playground.number_formats import FORMATS
from playground.render import svg
from tools.docs.charts import Axis, Line, chart


def uniform_and_not() -> str:
    """SQNR of normal weights in blocks of 64, by format of four bits."""
    x = np.random.default_rng(0).normal(size=65_536).astype(np.float32)
    names = ("int4", "fp4_e2m1", "bnb_fp4", "nf4")
    found = []
    for name in names:
        q = playground.quantize(x, format=name, granularity="block", block_size=64)
        found.append(playground.compare(x, q)["sqnr_db"])
    return svg.bars(names, [svg.Series("SQNR", "float", found)], "dB", "SQNR of normal values in four bits, by format")


def staircases() -> str:
    """What becomes of values from -1 to 1 in three bits: even steps, and steps that grow."""
    x = np.linspace(-1, 1, 801, dtype=np.float32)
    even = playground.quantize(x, format="int3", range=playground.Range(-1, 1)).dequantize()
    fp = playground.quantize(x, format="fp4_e2m1", scaled=True).dequantize()
    lines = [
        Line("int3: even steps", "float", list(zip(x.tolist(), even.tolist(), strict=True))),
        Line("fp4_e2m1: steps grow with the value", "quant", list(zip(x.tolist(), fp.tolist(), strict=True))),
    ]
    return chart(lines, Axis("value", -1, 1), Axis("what it becomes", -1.1, 1.1), "Staircases of int3 and fp4_e2m1")


_CHANNELS = range(12, 24)


def channels() -> str:
    """SQNR of twelve channels of a depthwise filter, with one scale for all 24 and with a scale each."""
    x = gallery.open_model("digits-depthwise").tensors["depthwise1.weight"].numpy()
    shared = playground.quantize(x, "int8").dequantize()
    own = playground.quantize(x, format="int8", granularity="channel", axis=0).dequantize()
    labels = [f"channel {i}" for i in _CHANNELS]
    series = [
        svg.Series("one scale for the tensor", "quant", [_sqnr(x[i], shared[i]) for i in _CHANNELS]),
        svg.Series("a scale for each channel", "good", [_sqnr(x[i], own[i]) for i in _CHANNELS]),
    ]
    return svg.bars(labels, series, "dB", "SQNR of each channel of a depthwise filter, by granularity")


def _sqnr(x: np.ndarray, x_hat: np.ndarray) -> float:
    """SQNR in dB; zero where nothing is left of the values."""
    return max(0.0, float(playground.compare(x, x_hat)["sqnr_db"]))


def symmetry() -> str:
    """SQNR by bits of what a Relu lets through, with a symmetric and an asymmetric scheme."""
    x = np.maximum(np.random.default_rng(0).normal(size=65_536), 0).astype(np.float32)
    widths = [float(bits) for bits in (3, 4, 5, 6, 7, 8)]
    found = {
        symmetric: [
            playground.compare(x, playground.quantize(x, format=f"int{bits:.0f}", symmetric=symmetric))["sqnr_db"]
            for bits in widths
        ]
        for symmetric in (True, False)
    }
    lines = [
        Line("symmetric", "quant", list(zip(widths, found[True], strict=True)), dots=True),
        Line("asymmetric", "good", list(zip(widths, found[False], strict=True)), dots=True),
    ]
    return chart(
        lines, Axis("bits", 3, 8), Axis("SQNR, dB", 0, 50), "SQNR of values after a Relu, by bits and symmetry"
    )


def precision() -> str:
    """The largest relative error of a value, by its size: floats keep digits, integers keep steps."""
    sizes = np.logspace(-7, 4, 221)
    lines = []
    for name, colour in (("fp16", "float"), ("bf16", "good"), ("fp8_e4m3", "muted")):
        lines.append(Line(name, colour, [(s, _worst(s, name, None)) for s in sizes.tolist()]))
    lines.append(Line("int8, range −1 .. 1", "quant", [(s, _worst(s, "int8", 1.0)) for s in sizes.tolist()]))
    title = "Largest relative error of a value, by its size, in fp16, bf16, fp8 and int8"
    return chart(lines, Axis("value", 1e-7, 1e4, log=True), Axis("largest relative error", 1e-4, 1, log=True), title)


def _worst(size: float, name: str, reach: float | None) -> float:
    """The largest relative error of values around one, at most 1 (all of it lost)."""
    x = (size * np.linspace(1, 2, 64)).astype(np.float32)
    extent = None if reach is None else playground.Range(-reach, reach)
    x_hat = playground.quantize(x, name, range=extent).dequantize()
    worst = np.abs(x_hat - x) / x
    return float(np.clip(worst[np.isfinite(worst)].max(initial=0), 1e-4, 1)) if np.isfinite(x_hat).all() else 1.0


def decimals() -> str:
    """How far the nearest value of each format is from 0.123456789."""
    value = 0.123456789
    x = np.array([value], np.float32)
    names = ("fp32", "fp16", "bf16", "fp8_e4m3", "fp8_e5m2", "fp4_e2m1")
    points = [abs(float(playground.quantize(x, name).dequantize()[0]) - value) for name in names if name in FORMATS]
    labels = [name for name in names if name in FORMATS]
    labels += ["two decimals", "int8, range −1 .. 1", "int4, range −1 .. 1"]
    points += [abs(0.12 - value)]
    points += [abs(_in_range(x, name) - value) for name in ("int8", "int4")]
    digits = [-float(np.log10(error / value)) for error in points]
    return svg.bars(labels, [svg.Series("decimal digits", "float", digits)], "digits", "Right digits of 0.123456789")


def _in_range(x: np.ndarray, name: str) -> float:
    return float(playground.quantize(x, name, range=playground.Range(-1, 1)).dequantize()[0])


FIGURES = {
    "uniform-and-not": uniform_and_not,
    "staircases": staircases,
    "channels": channels,
    "symmetry": symmetry,
    "precision": precision,
    "decimals": decimals,
}
