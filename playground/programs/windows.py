"""Where the windows of convolutions and pools lie: padding, output sizes, and one strided view a kernel position."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from playground.errors import InvalidInputError, TooLargeError
from playground.limits import MOST_TAPS
from playground.programs.call import Array, Call


@dataclass(frozen=True, slots=True)
class Windows:
    """Geometry over the spatial axes; every field has one entry for each of them.

    Attributes:
        kernel: size of the window, in taps.
        strides: step from one window to the next.
        dilations: step from one tap to the next.
        begins: padding before.
        ends: padding after (with ``ceil_mode`` more may be needed: see ``missing``).
        out: number of windows.
        missing: what the last window needs beyond the padded input (0 without ``ceil_mode``).
    """

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    dilations: tuple[int, ...]
    begins: tuple[int, ...]
    ends: tuple[int, ...]
    out: tuple[int, ...]
    missing: tuple[int, ...]

    def require_room(self, call: Call, x: Array, channels: int, depth: int = 1) -> None:
        """Hold the sizes of what is made of images x against the room that there is.

        Args:
            call: knows the room.
            x: (batch, channels, *spatial).
            channels: of the result.
            depth: values that each tap of the window sees.

        Raises:
            UnsupportedError: the padded images, the result, or the work is too large.
        """
        zones = zip(x.shape[2:], self.begins, self.ends, self.missing, strict=True)
        call.room.value((*x.shape[:2], *(sum(zone) for zone in zones)), x.dtype)
        made = (x.shape[0], channels, *self.out)
        call.room.value(made, x.dtype)
        call.room.work(math.prod(made) * math.prod(self.kernel) * depth)

    def pad(self, x: Array, value: float) -> Array:
        """X with its spatial axes padded, so that every window lies inside."""
        widths = [(b, e + m) for b, e, m in zip(self.begins, self.ends, self.missing, strict=True)]
        if not any(itertools.chain(*widths)):
            return x
        return np.pad(x, [(0, 0)] * (x.ndim - len(widths)) + widths, constant_values=value)

    def taps(self, padded: Array) -> Iterator[Array]:
        """For each kernel position in C order, a view of ``(..., *out)``: what all windows see there."""
        lead = (slice(None),) * (padded.ndim - len(self.kernel))
        for position in np.ndindex(*self.kernel):
            starts = [p * d for p, d in zip(position, self.dilations, strict=True)]
            spans = zip(starts, self.strides, self.out, strict=True)
            yield padded[(*lead, *(slice(at, at + step * (n - 1) + 1, step) for at, step, n in spans))]


def windows(call: Call, sizes: tuple[int, ...], kernel: tuple[int, ...]) -> Windows:
    """The geometry that a Conv or pool node describes.

    Args:
        call: has ``strides``, ``dilations``, ``pads``, ``auto_pad``, ``ceil_mode``.
        sizes: the input's spatial sizes.
        kernel: the window's.

    Raises:
        InvalidInputError: the window is larger than the padded input, or is none.
    """
    rank = len(sizes)
    strides = tuple(call.get("strides") or [1] * rank)
    dilations = tuple(call.get("dilations") or [1] * rank)
    _require("kernel", kernel, rank, 1)
    _require("strides", strides, rank, 1)
    _require("dilations", dilations, rank, 1)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    begins, ends = _pads(call, sizes, spans, strides)
    _require("pads", (*begins, *ends), 2 * rank, 0)
    out, missing = [], []
    for n, span, step, begin, end in zip(sizes, spans, strides, begins, ends, strict=True):
        if n + begin + end < span:
            raise InvalidInputError(
                f"a window of {span} does not fit into {n + begin + end} padded values", hint="Use a smaller window"
            )
        count = (n + begin + end - span) // step + 1
        if call.get("ceil_mode", 0):
            count = -(-(n + begin + end - span) // step) + 1
            count -= (count - 1) * step >= n + begin  # a window may not start in the padding after the input
        out.append(count)
        missing.append(max(0, (count - 1) * step + span - (n + begin + end)))
    if math.prod(kernel) > MOST_TAPS:
        raise TooLargeError(f"a window of {math.prod(kernel)} places is too large", hint=f"Use at most {MOST_TAPS}")
    return Windows(tuple(kernel), strides, dilations, begins, ends, tuple(out), tuple(missing))


def _require(what: str, values: tuple[int, ...], count: int, lowest: int) -> None:
    if len(values) != count or not all(lowest <= n < 2**31 for n in values):
        raise InvalidInputError(
            f"{list(values)} is not a valid {what} of a window",
            hint=f"Give {count} integers from {lowest} to 2147483647",
        )


def _pads(
    call: Call, sizes: tuple[int, ...], spans: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    rank, mode = len(sizes), call.get("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        pads = call.get("pads") or [0] * (2 * rank)
        return tuple(pads[:rank]), tuple(pads[rank:])
    if mode == "VALID":
        return (0,) * rank, (0,) * rank
    sums = [max(0, (-(-n // s) - 1) * s + span - n) for n, s, span in zip(sizes, strides, spans, strict=True)]
    smaller, larger = tuple(total // 2 for total in sums), tuple(total - total // 2 for total in sums)
    return (smaller, larger) if mode == "SAME_UPPER" else (larger, smaller)
