"""Kernel calls for products and convolutions: by constant weights, packed beforehand, or of two activations."""

from __future__ import annotations

import math

import numpy as np

from playground.engines import step_classes as p
from playground.engines.depthwise import pack_depthwise, packed_bytes_of, scratch_bytes
from playground.engines.kernel_parts import PIXELS, epilogue, images, padded, product, rows_scratch, source
from playground.engines.kernel_program import Buffer
from playground.engines.lowering.boxes import box, repeating, strides_of
from playground.engines.lowering.moves import COPY
from playground.engines.lowering.state import Given, Lowering, lower
from playground.engines.packing import STRIP, Packed, Values, pack, packed_bytes
from playground.host.kernel import ANY, POSITIVE, Kernel, Words, floats, octets
from playground.host.kernel import box as reach_of_box
from playground.programs.integer_ops import Window


def _depth(w: Words) -> int:
    return int(w["depth"])


def _matrices(w: Words) -> int:
    """What k_gemm_s8 takes: one for each of the batch, or one for all."""
    return 1 if w["matrices"] == 1 else int(w["batch"])


def _groups(w: Words) -> int:
    return int(w["groups"])


def _depth_of_group(w: Words) -> int:
    return int(w["images.kernel_h"] * w["images.kernel_w"] * (w["images.channels"] // w["groups"]))


def _groups_divide(w: Words) -> str | None:
    groups, channels = w["groups"], w["images.channels"]
    return f"{channels} channels cannot be divided into {groups} groups" if channels % groups else None


def _window(w: Words) -> Window:
    def both(name: str, first: str, second: str) -> tuple[int, int]:
        return w[f"images.{name}_{first}"], w[f"images.{name}_{second}"]

    kernel, strides, dilations = (both(name, "h", "w") for name in ("kernel", "stride", "dilation"))
    return Window(kernel, both("out", "height", "width"), strides, dilations, both("pad", "top", "left"))


def _depthwise_weights(w: Words) -> int:
    return packed_bytes_of(w["images.channels"], w["planes"], _window(w).kernel, w["dot"])


def _matrix_codes(w: Words) -> tuple[int, int]:
    """Every matrix begins depth * columns codes after the one before."""
    sizes, strides = (w["depth"], w["columns"]), (w["depth_stride"], w["column_stride"])
    return reach_of_box((w["matrices"], *sizes), (math.prod(sizes), *strides))


def _packed(w: Words) -> int:
    return int(w["matrices"] * packed_bytes(w["depth"], w["columns"], w["dot"]))


def _padded_columns(w: Words) -> int:
    return int(w["matrices"] * padded(w, "columns"))


GEMM = Kernel(
    "k_gemm_s8",
    {"codes": octets("batch", "rows", "depth"), "scratch": rows_scratch(_depth)},
    parts=(
        source(),
        product(_matrices, _depth, lambda _: 1),
        epilogue("batch", "rows", "product.columns", at="product.to"),
    ),
)
CONV = Kernel(
    "k_conv_s8",
    {"scratch": rows_scratch(_depth_of_group)},
    ranges={"groups": POSITIVE},
    rules=(_groups_divide,),
    parts=(
        images(),
        source(),
        product(_groups, _depth_of_group, _groups),
        epilogue(*PIXELS[:3], "groups", "product.columns", at="product.to"),
    ),
)
DEPTHWISE = Kernel(
    "k_depthwise_s8",
    {
        "weights": _depthwise_weights,
        "bias": floats("images.channels"),
        "multiplier": floats("images.channels"),
        "scratch": lambda w: scratch_bytes(_window(w), w["dot"]),
    },
    ranges={"planes": POSITIVE},
    parts=(images(), source(), epilogue(*PIXELS)),
)
PACK_WEIGHTS = Kernel(
    "k_pack_weights",
    {
        "codes": _matrix_codes,
        "zero_point": floats("matrices", "columns"),
        "bias": floats("columns"),
        "packed": _packed,
        "folded": _padded_columns,
        "shift": _padded_columns,
    },
    ranges={"is_signed": range(2), "depth_stride": ANY, "column_stride": ANY, "value_zero_point": ANY},
)


@lower.register
def lower_product(step: p.Product, to: Lowering) -> None:
    """Product: rows times weights."""
    (name,) = step.inputs
    x, values = to.row(name), Values(to.is_signed(name), step.x_zero_point, to.dot)
    depth, columns = step.weights.shape
    out = to.epilogue(step.to, to.new(step.output))
    packed = to.packed(
        lambda: pack(step.weights[None], step.bias, step.multiplier, values),
        *((step.weights, step.bias, step.multiplier), "product", values),
    )
    counts = {"rows": math.prod(to.values[name].shape[:-1]), "depth": depth}
    _gemm(to, x, counts, values, to.product(packed, columns, out))


@lower.register
def lower_conv(step: p.Conv, to: Lowering) -> None:
    """Conv: a product where windows are single pixels, by a kernel of its own where each channel has one filter."""
    (name,) = step.inputs
    images = to.images(name, step.window)
    out = to.epilogue(step.to, to.new(step.output, image=True))
    values = Values(to.is_signed(name), step.x_zero_point, to.dot)
    if step.depthwise:
        _depthwise(step, to, images, values, out)
        return
    columns, depth = step.weights.shape[0] // step.groups, math.prod(step.weights.shape[1:])

    def make() -> Packed:
        by_group = step.weights.reshape(step.groups, columns, *step.weights.shape[1:])
        matrices = by_group.transpose(0, 3, 4, 2, 1).reshape(step.groups, depth, columns)
        return pack(matrices, step.bias, step.multiplier, values)

    packed = to.packed(make, (step.weights, step.bias, step.multiplier), "conv", values, step.groups)
    weights = to.product(packed, columns, out)
    if step.groups == 1 and step.window.is_pointwise(to.values[name].shape[2:]):
        counts = {"rows": images["batch"] * images["height"] * images["width"], "depth": depth}
        _gemm(to, images["x"], counts, values, weights)
        return
    scratch = to.buffer(values.scratch_bytes(depth))
    to.call(CONV, images=images, groups=step.groups, source=values.source, product=weights, scratch=scratch)


def _gemm(to: Lowering, x: Buffer, counts: dict[str, int], values: Values, weights: Given) -> None:
    """All rows of ``x`` times one matrix."""
    scratch = to.buffer(values.scratch_bytes(counts["depth"]))
    to.call(GEMM, codes=x, batch=1, matrices=1, **counts, source=values.source, product=weights, scratch=scratch)


def _depthwise(step: p.Conv, to: Lowering, images: Given, values: Values, out: Given) -> None:
    packed = pack_depthwise(step.weights[:, 0], step.bias, values)
    to.call(
        DEPTHWISE,
        images=images,
        source=values.source,
        weights=to.constant(packed.weights),
        planes=packed.planes,
        bias=to.constant(packed.bias),
        multiplier=to.constant(step.multiplier),
        to=out,
        scratch=to.buffer(scratch_bytes(step.window, to.dot)),
    )


@lower.register
def lower_activation_matmul(step: p.ActivationMatMul, to: Lowering) -> None:
    """ActivationMatMul: the right matrices are packed as weights are, but while the program runs."""
    out_shape, right = to.values[step.output].shape, to.values[step.inputs[1]].shape[:-2]
    batch, (rows, columns) = out_shape[:-2], out_shape[-2:]
    depth = to.values[step.inputs[0]].shape[-1]
    matrices = 1 if math.prod(right) == 1 else math.prod(batch)
    a = _repeated(step.inputs[0], batch, to)
    b = to.row(step.inputs[1]) if matrices == 1 else _repeated(step.inputs[1], batch, to)
    values = Values(to.is_signed(step.inputs[0]), step.zero_points[0], to.dot)
    strip = -(-columns // STRIP) * STRIP
    weights = to.buffer(matrices * packed_bytes(depth, columns, to.dot))
    folded, shift = to.buffer(4 * matrices * strip), to.buffer(4 * matrices * strip)
    to.call(
        PACK_WEIGHTS,
        codes=b,
        is_signed=to.is_signed(step.inputs[1]),
        zero_point=to.constant(np.full(matrices * columns, step.zero_points[1], np.int32)),
        **{"matrices": matrices, "depth": depth, "columns": columns, "depth_stride": columns, "column_stride": 1},
        value_zero_point=values.shifted_zero_point,
        bias=to.constant(np.zeros(columns, np.int32)),
        **{"packed": weights, "folded": folded, "shift": shift},
    )
    multiplier = to.constant(np.full(strip, step.multiplier, np.float32))
    out = to.epilogue(step.to, to.new(step.output))
    given = {
        "weights": weights,
        "bias": folded,
        "shift": shift,
        "multiplier": multiplier,
        "columns": columns,
        "to": out,
    }
    counts = {"batch": math.prod(batch), "rows": rows, "depth": depth, "matrices": matrices}
    scratch = to.buffer(values.scratch_bytes(depth))
    to.call(GEMM, codes=a, **counts, source=values.source, product=given, scratch=scratch)


def _repeated(name: str, batch: tuple[int, ...], to: Lowering) -> Buffer:
    """A value's matrices, one for each place of a batch: the value itself, or a copy where it broadcasts."""
    own, x = to.values[name].shape, to.row(name)
    if math.prod(own[:-2]) == math.prod(batch):
        return x
    full = (*(1,) * (len(batch) + 2 - len(own)), *own)
    shape = (*batch, *own[-2:])
    out = to.buffer(math.prod(shape) * to.width(name))
    copy = box(shape, repeating(full, strides_of(full)), strides_of(shape), 1)
    to.call(COPY, x=x, out=out, table=None, **copy)
    return out
