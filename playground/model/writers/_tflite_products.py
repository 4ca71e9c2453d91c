"""Products: dense layers, products of matrices, convolutions and their biases."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.model.readers._tflite_file import Codes
from playground.model.writers._flatbuffer import Number
from playground.model.writers._tflite_builder import FLAT, Builder, Site
from playground.model.writers._tflite_forms import CHANNELS_LAST
from playground.model.writers._tflite_view import HINT
from playground.model.writers._tflite_windows import Window, padded_input, window_of

_REACH = 2**31 - 1

_MOST_FACTOR = 256
"""Codes of products that are so many times those of the result are not taken by XNNPACK, LiteRT's usual kernels."""


def site_with_weights(b: Builder, node: Node, axis: int) -> Site:
    """How a product with constant weights is computed: with codes if the weights have some, with zero-points of 0.

    Args:
        b: the graph so far.
        node: reads values first and weights second.
        axis: of the weights' output channels, along which there may be a scale for each.
    """
    site = b.site(node, node.inputs[:1], fuse=True)
    key = b.codes_of(node.inputs[1])
    if key is None or not b.is_constant(node.inputs[1]):
        return Site(node)
    codes = b.stands_for(key)
    if node.op != "ConvTranspose" and b.view.dtype(key) == "int4" and len(b.view.readers(node.inputs[1])) == 1:
        b.narrow.add(key)
    fits = not codes.zero_points.any() and (codes.scales.size == 1 or codes.axis == axis)
    if fits and site.codes:
        product = float(codes.scales.max()) * float(b.stands_for(b.codes_of(node.inputs[0]) or "").scales[0])
        fits = product / float(site.wanted[0].codes.scales[0]) < _MOST_FACTOR
    return site if fits else Site(node)


def bias_of(b: Builder, site: Site, name: str, channels: int, factor: float = 1.0) -> list[int]:
    """The number of a bias: int32 codes of the product's own scale, which are there in any case, or floats.

    Raises:
        UnsupportedError: it is computed, or is not one value for each output channel.
    """
    if not name and not site.codes and not b.is_dynamic(site):
        return []
    values: NDArray[Any]
    codes = b.biases.get(name)
    if name and codes is None and name not in b.view.constants:
        raise UnsupportedError("a bias that is computed has no TFLite form", hint=HINT)
    if not name:
        name, values = f"{site.node.outputs[0]}_bias", np.zeros(1, np.float32)
    else:
        values = b.view.values(name) * np.float32(factor) if codes is None else codes[0]
    if values.size not in (1, channels):
        raise UnsupportedError(f"a bias of the shape {list(values.shape)} has no TFLite form", hint=HINT)
    held = np.broadcast_to(values.reshape(-1), channels)
    given = None if codes is None else np.broadcast_to(codes[1].scales, channels)
    if not site.codes:
        real = held if given is None else (held * given.astype(np.float64)).astype(np.float32)
        return [b.keep(np.ascontiguousarray(real, np.float32), _plain(name))]
    wanted = _scales_of_products(b, site, channels)
    if given is None or not np.array_equal(given, wanted):
        real = held.astype(np.float64) * (1.0 if given is None else given.astype(np.float64))
        held = np.clip(np.rint(real / wanted.astype(np.float64)), -_REACH, _REACH)
    own = wanted[:1] if b.stands_for(b.codes_of(site.node.inputs[1]) or "").scales.size == 1 else wanted
    stands_for = Codes(own, np.zeros(own.size, np.int64), 0)
    return [b.keep(np.ascontiguousarray(held, np.int32), _plain(name), stands_for)]


def _plain(name: str) -> str:
    return name.removesuffix("_DequantizeLinear_Output")


def _scales_of_products(b: Builder, site: Site, channels: int) -> NDArray[np.float32]:
    x, w = (b.stands_for(b.codes_of(name) or "") for name in site.node.inputs[:2])
    return np.broadcast_to(w.scales * x.scales[0], channels)


def product(b: Builder, node: Node) -> None:
    """Gemm and MatMul: rows with a constant matrix, or two matrices that are computed."""
    if b.view.is_dense(node):
        _dense(b, node)
    elif node.op == "MatMul" and min(map(b.rank, node.inputs)) > 1:
        site = b.site(node, node.inputs, fuse=True)
        if site.activation:
            site = Site(node)
        b.put(site, "BATCH_MATMUL", [b.take(site, name) for name in node.inputs], {0: Number("?", False)})
    else:
        raise UnsupportedError("a product of these factors has no TFLite form", hint=HINT)


def _dense(b: Builder, node: Node) -> None:
    """A product with weights (outputs, inputs), and a bias."""
    x, w, *others = node.inputs
    turned = node.op == "MatMul" or not node.attributes.get("transB")
    if float(node.attributes.get("alpha", 1.0)) != 1:
        raise UnsupportedError("a product with a factor (alpha) has no TFLite form", hint=HINT)
    site = site_with_weights(b, node, 1 if turned else 0)
    columns = b.size(w, 1 if turned else 0)
    options: dict[int, Any] = {0: Number("b", site.activation)}
    if b.rank(x) > 2:
        options[2] = Number("?", True)
    if b.is_dynamic(site):
        # codes with a zero-point, as DynamicQuantizeLinear makes them
        options[3] = Number("?", True)
    order = (1, 0) if turned else ()
    if b.is_flat(x):
        inputs = [b.take(site, x, FLAT), _moved_columns(b, site, order)]
    else:
        inputs = [b.take(site, x), b.weights(site, w, order)]
    beta = float(node.attributes.get("beta", 1.0))
    b.put(site, "FULLY_CONNECTED", [*inputs, *bias_of(b, site, next(iter(others), ""), columns, beta)], options)


def _moved_columns(b: Builder, site: Site, order: tuple[int, ...]) -> int:
    """Weights whose columns are in the order of flat images that have their channels last."""
    x, w = site.node.inputs[:2]
    image, key = b.images[b.codes_of(x) or x], b.codes_of(w)
    if site.codes or key is None or b.is_dynamic(site):
        return b.reordered_columns(b.weights(site, w, order), image)
    number = b.reordered_columns(b.tensor(key, order), image)
    return b.append("DEQUANTIZE", [number], b.temporary(site, b.tensors[number].shape, None))


def conv(b: Builder, node: Node) -> None:
    """Convolution: of all channels, of groups of them, or of each by itself."""
    x, w, *others = node.inputs
    if b.rank(x) not in CHANNELS_LAST:
        raise UnsupportedError(f"a convolution of {b.rank(x)} axes has no TFLite form here", hint=HINT)
    group, given, made = int(node.attributes.get("group", 1)), b.size(x, 1), b.size(w, 0)
    site = site_with_weights(b, node, 0)
    window = window_of(b, node, b.view.shape(w)[2:])
    number, same = padded_input(b, site, window)
    deep = group == given and group > 1
    weights = b.weights(site, w, _kernel_order(b.rank(w), "deep" if deep else "plain"))
    inputs = [number, weights, *bias_of(b, site, next(iter(others), ""), made)]
    options: dict[int, Any] = {0: Number("b", 0 if same else 1), **_steps(window, (1, 2))}
    if deep:
        options |= {3: Number("i", made // given), 4: Number("b", site.activation), **_dilations(window, (5, 6))}
    else:
        options |= {3: Number("b", site.activation), **_dilations(window, (4, 5))}
    b.put_image(site, "DEPTHWISE_CONV_2D" if deep else "CONV_2D", inputs, options)


_KERNELS: Mapping[str, tuple[int, int, int, int]] = {
    # outputs, height, width, inputs
    "plain": (0, 2, 3, 1),
    # one, height, width, outputs
    "deep": (1, 2, 3, 0),
    # of a transposed convolution, whose weights have the inputs first
    "spread": (1, 2, 3, 0),
}
"""The order of the axes of weights in the file: from outputs, inputs, height, width."""


def _kernel_order(rank: int, kind: str) -> tuple[int, ...]:
    """The same for weights of signals, too: an axis of size 1 stands in front of theirs and becomes the height."""
    if rank == 4:
        return _KERNELS[kind]
    moved = {0: 1, 1: 2, 2: 0, 3: 3}
    return tuple(moved[axis] for axis in _KERNELS[kind])


def _steps(window: Window, slots: tuple[int, int]) -> dict[int, Any]:
    """Widths before heights."""
    return {slots[0]: Number("i", window.strides[1]), slots[1]: Number("i", window.strides[0])}


def _dilations(window: Window, slots: tuple[int, int]) -> dict[int, Any]:
    return {slots[0]: Number("i", window.dilations[1]), slots[1]: Number("i", window.dilations[0])}


def transposed_conv(b: Builder, node: Node) -> None:
    """Transposed convolution: with what TFLite cuts off by itself, or whole, and cut off behind it."""
    x, w, *others = node.inputs
    if b.rank(x) not in CHANNELS_LAST or int(node.attributes.get("group", 1)) != 1:
        raise UnsupportedError("a transposed convolution of groups, or of volumes, has no TFLite form", hint=HINT)
    made = b.size(w, 1)
    site = site_with_weights(b, node, 1)
    window = window_of(b, node, b.view.shape(w)[2:], spread=True)
    if set(window.dilations) != {1}:
        raise UnsupportedError("a transposed convolution with dilations has no TFLite form", hint=HINT)
    given, wanted = _known_sizes(b, x), _known_sizes(b, node.outputs[0])
    whole = [(given[axis] - 1) * window.strides[axis] + window.size[axis] for axis in range(2)]
    same = window.is_cut_evenly(given, whole, wanted)
    tail = [window.before[axis] + wanted[axis] > whole[axis] for axis in range(2)]
    if not same and any(tail):
        raise UnsupportedError("a transposed convolution with such padding has no TFLite form", hint=HINT)
    sizes = wanted if same else whole
    samples = b.size(x, 0)
    inputs = [b.ints([samples, *sizes, made]), b.take(site, w, _kernel_order(b.rank(w), "spread")), b.image(site, x)]
    inputs += bias_of(b, site, next(iter(others), ""), made)
    options: dict[int, Any] = {0: Number("b", 0 if same else 1), **_steps(window, (1, 2)), 3: Number("b", 0)}
    if site.activation:
        options[3] = Number("b", site.activation)
    if sizes == wanted:
        b.put_image(site, "TRANSPOSE_CONV", inputs, options)
    else:
        _cut(b, site, inputs, options, ([samples, *whole, made], [samples, *wanted, made], window.before))


def _known_sizes(b: Builder, name: str) -> list[int]:
    """Height and width, which have to be fixed."""
    known = [b.size(name, axis) for axis in range(2, b.rank(name))]
    return [1] * (2 - len(known)) + known


def _cut(
    b: Builder,
    site: Site,
    inputs: Sequence[int],
    options: dict[int, Any],
    sizes: tuple[list[int], list[int], Sequence[int]],
) -> None:
    """The whole result, of which a part is taken."""
    whole, wanted, before = sizes
    codes = site.wanted[0].codes if site.codes else None
    number = b.append("TRANSPOSE_CONV", inputs, b.temporary(site, whole, codes), options)
    part = [number, b.ints([0, *before, 0], "starts"), b.ints(wanted)]
    b.put_image(site, "SLICE", part, {})


CONVERTERS: Mapping[str, Callable[[Builder, Node], None]] = {
    "Conv": conv,
    "ConvTranspose": transposed_conv,
    "Gemm": product,
    "MatMul": product,
}
