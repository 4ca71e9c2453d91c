"""What operators read in the forms in which they are put: shapes, constants, in which operator sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ABSENT = object()
"""Stands for an attribute that a node does not have."""

OPSETS = (13, 21)
IMAGE = (2, 4, 5, 6)


@dataclass(frozen=True)
class Activation:
    """A quantized value of the model, or with ``plain`` its codes themselves."""

    shape: tuple[int, ...] = IMAGE
    low: float = -3.0
    plain: bool = False


@dataclass(frozen=True)
class Weights:
    """Constant int8 codes behind a DequantizeLinear, with one scale or one for each place along an axis."""

    shape: tuple[int, ...]
    axis: int | None = None


Source = Activation | Weights | np.ndarray | str | None
"""What an input is: of these, an array is a constant, and a text the name of another tensor of the net."""


@dataclass(frozen=True)
class Inputs:
    """What an operator reads, from which operator sets on, and what its attributes may be besides."""

    sources: tuple[Source, ...] | Callable[[Mapping[str, Any]], tuple[Source, ...]]
    opsets: tuple[int, ...] = OPSETS
    attributes: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


X = Activation()
ROW = Activation((2, 3, 6))
POSITIVE = Activation(low=0.25)
NEW = (13, 21)
CHANNELS = (np.float32([1, -2, 0.5, 3]), np.float32([0, 1, -1, 0.25]))
"""A factor and a summand for each of four channels."""

FILL = 24 * 6 / 255
"""A number that the codes of X have, and those of ranges of -4 to 4."""


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


def real(*numbers: float) -> np.ndarray:
    return np.array(numbers[0] if len(numbers) == 1 else numbers, np.float32)


def _filters(made: Mapping[str, Any]) -> tuple[Source, ...]:
    return X, Weights((4, 4 // made.get("group", 1), 2, 3), 0)


def _filters_and_bias(made: Mapping[str, Any]) -> tuple[Source, ...]:
    return *_filters(made), real(0.5, -2, 0, 3)


def _integer_filters(made: Mapping[str, Any]) -> tuple[Source, ...]:
    kernel = (np.arange(4 * (4 // made.get("group", 1)) * 6) * 37 % 255 - 127).astype(np.int8)
    return Activation(plain=True), kernel.reshape(4, -1, 2, 3), np.uint8(9), np.int8(3)


def _matrix(made: Mapping[str, Any]) -> tuple[Source, ...]:
    rows, turned = Activation((6, 3) if made.get("transA", 0) else (3, 6)), made.get("transB", 0)
    return rows, Weights((5, 6) if turned else (6, 5), 0 if turned else 1), real(1, -2, 0, 3, -4)


def _codes_of_filters(made: Mapping[str, Any]) -> tuple[Source, ...]:
    x, kernel, *_ = _integer_filters(made)
    scales, points, bias = real(0.01, 0.02, 0.005, 0.01), np.int8([0, 3, -5, 9]), np.int32([9, -200, 0, 5])
    return x, "i0:s", "i0:z", kernel, scales, points, real(0.3), np.uint8(128), bias


POOL = {"kernel_shape": ([2, 3],), "storage_order": (ABSENT,)}
CONV = {"kernel_shape": (ABSENT,), "group": (ABSENT, 2, 4)}
ONE_SET = (13,)
TWO = [(X, X), (X, Activation((4, 1, 1))), (X, Weights(IMAGE)), (X, Weights((1, *IMAGE[1:]))), (Weights((5, 6)), X)]
CONSTANTS = [
    (X, real(0, 1, -2, 3, 0.5, -1)),
    (np.float32([[[1]], [[-2]], [[0]], [[4]]]), X),
    (Activation((2, 6, 6)), np.float32([[1]] * 5 + [[-2]])),
]
NUMBERS = [real(0.7), real(-1.5), real(0.0), real([2.5]), real([[[[-0.3]]]])]
ONE_NUMBER = [sources for k in NUMBERS for sources in ((X, k), (k, X))]
UNSTATED = dict.fromkeys(
    (
        *("antialias", "axes", "coordinate_transformation_mode", "cubic_coeff_a", "exclude_outside"),
        *("extrapolation_value", "keep_aspect_ratio_policy", "nearest_mode"),
    ),
    (ABSENT,),
)
NEAREST = UNSTATED | {
    "mode": ("nearest",),
    "coordinate_transformation_mode": (ABSENT, "half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"),
    "nearest_mode": (ABSENT, "floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
}
PERM = {"perm": (ABSENT, [0, 1, 3, 2], [0, 2, 3, 1], [1, 0, 2, 3], [3, 0, 2, 1])}

INPUTS: dict[str, list[Inputs]] = {
    "Add": [Inputs(sources) for sources in (*TWO, *ONE_NUMBER, *CONSTANTS)],
    "Sub": [Inputs(sources) for sources in (*TWO, *ONE_NUMBER, *CONSTANTS)],
    "Mul": [Inputs(sources) for sources in (*TWO, *ONE_NUMBER, *CONSTANTS)],
    "Div": [Inputs(sources) for sources in ((X, real(0.7)), (X, real(-1.5)), (real(2.0), POSITIVE))],
    "Max": [Inputs(sources) for sources in ONE_NUMBER],
    "Min": [Inputs(sources) for sources in ONE_NUMBER],
    "Pow": [Inputs((X, power)) for power in (real(2), real(3), real(0), np.int64(2))] + [Inputs((POSITIVE, real(0.5)))],
    "PRelu": [Inputs((X, real(0.25))), Inputs((X, real(-2)))],
    "Where": [
        Inputs((np.arange(6) > 2, X, real(-1e9))),
        Inputs((np.arange(30).reshape(5, 6) % 7 == 0, real(-np.inf), X)),
    ],
    "AveragePool": [Inputs((X,), ONE_SET, POOL)],
    "MaxPool": [Inputs((X,), ONE_SET, POOL)],
    "Conv": [Inputs(_filters, ONE_SET, CONV), Inputs(_filters_and_bias, NEW, CONV | {"pads": ([1, 0, 1, 1],)})],
    "ConvInteger": [Inputs(_integer_filters, ONE_SET, CONV)],
    "QLinearConv": [Inputs(_codes_of_filters, ONE_SET, CONV)],
    "QLinearMatMul": [
        Inputs(
            (
                *(Activation((2, 3, 6), plain=True), "i0:s", "i0:z"),
                *(np.arange(-15, 15, dtype=np.int8).reshape(6, 5), scale, point, real(0.1), np.uint8(99)),
            )
        )
        for scale, point in ((real(0.01), np.int8(3)), (real(0.01, 0.02, 0.03, 0.04, 0.1), np.int8([0, 1, -2, 9, 5])))
    ],
    "MatMulInteger": [
        Inputs((Activation((3, 5), plain=True), np.arange(-10, 10, dtype=np.int8).reshape(5, 4), point, columns))
        for point in (np.uint8(0), np.uint8(200))
        for columns in (np.int8(-3), np.array([1, -2, 0, 7], np.int8), None)
    ],
    "Gemm": [Inputs(_matrix), Inputs(lambda made: _matrix(made)[:2])],
    "MatMul": [
        Inputs((Activation((2, 3, 6)), Weights((6, 5), 1))),
        Inputs((Activation((2, 3, 6)), Activation((2, 6, 5)))),
        Inputs((Activation((3, 6)), Activation((2, 6, 5)))),
        Inputs((Weights((2, 3, 6)), Activation((6, 5)))),
    ],
    "MatMulNBits": [
        Inputs(
            (Activation((3, 16)), np.arange(40, dtype=np.uint8).reshape(5, 1, 8), real(1, 2, 3, 4, 5)),
            ONE_SET,
            {"K": (16,), "N": (5,), "bits": (4,), "block_size": (16,), "accuracy_level": (ABSENT,)},
        )
    ],
    "Clip": [
        Inputs((X, *limits))
        for limits in [(real(-1), real(1)), (None, real(0.5)), (real(0.5),), (real(1), real(-1)), ()]
    ],
    "Concat": [Inputs((X, Activation(low=-1), Weights(IMAGE)), attributes={"axis": (0, 1, 2, 3, -1)})],
    "DequantizeLinear": [
        Inputs(
            (np.arange(-60, 60, dtype=np.int8).reshape(2, 3, 4, 5), real(*range(1, n + 1)), None), NEW, {"axis": (a,)}
        )
        for a, n in ((ABSENT, 3), (0, 2), (2, 4), (-1, 5))
    ],
    "QuantizeLinear": [
        Inputs((X, real(0.03), point), NEW, {"output_dtype": (ABSENT,)}) for point in (np.int8(5), np.uint8(7), None)
    ]
    + [Inputs((X, real(0.03)), (21,), {"output_dtype": (2, 3)})],
    "DynamicQuantizeLinear": [],
    "Expand": [Inputs((X, ints(4, 1, 1))), Inputs((Activation((3, 1, 2)), ints(2, 1, 4, 2)))],
    "Gather": [
        Inputs((X, places), attributes={"axis": (ABSENT, 1, -1)})
        for places in (ints(1, 0, -1), np.array([[0, -2]]), np.array(1))
    ],
    "LayerNormalization": [
        Inputs((ROW, real(1, 2, -1, 0, 0.5, 3), bias), (17, 21), {"axis": (ABSENT, 2, -1), "epsilon": (ABSENT, 0.5)})
        for bias in (None, real(0, 1, -1, 2, 0, 0.25))
    ],
    "Softmax": [Inputs((x,)) for x in (X, Activation((3, 7)))],
    "LogSoftmax": [Inputs((Activation((3, 7)),))],
    "Pad": [
        *(Inputs((X, ints(0, 1, 0, 2, 0, 0, 3, 1), *fill)) for fill in ((), (real(FILL),))),
        Inputs((X, ints(2, 1, 0, 3), real(FILL), ints(-1, 1)), (18, 21)),
    ],
    "ReduceMean": [
        Inputs((X, *axes), (18, 21), {"keepdims": (1, 0)})
        for axes in ((), (ints(2, 3),), (ints(-1, 0),), (ints(1),), (ints(0, 1, 2, 3),), (ints(),))
    ],
    **{
        name: [
            Inputs((ROW, *axes), (18, 21), {"keepdims": (1, 0)})
            for axes in ((), (ints(-1),), (ints(0, 2),), (ints(1, 0),), (ints(),))
        ]
        for name in ("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceMax", "ReduceMin", "ReduceSumSquare")
    },
    "ReduceLogSum": [Inputs((Activation((2, 3, 6), low=0.25), ints(-1)), (18, 21))],
    "ReduceSum": [Inputs((X, *axes)) for axes in ((), (ints(1),), (ints(3, 2),), (ints(0, 3),), (ints(),))],
    "BatchNormalization": [
        Inputs((x, *CHANNELS, real(0, 1, -1, 0.5), real(1, 2, 0.5, 3)), (15,), {"training_mode": (0,)})
        for x in (X, Activation((2, 4, 7)), Activation((3, 4)))
    ],
    "InstanceNormalization": [Inputs((x, *CHANNELS), ONE_SET) for x in (X, Activation((2, 4, 7)))],
    "GroupNormalization": [Inputs((X, *CHANNELS), (21,), {"num_groups": (1, 2, 4), "stash_type": (ABSENT,)})],
    "RMSNormalization": [
        *(Inputs((ROW, real(1, 2, -1, 0, 0.5, 3)), (23,), {"axis": (axis,)}) for axis in (ABSENT, 2)),
        Inputs((ROW, np.arange(18, dtype=np.float32).reshape(3, 6)), (23,), {"axis": (1,)}),
        Inputs((ROW, real(0.5)), (23,), {"axis": (1,)}),
    ],
    **{
        name: [Inputs((X, real(0.5))), Inputs((X, Activation((4, 1, 6)))), Inputs((real(-1), X))]
        for name in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")
    },
    "Not": [],
    "Resize": [
        *(
            Inputs((X, None, *targets), (11, 21), NEAREST)
            for targets in ((real(1, 1, 2, 1.5),), (real(1, 1, 1.4, 0.34),), (None, ints(2, 4, 9, 1)))
        ),
        Inputs((X, None, real(1, 1, 2, 2)), ONE_SET, UNSTATED | {"mode": ("linear", "cubic")}),
    ],
    "Reshape": [Inputs((X, ints(*shape)), attributes={"allowzero": (0,)}) for shape in ((0, -1), (4, 0, 0, -1))]
    + [Inputs((X, ints(*shape))) for shape in ((-1,), (8, 5, 6), (2, -1, 30))],
    "Flatten": [Inputs((X,), attributes={"axis": (ABSENT, *range(-4, 5))})],
    "Shape": [Inputs((X,), (13, 21), {"start": (ABSENT, 1, -2, -9), "end": (ABSENT, 3, -1, 9)})],
    "Slice": [
        Inputs((X, ints(*starts), ints(*ends), *more), (10, 13, 21))
        for starts, ends, more in [
            ((0, 1), (1, 3), ()),
            ((1, -2), (99, 6), (ints(1, 3),)),
            ((-1,), (-99,), (ints(-1), ints(-2))),
            ((4, 9), (0, 1), (ints(2, 3), ints(-1, -3))),
            ((0,), (2**31,), (ints(3), ints(4))),
        ]
    ],
    "Split": [
        *(Inputs((X, ints(*sizes)), NEW, {"axis": (3, -1), "num_outputs": (ABSENT,)}) for sizes in ((4, 2), (1, 5))),
        Inputs((X,), (18, 21), {"axis": (ABSENT, 1, -2, 2), "num_outputs": (2,)}),
    ],
    "Squeeze": [Inputs((Activation((2, 1, 3, 1)), *axes)) for axes in ((), (ints(1),), (ints(-1),), (ints(-1, 1),))],
    "Unsqueeze": [Inputs((Activation((2, 3)), ints(*axes))) for axes in ((0,), (3, 1), (-1, 0), (-1,))],
    "Transpose": [Inputs((X,), attributes=PERM)],
    "DepthToSpace": [Inputs((Activation((2, 8, 3, 5)),), attributes={"blocksize": (1, 2)})],
    "SpaceToDepth": [Inputs((Activation((2, 3, 4, 6)),), (13, 28), {"blocksize": (1, 2)})],
    "Cast": [Inputs((real(1.5, -2.5, 3),), attributes={"to": (1, 6, 7), "saturate": (ABSENT,)})],
    "Dropout": [Inputs((X,), attributes={"seed": (ABSENT,)})],
    **{name: [Inputs((POSITIVE,))] for name in ("Sqrt", "Log", "Reciprocal")},
}
"""By name: what cannot be read from the operator."""
