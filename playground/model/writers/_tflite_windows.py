"""Windows that move over images, and what is put around images for them. A signal is an image of height 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from playground.errors import UnsupportedError
from playground.model.graph import Node
from playground.model.writers._tflite_builder import Builder, Site
from playground.model.writers._tflite_view import HINT, Sizes


@dataclass(frozen=True, slots=True)
class Window:
    """How a window moves over an image: heights before widths, and how many pixels are put around it."""

    size: Sequence[int]
    strides: Sequence[int]
    dilations: Sequence[int]
    before: Sequence[int]
    after: Sequence[int]

    def is_same(self, image: Sequence[int]) -> bool:
        """Whether TFLite's padding SAME puts the same around an image of this height and width."""
        for axis, given in enumerate(image):
            reach = (self.size[axis] - 1) * self.dilations[axis] + 1
            total = max((-(-given // self.strides[axis]) - 1) * self.strides[axis] + reach - given, 0)
            if (self.before[axis], self.after[axis]) != (total // 2, total - total // 2):
                return False
        return True

    def is_cut_evenly(self, image: Sequence[int], whole: Sequence[int], wanted: Sequence[int]) -> bool:
        """Whether SAME cuts the same off the result of a transposed convolution."""
        return all(
            -(-wanted[axis] // self.strides[axis]) == given
            and self.before[axis] == max(whole[axis] - wanted[axis], 0) // 2
            and whole[axis] >= wanted[axis]
            for axis, given in enumerate(image)
        )


def window_of(b: Builder, node: Node, size: Sequence[int | None], spread: bool = False) -> Window:
    """A node's window; padding that follows from sizes is worked out. ``spread``: of a transposed convolution."""
    sizes = [int(side or 1) for side in size]
    axes = len(sizes)
    ones = [1] * axes
    strides, dilations = (list(map(int, node.attributes.get(name) or ones)) for name in ("strides", "dilations"))
    mode = node.attributes.get("auto_pad") or "NOTSET"
    mode = mode.decode() if isinstance(mode, bytes) else str(mode)
    pads = list(map(int, node.attributes.get("pads") or [0] * 2 * axes))
    before, after = pads[:axes], pads[axes:]
    image, made = (b.view.shape(name)[2:] for name in (node.inputs[0], node.outputs[0]))
    for axis in range(axes):
        given, result = image[axis], made[axis]
        if given is None or result is None:
            if mode != "NOTSET" or node.attributes.get("ceil_mode"):
                raise UnsupportedError("images without a fixed size have no TFLite form here", hint=HINT)
            continue
        reach = (sizes[axis] - 1) * dilations[axis] + 1
        ends = (result, given) if spread else (given, result)
        total = max((ends[1] - 1) * strides[axis] + reach - ends[0], 0)
        if mode in ("SAME_UPPER", "SAME_LOWER"):
            before[axis] = total // 2 if mode == "SAME_UPPER" else total - total // 2
            after[axis] = total - before[axis]
        elif not spread and (result - 1) * strides[axis] + reach > before[axis] + given + after[axis]:
            # ceil_mode: the last window goes over the end
            after[axis] = total - before[axis]
        elif spread and mode == "NOTSET" and node.attributes.get("output_shape"):
            before[axis], after[axis] = total // 2, total - total // 2
    height = [1] * (2 - axes)
    none = [0] * (2 - axes)
    return Window(height + sizes, height + strides, height + dilations, none + before, none + after)


def image_size(b: Builder, name: str) -> Sizes:
    """Height and width of an image; 1 and the length of a signal."""
    shape = b.view.shape(name)[2:]
    return (1, *shape) if len(shape) == 1 else shape


def padded_input(b: Builder, site: Site, window: Window, lowest: bool = False, real: bool = False) -> tuple[int, bool]:
    """The number of an image with the channels last, and whether TFLite's padding SAME is right for it.

    Args:
        b: the graph so far.
        site: the node.
        window: that moves over the image.
        lowest: whether what is around the image is lower than all values, in place of 0.
        real: whether what is around the image counts as its pixels do, which it does not in TFLite's padding.
    """
    number = b.image(site, site.node.inputs[0])
    if not any((*window.before, *window.after)):
        return number, False
    image = [size for size in image_size(b, site.node.inputs[0]) if size is not None]
    if not real and len(image) == 2 and window.is_same(image):
        return number, True
    made = b.tensors[number]
    pads = [(0, 0), *zip(window.before, window.after, strict=True), (0, 0)]
    shape = [None if size is None else size + sum(pad) for size, pad in zip(made.shape, pads, strict=True)]
    around = b.keep(np.array(pads, np.int32), "pads")
    target = b.temporary(site, shape, made.codes)
    if not lowest:
        return b.append("PAD", [number, around], target), False
    dtype = np.int8 if site.codes else np.float32
    least = np.iinfo(np.int8).min if site.codes else np.finfo(np.float32).min
    return b.append("PADV2", [number, around, b.keep(np.array(least, dtype), "lowest", made.codes)], target), False
