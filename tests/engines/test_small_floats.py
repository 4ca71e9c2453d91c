"""Floats of 8 bits or less in a graph: casts by ONNX's rules, and no code is ever read as a whole number."""

import gc

import ml_dtypes
import numpy as np
import onnxruntime
import pytest

from playground.engines.interpreter import Runner, run_graph, unsupported
from playground.engines.planning.plan import refusals
from playground.engines.run import run
from playground.engines.small_floats import _known, small_floats
from playground.errors import PlaygroundError, UnsupportedError
from playground.model.element_types import BY_NAME
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from tests.engines import node_cases
from tests.engines.test_node_cases import failures

EIGHT = ("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz")
X = np.concatenate([
    np.random.default_rng(0).normal(size=400) * np.exp2(np.random.default_rng(1).integers(-20, 20, 400)),
    [0.0, -0.0, np.nan, np.inf, -np.inf, 448, 464, 465, 57344, 70000, 1e9, -1e9, 2.0**-9, 2.0**-10, 2.0**-17],
    [1.5] * 5,
]).astype(np.float32).reshape(4, 105)  # fmt: skip


def number(name):
    return BY_NAME[name].onnx


def graph_of(*nodes, opset=21, constants=(), output="float32"):
    held = {name: Tensor.of(name, np.asarray(values)) for name, values in dict(constants).items()}
    ends = (ValueInfo("x", "float32", ("n", 105)),), (ValueInfo("y", output, None),)
    return Graph("net", *ends, tuple(nodes), held, opset)


def there_and_back(name, *between, **attributes):
    """A cast, nodes that read c and give d, and the cast back."""
    nodes = between or (Node("Identity", "same", ("c",), ("d",)),)
    there = Node("Cast", "there", ("x",), ("c",), {"to": number(name), **attributes})
    return graph_of(there, *nodes, Node("Cast", "back", ("d",), ("y",), {"to": 1}))


@pytest.mark.parametrize("module", ["cast", "castlike"])
def test_all_of_onnx_own_cases_pass(module):
    """Those to small floats too, which the test of all cases leaves out, since ONNX Runtime's arrays are others."""
    cases = node_cases.of(module)
    assert sum("FLOAT8" in case.name or "FLOAT4" in case.name for case in cases) >= 20
    assert failures(cases) == {}


@pytest.mark.parametrize("saturate", [0, 1])
@pytest.mark.parametrize("name", EIGHT)
def test_values_are_those_of_onnxruntime(name, saturate):
    graph = there_and_back(name, saturate=saturate)
    found = run_graph(graph, {"x": X})["y"]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(to_onnx(graph), options, providers=["CPUExecutionProvider"])
    np.testing.assert_array_equal(found, session.run(None, {"x": X})[0])
    # ONNX Runtime makes NaN of 61440 to 65535 here, and infinity of more; by ONNX's table all that is infinity
    middle = np.full((1, 105), 61440, np.float32)
    if not saturate and name == "float8_e5m2":
        assert np.isinf(run_graph(graph, {"x": middle})["y"]).all()
    finite = np.abs(X) < float(ml_dtypes.finfo(name).max)
    np.testing.assert_array_equal(found[finite], X.astype(name).astype(np.float32)[finite])


MOVES = {
    "Transpose": Node("Transpose", "move", ("c",), ("d",), {"perm": [1, 0]}),
    "Reshape": Node("Reshape", "move", ("c", "shape"), ("d",)),
    "Flatten": Node("Flatten", "move", ("c",), ("d",)),
    "Unsqueeze": Node("Unsqueeze", "move", ("c", "axes"), ("d",)),
}


@pytest.mark.parametrize("op", MOVES)
def test_what_moves_values_keeps_their_type(op):
    shape = {"shape": np.int64([105, 4]), "axes": np.int64([0])}
    graph = there_and_back("float8_e4m3fn", MOVES[op]).with_constants(shape)
    assert small_floats(graph) == {"c": "float8_e4m3fn", "d": "float8_e4m3fn"}
    float_graph = graph.with_constants(shape).with_(nodes=(Node("Identity", "i", ("x",), ("c",)), *graph.nodes[1:]))
    x = np.clip(X, -448, 448)
    kept = run_graph(graph, {"x": x})["y"]
    wanted = run_graph(float_graph, {"x": x.astype("float8_e4m3fn").astype(np.float32)})["y"]
    np.testing.assert_array_equal(kept, wanted)


def test_the_size_of_codes_is_no_matter_of_their_type():
    graph = there_and_back("float8_e5m2", Node("Size", "size", ("c",), ("d",)))
    assert run_graph(graph, {"x": X})["y"] == X.size


@pytest.mark.parametrize("stated", [True, False])
def test_quantized_to_small_floats_and_back(stated):
    """The type comes from the attribute, or from what another cast makes for a zero-point."""
    attributes = {"output_dtype": number("float8_e4m3fn")} if stated else {}
    point = () if stated else ("zero",)
    graph = graph_of(
        Node("Cast", "to zero", ("nothing",), ("zero",), {"to": number("float8_e4m3fn")}),
        Node("QuantizeLinear", "q", ("x", "scale", *point), ("c",), {"axis": 1, "block_size": 0, **attributes}),
        Node("DequantizeLinear", "d", ("c", "scale"), ("y",), {"axis": 1, "block_size": 0}),
        constants={"scale": np.float32(0.5), "nothing": np.float32(0)}, opset=23,
    )  # fmt: skip
    x = np.clip(X[:, :95], -200, 200)
    x = np.where(np.isnan(x), 1, x).astype(np.float32)
    graph = graph.with_(inputs=(ValueInfo("x", "float32", ("n", 95)),))
    wanted = (x / np.float32(0.5)).astype("float8_e4m3fn").astype(np.float32) * np.float32(0.5)
    np.testing.assert_array_equal(run_graph(graph, {"x": x})["y"], wanted)
    np.testing.assert_array_equal(Runner(graph).run({"x": x})["y"], wanted)


@pytest.mark.parametrize(
    "node",
    [
        Node("Add", "wrong", ("c", "c"), ("d",)),
        Node("Relu", "wrong", ("c",), ("d",)),
        Node("Resize", "wrong", ("c", "", "", "sizes"), ("d",)),
        Node("MatMul", "wrong", ("w", "c"), ("d",)),
    ],
)
def test_codes_are_never_read_as_whole_numbers(node):
    graph = there_and_back("float8_e4m3fn", node)
    assert unsupported(graph) == (f"{node.op} of float8_e4m3fn",)
    with pytest.raises(UnsupportedError, match=f"the NumPy interpreter has no {node.op} of float8_e4m3fn"):
        run_graph(graph, {"x": X})


def test_graphs_inside_read_small_floats_but_give_none():
    inner = Graph(
        "then", (), (ValueInfo("i", "float32", None),), (Node("Cast", "i", ("c",), ("i",), {"to": 1}),), {}, 21
    )
    given = Graph(
        "else", (), (ValueInfo("j", "float8_e4m3fn", None),), (Node("Identity", "j", ("c",), ("j",)),), {}, 21
    )
    yes = {"yes": np.array(True)}
    there = Node("Cast", "there", ("x",), ("c",), {"to": number("float8_e4m3fn")})

    def of(branch):
        held = {"then_branch": branch, "else_branch": branch}
        return graph_of(there, Node("If", "if", ("yes",), ("y",), held), constants=yes)

    x = np.clip(X, -448, 448)
    np.testing.assert_array_equal(run_graph(of(inner), {"x": x})["y"], x.astype("float8_e4m3fn").astype(np.float32))
    assert unsupported(of(given)) == ("If of float8_e4m3fn",)


@pytest.mark.parametrize("to", [None, 99, -1, 2.5, [17], "17"])
def test_what_is_no_type_is_refused_as_ever(to):
    attributes = {} if to is None else {"to": to}
    graph = graph_of(Node("Cast", "there", ("x",), ("c",), attributes), Node("CastLike", "like", ("c",), ("y",)))
    assert small_floats(graph) == {}
    with pytest.raises(PlaygroundError):
        run_graph(graph, {"x": X})


def test_there_is_no_integer_form():
    there = Node("Cast", "there", ("w",), ("c",), {"to": number("float8_e4m3fn")})
    back = Node("Cast", "back", ("c",), ("y",), {"to": 1})
    found = refusals(graph_of(there, back, constants={"w": np.float32([1.3])}), {"x": X.shape})
    assert any("codes of small floats have no integer form" in refusal.reason for refusal in found)


def test_what_is_known_of_a_graph_goes_with_it():
    graph = there_and_back("float8_e4m3fn")
    small_floats(graph)
    key = id(graph)
    assert key in _known
    del graph
    gc.collect()
    assert key not in _known


@pytest.mark.parametrize("engine", ["wasm", "reference"])
@pytest.mark.parametrize("weights", [False, True])
def test_codes_of_small_floats_are_left_to_numpy(engine, weights):
    """Their arrays hold octets, which programs would take for whole numbers."""
    held = {"s": np.float32(0.5), "w": np.random.default_rng(2).normal(size=(105, 3)).astype(np.float32)}
    nodes = (
        Node("QuantizeLinear", "q", ("w" if weights else "x", "s", "z"), ("c",)),
        Node("DequantizeLinear", "d", ("c", "s", "z"), ("r",)),
        Node("MatMul", "m", ("x", "r") if weights else ("r", "w"), ("y",)),
    )
    graph = graph_of(*nodes, constants=held)
    zero = Tensor("z", "float8_e4m3fn", (), 1, lambda: np.zeros((), np.uint8))
    graph = graph.with_(initializers={**graph.initializers, "z": zero})
    x = np.random.default_rng(3).normal(size=(4, 105)).astype(np.float32)
    found, meant = run(graph, {"x": x}, engine=engine)["y"], run_graph(graph, {"x": x})["y"]
    np.testing.assert_allclose(found, meant, rtol=1e-5, atol=1e-4)
