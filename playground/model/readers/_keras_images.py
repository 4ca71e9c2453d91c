"""Keras's layers with windows, over images, sequences and volumes: convolutions, pools, and what changes sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Dim
from playground.model.readers._keras_builder import Builder, Shape, Value
from playground.model.readers._keras_layers import Converter, activated


@dataclass(frozen=True, slots=True)
class _Window:
    """How a window moves over an image of a shape (channels first)."""

    size: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    padding: str
    shape: Shape

    @classmethod
    def of_pool(cls, b: Builder, shape: Shape) -> _Window:
        """That of a pool."""
        count = len(shape) - 2
        size = b.sizes("pool_size", count)
        return cls(size, b.sizes("strides", count), [1] * count, str(b.given("padding")), shape)

    @classmethod
    def of_kernel(cls, b: Builder, size: Sequence[int], shape: Shape) -> _Window:
        """That of a convolution."""
        count = len(shape) - 2
        return cls(size, b.sizes("strides", count), b.sizes("dilation_rate", count), str(b.given("padding")), shape)

    @property
    def reach(self) -> list[int]:
        """Over how many pixels it goes."""
        return [(size - 1) * dilation + 1 for size, dilation in zip(self.size, self.dilations, strict=True)]

    def attributes(self) -> dict[str, Any]:
        """As ONNX has it. Keras puts an odd pixel of padding behind."""
        made: dict[str, Any] = {"kernel_shape": list(self.size), "strides": list(self.strides)}
        if any(dilation != 1 for dilation in self.dilations):
            made["dilations"] = list(self.dilations)
        return {**made, **self._padding()}

    def _padding(self) -> dict[str, Any]:
        if self.padding == "valid":
            return {}
        if self.padding == "causal":
            return {"pads": [*(reach - 1 for reach in self.reach), *(0 for _ in self.reach)]}
        if self.padding != "same":
            raise UnsupportedError(f"padding {self.padding:.40}")
        before, after = [], []
        for given, reach, stride in zip(self.shape[2:], self.reach, self.strides, strict=True):
            if not isinstance(given, int):
                return {"auto_pad": "SAME_UPPER"}
            total = max((-(-given // stride) - 1) * stride + reach - given, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return {"pads": before + after} if any(before + after) else {}

    def result(self, channels: Dim) -> Shape:
        """The shape of what it makes."""
        sizes = []
        for given, reach, stride in zip(self.shape[2:], self.reach, self.strides, strict=True):
            whole = given if not isinstance(given, int) or self.padding != "valid" else given - reach + 1
            sizes.append(-(-whole // stride) if isinstance(whole, int) else None)
        if any(size is not None and size < 1 for size in sizes):
            raise UnsupportedError(f"a window of {self.reach} over {list(self.shape[2:])}")
        return (self.shape[0], channels, *sizes)


def _conv(b: Builder, inputs: Sequence[Value]) -> Value:
    """Convolution: weights (height, width, inputs of a group, outputs)."""
    rank = _rank(b) + 2
    x, shape = b.image(inputs[0], rank)
    *size, inside, channels = b.tensor("kernel", rank).shape
    group = int(b.layer.config.get("groups", 1))
    if shape[1] != inside * group or not channels or group < 1 or channels % group:
        raise UnsupportedError(f"{shape[1]} channels and weights for {inside}, in {group} groups")
    window = _Window.of_kernel(b, size, shape)
    in_groups: dict[str, Any] = {"group": group} if group > 1 else {}
    weights = b.weight("kernel", rank, (rank - 1, rank - 2, *range(rank - 2)))
    made = b.emit("Conv", [x, weights, *_bias(b)], **window.attributes(), **in_groups)
    return activated(b, b.of_image(made, window.result(channels)), b.layer.config.get("activation"))


def _rank(b: Builder) -> int:
    """Over how many axes a layer's windows move: its class says it."""
    return next(count for count in (1, 2, 3) if f"{count}D" in b.layer.kind)


def _bias(b: Builder) -> list[str]:
    return [b.weight("bias", 1)] if b.has_weight("bias") else []


def _depthwise(b: Builder, inputs: Sequence[Value]) -> Value:
    """Convolution of each channel by itself."""
    made, window, channels = _by_channel(
        b, inputs[0], "kernel" if b.has_weight("kernel") else "depthwise_kernel", _bias(b)
    )
    return activated(b, b.of_image(made, window.result(channels)), b.layer.config.get("activation"))


def _by_channel(b: Builder, value: Value, role: str, bias: list[str]) -> tuple[str, _Window, int]:
    """Weights (height, width, inputs, outputs of each)."""
    rank = _rank(b) + 2
    x, shape = b.image(value, rank)
    *size, inside, each = b.tensor(role, rank).shape
    if shape[1] != inside or not inside:
        raise UnsupportedError(f"{shape[1]} channels and weights for {inside}")
    window = _Window.of_kernel(b, size, shape)
    order = (rank - 2, rank - 1, *range(rank - 2))
    weights = b.weight(role, rank, order, (inside * each, 1, *size))
    return b.emit("Conv", [x, weights, *bias], **window.attributes(), group=inside), window, inside * each


def _separable(b: Builder, inputs: Sequence[Value]) -> Value:
    """Each channel by itself, then all channels of each pixel."""
    rank = _rank(b) + 2
    made, window, inside = _by_channel(b, inputs[0], "depthwise_kernel", [])
    channels = b.tensor("pointwise_kernel", rank).shape[-1]
    weights = b.weight(
        "pointwise_kernel", rank, (rank - 1, rank - 2, *range(rank - 2)), (channels, inside, *[1] * (rank - 2))
    )
    made = b.emit("Conv", [made, weights, *_bias(b)], kernel_shape=[1] * (rank - 2))
    return activated(b, b.of_image(made, window.result(channels)), b.layer.config.get("activation"))


def _transposed(b: Builder, inputs: Sequence[Value]) -> Value:
    """Transposed convolution: weights (height, width, outputs, inputs)."""
    rank = _rank(b) + 2
    b.only("output_padding", None)
    x, shape = b.image(inputs[0], rank)
    *size, channels, inside = b.tensor("kernel", rank).shape
    strides, same = b.sizes("strides", rank - 2), b.given("padding") == "same"
    if shape[1] != inside or any(dilation != 1 for dilation in b.sizes("dilation_rate", rank - 2)):
        raise UnsupportedError(f"{shape[1]} channels and weights for {inside}, or dilations")
    before, after, more = [], [], []
    for reach, stride in zip(size, strides, strict=True):
        total = max(reach - stride, 0) if same else 0
        before.append(total // 2)
        after.append(total - total // 2)
        more.append(max(stride - reach, 0))
    sizes = [
        None if not isinstance(given, int) else given * stride if same else given * stride + max(reach - stride, 0)
        for given, stride, reach in zip(shape[2:], strides, size, strict=True)
    ]
    weights = b.weight("kernel", rank, (rank - 1, rank - 2, *range(rank - 2)))
    attributes: dict[str, Any] = {"kernel_shape": size, "strides": strides, "pads": before + after}
    attributes |= {"output_padding": more} if any(more) else {}
    made = b.emit("ConvTranspose", [x, weights, *_bias(b)], **attributes)
    return activated(b, b.of_image(made, (shape[0], channels, *sizes)), b.layer.config.get("activation"))


def _pool(b: Builder, inputs: Sequence[Value]) -> Value:
    """The mean or the largest value of a window; pixels outside of the image do not count."""
    x, shape = b.image(inputs[0], _rank(b) + 2)
    window = _Window.of_pool(b, shape)
    op = "MaxPool" if b.layer.kind.startswith("Max") else "AveragePool"
    return b.of_image(b.emit(op, [x], **window.attributes()), window.result(shape[1]))


def _pooled(b: Builder, inputs: Sequence[Value]) -> Value:
    """The mean or the largest value of a whole image."""
    x, shape = b.image(inputs[0], _rank(b) + 2)
    made = b.emit("GlobalMaxPool" if "Max" in b.layer.kind else "GlobalAveragePool", [x])
    if b.has("keepdims"):
        return b.of_image(made, (*shape[:2], *[1] * (len(shape) - 2)))
    return Value(shape[:2], b.emit("Flatten", [made], axis=1))


def _padded(b: Builder, inputs: Sequence[Value]) -> Value:
    """Zeros around an image."""
    count = _rank(b)
    x, shape = b.image(inputs[0], count + 2)
    pads = b.given("padding")
    pairs = [pads] if count == 1 and all(isinstance(size, int) for size in pads) else pads
    if len(pairs) != count or not all(isinstance(size, int) and 0 <= size < 2**31 for pair in pairs for size in pair):
        raise UnsupportedError(f"padding {pads!r:.40}")
    before, after = ([int(pair[side]) for pair in pairs] for side in (0, 1))
    made = b.emit("Pad", [x, b.ints([0, 0, *before, 0, 0, *after], "pads")])
    sizes = [
        given + start + end if isinstance(given, int) else None
        for given, start, end in zip(shape[2:], before, after, strict=True)
    ]
    return b.of_image(made, (*shape[:2], *sizes))


def _enlarged(b: Builder, inputs: Sequence[Value]) -> Value:
    """Each pixel several times."""
    count = _rank(b)
    b.only("interpolation", "nearest")
    x, shape = b.image(inputs[0], count + 2)
    times = b.sizes("size", count)
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    made = b.emit("Resize", [x, "", b.number(np.array([1, 1, *times]), "times")], **how)
    sizes = [given * by if isinstance(given, int) else None for given, by in zip(shape[2:], times, strict=True)]
    return b.of_image(made, (*shape[:2], *sizes))


_RANKS = ("1D", "2D", "3D")

CONVERTERS: Mapping[str, Converter] = {
    **{f"Conv{rank}": _conv for rank in _RANKS},
    **{f"Conv{rank}Transpose": _transposed for rank in _RANKS[:2]},
    **{f"DepthwiseConv{rank}": _depthwise for rank in _RANKS[:2]},
    **{f"SeparableConv{rank}": _separable for rank in _RANKS[:2]},
    **{f"{kind}Pooling{rank}": _pool for kind in ("Max", "Average") for rank in _RANKS},
    **{f"Global{kind}Pooling{rank}": _pooled for kind in ("Max", "Average") for rank in _RANKS},
    **{f"ZeroPadding{rank}": _padded for rank in _RANKS},
    "UpSampling2D": _enlarged,
}
