"""Operators on images: pools, resizing, and what moves values between pixels and channels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.model.readers._tflite_layout import LAST
from playground.model.writers._flatbuffer import Number, Table
from playground.model.writers._tflite_builder import Builder
from playground.model.writers._tflite_forms import CHANNELS_LAST
from playground.model.writers._tflite_view import HINT
from playground.model.writers._tflite_windows import image_size, padded_input, window_of


def pool(b: Builder, node: Node) -> None:
    """The mean or the largest value of a window, in the codes of what it reads."""
    x, largest = node.inputs[0], node.op == "MaxPool"
    if b.rank(x) not in CHANNELS_LAST or len([name for name in node.outputs if name]) > 1:
        raise UnsupportedError("a pool over volumes, or that gives places, has no TFLite form", hint=HINT)
    window = window_of(b, node, [int(size) for size in node.attributes["kernel_shape"]])
    if set(window.dilations) != {1}:
        raise UnsupportedError("a pool with dilations has no TFLite form", hint=HINT)
    site = b.site(node, [x])
    padded = any((*window.before, *window.after))
    counted = bool(node.attributes.get("count_include_pad"))
    image = [size or 0 for size in image_size(b, x)]
    if padded and not largest and not counted and not window.is_same(image):
        raise UnsupportedError("a mean of windows with such padding has no TFLite form", hint=HINT)
    number, same = padded_input(b, site, window, lowest=largest, real=counted and not largest)
    options: Table = {
        **{0: Number("b", 0 if same else 1), 1: Number("i", window.strides[1]), 2: Number("i", window.strides[0])},
        **{3: Number("i", window.size[1]), 4: Number("i", window.size[0]), 5: Number("b", 0)},
    }
    codes = b.tensors[number].codes if site.codes else None
    b.put_image(site, "MAX_POOL_2D" if largest else "AVERAGE_POOL_2D", [number], options, codes)


_PLACES = {"align_corners": (True, False), "half_pixel": (False, True), "asymmetric": (False, False)}
_PLACES["pytorch_half_pixel"] = _PLACES["half_pixel"]


def resize(b: Builder, node: Node) -> None:
    """Another height and width, by the nearest pixel or between pixels."""
    x, y = node.inputs[0], node.outputs[0]
    mode, where, nearest = (
        _text(node.attributes.get(name, default))
        for name, default in (
            ("mode", "nearest"),
            ("coordinate_transformation_mode", "half_pixel"),
            ("nearest_mode", "round_prefer_floor"),
        )
    )
    others = b.view.shape(x)[:2] != b.view.shape(y)[:2] or b.rank(x) != 4
    if others or where not in _PLACES or mode not in ("linear", "nearest") or node.attributes.get("antialias"):
        raise UnsupportedError(f"resizing in the mode {mode}, {where}, has no TFLite form", hint=HINT)
    before, after = ([b.size(name, axis) for axis in (2, 3)] for name in (x, y))
    whole = all(large % small == 0 for large, small in zip(after, before, strict=True))
    if mode == "nearest" and not (
        nearest == ("floor" if where == "asymmetric" else "round_prefer_ceil")
        or (whole and nearest == "round_prefer_floor" and where.endswith("half_pixel"))
    ):
        raise UnsupportedError(f"the nearest pixel by {where} and {nearest} has no TFLite form", hint=HINT)
    corners, centers = (Number("?", held) for held in _PLACES[where])
    site = b.site(node, [x])
    number = b.take(site, x, LAST)
    options: dict[int, Any] = {2: corners, 3: centers} if mode == "linear" else {0: corners, 1: centers}
    op = "RESIZE_BILINEAR" if mode == "linear" else "RESIZE_NEAREST_NEIGHBOR"
    codes = b.tensors[number].codes if site.codes else None
    b.put(site, op, [number, b.ints(after)], options, order=LAST, codes=codes)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def blocks(b: Builder, node: Node) -> None:
    """Blocks of pixels become channels, or the other way round."""
    deep = node.op == "DepthToSpace"
    if deep and _text(node.attributes.get("mode", "DCR")) != "DCR":
        raise UnsupportedError("DepthToSpace in the mode CRD has no TFLite form", hint=HINT)
    site = b.site(node, node.inputs[:1])
    number = b.take(site, node.inputs[0], LAST)
    options: Table = {0: Number("i", int(node.attributes["blocksize"]))}
    codes = b.tensors[number].codes if site.codes else None
    b.put(site, "DEPTH_TO_SPACE" if deep else "SPACE_TO_DEPTH", [number], options, order=LAST, codes=codes)


CONVERTERS: Mapping[str, Callable[[Builder, Node], None]] = {
    **dict.fromkeys(("AveragePool", "MaxPool"), pool),
    **dict.fromkeys(("DepthToSpace", "SpaceToDepth"), blocks),
    "Resize": resize,
}
