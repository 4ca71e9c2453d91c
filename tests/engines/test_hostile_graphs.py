"""What a graph may ask for: sizes and work are held against limits first, and whatever goes wrong names the node."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground import limits
from playground.analysis.inventory import inventory_data
from playground.engines import reference, wasm
from playground.engines.interpreter import run_graph
from playground.engines.planning.plan import compile_graph, refusals
from playground.engines.run import run
from playground.errors import EngineError, InvalidInputError, PlaygroundError, UnsupportedError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.operators import all_operators
from playground.programs.kernel_program import KernelProgramBuilder
from playground.programs.program import Program, Step, Value
from playground.programs.room import Room
from playground.tasks import run_sync, typed_task

CASES = Path(__file__).parents[1] / "hostile" / "cases"
FILES = [*sorted(CASES.glob("*.onnx")), *sorted(CASES.glob("onnx*.bin")), *sorted(CASES.glob("oob*.bin"))]
SCALES = {"s": np.float32(0.1), "z": np.uint8(3)}
X = {"x": (2, 3, 4, 4)}


def graph(
    nodes: list[Node], outputs: list[str], arrays: dict[str, Any], shapes: dict[str, tuple[int, ...]] | None = None
) -> Graph:
    inputs = tuple(ValueInfo(n, "float32", s) for n, s in (X if shapes is None else shapes).items())
    tensors = {n: Tensor.of(n, np.asarray(a)) for n, a in {**SCALES, **arrays}.items()}
    return Graph("g", inputs, tuple(ValueInfo(o, "", None) for o in outputs), tuple(nodes), tensors, 17)


def node(op: str, inputs: str, outputs: str = "y", **attributes: Any) -> Node:
    return Node(op, "the node", tuple(inputs.split()), tuple(outputs.split()), attributes)


def coded(*nodes: Node) -> list[Node]:
    """Nodes that read ``q``, a quantized x."""
    pair = [
        Node("QuantizeLinear", "a", ("x", "s", "z"), ("c",), {}),
        Node("DequantizeLinear", "b", ("c", "s", "z"), ("q",), {}),
    ]
    return [*pair, *nodes]


def feeds_of(some: Graph) -> dict[str, Any] | None:
    feeds = {}
    for value in some.inputs:
        shape = [n if isinstance(n, int) and n < 1000 else 1 for n in value.shape or ()]
        kind = np.float32 if value.dtype in ("string", "bfloat16") else value.dtype
        feeds[value.name] = np.ones(shape, kind)
    return feeds


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_hostile_file_ends_in_answers_or_our_errors(path: Path) -> None:
    def attempt(call: Any) -> Any:
        try:
            return call()
        except PlaygroundError:
            return None

    model = attempt(lambda: playground.load(path.read_bytes(), "m.onnx"))
    if model is None or model.graph is None:
        return
    feeds = feeds_of(model.graph)
    attempt(lambda: inventory_data(model))
    for engine in ("reference", "wasm"):
        attempt(lambda engine=engine: playground.run(model, feeds, engine))
    for form in ("static", "dynamic", "weight_only"):
        recipe = playground.Recipe(activations=form, partial=True)
        made = attempt(lambda recipe=recipe: playground.quantize_model(model, recipe, feeds))
        for engine in ("reference", "wasm") if made is not None else ():
            attempt(lambda engine=engine, made=made: playground.run(made.model, feeds, engine))


@contextmanager
def peak_below(megabytes: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < megabytes * 2**20
    finally:
        tracemalloc.stop()


HUGE = np.array([2_000_000, 3, 1000, 1000])
LARGE = {
    "Expand": (node("Expand", "one sizes"), {"one": np.ones((1, 3, 1, 1), np.float32), "sizes": HUGE}),
    "Tile": (node("Tile", "x sizes"), {"sizes": HUGE}),
    "ConstantOfShape": (node("ConstantOfShape", "sizes"), {"sizes": HUGE}),
    "Range": (node("Range", "a b c"), {"a": np.int64(0), "b": np.int64(2**40), "c": np.int64(1)}),
    "Pad": (node("Pad", "x sizes"), {"sizes": np.array([0, 0, 2**40, 0] * 2)}),
    "Gather": (
        node("Gather", "table places"),
        {"table": np.ones((1, 400_000), np.uint8), "places": np.zeros(9000, int)},
    ),
    "Concat": (Node("Concat", "the node", ("w",) * 900, ("y",), {"axis": 0}), {"w": np.ones(400_000, np.float32)}),
    "MatMul": (node("MatMul", "col row"), {"col": np.ones((40_000, 1), np.int8), "row": np.ones((1, 80_000), np.int8)}),
    "Add": (node("Add", "col row"), {"col": np.ones((40_000, 1), np.int8), "row": np.ones((1, 80_000), np.int8)}),
    "Where": (
        node("Where", "if col row"),
        {"if": np.ones((1, 1), bool), "col": np.ones((40_000, 1), np.int8), "row": np.ones((1, 80_000), np.int8)},
    ),
    "Conv": (node("Conv", "x w", pads=[2**20] * 4, strides=[2**19] * 2), {"w": np.ones((1, 3, 1, 1), np.float32)}),
    "MaxPool": (node("MaxPool", "x", kernel_shape=[2**16, 2**16], pads=[2**16] * 4), {}),
    "AveragePool": (node("AveragePool", "x", kernel_shape=[1, 1], pads=[2**20] * 4, count_include_pad=1), {}),
    "ConvTranspose": (node("ConvTranspose", "x w", strides=[2**20] * 2), {"w": np.ones((3, 1, 1, 1), np.float32)}),
    "blocks": (
        Node("DequantizeLinear", "the node", ("k", "ks"), ("y",), {"axis": 0, "block_size": 2**31 - 1}),
        {"k": np.ones((4, 4), np.uint8), "ks": np.ones((1, 4), np.float32)},
    ),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_small_file_that_asks_for_much_is_refused_before_anything_is_allocated(name: str) -> None:
    one, arrays = LARGE[name]
    asked = graph([one], ["y"], arrays)
    x = np.ones(X["x"], np.float32)
    with peak_below(32), pytest.raises(UnsupportedError, match=r"the node.*(bytes|operations|places)"):
        run_graph(asked, {"x": x})


PLANNED = {
    "Expand": (node("Expand", "q sizes"), {"sizes": np.array([1_000_000, 2, 3, 4, 4])}),
    "Pad": (node("Pad", "q sizes"), {"sizes": np.array([0, 0, 2**40, 0] * 2)}),
    "Resize": (
        node("Resize", "q none none sizes"),
        {"none": np.zeros(0), "sizes": np.array([2, 3, 400_000, 400_000])},
    ),
    "MaxPool": (node("MaxPool", "q", kernel_shape=[2**16] * 2, pads=[2**15] * 4), {}),
}


@pytest.mark.parametrize("name", PLANNED)
def test_planning_refuses_it_too(name: str) -> None:
    one, arrays = PLANNED[name]
    asked = graph(coded(one), ["y"], arrays)
    with peak_below(64):
        (found,) = refusals(asked)
    assert found.node == "the node"
    assert any(word in found.reason for word in ("bytes", "places"))


def test_limits_grow_with_what_is_given() -> None:
    assert limits.value_bytes(0) == limits.VALUE_BYTES
    assert limits.value_bytes(10**12) == limits.MOST_VALUE_BYTES
    assert limits.operations(10**6) == limits.OPERATIONS + limits.OPERATIONS_FACTOR * 10**6
    Room(nbytes=16).value((4,), np.float32)
    with pytest.raises(UnsupportedError, match="20 bytes"):
        Room(nbytes=16).value((5,), np.float32)
    with pytest.raises(UnsupportedError, match="11 operations"):
        Room(operations=10).work(11)


def test_an_arena_has_a_limit() -> None:
    builder = KernelProgramBuilder("int16")
    for _ in range(3):
        builder.buffer(2**30, kept=True)
    with pytest.raises(EngineError, match="bytes at once"):
        builder.build(playground.host.kernels())


def both(asked: Graph, feeds: dict[str, Any]) -> list[dict[str, Any]]:
    program = compile_graph(asked, {n: x.shape for n, x in feeds.items()})
    made = [reference.run(program, feeds), wasm.WasmProgram(program).run(feeds)]
    for name, array in made[0].items():
        np.testing.assert_array_equal(array, made[1][name])
    return made


@pytest.mark.parametrize("op", ["Transpose", "MaxPool", "Split", "Gather"])
def test_what_moves_codes_may_be_an_output_in_float(op: str) -> None:
    """The codes and what they stand for are two values."""
    attributes: dict[str, Any] = {"MaxPool": {"kernel_shape": [2, 2]}}.get(op, {})
    inputs = "q places" if op == "Gather" else "q"
    outputs = "y other" if op == "Split" else "y"
    asked = graph(coded(node(op, inputs, outputs, **attributes)), ["y"], {"places": np.array([1, 0])})
    (made, _) = both(asked, {"x": np.linspace(-1, 9, 96, dtype=np.float32).reshape(X["x"])})
    assert made["y"].dtype == np.float32
    assert made["y"].max() > 3


@pytest.mark.parametrize(
    "one",
    [
        node("Concat", "q q", axis=4),
        node("Concat", "q q", axis=-5),
        node("Softmax", "q", axis=9),
        node("Split", "q", "y other", axis=-7),
        node("Split", "q sizes", "y other"),
        node("Gather", "q places", axis=6),
        node("Flatten", "q", axis=-9),
        node("Squeeze", "q places"),
        node("Slice", "q places places nine"),
        node("ReduceMean", "q twice"),
        node("LayerNormalization", "q row", axis=11),
        node("Reshape", "q negative"),
        node("Concat", "q other", axis=1),
    ],
    ids=lambda one: f"{one.op} {one.attributes}",
)
def test_axes_and_sizes_are_refused_where_they_are_wrong_never_wrapped_round(one: Node) -> None:
    arrays = {
        "places": np.array([1]),
        "nine": np.array([9]),
        "twice": np.array([1, 1]),
        "sizes": np.array([1, 2]),
        "row": np.ones(4, np.float32),
        "negative": np.array([-1, -5]),
        "w": np.ones((2, 3, 5, 4), np.uint8),
    }
    other = Node("DequantizeLinear", "d", ("w", "s", "z"), ("other",), {})
    asked = graph(coded(other, one, Node("QuantizeLinear", "e", ("y", "s", "z"), ("codes",), {})), ["codes"], arrays)
    found = refusals(asked)
    assert found[0].node == "the node"
    with pytest.raises(PlaygroundError, match="the node"):
        run(asked, {"x": np.ones(X["x"], np.float32)}, "reference")


@pytest.mark.parametrize("axes", [[1], [0, 1], [1, 0], [0, -1], [0, 2, 3]], ids=str)
def test_only_axes_of_one_are_taken_away(axes: list[int]) -> None:
    """The reason names the axes, not the shape that would have come of it."""
    asked = graph(coded(node("Squeeze", "q axes")), ["y"], {"axes": np.array(axes)}, {"x": (1, 3, 1, 4)})
    (found,) = refusals(asked)
    assert (found.node, "are not all of size 1" in found.reason) == ("the node", True)


def test_codes_are_not_quantized_dynamically() -> None:
    """int8 was read as float32 by the kernels."""
    asked = graph([node("DynamicQuantizeLinear", "x", "y s2 z2")], ["y"], {})
    asked = asked.with_(inputs=(ValueInfo("x", "int8", (4,)),))
    (found,) = refusals(asked, {"x": (4,)})
    assert (found.node, found.reason) == ("the node", "the input is int8, not float32")


def test_a_value_nobody_makes_is_named() -> None:
    for nodes, outputs in (([node("Relu", "nowhere")], ["y"]), ([node("Relu", "x")], ["nowhere"])):
        with pytest.raises(EngineError, match="'nowhere'"):
            run_graph(graph(nodes, outputs, {}), {"x": np.ones(X["x"], np.float32)})
    (found,) = refusals(graph(coded(node("Relu", "nowhere")), ["y"], {}))
    assert "'nowhere'" in found.reason


class _Fails(Step):
    def compute(self, inputs: list[Any], out: Value) -> Any:
        raise RecursionError("deep")


def test_a_step_that_fails_is_named() -> None:
    program = Program((), {"y": "y"}, (_Fails((), "y"),), {"y": Value((), "float32")}, {})
    with pytest.raises(EngineError, match=r"y: the step failed .*deep"):
        reference.run(program, {})
    with pytest.raises(PlaygroundError, match="y"):
        wasm.WasmProgram(program)


@pytest.mark.parametrize("raised", [MemoryError(), RecursionError(), OverflowError("x"), KeyError("k"), UnicodeError()])
def test_a_task_has_a_boundary(raised: Exception) -> None:
    @typed_task(EngineError, "it cannot be done", where="here", hint="")
    def task() -> Any:
        yield from ()
        raise raised

    with pytest.raises(EngineError):
        run_sync(task())


def test_operators_say_what_their_inputs_are() -> None:
    for entry in all_operators().values():
        assert len(entry.takes) <= entry.arity[1], entry.id
        assert 0 <= entry.ranks[0] <= entry.ranks[1], entry.id


def test_an_index_that_is_fed_or_computed_is_not_clamped() -> None:
    asked = graph([node("Gather", "table i")], ["y"], {"table": np.zeros((0, 4), np.uint8)})
    asked = asked.with_(inputs=(ValueInfo("i", "int64", (1,)),))
    for engine in ("reference", "wasm"):
        with pytest.raises((InvalidInputError, UnsupportedError, EngineError), match="the node"):
            run(asked.with_(nodes=asked.nodes), {"i": np.array([-1])}, engine)


def test_scales_whose_quotient_is_no_number_are_refused() -> None:
    """0 times infinity had one code in NumPy and another one in the kernels."""
    last = Node("QuantizeLinear", "the node", ("y", "tiny", "z"), ("codes",), {})
    asked = graph(coded(node("GlobalAveragePool", "q"), last), ["codes"], {"tiny": np.float32(1e-45)})
    wide = asked.with_constants({"s": np.float32(1e30)})
    (found,) = refusals(wide)
    assert (found.node, "not a finite number" in found.reason) == ("the node", True)


def test_rows_of_one_value_have_a_code_in_both_engines() -> None:
    """With a scale of 1e30 epsilon became 0, and such rows 0 times infinity."""
    asked = graph(coded(node("LayerNormalization", "q gamma")), ["y"], {"gamma": np.ones(4, np.float32)})
    wide = asked.with_constants({"s": np.float32(1e30)})
    assert not refusals(asked)
    (found,) = refusals(wide)
    assert (found.node, "epsilon" in found.reason) == ("the node", True)


def test_empty_weights_are_refused() -> None:
    weights = Node("DequantizeLinear", "d", ("w", "s", "z"), ("real",), {})
    asked = graph(coded(weights, node("Conv", "q real")), ["y"], {"w": np.ones((0, 3, 1, 1), np.uint8)})
    (found,) = refusals(asked)
    assert (found.node, "empty" in found.reason) == ("the node", True)
