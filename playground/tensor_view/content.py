"""A picture as JSON can hold it: the one schema that the page draws, see ``Picture`` in static/types/picture.d.ts.

The page's own producer (static/fastpath/compute.mjs) makes the same of the settings that it covers, equal bit for bit.
"""

from __future__ import annotations

from typing import Any

from playground.quantization import Scheme
from playground.tensor_view.picture import Picture, holds_zero


def picture_content(picture: Picture) -> dict[str, Any]:
    """Numbers and lists of numbers; NumPy's arrays and infinite bounds are left to the port that writes the JSON.

    ``reals`` are the levels as ``scale * (code - zero_point)`` in float64 where that is what they are. ``barPlaces``
    says to which listed level the centre of each bar goes; where none are listed, ``barReals`` says to which value.
    """
    edges = picture.edges
    centres = (edges[:-1] + edges[1:]) / 2
    listed = picture.levels.size > 0
    affine = picture.has_zero_point and not picture.offset
    reals = picture.scale * (picture.codes - picture.zero_point) if affine else picture.levels
    return {
        "settings": picture.settings.as_dict(),
        "shape": picture.shape,
        "count": picture.bytes_before // 4,
        **_scheme(picture.scheme),
        "affine": affine,
        "axis": picture.axis,
        "channels": picture.channels,
        "scales": picture.scales,
        "shownChannel": picture.shown_channel,
        "asked": picture.asked,
        "handles": picture.handles,
        "limits": picture.limits,
        "lo": picture.lo,
        "hi": picture.hi,
        "scale": picture.scale,
        "zeroPoint": picture.zero_point,
        "offset": picture.offset,
        "step": picture.step,
        "codeRange": picture.code_range,
        "span": picture.span,
        "edges": edges,
        "counts": picture.counts,
        "levels": picture.levels,
        "levelCount": picture.level_count,
        "levelCounts": picture.level_counts,
        "codes": picture.codes,
        "numbers": picture.numbers,
        "reals": reals,
        "barPlaces": picture.places_of(centres) if listed else [],
        "barReals": [] if listed else picture.become(centres.astype("float32")),
        "signal": picture.signal,
        "noise": picture.noise,
        "maxError": picture.metrics["max_error"],
        "clippedShare": picture.clipped_share,
        "clippingErrorShare": picture.clipping_error_share,
        "errorEdges": picture.error_edges,
        "errorCounts": picture.error_counts,
        "transfer": {"x": picture.transfer[0], "y": picture.transfer[1]},
        "channelOrder": picture.channel_order,
        "channelLo": picture.channel_lo,
        "channelHi": picture.channel_hi,
        "channelClip": picture.channel_clip if picture.per_channel else [],
        "bytesBefore": picture.bytes_before,
        "bytesAfter": picture.bytes_after,
        "bitsPerWeight": picture.bits_per_weight,
    }


def _scheme(scheme: Scheme) -> dict[str, Any]:
    """What the page has to know of a scheme to put it into words."""
    return {
        "family": scheme.number_format.family,
        "fitted": scheme.number_format.is_fitted,
        "granularity": scheme.granularity,
        "scaled": scheme.is_scaled,
        "symmetric": scheme.symmetric,
        "ranged": scheme.needs_range,
        "holdsZero": holds_zero(scheme),
    }
