"""What kernels of networks have in common: the structs of ``kernels.h``, ``gemm.h``, ``copy.h`` and ``broadcast.h``."""

from __future__ import annotations

from playground.host.kernel import ANY, FLAG, POSITIVE, Count, Part, Rule, Touched, Words, box, octets, size
from playground.programs import conv_lines, packing
from playground.programs.integer_ops import Window

CODES, FLOATS, ACCUMULATORS = range(3)
"""``kind`` of struct epilogue: what results are."""

CODE = range(-128, 256)
"""Zero-points of int8 or uint8."""

_MOST = 2**31 - 1


def coded(zero_point: str = "zero_point", signed: str = "is_signed") -> Part:
    """A zero-point has to be a code of the type that its values have."""

    def rule(w: Words) -> str | None:
        lowest, highest = (-128, 127) if w[signed] else (0, 255)
        if lowest <= w[zero_point] <= highest:
            return None
        return f"{zero_point} is {w[zero_point]}, not a code of {lowest} to {highest}"

    return Part(ranges={zero_point: CODE, signed: FLAG}, rules=(rule,))


def epilogue(*counts: str, at: str = "to") -> Part:
    """``struct epilogue``: one result for each place of the product of ``counts``."""

    def limits(w: Words) -> str | None:
        lo, hi, point = (w[f"{at}.{name}"] for name in ("lo", "hi", "zero_point"))
        if w[f"{at}.kind"] != CODES or -128 <= lo + point <= hi + point <= 255:
            return None
        return f"the limits {lo} to {hi} around the zero-point {point} are not codes"

    def out(w: Words) -> int:
        return size(w, *counts) * (1 if w[f"{at}.kind"] == CODES else 4)

    return Part({f"{at}.out": out}, {f"{at}.zero_point": CODE, f"{at}.kind": range(3)}, (limits,))


PIXELS = ("images.batch", "images.out_height", "images.out_width", "images.channels")


def images(*, each: int = 1) -> Part:
    """``struct images``, of elements of so many bytes.

    A kernel takes the taps of a window that lie inside the image, which it finds by int32 arithmetic: what that goes
    through on the way has to be in range too.
    """
    x = octets("images.batch", "images.height", "images.width", "images.channels", each=each)
    least = ("kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w")
    return Part({"images.x": x}, {f"images.{name}": POSITIVE for name in least}, (_windows_in_range,))


def _windows_in_range(w: Words) -> str | None:
    width, channels = w["images.width"], w["images.channels"]
    for end, pad, out, line in (
        ("h", "pad_top", "out_height", width * channels),
        ("w", "pad_left", "out_width", channels),
    ):
        kernel, stride, dilation = (w[f"images.{name}_{end}"] for name in ("kernel", "stride", "dilation"))
        # Three more taps and three more pixels: k_depthwise_s8 works on four at a time
        reach = w[f"images.{pad}"] + (w[f"images.{out}"] + 3) * stride + (kernel + 3) * dilation
        if reach > _MOST or (stride + dilation) * max(line, 1) > _MOST:
            return f"windows reach over {reach} places along the axis {end}, which is more than int32 holds"
    return None


def window_in(w: Words) -> Window:
    """The window of ``struct images``."""

    def both(name: str, first: str, second: str) -> tuple[int, int]:
        return w[f"images.{name}_{first}"], w[f"images.{name}_{second}"]

    kernel, strides, dilations = (both(name, "h", "w") for name in ("kernel", "stride", "dilation"))
    return Window(kernel, both("out", "height", "width"), strides, dilations, both("pad", "top", "left"))


def groups_of(w: Words) -> int:
    """The groups of a convolution."""
    return int(w["groups"])


def depth_of_group(w: Words) -> int:
    """Values that a window of one group sees."""
    return int(w["images.kernel_h"] * w["images.kernel_w"] * (w["images.channels"] // w["groups"]))


def depth_in_lines(w: Words) -> int:
    """The same where each line of a window ends with whole steps."""
    return conv_lines.depth_in_lines(window_in(w).kernel, w["images.channels"] // w["groups"], w["dot"])


def side_by_side(w: Words) -> str | None:
    """Taps of a line have none between them."""
    return None if w["images.dilation_w"] == 1 else "taps of a line do not lie side by side: dilation_w has to be 1"


def groups_divide(w: Words) -> str | None:
    """Channels are those of whole groups."""
    groups, channels = w["groups"], w["images.channels"]
    return f"{channels} channels cannot be divided into {groups} groups" if channels % groups else None


def source() -> Part:
    """``struct source`` of ``gemm.h``."""
    part = coded("source.zero_point", "source.is_signed")
    return Part(part.reach, {**part.ranges, "source.flip": (0, 0x80)}, part.rules)


def padded(w: Words, columns: str) -> int:
    """Bytes of one word a column, rounded up to the strip."""
    return 4 * packing.STRIP * -(-int(w[columns]) // packing.STRIP)


def product(matrices: Count, depth: Count, multipliers: Count) -> Part:
    """``struct product`` of ``gemm.h``: packed weights.

    Args:
        matrices: how many matrices there are of weights, bias and shift.
        depth: of a matrix.
        multipliers: how many rows there are of multipliers.
    """

    def of(count: Count) -> Count:
        return lambda w: count(w) * padded(w, "product.columns")

    def weights(w: Words) -> int:
        return matrices(w) * packing.packed_bytes(depth(w), w["product.columns"], w["dot"])

    def codes_alone(w: Words) -> str | None:
        fits = w["product.added"] is None or w["product.to.kind"] == CODES
        return None if fits else "a row is added to codes only"

    reach = {"product.weights": weights, "product.bias": of(matrices), "product.shift": of(matrices)}
    reach |= {"product.multiplier": of(multipliers), "product.added": of(lambda w: 1)}
    return Part(reach, rules=(codes_alone,), optional=frozenset({"product.shift", "product.added"}))


def float_product(
    matrices: Count, depth: Count, results: Count, *, packed: Count = lambda w: 1, biases: int = 1
) -> Part:
    """``struct float_product`` of ``gemm_f32.h``: weights, and what becomes of the sums.

    Args:
        matrices: how many matrices there are of weights.
        depth: of a matrix.
        results: how many rows of ``product.columns`` results there are.
        packed: whether weights are packed.
        biases: a bias for each matrix (0), or one for all.
    """

    def columns(w: Words) -> int:
        return padded(w, "product.columns")

    def weights(w: Words) -> int:
        wide = columns(w) if packed(w) else 4 * int(w["product.columns"])
        return matrices(w) * depth(w) * wide

    return Part(
        {
            "product.weights": weights,
            "product.bias": lambda w: (biases or matrices(w)) * columns(w),
            "product.out": lambda w: results(w) * 4 * int(w["product.columns"]),
        }
    )


def rows_scratch(depth: Count) -> Count:
    """A block of rows of so much depth, as the kernels of products keep it."""
    return lambda w: packing.BLOCK_ROWS * packing.steps(depth(w), w["dot"]) * packing.STEP


def copied(at: str = "") -> Part:
    """``struct copy_args``: a box of an array, and where it goes."""

    def reach(strides: str) -> Touched:
        return lambda w: box(w[f"{at}sizes"], w[f"{at}{strides}"], w[f"{at}width"])

    def places(w: Words) -> str | None:
        count = size(w, f"{at}sizes")
        return f"the box has {count} places, which is more than int32 holds" if count > _MOST else None

    reaches: dict[str, Touched] = {
        f"{at}x": reach("x_strides"),
        f"{at}out": reach("out_strides"),
        f"{at}table": lambda _: 256,
    }
    ranges = {f"{at}width": (1, 2, 4, 8), f"{at}x_strides": ANY, f"{at}out_strides": ANY}
    return Part(reaches, ranges, (places,), frozenset({f"{at}table"}))


def operands() -> Part:
    """``struct operands`` of ``broadcast.h``: two arrays of codes that broadcast against each other."""
    a, b = coded("operands.za", "operands.a_signed"), coded("operands.zb", "operands.b_signed")

    def reach(strides: str) -> Touched:
        return lambda w: box(w["operands.sizes"], w[f"operands.{strides}"])

    def dense(name: str) -> Rule:
        def rule(w: Words) -> str | None:
            last = w[f"operands.{name}"][-1]
            return None if last in (0, 1) else f"the last of operands.{name} is {last}, which has to be 0 or 1"

        return rule

    return Part(
        {"operands.a": reach("a_strides"), "operands.b": reach("b_strides")},
        {**a.ranges, **b.ranges, "operands.a_strides": ANY, "operands.b_strides": ANY},
        (*a.rules, *b.rules, dense("a_strides"), dense("b_strides")),
    )


FLOAT_AXES = 6
"""Of k_binary_f32."""


def float_operands(**widths: int) -> Part:
    """Arrays that broadcast against each other, to ``sizes``: ``a`` and ``b`` of four bytes a value, and others.

    Args:
        widths: of the others, bytes of a value by name.
    """
    every = {"a": 4, "b": 4, **widths}

    def reach(name: str, width: int) -> Touched:
        return lambda w: box(w["sizes"], tuple(width * n for n in w[f"{name}_strides"]), width)

    def places(w: Words) -> str | None:
        count = size(w, "sizes")
        return f"the result has {count} places, which is more than int32 holds" if count > _MOST else None

    def dense(name: str) -> Rule:
        def rule(w: Words) -> str | None:
            return None if w[name][-1] in (0, 1) else f"the last of {name} is {w[name][-1]}, which has to be 0 or 1"

        return rule

    reaches = {name: reach(name, width) for name, width in every.items()}
    return Part(reaches, {}, (places, *(dense(f"{name}_strides") for name in every)))
