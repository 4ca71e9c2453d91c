"""What each kernel reads and writes, as data: :mod:`playground.engines.kernel_checks` holds calls against it.

Words stand in the order of the struct above the kernel. Weights of products are left out: programs share them, in
memory of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playground.engines import packing
from playground.engines.depthwise import scratch_bytes
from playground.programs.integer_ops import Window

Words = Mapping[str, Any]
"""Field name -> argument; the fields of an array in a struct are its name with [0], [1] ... behind it."""

Reach = tuple[int, int]
"""The first byte that is touched, counted from an address, and the first one after all."""

Touched = Callable[[Words], int | Reach]
"""What a kernel touches from an address on: a number of bytes, or their reach."""

CODES, ACCUMULATORS = 0, 2
_EPILOGUE = "lo hi zero_point kind out"
_IMAGES = (
    "x batch height width channels kernel_h kernel_w stride_h stride_w dilation_h dilation_w pad_top pad_left"
    " out_height out_width"
)
_OPERANDS = "a b sizes*4 a_strides*4 b_strides*4 a_signed za b_signed zb"
_BOX = "x out width table sizes*6 x_strides*6 out_strides*6"


@dataclass(frozen=True, slots=True)
class Signature:
    """What a kernel takes.

    Attributes:
        fields: names in order; ``name*4`` stands for four words.
        reach: of each address, what is touched.
        zero_points: pairs of fields, a zero-point and whether its codes are signed.
    """

    fields: str
    reach: Mapping[str, Touched]
    zero_points: tuple[tuple[str, str], ...] = ()

    def names(self) -> list[str]:
        """Every word's name."""
        names = []
        for field in self.fields.split():
            name, _, count = field.partition("*")
            names += [f"{name}[{i}]" for i in range(int(count))] if count else [name]
        return names


def _product(*names: str) -> Touched:
    return lambda w: math.prod(w[name] for name in names)


def _floats(*names: str) -> Touched:
    return lambda w: 4 * math.prod(w[name] for name in names)


def _blocks(*names: str) -> Callable[[Words], int]:
    """Four bytes for each block of depth, of so many rows or columns."""
    return lambda w: 4 * math.prod(w[name] for name in names) * (int(w["depth"]) // int(w["block"]))


def _out(*names: str) -> Touched:
    """Codes, or four bytes for each result."""
    return lambda w: (1 if w["kind"] == CODES else 4) * math.prod(w[name] for name in names)


def _box(strides: str, rank: int, width: str = "") -> Touched:
    """From the lowest to the highest place of a box with strides."""

    def reach(w: Words) -> Reach:
        steps = [(w[f"sizes[{i}]"] - 1) * w[f"{strides}[{i}]"] for i in range(rank)]
        if any(w[f"sizes[{i}]"] == 0 for i in range(rank)):
            return 0, 0
        return sum(min(step, 0) for step in steps), sum(max(step, 0) for step in steps) + (w[width] if width else 1)

    return reach


def _depthwise_weights(w: Words) -> int:
    """In the relaxed build, which has four taps in a group; the other one takes more."""
    groups = (int(w["kernel_w"]) + 3) // 4
    return -(-int(w["channels"]) // 8) * int(w["planes"]) * int(w["kernel_h"]) * groups * 32


def _depthwise_scratch(w: Words) -> int:
    def both(name: str, ends: str) -> tuple[int, int]:
        first, second = ends.split()
        return w[f"{name}_{first}"], w[f"{name}_{second}"]

    kernel, out = both("kernel", "h w"), both("out", "height width")
    window = Window(kernel, out, both("stride", "h w"), both("dilation", "h w"), both("pad", "top left"))
    return min(scratch_bytes(window, "int16"), scratch_bytes(window, "signed"))


_COPIED: dict[str, Touched] = {
    "x": _box("x_strides", 6, "width"),
    "out": _box("out_strides", 6, "width"),
    "table": lambda w: 256 if w["table"] else 0,
}
_BROADCAST: dict[str, Touched] = {
    "a": _box("a_strides", 4),
    "b": _box("b_strides", 4),
    "out": _out(*(f"sizes[{i}]" for i in range(4))),
}
_BOTH = (("za", "a_signed"), ("zb", "b_signed"))
_ONE = (("x_zero_point", "is_signed"),)
_IMAGE = _product("batch", "height", "width", "channels")
_PIXELS = ("batch", "out_height", "out_width", "channels")

_SOURCE = "is_signed x_zero_point flip"
_PRODUCT = f"weights bias shift multiplier columns {_EPILOGUE}"


def _padded(w: Words) -> int:
    """Bytes of one word for each column, rounded up to the strip."""
    return 4 * packing.STRIP * -(-int(w["columns"]) // packing.STRIP)


def _rows_scratch(depth: int) -> int:
    """In the relaxed build, which has four codes in a step; the other one takes more."""
    return packing.BLOCK_ROWS * packing.steps(depth, "signed") * 4


def _conv_depth(w: Words) -> int:
    return int(w["kernel_h"]) * int(w["kernel_w"]) * (int(w["channels"]) // int(w["groups"]))


SIGNATURES = {
    "k_gemm_s8": Signature(
        f"codes batch rows depth matrices {_SOURCE} {_PRODUCT} scratch",
        {
            "codes": _product("batch", "rows", "depth"),
            "bias": lambda w: w["matrices"] * _padded(w),
            "shift": lambda w: w["matrices"] * _padded(w) if w["shift"] else 0,
            "multiplier": _padded,
            "out": _out("batch", "rows", "columns"),
            "scratch": lambda w: _rows_scratch(w["depth"]),
        },
        _ONE,
    ),
    "k_conv_s8": Signature(
        f"{_IMAGES} groups {_SOURCE} {_PRODUCT} scratch",
        {
            "x": _IMAGE,
            "bias": lambda w: w["groups"] * _padded(w),
            "shift": lambda w: w["groups"] * _padded(w) if w["shift"] else 0,
            "multiplier": lambda w: w["groups"] * _padded(w),
            "out": _out("batch", "out_height", "out_width", "groups", "columns"),
            "scratch": lambda w: _rows_scratch(_conv_depth(w)),
        },
        _ONE,
    ),
    "k_quantize": Signature(
        "x outer channels inner scale zero_points qmin qmax reciprocal order rounding codes",
        {
            "x": _floats("outer", "channels", "inner"),
            "scale": _floats("channels"),
            "zero_points": _floats("channels"),
            "codes": _product("outer", "channels", "inner"),
        },
    ),
    "k_softmax_s8": Signature(
        f"codes rows columns is_signed exps ratio {_EPILOGUE} scratch",
        {
            "codes": _product("rows", "columns"),
            "exps": lambda _: 1024,
            "out": _out("rows", "columns"),
            "scratch": _floats("columns"),
        },
    ),
    "k_layer_norm_s8": Signature(
        f"codes rows columns is_signed x_zero_point centred epsilon gamma beta {_EPILOGUE}",
        {
            "codes": _product("rows", "columns"),
            "gamma": _floats("columns"),
            "beta": _floats("columns"),
            "out": _out("rows", "columns"),
        },
        _ONE,
    ),
    "k_add_s8": Signature(
        f"a b n a_signed za b_signed zb ra rb {_EPILOGUE}",
        {"a": _product("n"), "b": _product("n"), "out": _out("n")},
        _BOTH,
    ),
    "k_add_broadcast_s8": Signature(f"{_OPERANDS} ra rb {_EPILOGUE}", _BROADCAST, _BOTH),
    "k_mul_s8": Signature(f"{_OPERANDS} ratio {_EPILOGUE}", _BROADCAST, _BOTH),
    "k_lookup": Signature(
        "octets n table width out",
        {"octets": _product("n"), "table": lambda w: 256 * w["width"], "out": _product("n", "width")},
    ),
    "k_copy": Signature(_BOX, _COPIED),
    "k_pad": Signature("whole nbytes value " + _BOX, {"whole": _product("nbytes"), **_COPIED}),
    "k_transpose": Signature(
        "x outer rows columns width out",
        {"x": _product("outer", "rows", "columns", "width"), "out": _product("outer", "rows", "columns", "width")},
    ),
    "k_resize_nearest": Signature(
        "image batch height width pixel out_height out_width lines columns out",
        {
            "image": _product("batch", "height", "width", "pixel"),
            "lines": _floats("out_height"),
            "columns": _floats("out_width"),
            "out": _product("batch", "out_height", "out_width", "pixel"),
        },
    ),
    "k_gather": Signature(
        "x outer rows row_bytes indices n index_width out",
        {
            "x": _product("outer", "rows", "row_bytes"),
            "indices": _product("n", "index_width"),
            "out": _product("outer", "n", "row_bytes"),
        },
    ),
    "k_global_average_s8": Signature(
        f"codes batch pixels channels is_signed x_zero_point ratio {_EPILOGUE}",
        {"codes": _product("batch", "pixels", "channels"), "out": _out("batch", "channels")},
        _ONE,
    ),
    "k_maxpool_s8": Signature(f"{_IMAGES} is_signed out", {"x": _IMAGE, "out": _product(*_PIXELS)}),
    "k_avgpool_s8": Signature(
        f"{_IMAGES} is_signed x_zero_point ratio count_padding {_EPILOGUE}", {"x": _IMAGE, "out": _out(*_PIXELS)}, _ONE
    ),
    "k_depthwise_s8": Signature(
        f"{_IMAGES} is_signed x_zero_point flip weights planes bias multiplier {_EPILOGUE} scratch",
        {
            "x": _IMAGE,
            "weights": _depthwise_weights,
            "bias": _floats("channels"),
            "multiplier": _floats("channels"),
            "out": _out(*_PIXELS),
            "scratch": _depthwise_scratch,
        },
        _ONE,
    ),
    "k_dynamic_range": Signature("x n range", {"x": _floats("n"), "range": lambda _: 8}),
    "k_dynamic_quantize": Signature(
        "x n range codes", {"x": _floats("n"), "range": lambda _: 8, "codes": _product("n")}
    ),
    "k_scale_sums": Signature(
        "sums rows columns range column_sums scale bias lo hi out",
        {
            "sums": _floats("rows", "columns"),
            "range": lambda _: 8,
            "column_sums": _floats("columns"),
            "scale": _floats("columns"),
            "bias": _floats("columns"),
            "out": _floats("rows", "columns"),
        },
    ),
    "k_add_f32": Signature(
        "a b n lo hi out", {"a": _floats("n"), "b": lambda w: 4 * w["n"] if w["b"] else 0, "out": _floats("n")}
    ),
    "k_pool_f32": Signature(
        f"{_IMAGES} mean count_padding out",
        {"x": _floats("batch", "height", "width", "channels"), "out": _floats(*_PIXELS)},
    ),
    "k_quantize_blocks": Signature(
        "x rows depth block scale codes",
        {"x": _floats("rows", "depth"), "scale": _blocks("rows"), "codes": _product("rows", "depth")},
    ),
    "k_gemv_4bit_s8": Signature(
        "x x_scale rows depth block columns codes scale points codebook out",
        {
            "x": _product("rows", "depth"),
            "x_scale": _blocks("rows"),
            "codes": lambda w: int(w["columns"]) * int(w["depth"]) // 2,
            "scale": _blocks("columns"),
            "points": lambda w: _blocks("columns")(w) // 2 if w["points"] else 0,
            "codebook": lambda _: 32,
            "out": _floats("rows", "columns"),
        },
    ),
}
