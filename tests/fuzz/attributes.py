"""Attributes of a node, by what its operator says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playground.operators import Operator, Scales

if TYPE_CHECKING:
    from tests.fuzz.graphs import Chain


def attributes_of(chain: Chain, entry: Operator, shape: tuple[int, ...]) -> dict[str, Any]:
    """Attributes within their limits: those of windows fit the images, others are drawn or left out."""
    rng, drawn = chain.rng, {}
    names = {a.name for a in entry.attributes}
    if {"kernel_shape", "strides"} <= names and len(shape) > 2:
        return _window(chain, entry, shape)
    for attribute in entry.attributes:
        if rng.random() < 0.5 or attribute.name in ("pads", "perm", "axes", "starts", "ends", "split", "to", "value"):
            continue
        if attribute.choices:
            if attribute.name not in ("mode", "transA", "transB", "noop_with_empty_axes"):
                drawn[attribute.name] = attribute.choices[int(rng.integers(len(attribute.choices)))]
        elif attribute.name == "axis":
            drawn["axis"] = int(rng.integers(-len(shape), len(shape)))
        elif attribute.kind == "float" and entry.scales is not Scales.PRODUCT:
            drawn[attribute.name] = float(rng.uniform(0.01, 1))
    return drawn


def _window(chain: Chain, entry: Operator, shape: tuple[int, ...]) -> dict[str, Any]:
    rng, spatial = chain.rng, len(shape) - 2
    drawn: dict[str, Any] = {"strides": [int(n) for n in rng.integers(1, 4, spatial)]}
    kernel = [int(min(n, k)) for n, k in zip(shape[2:], rng.integers(1, 4, spatial), strict=True)]
    pool = entry.scales is not Scales.PRODUCT and "group" not in {a.name for a in entry.attributes}
    if pool:
        drawn["kernel_shape"] = kernel
        for name in ("ceil_mode", "count_include_pad"):
            if name in entry.defaults and rng.random() < 0.3:
                drawn[name] = 1
    if rng.random() < 0.3:
        drawn["auto_pad"] = str(rng.choice(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    elif rng.random() < 0.6:
        most = [max(1, k) for k in kernel] if pool else [3] * spatial
        drawn["pads"] = [int(rng.integers(0, n)) for n in most] * 2
    if rng.random() < 0.2 and not pool:
        drawn["dilations"] = [int(n) for n in rng.integers(1, 3, spatial)]
    return drawn
