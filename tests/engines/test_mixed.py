"""Graphs of which only parts have an integer form run in our kernels all the same, as ONNX Runtime runs them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground import host
from playground.engines.mixed import MixedProgram
from playground.engines.parts import Source, computed_task
from playground.engines.planned import PlannedModel
from playground.errors import CancelledError, UnsupportedError
from playground.model.graph import Graph
from playground.programs.planner import Planner
from playground.programs.room import Room
from playground.tasks import run_sync

RNG = np.random.default_rng(5)
Array = np.ndarray[Any, Any]


def file_of(
    nodes: list[Any], inputs: dict[str, list[Any]], outputs: dict[str, int], constants: dict[str, Array]
) -> bytes:
    """A model of operator set 17; sizes of outputs are left open."""
    graph = helper.make_graph(
        nodes,
        "mixed",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def weights(*shape: int) -> Array:
    return RNG.normal(size=shape).astype(np.float32)


def between(*operators: str) -> bytes:
    """Two products, and between them operators that have no integer form."""
    names = ["h0", *(f"h{i + 1}" for i in range(len(operators)))]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h0"])]
    nodes += [helper.make_node(op, [a], [b]) for op, a, b in zip(operators, names, names[1:], strict=False)]
    nodes += [helper.make_node("Mul", [names[-1], names[0]], ["m"]), helper.make_node("MatMul", ["m", "v"], ["y"])]
    return file_of(nodes, {"x": ["n", 8]}, {"y": 1}, {"w": weights(8, 12), "v": weights(12, 5)})


def quantized(content: bytes, x: Array, **recipe: Any) -> playground.QuantizedModel:
    return playground.quantize_model(playground.load(content), playground.Recipe(**recipe), {"x": x})


def both(graph: Graph, feeds: dict[str, Array]) -> dict[str, Array]:
    """Our kernels' outputs, which are those of NumPy bit for bit, and the same when the graph runs again."""
    ours, reference = PlannedModel(graph, "wasm"), PlannedModel(graph, "reference")
    found = ours.run(feeds)
    for other in (reference.run(feeds), ours.run(feeds), reference.run(feeds)):
        assert found.keys() == other.keys()
        for name, array in found.items():
            np.testing.assert_array_equal(array, other[name])
    ours.release()
    return found


def native(content: bytes, feeds: dict[str, Array]) -> dict[str, Array]:
    """ONNX Runtime's outputs, nodes as they stand: its optimizer would round inputs of products."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feeds), strict=True))


@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
@pytest.mark.parametrize("operators", [("Sin",), ("Erf", "Cos"), ("Sinh", "Tanh", "Atan")])
def test_float_operators_between_products(operators: tuple[str, ...], activations: str) -> None:
    x = weights(7, 8)
    content = between(*operators)
    # products with int8 overflow in ONNX Runtime on x86 without VNNI, node by node too
    weights_as = "uint8" if activations == "dynamic" else "int8"
    made = quantized(content, x, activations=activations, weights=weights_as)
    found, expected = both(made.model.required_graph(), {"x": x})["y"], native(made.onnx, {"x": x})["y"]
    # one code more or less of a value in front of a product is a hundredth of the largest result
    share = 1e-5 if activations == "weight_only" else 0.03
    np.testing.assert_allclose(found, expected, rtol=0, atol=share * np.abs(expected).max())


def test_products_are_programs_and_the_rest_is_not() -> None:
    x = weights(7, 8)
    graph = quantized(between("Sin", "Cos"), x).model.required_graph()
    mixed = run_sync(PlannedModel(graph).prepare_task({"x": x}))
    assert isinstance(mixed, MixedProgram)
    computed = [node.op for part in mixed.parts for node, _, _ in part.nodes]
    products = [step for part in mixed.parts if part.plain for step in part.plain.steps if step.is_product]
    assert "MatMul" not in computed
    assert {"Sin", "Cos"} <= set(computed)
    assert len(products) == 2


def test_a_float_graph_runs() -> None:
    content, x = between("Sin"), weights(3, 8)
    found = playground.run(content, {"x": x}, "wasm")["y"]
    np.testing.assert_allclose(found, native(content, {"x": x})["y"], rtol=1e-5, atol=1e-5)


def chosen_rows() -> bytes:
    """How many rows the second product has depends on the values of the first."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("ReduceMax", ["h"], ["top"], axes=[1], keepdims=0),
        helper.make_node("Greater", ["top", "least"], ["large"]),
        helper.make_node("Compress", ["h", "large"], ["rows"], axis=0),
        helper.make_node("MatMul", ["rows", "v"], ["y"]),
    ]
    constants = {"w": weights(6, 8), "v": weights(8, 4), "least": np.float32([2.5])}
    return file_of(nodes, {"x": ["n", 6]}, {"y": 1}, constants)


def test_values_may_decide_about_shapes() -> None:
    content, x = chosen_rows(), weights(12, 6)
    made = quantized(content, x, partial=True)
    planned = PlannedModel(made.model.required_graph())
    shapes = set()
    for feeds in ({"x": x}, {"x": x[::-1].copy()}, {"x": np.roll(x, 3, axis=1)}, {"x": x}):
        found, expected = planned.run(feeds)["y"], native(made.onnx, feeds)["y"]
        assert found.shape == expected.shape
        shapes.add(found.shape)
        np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())
    assert len(shapes) > 1


def test_a_run_that_is_stopped_while_parts_are_found_anew_leaves_the_next_one_right() -> None:
    content, x = chosen_rows(), weights(12, 6)
    planned = PlannedModel(quantized(content, x, partial=True).model.required_graph())
    expected = planned.run({"x": x})["y"]
    other = np.zeros_like(x)
    for steps in range(1, 12):
        work = planned.run_task({"x": other})
        with pytest.raises((CancelledError, StopIteration)):
            for _ in range(steps):
                next(work)
            work.throw(CancelledError("stopped", where="run", hint="Start again"))
        np.testing.assert_array_equal(planned.run({"x": x})["y"], expected)


def integer_sums() -> bytes:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "point"]),
        helper.make_node("MatMulInteger", ["q", "w", "point"], ["sums"]),
        helper.make_node("Add", ["sums", "bias"], ["y"]),
    ]
    constants = {"w": RNG.integers(-99, 99, (8, 3), dtype=np.int8), "bias": RNG.integers(-999, 999, 3, dtype=np.int32)}
    return file_of(nodes, {"x": [4, 8]}, {"y": 6, "sums": 6, "scale": 1, "point": 2}, constants)


def test_integer_sums_that_others_read_are_those_of_the_file() -> None:
    """The kernels multiply codes with their zero-point, which is taken off later."""
    content, x = integer_sums(), weights(4, 8) + 1
    found, expected = both(playground.load(content).required_graph(), {"x": x}), native(content, {"x": x})
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def branches() -> bytes:
    """An If between two products: one branch has a product of its own, the other reads a value around it."""

    def branch(op: str, inputs: list[str]) -> Any:
        made = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node(op, inputs, ["out"])], op, [], [made])

    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Less", ["sum", "zero"], ["negative"]),
        helper.make_node(
            "If", ["negative"], ["z"], then_branch=branch("MatMul", ["h", "u"]), else_branch=branch("Neg", ["h"])
        ),
        helper.make_node("MatMul", ["z", "v"], ["y"]),
    ]
    constants = {"w": weights(6, 8), "u": weights(8, 8), "v": weights(8, 4), "zero": np.float32(0)}
    return file_of(nodes, {"x": ["n", 6]}, {"y": 1}, constants)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_branch_between_products(sign: int) -> None:
    content, x = branches(), np.abs(weights(5, 6)) * np.float32(sign)
    made = quantized(content, np.concatenate([x, -x]), partial=True)
    found, expected = both(made.model.required_graph(), {"x": x})["y"], native(made.onnx, {"x": x})["y"]
    np.testing.assert_allclose(found, expected, atol=0.05 * np.abs(expected).max())


def test_memory_is_given_back_also_when_a_run_is_stopped() -> None:
    x = weights(7, 8)
    graph = quantized(between("Sin"), x).model.required_graph()
    PlannedModel(graph).release()
    before = host.kernels().used
    planned = PlannedModel(graph)
    planned.run({"x": x})
    assert planned.nbytes > 0
    planned.release()
    work = PlannedModel(graph).run_task({"x": x})
    for _ in range(4):
        next(work)
    with pytest.raises(CancelledError):
        work.throw(CancelledError("stopped", where="run", hint="Start again"))
    assert host.kernels().used == before


def test_what_cannot_be_computed_is_named() -> None:
    content = file_of(
        [
            helper.make_node("MatMul", ["x", "w"], ["h"]),
            helper.make_node("Nothing", ["h"], ["y"], name="odd", domain="x.y"),
        ],
        {"x": ["n", 6]},
        {"y": 1},
        {"w": weights(6, 8)},
    )
    with pytest.raises(UnsupportedError, match=r"x\.y\.Nothing"):
        playground.run(content, {"x": weights(2, 6)}, "wasm")


def test_codes_that_would_be_too_large_as_floats_are_refused_before_they_are() -> None:
    """Codes take a quarter of the room of their values."""
    node = helper.make_node("Sin", ["d"], ["y"], name="slow")
    graph = playground.load(file_of([node], {"d": ["n"]}, {"y": 1}, {})).required_graph()
    planner = Planner(graph, Room(nbytes=1000))
    source = Source("codes", real=lambda codes: codes.astype(np.float32))
    work = {size: {"codes": np.zeros(size, np.uint8)} for size in (250, 251)}
    made = run_sync(computed_task(planner, graph.nodes[0], {"d": source}, work[250], None))
    assert made["y"].shape == (250,)
    with pytest.raises(UnsupportedError, match="would take 1004 bytes") as caught:
        run_sync(computed_task(planner, graph.nodes[0], {"d": source}, work[251], None))
    assert "node 'slow' (Sin)" in caught.value.where
