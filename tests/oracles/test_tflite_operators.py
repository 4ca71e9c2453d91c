"""Single operators of TFLite with all their options, read by us, against LiteRT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import load, run
from tests.hostile.make_tflite import model, operator, tensor
from tests.model.readers.flatbuffer_writer import Number, Numbers, flatbuffer

litert = pytest.importorskip("ai_edge_litert.interpreter")
schema = pytest.importorskip("ai_edge_litert.schema_py_generated")

_TYPES = {"float32": 0, "int32": 2, "int64": 4, "bool": 6}


def i(value: int) -> Number:
    return Number("i", value)


def b(value: int) -> Number:
    return Number("b", value)


def f(value: float) -> Number:
    return Number("f", value)


def yes() -> Number:
    return Number("?", True)


@dataclass(frozen=True)
class Case:
    """An operator: the shapes of what it is fed, its constants, its options; ``-1`` stands for no input."""

    op: str
    feeds: tuple[tuple[int, ...], ...]
    constants: tuple[Any, ...] = ()
    options: Mapping[int, Any] | None = None
    kind: str = ""
    order: tuple[int, ...] = ()
    outputs: int = 1
    states: tuple[tuple[int, ...], ...] = field(default=())
    version: int = 1


def image(*sizes: int) -> tuple[tuple[int, ...], ...]:
    return (sizes or (1, 6, 7, 4),)


def drawn(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def ints(*values: Any) -> NDArray[np.int32]:
    return np.array(values[0] if len(values) == 1 and isinstance(values[0], list) else values, np.int32)


def conv(padding: int, stride: int, dilation: int, activation: int) -> Case:
    options = {0: b(padding), 1: i(stride), 2: i(stride), 3: b(activation), 4: i(dilation), 5: i(dilation)}
    return Case("CONV_2D", image(), (drawn(5, 3, 2, 4), drawn(5)), options)


def depthwise(padding: int, stride: int, multiplier: int) -> Case:
    options = {0: b(padding), 1: i(stride), 2: i(stride), 3: i(multiplier), 5: i(1), 6: i(1)}
    constants = drawn(1, 3, 3, 4 * multiplier), drawn(4 * multiplier)
    return Case("DEPTHWISE_CONV_2D", image(), constants, options)


def spread(padding: int, stride: int, height: int, width: int) -> Case:
    options = {0: b(padding), 1: i(stride), 2: i(stride)}
    constants = ints(1, height, width, 5), drawn(5, 3, 3, 4), drawn(5)
    return Case("TRANSPOSE_CONV", image(), constants, options, order=(1, 2, 0, 3))


def pool(op: str, padding: int, stride: int) -> Case:
    return Case(op, image(), (), {0: b(padding), 1: i(stride), 2: i(stride), 3: i(3), 4: i(2)}, "Pool2DOptions")


def resize(op: str, flags: Mapping[int, Any], height: int, width: int) -> Case:
    return Case(op, image(), (ints(height, width),), flags)


def part(begin: Any, end: Any, step: Any, /, **masks: int) -> Case:
    names = ("begin", "end", "ellipsis", "new", "shrink")
    options = {names.index(name): i(bits) for name, bits in masks.items()}
    return Case("STRIDED_SLICE", ((3, 4, 5),), (ints(begin), ints(end), ints(step)), options)


def lstm(by_time: bool, looks: bool, limit: float = 0.0) -> Case:
    weights = [drawn(3, 4) + k / 9 for k in range(4)], [drawn(3, 3) - k / 7 for k in range(4)]
    peepholes = [drawn(3) + k for k in range(3)] if looks else []
    constants = (*weights[0], *weights[1], *peepholes, *(drawn(3) * k for k in range(4)))
    at = 9 if looks else 12
    places = [*range(1, 9), *(range(9, 12) if looks else (-1,) * 3)]
    count = 1 + len(constants)
    biases = list(range(at if not looks else 12, 16))
    order = [0, *places, *[n - (0 if looks else 3) for n in biases], -1, -1, count, count + 1]
    options: dict[int, Any] = {0: b(4), 1: f(limit), **({3: yes()} if by_time else {})}
    batch = 2
    feeds = ((5, batch, 4),) if by_time else ((batch, 5, 4),)
    return Case(
        *("UNIDIRECTIONAL_SEQUENCE_LSTM", feeds, constants, options),
        kind="UnidirectionalSequenceLSTMOptions",
        order=tuple(order),
        states=((batch, 3), (batch, 3)),
    )


PAIR = ((1, 3, 4, 5), (1, 3, 4, 5))
CASES: dict[str, Case] = {
    **{f"conv {n}": conv(*n) for n in ((0, 1, 1, 0), (0, 2, 1, 1), (1, 2, 1, 3), (0, 1, 2, 2), (1, 1, 2, 0))},
    **{f"depthwise {n}": depthwise(*n) for n in ((0, 1, 1), (0, 2, 2), (1, 2, 1))},
    **{
        f"transposed {n}": spread(*n)
        for n in ((0, 2, 12, 14), (0, 2, 11, 13), (1, 2, 13, 15), (0, 1, 6, 7), (1, 3, 18, 21))
    },
    **{f"{op} {p} {s}": pool(op, p, s) for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D") for p in (0, 1) for s in (1, 2)},
    **{
        f"{op} {sorted(flags)} {size}": resize(op, flags, *size)
        for op, slots in (("RESIZE_BILINEAR", (2, 3)), ("RESIZE_NEAREST_NEIGHBOR", (0, 1)))
        for flags in ({}, {slots[0]: yes()}, {slots[1]: yes()})
        for size in ((12, 14), (9, 5), (3, 20))
    },
    "part": part([0, 1, 2], [2, 4, 5], [1, 2, 1]),
    "part from the end": part([-1, -1, -1], [-4, -4, -6], [-1, -2, -1]),
    "part with masks": part([1, 1, 1], [2, 2, 2], [1, 1, 2], begin=1, end=6),
    "part backwards with masks": part([0, 0, 0], [0, 0, 0], [-1, 1, -2], begin=7, end=7),
    "part without an axis": part([1, 0, -1], [2, 4, 0], [1, 1, 1], end=2, shrink=5),
    "part with an ellipsis": part([0, 1], [0, 3], [1, 1], ellipsis=1),
    "part with a new axis": part([0, 0, 1], [0, 2, 3], [1, 1, 1], new=1),
    "dense": Case("FULLY_CONNECTED", ((3, 4),), (drawn(5, 4), drawn(5)), {0: b(1)}),
    "dense of images": Case("FULLY_CONNECTED", ((2, 3, 2, 2),), (drawn(5, 12),), {}),
    "dense over rows": Case("FULLY_CONNECTED", ((2, 3, 4),), (drawn(5, 4), drawn(5)), {2: yes()}),
    "batch matmul": Case("BATCH_MATMUL", ((2, 3, 4), (2, 4, 5)), (), {}, "BatchMatMulOptions"),
    "batch matmul turned": Case("BATCH_MATMUL", ((2, 4, 3), (2, 5, 4)), (), {0: yes(), 1: yes()}, "BatchMatMulOptions"),
    "add": Case("ADD", PAIR, (), {0: b(3)}),
    "sub of a constant": Case("SUB", image(), (drawn(4),), {}),
    "mul": Case("MUL", PAIR, (), {0: b(2)}),
    "div": Case("DIV", PAIR, (), {}),
    "squared difference": Case("SQUARED_DIFFERENCE", PAIR, (), {}, "SquaredDifferenceOptions"),
    "prelu": Case("PRELU", image(), (drawn(1, 1, 4),)),
    "leaky relu": Case("LEAKY_RELU", image(), (), {0: f(0.2)}, "LeakyReluOptions"),
    "gelu": Case("GELU", image(), (), {}, "GeluOptions"),
    "gelu by tanh": Case("GELU", image(), (), {0: yes()}, "GeluOptions"),
    **{
        op: Case(op, image())
        for op in ("LOGISTIC", "TANH", "HARD_SWISH", "RELU", "RELU6", "RELU_N1_TO_1", "ELU", "EXP")
    },
    **{op: Case(op, image()) for op in ("ABS", "NEG", "SIN", "COS", "FLOOR", "CEIL", "SQUARE", "LOG_SOFTMAX", "ROUND")},
    "softmax": Case("SOFTMAX", image(), (), {0: f(1.0)}),
    "softmax with a slope": Case("SOFTMAX", ((2, 5),), (), {0: f(2.5)}),
    "norm": Case("L2_NORMALIZATION", image(), (), {}, "L2NormOptions"),
    "response": Case("LOCAL_RESPONSE_NORMALIZATION", image(1, 2, 3, 9), (), {0: i(2), 1: f(1.0), 2: f(0.3), 3: f(0.7)}),
    "concatenation": Case("CONCATENATION", PAIR, (), {0: i(3)}),
    "concatenation from the end": Case("CONCATENATION", PAIR, (), {0: i(-2)}),
    "reshape": Case("RESHAPE", image(), (ints(2, -1),), {0: Numbers("i", [2, -1])}),
    "transpose": Case("TRANSPOSE", ((2, 3, 4),), (ints(2, 0, 1),)),
    "pad": Case("PAD", image(), (ints([[0, 0], [1, 2], [0, 1], [2, 0]]),)),
    "pad with a value": Case("PADV2", image(), (ints([[0, 0], [1, 2], [0, 1], [0, 0]]), np.array(1.5, np.float32))),
    "mirror": Case("MIRROR_PAD", image(), (ints([[0, 0], [1, 2], [2, 1], [0, 0]]),), {0: b(0)}, "MirrorPadOptions"),
    "mean": Case("MEAN", image(), (ints(1, 2),), {0: yes()}, "ReducerOptions"),
    "mean without axes": Case("MEAN", image(), (ints(1, 2),), {}, "ReducerOptions"),
    "mean of channels": Case("MEAN", image(), (ints([-1]),), {}, "ReducerOptions"),
    "sum": Case("SUM", ((2, 3, 4),), (ints([1]),), {}, "ReducerOptions"),
    "largest": Case("REDUCE_MAX", ((2, 3, 4),), (ints([2]),), {0: yes()}, "ReducerOptions"),
    "split": Case("SPLIT", ((2, 6),), (ints([1]).reshape(()),), {0: i(3)}, order=(1, 0), outputs=3),
    "split by sizes": Case("SPLIT_V", ((2, 6),), (ints(1, 5), ints([1]).reshape(())), {0: i(2)}, outputs=2),
    "pack": Case("PACK", ((2, 3), (2, 3)), (), {0: i(2), 1: i(1)}),
    "unpack": Case("UNPACK", ((2, 3),), (), {0: i(3), 1: i(1)}, outputs=3),
    "gather": Case("GATHER", ((5, 3),), (ints(4, 0, 1),), {0: i(0)}),
    "gather columns": Case("GATHER", ((2, 5),), (ints([[4, 0], [1, 1]]),), {0: i(1)}),
    "gather parts": Case("GATHER_ND", ((3, 4, 5),), (ints([[0, 1], [2, 3]]),)),
    "slice": Case("SLICE", ((3, 4, 5),), (ints(1, 0, 2), ints(1, -1, 2))),
    "depth to space": Case("DEPTH_TO_SPACE", image(1, 2, 3, 12), (), {0: i(2)}),
    "space to depth": Case("SPACE_TO_DEPTH", image(1, 4, 6, 3), (), {0: i(2)}),
    "tile": Case("TILE", ((2, 3),), (ints(2, 2),)),
    "broadcast": Case("BROADCAST_TO", ((1, 3),), (ints(4, 3),), version=2),
    "reverse": Case("REVERSE_V2", ((2, 3, 4),), (ints([1]),)),
    "squeeze": Case("SQUEEZE", ((1, 3, 1, 2),), (), {0: Numbers("i", [0, 2])}),
    "expand": Case("EXPAND_DIMS", ((3, 2),), (ints([1]).reshape(()),)),
    "argmax": Case("ARG_MAX", ((3, 5),), (ints([1]).reshape(()),), {0: b(2)}),
    "shape": Case("SHAPE", ((3, 5),), (), {0: b(2)}),
    "cast": Case("CAST", ((3, 5),), (), {0: b(0), 1: b(2)}),
    "maximum": Case("MAXIMUM", PAIR, (), {}, "MaximumMinimumOptions"),
    "less": Case("LESS", PAIR),
    **{f"lstm {n}": lstm(*n) for n in ((False, False), (True, False), (False, True), (False, False, 10.0))},
}


def written(case: Case, shapes: list[tuple[int, ...]], kinds: list[int]) -> bytes:
    """The file: feeds, constants, states, then outputs of these shapes and types."""
    given = len(case.feeds)
    tensors = [tensor(list(shape), name=f"x{at}") for at, shape in enumerate(case.feeds)]
    constants = [np.asarray(values) for values in case.constants]
    for at, values in enumerate(constants):
        tensors.append(tensor(list(values.shape), _TYPES[values.dtype.name], 1 + at, f"c{at}"))
    for at, shape in enumerate(case.states):
        tensors.append({**tensor(list(shape), name=f"s{at}"), 5: Number("?", True)})
    first = len(tensors)
    tensors += [
        tensor(list(shape), kind, name=f"y{at}") for at, (shape, kind) in enumerate(zip(shapes, kinds, strict=True))
    ]
    outputs = list(range(first, first + case.outputs))
    kind = case.kind or "".join(part.title() for part in case.op.split("_")) + "Options"
    number = getattr(schema.BuiltinOptions, kind) if case.options is not None else 0
    options = None if case.options is None else dict(case.options)
    inputs = list(case.order) or list(range(given + len(constants)))
    steps = [operator(inputs, outputs, options, 0, number)]
    made = model(
        tensors,
        steps,
        [getattr(schema.BuiltinOperator, case.op)],
        [c.tobytes() for c in constants],
        (list(range(given)), outputs),
    )
    made[1][0][2] = Number("i", case.version)
    return flatbuffer(made)


OTHER_KERNELS = frozenset(("ELU", "CEIL", "ROUND", "BROADCAST_TO", "LOCAL_RESPONSE_NORMALIZATION"))
"""Which the reference kernels lack; the last one's sums there leave out the last channel of the window."""


@pytest.mark.parametrize("name", CASES)
def test_an_operator_gives_what_litert_gives(name: str) -> None:
    case = CASES[name]
    feeds = {f"x{at}": drawn(*shape) for at, shape in enumerate(case.feeds)}
    kinds = [{"ARG_MAX": 2, "SHAPE": 2, "CAST": 2, "LESS": 6}.get(case.op, 0)] * case.outputs
    wanted = theirs(written(case, [()] * case.outputs, kinds), feeds, case.op in OTHER_KERNELS)
    file = written(case, [values.shape for values in wanted], kinds)
    held = load(file, "m.tflite")
    graph = held.required_graph()
    for engine in ("reference", "wasm"):
        found = run(held, feeds, engine=engine)
        for value, values in zip(graph.outputs, wanted, strict=True):
            assert found[value.name].dtype == values.dtype
            np.testing.assert_allclose(found[value.name], values, rtol=1e-5, atol=1e-5, err_msg=engine)


def theirs(file: bytes, feeds: Mapping[str, NDArray[Any]], other: bool) -> list[NDArray[Any]]:
    kinds = litert.OpResolverType
    chosen = kinds.BUILTIN_WITHOUT_DEFAULT_DELEGATES if other else kinds.BUILTIN_REF
    made = litert.Interpreter(model_content=file, num_threads=1, experimental_op_resolver_type=chosen)
    made.allocate_tensors()
    for detail in made.get_input_details():
        made.set_tensor(detail["index"], feeds[detail["name"]])
    made.invoke()
    return [made.get_tensor(detail["index"]) for detail in made.get_output_details()]
