"""The kernels of the page's fast path as Python calls them: for tests, and for ``build.py bench``.

``k_quantize`` is among the kernels of the integer engine.
"""

from __future__ import annotations

from playground.host.kernel import ANY, FLAG, POSITIVE, Kernel, Words, doubles, fixed, floats, octets

_CODE = range(-128, 256)
_VALUES = ("outer", "channels", "inner")


def _codes_in_use(w: Words) -> int:
    return 4 * max(0, int(w["qmax"]) - int(w["qmin"]) + 1)


def _channel_is_there(w: Words) -> str | None:
    return None if w["channel"] < w["channels"] else f"there is no channel {w['channel']} among {w['channels']}"


def _edges(w: Words) -> int:
    return 8 * (int(w["n"]) + 1)


def _spaced(w: Words) -> int:
    return int(w["n"]) * (4 if w["single"] else 8)


MINMAX = Kernel("k_minmax", {"x": floats("n"), "range": fixed(8), "nan_count": fixed(4)})
MINMAX_CHANNELS = Kernel(
    "k_minmax_channels",
    {"x": floats(*_VALUES), "lo": floats("channels"), "hi": floats("channels"), "nan_count": fixed(4)},
)
QPARAMS = Kernel(
    "k_qparams",
    {name: floats("n") for name in ("lo", "hi", "scale", "zero_point")},
    ranges={
        **dict.fromkeys(("qmin", "qmax", "symmetric_zero_point"), _CODE),
        **dict.fromkeys(("symmetric", "single", "below_is_one", "quotient"), FLAG),
    },
)
CLIP_RANGE = Kernel("k_clip_range", {name: floats("n") for name in ("lo", "hi", "clipped_lo", "clipped_hi")})
CLIP_LIMITS = Kernel(
    "k_clip_limits",
    {name: floats("n") for name in ("scale", "zero_point", "lo", "hi")},
    ranges={"qmin": _CODE, "qmax": _CODE},
)
WIDTHS = Kernel("k_widths", {name: floats("n") for name in ("lo", "hi", "width")})
SPREAD = Kernel("k_spread", {"ends": fixed(8)})
LINSPACE = Kernel("k_linspace", {"out": _spaced}, ranges={"n": POSITIVE, "single": FLAG})
DEQUANTIZE = Kernel(
    "k_dequantize",
    {
        "codes": octets(*_VALUES),
        "scale": floats("channels"),
        "zero_point": floats("channels"),
        "x": floats(*_VALUES),
    },
    ranges={"is_signed": FLAG},
)
COUNT_CODES = Kernel(
    "k_count_codes",
    {"codes": octets(*_VALUES), "counts": _codes_in_use},
    ranges={"is_signed": FLAG, "channel": range(-1, 2**31), "qmin": _CODE, "qmax": _CODE},
    rules=(_channel_is_there,),
)
CENTRE_CODES = Kernel(
    "k_centre_codes",
    {"edges": _edges, "codes": floats("n")},
    ranges={"zero_point": ANY, "qmin": _CODE, "qmax": _CODE},
)
REALS = Kernel("k_reals", {"reals": doubles("n")}, ranges={"zero_point": _CODE, "first": _CODE})
ERROR_STATS = Kernel(
    "k_error_stats",
    {
        "x": floats(*_VALUES),
        "x_hat": floats(*_VALUES),
        "lo": floats("channels"),
        "hi": floats("channels"),
        "stats": fixed(48),
    },
)
HISTOGRAM = Kernel(
    "k_histogram",
    {"x": floats("n"), "counts": floats("bins.count"), "outside": fixed(8)},
    ranges={"bins.count": POSITIVE},
)
ERROR_HISTOGRAM = Kernel(
    "k_error_histogram",
    {
        **{name: floats(*_VALUES) for name in ("x", "x_hat")},
        **{name: floats("channels") for name in ("lo", "hi")},
        **{name: floats("bins.count") for name in ("rounding", "clipping")},
    },
    ranges={"bins.count": POSITIVE},
)
ERROR_BINS = Kernel(
    "k_error_bins",
    {"x": floats("n"), "x_hat": floats("n"), "counts": floats("count"), "widest": fixed(4)},
    ranges={"count": POSITIVE},
)
