"""What is stated of the kernels of networks: calls that need all of their buffers, and such as have no meaning."""

import numpy as np
import pytest

from playground.errors import InvalidInputError
from playground.host.kernel_checks import arguments
from playground.operators._products import GEMM
from playground.operators.add import ADD, ADD_BROADCAST
from playground.operators.average_pool import AVERAGE_POOL
from playground.operators.conv import CONV, DEPTHWISE, LINES_CONV
from playground.operators.gather import GATHER
from playground.operators.layer_normalization import LAYER_NORM
from playground.operators.mat_mul import PACK_WEIGHTS
from playground.operators.max_pool import MAX_POOL
from playground.operators.mul import MUL
from playground.operators.pad import PAD
from playground.operators.resize import RESIZE
from playground.operators.softmax import SOFTMAX
from playground.programs import kernel_parts
from playground.programs.boxes import COPY
from playground.programs.conv_lines import depth_in_lines, lines_bytes
from playground.programs.depthwise import packed_bytes_of, scratch_bytes
from playground.programs.integer_ops import Window
from playground.programs.lowering import NOTHING_ADDED
from playground.programs.packing import Values, packed_bytes
from playground.programs.steps import LOOKUP

DOTS = ["int16", "unsigned", "signed"]


def octets(count):
    return np.zeros(count, np.uint8)


def room(argument, written):
    return (0, argument.nbytes) if isinstance(argument, np.ndarray) else None


def call(kernel, given, dot="int16"):
    return arguments(kernel, given, room, dot)


def changed(given, path, value):
    """The same arguments with another one at a place such as ``to.kind``."""
    first, _, rest = path.partition(".")
    return {**given, first: changed(given[first], rest, value) if rest else value}


def at(given, path):
    for name in path.split("."):
        given = given[name]
    return given


def addresses(given, before=""):
    for name, value in given.items():
        if isinstance(value, dict):
            yield from addresses(value, f"{before}{name}.")
        elif isinstance(value, np.ndarray):
            yield before + name


def to(count, kind=kernel_parts.CODES):
    return {"lo": -10.0, "hi": 20.0, "zero_point": 5, "kind": kind, "out": octets(count)}


def images(count=360):
    sizes = {"batch": 2, "height": 5, "width": 4, "channels": 9, "out_height": 5, "out_width": 4}
    window = {f"{name}_{end}": n for name, n in (("kernel", 3), ("stride", 1), ("dilation", 1)) for end in "hw"}
    return {"x": octets(count), **sizes, **window, "pad_top": 1, "pad_left": 1}


def source(zero_point=127):
    return {"is_signed": 1, "zero_point": zero_point, "flip": 0}


def product(matrices, multipliers, depth, columns, epilogue, dot):
    words = octets(4 * matrices * (-(-columns // 8) * 8))
    weights = octets(matrices * packed_bytes(depth, columns, dot))
    multiplier = octets(4 * multipliers * (-(-columns // 8) * 8))
    given = {"weights": weights, "bias": words, "shift": words.copy(), "multiplier": multiplier}
    row = octets(4 * (-(-columns // 8) * 8)) if epilogue["kind"] == kernel_parts.CODES else None
    return {**given, **NOTHING_ADDED, "added": row, "columns": columns, "to": epilogue}


def operands():
    strides = {"a_strides": (0, 0, 4, 1), "b_strides": (0, 0, 0, 1)}
    codes = {"a": octets(12), "b": octets(4), "a_signed": 1, "za": 3, "b_signed": 0, "zb": 9}
    return {"sizes": (1, 1, 3, 4), **strides, **codes}


def copied(x=20, out=48):
    sizes, zeros = (1, 1, 1, 1, 3, 4), (0,) * 4
    given = {"width": 4, "table": None, "sizes": sizes, "x_strides": (*zeros, 2, 4), "out_strides": (*zeros, 16, 4)}
    return {"x": octets(x), "out": octets(out), **given}


def calls(dot):
    """A call of each kernel whose buffers are as large as needed."""
    by, window = Values(True, 3, dot), Window((3, 3), (5, 4), pads=(1, 1))
    gemm = {"codes": octets(60), "batch": 2, "rows": 6, "depth": 5, "source": source()}
    gemm["scratch"] = octets(by.scratch_bytes(5))
    packing = {"is_signed": 0, "matrices": 3, "depth": 5, "columns": 9, "value_zero_point": -7}
    packing |= {"zero_point": octets(108), "bias": octets(36), "packed": octets(3 * packed_bytes(5, 9, dot))}
    packing |= {"folded": octets(192), "shift": octets(192)}
    depthwise = {"weights": octets(packed_bytes_of(9, 2, (3, 3), dot)), "planes": 2}
    depthwise |= {"bias": octets(36), "multiplier": octets(36), "scratch": octets(scratch_bytes(window, dot))}
    both = {"a_signed": 1, "za": -3, "b_signed": 0, "zb": 255, "ra": 0.1, "rb": 0.2}
    rows = {"codes": octets(12), "rows": 3, "columns": 4, "is_signed": 1}
    gather = {"x": octets(30), "outer": 1, "rows": 6, "row_bytes": 5, "indices": octets(24), "n": 3}
    resize = {"image": octets(24), "batch": 1, "height": 2, "width": 3, "pixel": 4, "out_height": 5, "out_width": 6}
    average = {"is_signed": 1, "zero_point": 127, "ratio": 0.5, "count_padding": 0}
    return {
        "gemm of one matrix": (GEMM, {**gemm, "matrices": 1, "product": product(1, 1, 5, 9, to(108), dot)}),
        "gemm of many": (GEMM, {**gemm, "matrices": 2, "product": product(2, 1, 5, 9, to(432, 2), dot)}),
        "conv": (
            CONV,
            {
                "images": images(),
                "groups": 3,
                "source": source(),
                "product": product(3, 3, 27, 2, to(960, kernel_parts.FLOATS), dot),
                "scratch": octets(by.scratch_bytes(27)),
            },
        ),
        "conv in lines": (
            LINES_CONV,
            {
                "images": images(),
                "groups": 3,
                "source": source(),
                "product": product(3, 3, depth_in_lines((3, 3), 3, dot), 2, to(240), dot),
                "scratch": octets(lines_bytes(window, 3, dot)),
            },
        ),
        "depthwise": (DEPTHWISE, {"images": images(), "source": source(), **depthwise, "to": to(360)}),
        "pack": (PACK_WEIGHTS, {**packing, "codes": octets(135), "depth_stride": 9, "column_stride": 1}),
        "pack transposed": (PACK_WEIGHTS, {**packing, "codes": octets(135), "depth_stride": 1, "column_stride": 5}),
        "softmax": (SOFTMAX, {**rows, "exps": octets(1024), "ratio": 256.0, "to": to(12), "scratch": octets(16)}),
        "layer norm": (
            LAYER_NORM,
            {
                **{**rows, "zero_point": -128, "centred": 1, "epsilon": 1e-5},
                **{"gamma": octets(16), "beta": octets(16), "to": to(48, kernel_parts.FLOATS)},
            },
        ),
        "add": (ADD, {"a": octets(7), "b": octets(7), "n": 7, **both, "to": to(7)}),
        "add broadcast": (ADD_BROADCAST, {"operands": operands(), "ra": 0.1, "rb": 0.2, "to": to(12)}),
        "mul": (MUL, {"operands": operands(), "ratio": 0.1, "to": to(48, kernel_parts.FLOATS)}),
        "lookup": (LOOKUP, {"octets": octets(9), "n": 9, "table": octets(1024), "width": 4, "out": octets(36)}),
        "copy": (COPY, copied()),
        "pad": (PAD, {"out": octets(60), "nbytes": 60, "value": -1, "box": copied()}),
        "resize": (RESIZE, {**resize, "lines": octets(20), "columns": octets(24), "out": octets(120)}),
        "gather": (GATHER, {**gather, "index_width": 8, "out": octets(15), "outside": octets(4)}),
        "max pool": (MAX_POOL, {"images": images(), "is_signed": 1, "out": octets(360)}),
        "average pool": (AVERAGE_POOL, {"images": images(), **average, "to": to(360)}),
    }


@pytest.mark.parametrize("dot", DOTS)
@pytest.mark.parametrize("name", calls("int16"))
def test_a_call_may_use_all_of_its_buffers_and_no_more(name, dot):
    kernel, given = calls(dot)[name]
    call(kernel, given, dot)
    for path in addresses(given):
        smaller = changed(given, path, at(given, path)[:-1])
        with pytest.raises(InvalidInputError, match=f"{kernel.name}: {path} is touched from byte"):
            call(kernel, smaller, dot)


@pytest.mark.parametrize(
    ("name", "path", "value", "told"),
    [
        ("softmax", "to.kind", 3, "to.kind is 3"),
        ("softmax", "to.hi", 260.0, "limits -10.0 to 260.0 around the zero-point 5"),
        ("softmax", "to.hi", float("nan"), "limits -10.0 to nan"),
        ("softmax", "to.zero_point", 256, "to.zero_point is 256"),
        ("conv", "product.to.lo", 30.0, None),  # floats have no codes to leave
        ("layer norm", "zero_point", 128, "zero_point is 128, not a code of -128 to 127"),
        ("add", "zb", -1, "zb is -1, not a code of 0 to 255"),
        ("copy", "sizes", (1, 1, 1, 1, -3, 4), "sizes is -3"),
        ("copy", "x_strides", (0, 0, 0, 0, -2, 4), "x is touched from byte -4"),
        ("copy", "width", 3, "width is 3"),
        ("copy", "sizes", (2**16, 2**16, 1, 1, 3, 4), "the box has 51539607552 places"),
        ("pad", "box.width", 8, "box.width is 8"),
        ("mul", "operands.b_strides", (0, 0, 0, -1), "last of operands.b_strides is -1"),
        ("mul", "operands.a_strides", (0, 0, 1, 2), "last of operands.a_strides is 2"),
        ("gather", "index_width", 1, "index_width is 1"),
        ("gather", "rows", 0, "no row to take"),
        ("resize", "height", 0, "no pixel to take"),
        ("lookup", "width", 2, "width is 2"),
        ("conv", "groups", 0, "groups is 0"),
        ("conv", "groups", 2, "9 channels cannot be divided into 2 groups"),
        ("conv", "source.flip", 1, "source.flip is 1"),
        ("conv in lines", "images.dilation_w", 2, "taps of a line do not lie side by side: dilation_w has to be 1"),
        ("conv in lines", "groups", 2, "9 channels cannot be divided into 2 groups"),
        ("depthwise", "planes", 0, "planes is 0"),
        ("gemm of many", "product.columns", 2**31 - 1, "product.weights is touched"),
        ("gemm of many", "depth", 2**31 - 1, "codes is touched"),
    ],
)
def test_what_has_no_meaning_is_refused(name, path, value, told):
    kernel, given = calls("int16")[name]
    if told is None:
        call(kernel, changed(given, path, value))
        return
    with pytest.raises(InvalidInputError, match=told):
        call(kernel, changed(given, path, value))


@pytest.mark.parametrize(
    ("name", "path", "allowed", "refused"),
    [
        # Limits as far as codes go around the zero-point 5
        ("add", "to.lo", -133.0, -134.0),
        ("add", "to.hi", 250.0, 251.0),
        ("add", "to.lo", 20.0, 21.0),
        ("add", "za", -128, -129),
        ("add", "za", 127, 128),
        ("add", "zb", 0, -1),
        ("add", "zb", 255, 256),
        ("add broadcast", "operands.za", -128, -129),
        ("add broadcast", "operands.zb", 255, 256),
        ("layer norm", "to.kind", 0, -1),
        ("layer norm", "to.kind", kernel_parts.ACCUMULATORS, kernel_parts.ACCUMULATORS + 1),
        ("softmax", "rows", 0, -1),
        ("conv", "images.stride_h", 1, 0),
        ("conv", "images.pad_top", 0, -1),
        ("conv", "source.flip", 0x80, 0x81),
        ("mul", "operands.b_strides", (0, 0, 0, 1), (0, 0, 0, 2)),
    ],
)
def test_the_limit_itself_is_allowed_and_the_next_number_is_not(name, path, allowed, refused):
    kernel, given = calls("int16")[name]
    call(kernel, changed(given, path, allowed))
    with pytest.raises(InvalidInputError):
        call(kernel, changed(given, path, refused))


@pytest.mark.parametrize(("pad_top", "fits"), [(2**31 - 1 - 14, True), (2**31 - 1 - 13, False)])
def test_windows_reach_as_far_as_int32_does(pad_top, fits):
    """Five rows of output and three, a window of three taps and three: 14 places with the padding."""
    kernel, given = calls("int16")["max pool"]
    given = changed(given, "images.pad_top", pad_top)
    if fits:
        call(kernel, given)
    else:
        with pytest.raises(InvalidInputError, match="more than int32 holds"):
            call(kernel, given)


@pytest.mark.parametrize("name", ["conv", "conv in lines", "depthwise", "max pool", "average pool"])
@pytest.mark.parametrize("end", ["h", "w"])
@pytest.mark.parametrize("field", ["kernel", "stride", "dilation"])
@pytest.mark.parametrize("value", [0, -1, -(2**31), 2**31])
def test_windows_move_forwards(name, field, end, value):
    kernel, given = calls("int16")[name]
    with pytest.raises(InvalidInputError, match=f"images.{field}_{end} is {value}"):
        call(kernel, changed(given, f"images.{field}_{end}", value))


@pytest.mark.parametrize("name", ["conv", "conv in lines", "depthwise", "max pool", "average pool"])
@pytest.mark.parametrize("pad", ["pad_top", "pad_left"])
def test_padding_is_not_negative_and_stays_in_int32(name, pad):
    kernel, given = calls("int16")[name]
    with pytest.raises(InvalidInputError, match=f"images.{pad} is -1"):
        call(kernel, changed(given, f"images.{pad}", -1))
    with pytest.raises(InvalidInputError, match="more than int32 holds"):
        call(kernel, changed(given, f"images.{pad}", 2**31 - 1))


@pytest.mark.parametrize("name", ["max pool", "average pool"])
@pytest.mark.parametrize("field", ["stride_h", "dilation_w", "stride_w", "dilation_h"])
def test_products_with_strides_and_dilations_stay_in_int32(name, field):
    kernel, given = calls("int16")[name]
    call(kernel, changed(given, f"images.{field}", 1000))
    with pytest.raises(InvalidInputError, match="more than int32 holds"):
        call(kernel, changed(given, f"images.{field}", 2**28))


def test_an_empty_box_touches_nothing():
    call(COPY, {**copied(0, 0), "sizes": (1, 1, 1, 1, 3, 0)})
