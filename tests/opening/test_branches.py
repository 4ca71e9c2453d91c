"""Weights of branches are constants of the graph around them, names are unique, constant conditions are resolved."""

import numpy as np
import onnx
import onnxruntime
import pytest

from playground.analysis.inventory import inventory
from playground.engines.interpreter import run_graph
from playground.model.graph import Graph
from playground.model.writers.onnx import to_onnx
from playground.opening import load

X = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def parsed(text: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')


def opened(model: onnx.ModelProto) -> Graph:
    return load(model.SerializeToString(), "net.onnx").required_graph()


def assert_same_outputs(model: onnx.ModelProto, **feeds: np.ndarray) -> Graph:
    """The opened graph, which gives in both engines what ONNX Runtime makes of the file."""
    graph = opened(model)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
    written = to_onnx(graph)
    onnx.checker.check_model(written, full_check=True)
    again = onnxruntime.InferenceSession(written).run(None, feeds)
    for ours, copy, theirs in zip(run_graph(graph, feeds).values(), again, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, 1e-5, 1e-6)
        np.testing.assert_allclose(copy, theirs, 1e-5, 1e-6)
    return graph


WEIGHTS = "<float[3,3] W = {1,2,3, 4,5,6, 7,8,9}, float[3] b = {1,2,3}>"
OTHERS = "<float[3,3] W = {0,-2,3, 4,-5,6, 7,8,-9}, float[3] b = {-1,2,-3}, float[3] only = {5,6,7}>"
TWO = f"""
agraph (float[N,3] x, bool c) => (float[N,3] y)
{{
  y = If (c) <
    then_branch = t () => (float[N,3] o) {WEIGHTS} {{ m = MatMul (x, W)  o = Add (m, b) }},
    else_branch = e () => (float[N,3] o) {OTHERS} {{ m = MatMul (x, W)  a = Add (m, b)  o = Mul (a, only) }}
  >
}}
"""


@pytest.mark.parametrize("c", [False, True])
def test_weights_of_branches_are_listed_by_names_that_tell_them_apart(c: bool) -> None:
    graph = assert_same_outputs(parsed(TWO), x=X, c=np.array(c))
    then, other = ([f"If_0/{branch}/{name}" for name in "Wb"] for branch in ("then_branch", "else_branch"))
    assert sorted(graph.initializers) == sorted([*then, *other, "only"])
    rows = {row.name: row for row in inventory(load(parsed(TWO).SerializeToString(), "net.onnx"))}
    assert rows["If_0/then_branch/W"].op == "MatMul"
    assert rows["only"].op == "Mul"
    assert len({node.name for node in graph.walk()}) == len(list(graph.walk())) == 6


def test_a_weight_of_the_graph_around_keeps_its_name() -> None:
    text = TWO.replace("bool c) => (float[N,3] y)\n", "bool c) => (float[N,3] y)\n<float[3] only = {1,1,1}>\n")
    graph = assert_same_outputs(parsed(text.replace("y = If", "z = Mul (x, only)  y = If")), x=X, c=np.array(False))
    assert {"only", "If_1/else_branch/only"} <= set(graph.initializers)
    np.testing.assert_array_equal(graph.initializers["only"].numpy(), [1, 1, 1])


def test_what_a_branch_gives_as_it_is_stays_inside() -> None:
    text = """
    agraph (float[3] x, bool c) => (float[3] y)
    {
      y = If (c) <
        then_branch = t () => (float[3] given) <float[3] given = {1,2,3}> { },
        else_branch = e () => (float[3] o) { o = Relu (x) }
      >
    }"""
    graph = assert_same_outputs(parsed(text), x=X[0], c=np.array(True))
    assert not graph.initializers


def test_nested_bodies() -> None:
    text = f"""
    agraph (float[N,3] x, bool c, int64 n) => (float[N,3] y)
    <float[3,3] V = {{1,0,2, 0,1,0, 1,1,0}}>
    {{
      y = Loop (n, c, x) <body = b (int64 i, bool g, float[N,3] v) => (bool k, float[N,3] w)
        <float[3] W = {{0.5,0.1,0.2}}>
        {{
          k = Identity (g)
          u = Mul (v, W)
          w = If (g) <
            then_branch = t () => (float[N,3] o) {WEIGHTS} {{ p = MatMul (u, W)  q = MatMul (p, V)  o = Tanh (q) }},
            else_branch = e () => (float[N,3] o) {{ o = Relu (u) }}
          >
        }}>
    }}"""
    graph = assert_same_outputs(parsed(text), x=X, c=np.array(True), n=np.array(3))
    assert sorted(graph.initializers) == ["If_2/then_branch/W", "Loop_0/body/W", "V", "b"]


CONSTANT = f"""
agraph (float[N,3] x) => (float[N,3] y, float[N,3] same, float[N,3] twice)
<bool c = {{VALUE}}>
{{
  h = Relu (x)
  y, same, twice = If (c) <
    then_branch = t () => (float[N,3] o, float[N,3] p, float[N,3] p2)
      {WEIGHTS} {{ m = MatMul (h, W)  o = Add (m, b)  p = Identity (h)  p2 = Identity (o) }},
    else_branch = e () => (float[N,3] o, float[N,3] p, float[N,3] p2)
    {{
      o, p = If (c) <then_branch = u () => (float[N,3] r, float[N,3] s) {{ r = Neg (h)  s = Neg (x) }},
                     else_branch = v () => (float[N,3] r, float[N,3] s) {{ r = Sub (h, x)  s = Abs (r) }}>
      p2 = Mul (o, o)
    }}
  >
}}
"""


@pytest.mark.parametrize(("value", "operators"), [(1, "Relu MatMul Add Identity Identity"), (0, "Relu Sub Abs Mul")])
def test_a_condition_that_is_constant_is_resolved(value: int, operators: str) -> None:
    graph = assert_same_outputs(parsed(CONSTANT.replace("VALUE", str(value))), x=X)
    assert [node.op for node in graph.nodes] == operators.split()


def test_an_output_that_comes_from_around_the_branch_gets_a_node() -> None:
    model = parsed(CONSTANT.replace("VALUE", "1"))
    branch = model.graph.node[1].attribute[0].g
    del branch.node[2:]
    branch.output[1].name, branch.output[2].name = "h", "o"
    graph = opened(model)
    found = run_graph(graph, {"x": X})
    np.testing.assert_array_equal(found["same"], np.maximum(X, 0))
    np.testing.assert_array_equal(found["twice"], found["y"])


def test_a_condition_inside_a_body_is_resolved_there() -> None:
    text = f"""
    agraph (float[N,3] x, int64 n) => (float[N,3] y)
    <bool never = {{0}}>
    {{
      y = Loop (n, "", x) <body = b (int64 i, bool g, float[N,3] v) => (bool k, float[N,3] w)
        {{
          k = Identity (g)
          w = If (never) <then_branch = t () => (float[N,3] o) {WEIGHTS} {{ o = MatMul (v, W) }},
                          else_branch = e () => (float[N,3] o) {{ o = Relu (v) }}>
        }}>
    }}"""
    graph = assert_same_outputs(parsed(text), x=X, n=np.array(2))
    assert [node.op for node in graph.walk()] == ["Loop", "Identity", "Relu"]


def test_values_inside_that_have_the_name_of_one_outside_are_renamed() -> None:
    """ONNX forbids it, files have it all the same; the innermost one is meant."""
    text = TWO.replace("m = MatMul (x, W)  o = Add (m, b) }", "h = MatMul (x, W)  o = Add (h, b) }")
    text = text.replace("y = If", "h = Neg (x)  z = Relu (h)  y = If")
    model = parsed(text)
    graph = opened(model)
    feeds = {"x": X, "c": np.array(True)}
    expected = opened(parsed(TWO))
    np.testing.assert_array_equal(run_graph(graph, feeds)["y"], run_graph(expected, feeds)["y"])
    outside = {name for node in graph.nodes for name in node.outputs}
    inside = [name for node in graph.nodes[-1].branches[0].nodes for name in node.outputs]
    assert not outside.intersection(inside)


def test_names_do_not_grow_with_the_depth() -> None:
    """Every node and value of every level has the same long name, so all are renamed."""
    name, helper = "n" * 300, onnx.helper
    value = helper.make_tensor_value_info("o", onnx.TensorProto.FLOAT, None)
    inner = helper.make_graph([helper.make_node("Relu", ["x"], ["o"], name)], "g", [], [value])
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["o"], name)], "e", [], [value])
    for _ in range(15):
        nodes = [
            helper.make_node("Relu", ["x"], [name], f"{name}r"),
            helper.make_node("Abs", [name], ["p"], f"{name}a"),
        ]
        nodes.append(helper.make_node("If", ["c"], ["o"], name, then_branch=inner, else_branch=other))
        inner = helper.make_graph(nodes, "g", [], [value])
    inner.input.extend([helper.make_tensor_value_info("x", 1, [3]), helper.make_tensor_value_info("c", 9, [])])
    model = helper.make_model(inner, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    graph, feeds = opened(model), {"x": X[0], "c": np.array(True)}
    np.testing.assert_array_equal(run_graph(graph, feeds)["o"], np.maximum(X[0], 0))
    # ONNX Runtime refuses the file, where names inside are those of values outside, but takes the opened graph
    np.testing.assert_array_equal(onnxruntime.InferenceSession(to_onnx(graph)).run(None, feeds)[0], np.maximum(X[0], 0))
    longest = max(len(text) for node in graph.walk() for text in (node.name, *node.outputs))
    assert longest < 400 + 2 * 300
