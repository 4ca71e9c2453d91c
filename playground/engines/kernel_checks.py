"""Refuses a kernel call whose arguments reach beyond their buffers or have no meaning, before it is made.

Kernels trust their arguments: they have no errors to raise. So what each of them reads and writes is stated here as
data, in the order of the struct above the kernel, and :func:`check_call` holds a call against it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from playground.engines.depthwise import scratch_bytes
from playground.engines.integer_ops import Window
from playground.errors import InvalidInputError

Words = Mapping[str, Any]
"""Field name -> argument; the fields of an array in a struct are its name with [0], [1] ... behind it."""

Reach = tuple[int, int]
"""The first byte that is touched, counted from an address, and the first one after all."""

Touched = Callable[[Words], int | Reach]
"""What a kernel touches from an address on: a number of bytes, or their reach."""

CODES, ACCUMULATORS = 0, 2
_SIZES = {
    "rows",
    "columns",
    "n",
    "batch",
    "nbytes",
    "outer",
    "row_bytes",
    "pixels",
    "channels",
    "height",
    "width",
    "pixel",
}
_EPILOGUE = "lo hi zero_point kind out"
_IMAGES = (
    "x batch height width channels kernel_h kernel_w stride_h stride_w dilation_h dilation_w pad_top pad_left"
    " out_height out_width"
)
_OPERANDS = "a b sizes*4 a_strides*4 b_strides*4 a_signed za b_signed zb"
_BOX = "x out width table sizes*6 x_strides*6 out_strides*6"


@dataclass(frozen=True, slots=True)
class Room:
    """What lies around an address: bytes of its buffer before it, and from it on."""

    before: int
    after: int


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
    pairs = (int(w["kernel_w"]) + 1) // 2
    return -(-int(w["channels"]) // 8) * int(w["kernel_h"]) * pairs * 32


def _depthwise_scratch(w: Words) -> int:
    def both(name: str, ends: str) -> tuple[int, int]:
        first, second = ends.split()
        return w[f"{name}_{first}"], w[f"{name}_{second}"]

    kernel, out = both("kernel", "h w"), both("out", "height width")
    return scratch_bytes(Window(kernel, out, both("stride", "h w"), both("dilation", "h w"), both("pad", "top left")))


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

SIGNATURES = {
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
    "k_requantize": Signature(
        f"sums rows columns bias multiplier {_EPILOGUE}",
        {
            "sums": _floats("rows", "columns"),
            "bias": _floats("columns"),
            "multiplier": _floats("columns"),
            "out": _out("rows", "columns"),
        },
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
        f"{_IMAGES} is_signed x_zero_point weights bias multiplier {_EPILOGUE} scratch",
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
    "k_dynamic_quantize": Signature(
        "x n scale zero_point codes",
        {"x": _floats("n"), "scale": lambda _: 4, "zero_point": lambda _: 4, "codes": _product("n")},
    ),
    "k_scale_floats": Signature("x n by out", {"x": _floats("n"), "by": lambda _: 4, "out": _floats("n")}),
}


def check_call(kernel: str, args: Sequence[Any], room: Callable[[Any], Room | None]) -> None:
    """Hold a call against what its kernel reads and writes. Kernels that are not in ``SIGNATURES`` pass.

    Args:
        kernel: its name.
        args: one for each word.
        room: for an argument that is an address, what lies around it; None for numbers.

    Raises:
        InvalidInputError: a word is missing or too many, a size is negative, a buffer ends before the kernel does, a
            zero-point or the limits are no codes.
    """
    signature = SIGNATURES.get(kernel)
    if signature is None:
        return
    names = signature.names()
    if len(names) != len(args):
        raise InvalidInputError(f"it takes {len(names)} words, not {len(args)}", where=kernel)
    words = dict(zip(names, args, strict=True))
    for name, word in words.items():
        is_size = name in _SIZES or name.startswith("sizes[")
        if is_size and room(word) is None and word < 0:
            raise InvalidInputError(f"{name} is {word}", where=kernel, hint="Sizes are not negative")
    _check_codes(kernel, words, signature)
    _check_reach(kernel, words, signature, room)


def _check_reach(kernel: str, words: Words, signature: Signature, room: Callable[[Any], Room | None]) -> None:
    for name, reach_of in signature.reach.items():
        reach = reach_of(words)
        first, last = reach if isinstance(reach, tuple) else (0, reach)
        around = room(words[name])
        if first == last:
            continue
        if around is None:
            raise InvalidInputError(f"{name} is not an address but {words[name]}", where=kernel)
        if first < -around.before or last > around.after:
            raise InvalidInputError(
                f"{name} is touched from byte {first} to {last}, but there are {around.before} bytes before and"
                f" {around.after} after its address",
                where=kernel,
                hint="The buffer is too small, or a size or stride is wrong",
            )


def _check_codes(kernel: str, words: Words, signature: Signature) -> None:
    for name, signed in signature.zero_points:
        lowest, highest = (-128, 127) if words[signed] else (0, 255)
        if not lowest <= words[name] <= highest:
            raise InvalidInputError(f"{name} is {words[name]}, not a code of {lowest} to {highest}", where=kernel)
    if "kind" not in words:
        return
    kind, lo, hi, point = (words[name] for name in ("kind", "lo", "hi", "zero_point"))
    if kind not in range(ACCUMULATORS + 1):
        raise InvalidInputError(f"kind is {kind}, not one of 0 to {ACCUMULATORS}", where=kernel)
    if kind == CODES and not (-128 <= lo + point <= hi + point <= 255):
        raise InvalidInputError(f"the limits {lo} to {hi} around the zero-point {point} are no codes", where=kernel)
