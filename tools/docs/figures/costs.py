"""What a model costs: bytes on disk, bytes of a cache, energy, and what bounds its speed."""

from __future__ import annotations

import numpy as np

import playground
from playground import gallery
from playground.render import svg
from playground.units import size
from tools.docs.charts import Axis, Line, chart

PICOJOULES = {"float32": (4.6, 640.0), "int8": (0.23, 160.0), "int4 weights": (0.23, 80.0)}
"""A multiply-add, and fetching one value from DRAM, at 45 nm and 0.9 V: M. Horowitz, "Computing's energy problem (and
what we can do about it)", ISSCC 2014, figure 1.1.9: 3.7 + 0.9 and 0.2 + 0.03 pJ; 1.3 to 2.6 nJ for 64 bits of DRAM, of
which the smaller number is taken, in proportion to the bits of a value."""


def sizes() -> str:
    """Bytes of the constants of the gallery's largest model, by format of its weights."""
    model = gallery.open_model("moby-dick-transformer")
    labels, texts = ["float32"], [""]
    values: list[float] = []
    for name in ("int8", "int6", "int4", "int3", "int2"):
        report = playground.quantize_model(model, "weight-only", weights=name, verify=False).report
        if not values:
            values, texts = [report.bytes_before / 1e6], [size(report.bytes_before)]
        labels.append(name)
        values.append(report.bytes_after / 1e6)
        texts.append(size(report.bytes_after))
    series = [svg.Series("bytes", "float", values, texts)]
    return svg.bars(labels, series, "MB", "Bytes of a transformer's constants, by the format of its weights")


def energy() -> str:
    """Energy of one answer of the gallery's perceptron: multiply-adds, and fetching each weight once from DRAM."""
    weights = [t.size for name, t in gallery.open_model("digits-mlp").tensors.items() if name.endswith(".weight")]
    count = sum(weights)
    labels = list(PICOJOULES)
    series = [
        svg.Series(name, colour, [count * PICOJOULES[label][at] * 1e-6 for label in labels])
        for at, (name, colour) in enumerate((("multiply-adds", "quant"), ("fetching the weights", "float")))
    ]
    return svg.bars(labels, series, "µJ", "Energy of one answer of a perceptron, by number format")


LAYERS, HEADS, HEAD_SIZE = 32, 8, 128
"""Of a language model with eight billion parameters, as several have them: layers, key and value heads, their size."""


def kv_cache() -> str:
    """Bytes of the keys and values of one conversation, by its length and the format that they are kept in."""
    lengths = [float(2**power) for power in range(10, 18)]
    lines = []
    for name, colour in (("fp16", "float"), ("q8_0", "good"), ("q4_0", "quant")):
        bits = playground.quantize(np.ones((1, 4096), np.float32), name).bits_per_weight
        per_token = 2 * LAYERS * HEADS * HEAD_SIZE * bits / 8
        lines.append(Line(f"{name}, {bits:g} bits", colour, [(n, n * per_token / 1e9) for n in lengths], dots=True))
    x, y = Axis("tokens of context", 1e3, 1.5e5, log=True), Axis("GB", 0.01, 100, log=True)
    return chart(lines, x, y, "Bytes of a cache of keys and values, by context and number format")


ACCELERATOR = {"fp16": (100e12, 2.0), "int4 weights, fp16 products": (100e12, 0.5), "int8": (200e12, 1.0)}
"""Of an accelerator that is made up for the figure: multiply-adds a second by format, bytes a weight."""

BANDWIDTH = 1e12
"""Its memory's bytes a second."""


def roofline() -> str:
    """The least time of a product of 4096 by 4096 weights, by how many rows it has at once."""
    rows = [float(2**power) for power in range(11)]
    weights, lines = 4096 * 4096, []
    for (name, (speed, width)), colour in zip(ACCELERATOR.items(), ("float", "good", "quant"), strict=True):
        points = [(n, 1e6 * max(n * weights / speed, weights * width / BANDWIDTH)) for n in rows]
        lines.append(Line(name, colour, points, dots=True))
    x, y = Axis("rows at once (batch)", 1, 1024, log=True), Axis("least time, µs", 5, 500, log=True)
    return chart(lines, x, y, "Least time of a matrix product by its rows, for three number formats")


FIGURES = {"sizes": sizes, "energy": energy, "kv-cache": kv_cache, "roofline": roofline}
