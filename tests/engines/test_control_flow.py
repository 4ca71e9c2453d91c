"""If, Loop and Scan in the interpreter, against native ONNX Runtime."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from playground import limits
from playground.engines.interpreter import Runner, run_graph, run_graph_task, unsupported
from playground.errors import EngineError, InvalidInputError, PlaygroundError, UnsupportedError
from playground.model.graph import Graph
from playground.model.writers.onnx import to_onnx
from playground.opening import load
from tests.engines import node_cases

X = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)

IF = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N,4] x, bool c, bool d) => (float[N,4] y)
<float[4,4] W = {1,2,3,4, 5,6,7,8, 9,1,2,3, 4,5,6,7}>
{
  h = MatMul (x, W)
  y = If (c) <
    then_branch = t () => (float[N,4] o) {
      r = Relu (h)
      o = If (d) <
        then_branch = u () => (float[N,4] p) <float[4] b = {1,2,3,4}> { q = Add (r, b)  p = Sub (q, x) },
        else_branch = v () => (float[N,4] p) <float[4] b = {-1,-2,-3,-4}> { p = Mul (h, b) }
      >
    },
    else_branch = e () => (float[N,4] o) { o = MatMul (x, W) }
  >
}
"""

LOOP = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[N,4] x, int64 trips, bool go) => (float[N,4] y, float[T,N,4] steps, int64[T] numbers)
{
  limit = Constant <value = float {40}> ()
  y, steps, numbers = Loop (trips, go, x) <
    body = b (int64 i, bool cond_in, float[N,4] v) => (bool cond, float[N,4] w, float[N,4] kept, int64 j)
    <float[4,4] W = {1,0,0,1, 0,1,1,0, 0,1,-1,0, 1,0,0,1}>
    {
      m = MatMul (v, W)
      w = Add (m, x)
      s = ReduceMax <keepdims = 0> (w)
      cond = Less (s, limit)
      kept = Identity (m)
      j = Identity (i)
    }
  >
}
"""

SCAN = """
<ir_version: 8, opset_import: ["" : 17]>
agraph (float[4] start, float[5,4] x, float[4,5] turned, float bias)
  => (float[4] last, float[A,B] sums, float[C,D] others)
{
  last, sums, others = Scan (start, x, turned) <num_scan_inputs = 2, scan_input_axes = [0, 1],
    scan_input_directions = [DIR1, 1], scan_output_axes = [AXIS, -1], scan_output_directions = [1, DIR2],
    body = b (float[4] s, float[4] a, float[4] c) => (float[4] t, float[4] o, float[4] p)
    {
      t1 = Add (s, a)
      t = Mul (t1, bias)
      o = Sub (t, c)
      p = Identity (s)
    }
  >
}
"""


CASES = {case.name: case for module in ("if_", "loop", "scan", "lstm", "gru", "rnn") for case in node_cases.of(module)}


def test_there_are_cases_of_onnx_for_every_operator() -> None:
    assert len(CASES) == 24


@pytest.mark.parametrize("name", CASES)
def test_cases_of_onnx(name: str) -> None:
    node_cases.run_here(CASES[name])


def built(text: str, **words: object) -> tuple[onnx.ModelProto, Graph]:
    for word, value in words.items():
        text = text.replace(word, str(value))
    model = onnx.parser.parse_model(text)
    return model, load(model.SerializeToString(), "net.onnx").required_graph()


def assert_as_in_onnxruntime(text: str, feeds: dict[str, Any], **words: object) -> dict[str, np.ndarray]:
    model, graph = built(text, **words)
    found = run_graph(graph, feeds)
    expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
    for (name, ours), theirs in zip(found.items(), expected, strict=True):
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype), name
        np.testing.assert_allclose(ours, theirs, 1e-5, 1e-5, err_msg=name)
    return found


@pytest.mark.parametrize("c", [False, True])
@pytest.mark.parametrize("d", [False, True])
def test_nested_branches_see_the_values_around_them(c: bool, d: bool) -> None:
    assert_as_in_onnxruntime(IF, {"x": X, "c": np.array(c), "d": np.array(d)})


@pytest.mark.parametrize("trips", [0, 1, 3, 50])
@pytest.mark.parametrize("go", [False, True])
def test_a_loop_runs_until_its_count_or_its_condition_ends_it(trips: int, go: bool) -> None:
    found = assert_as_in_onnxruntime(LOOP, {"x": X, "trips": np.array(trips), "go": np.array(go)})
    assert len(found["numbers"]) == (min(trips, len(found["numbers"])) if go else 0)


def test_a_loop_whose_condition_ends_it_runs_less_often_than_its_count() -> None:
    _, graph = built(LOOP)
    found = run_graph(graph, {"x": X, "trips": np.array(50), "go": np.array(True)})
    assert 0 < len(found["numbers"]) < 50


def test_a_loop_without_a_count_or_a_condition() -> None:
    feeds = {"x": X, "trips": np.array(3), "go": np.array(True)}
    for given in ("Loop (, go, x)", "Loop (trips, , x)", "Loop (, , x)"):
        model, _ = built(LOOP)
        node = model.graph.node[1]
        node.input[:] = [name.strip() for name in given.removeprefix("Loop (").removesuffix(")").split(",")]
        graph = load(model.SerializeToString(), "net.onnx").required_graph()
        expected = onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)
        for ours, theirs in zip(run_graph(graph, feeds).values(), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, 1e-5, 1e-5)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("directions", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_scan_goes_along_any_axis_in_both_directions(axis: int, directions: tuple[int, int]) -> None:
    feeds = {"start": X[0], "x": X, "turned": np.ascontiguousarray(X[::-1].T), "bias": np.array(0.7, np.float32)}
    assert_as_in_onnxruntime(SCAN, feeds, AXIS=axis, DIR1=directions[0], DIR2=directions[1])


BATCHED = """
<ir_version: 8, opset_import: ["" : 8]>
agraph (float[2,3] start, float[2,5,3] x) => (float[2,3] y, float[2,5,3] z)
{
  y, z = Scan ("", start, x) <num_scan_inputs = 1, directions = [1],
    body = b (float[3] s, float[3] a) => (float[3] t, float[3] o) { t = Add (s, a)  o = Identity (t) }>
}
"""


def test_scan_of_operator_set_8_has_samples_first() -> None:
    _, graph = built(BATCHED)
    x = np.random.default_rng(1).normal(size=(2, 5, 3)).astype(np.float32)
    found = run_graph(graph, {"start": x[:, 0], "x": x})
    sums = x[:, :1] + np.cumsum(x[:, ::-1], axis=1)
    np.testing.assert_allclose(found["z"], sums, 1e-5)
    np.testing.assert_allclose(found["y"], sums[:, -1], 1e-5)
    theirs = onnxruntime.InferenceSession(to_onnx(graph)).run(None, {"start": x[:, 0], "x": x})
    np.testing.assert_allclose(found["z"], theirs[1], 1e-5)


def test_scan_of_operator_set_8_with_lengths_is_refused() -> None:
    text = BATCHED.replace('Scan ("", ', "Scan (n, ").replace("agraph (", "agraph (int64[2] n, ")
    with pytest.raises(UnsupportedError, match="lengths of sequences"):
        built(text)


def test_a_graph_knows_what_its_branches_need() -> None:
    graph = built(IF)[1]
    branching = graph.nodes[-1]
    inner = {f"If_1/then_branch/If_1/{branch}/b" for branch in ("then_branch", "else_branch")}
    assert set(branching.reads) == {"c", "d", "h", "x", "W", *inner}
    assert inner | {"W"} == set(graph.initializers)
    assert unsupported(graph) == ()
    odd = onnx.parser.parse_model(IF.replace("r = Relu", "r = local.Odd"))
    odd.opset_import.add(domain="local", version=1)
    assert unsupported(load(odd.SerializeToString(), "net.onnx").required_graph()) == ("local.Odd",)


def test_attributes_inside_branches_are_checked() -> None:
    _, graph = built(LOOP, **{"<keepdims = 0>": "<keepdims = 7>"})
    with pytest.raises(InvalidInputError, match="7 is not a valid keepdims"):
        run_graph(graph, {"x": X, "trips": np.array(1), "go": np.array(True)})


def test_a_runner_runs_a_branch_again_when_a_constant_that_it_reads_changes() -> None:
    _, graph = built(IF)
    feeds = {"x": X, "c": np.array(False), "d": np.array(True)}
    runner, other = Runner(graph), graph.initializers["W"].numpy() * np.float32(-2)
    runner.run(feeds)
    changed = graph.with_constants({"W": other})
    np.testing.assert_array_equal(runner.rerun({"W": other})["y"], run_graph(changed, feeds)["y"])
    np.testing.assert_array_equal(runner.rerun({})["y"], run_graph(graph, feeds)["y"])


def test_a_failure_inside_names_the_node() -> None:
    _, graph = built(IF, **{"float[4] b = {1,2,3,4}": "float[3] b = {1,2,3}"})
    with pytest.raises(EngineError) as caught:
        run_graph(graph, {"x": X, "c": np.array(True), "d": np.array(True)})
    assert "(Add)" in caught.value.where


def endless(inner: str, outputs: str = "bool c, float[4] w") -> Graph:
    return built(f"""
        <ir_version: 8, opset_import: ["" : 17]>
        agraph (float[4] x) => (float[4] y)
        {{
          {"y, all" if "," in outputs.split("w", 1)[1] else "y"} = Loop ("", "", x) <
            body = b (int64 i, bool d, float[4] v) => ({outputs}) {{ c = Identity (d)  w = Identity (v)  {inner} }}
          >
        }}
    """)[1]


def test_a_loop_without_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_INNER_NODES", 1000)
    with pytest.raises(UnsupportedError, match="more than 1000 nodes") as caught:
        run_graph(endless(""), {"x": X[0]})
    assert "(Loop)" in caught.value.where
    assert caught.value.hint


def test_nested_loops_share_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_INNER_NODES", 1000)
    nested = """n = Constant <value = int64 {100}> ()
        u = Loop (n, "", v) <body = b2 (int64 i2, bool d2, float[4] v2) => (bool c2, float[4] w2)
          { c2 = Identity (d2)  w2 = Identity (v2) }>"""
    ran = 0
    with pytest.raises(UnsupportedError, match="more than 1000 nodes"):
        for _ in run_graph_task(endless(nested), {"x": X[0]}):
            ran += 1
    assert ran < 2000


def test_what_a_loop_collects_does_not_outgrow_memory() -> None:
    """A model of a few bytes may have values of 16 MB."""
    inner = "n = Constant <value = int64[1] {1000000}> ()  k = ConstantOfShape (n)"
    graph = endless(inner, "bool c, float[4] w, float[1000000] k")
    with pytest.raises(UnsupportedError, match="would take"):
        run_graph(graph, {"x": X[0]})


def test_a_loop_can_be_cancelled_between_its_nodes() -> None:
    task = run_graph_task(endless(""), {"x": X[0]})
    for _ in range(100):
        assert next(task).message
    task.close()


COUNTED = "first = Constant <value = int64[1] {0}> ()  shape = Unsqueeze (i, first)"


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        (LOOP, {"bool go)": "bool[2] go)"}, "not one value"),
        (LOOP, {"int64 trips": "int64[2] trips"}, "not one number"),
        (LOOP, {"cond_in, float[N,4] v)": "cond_in)", "MatMul (v, W)": "MatMul (x, W)"}, "takes 2 inputs"),
        (LOOP, {", float[N,4] w, float[N,4] kept, int64 j)": ")"}, "has 1 outputs"),
        (LOOP, {"kept = Identity (m)": f"{COUNTED} kept = ConstantOfShape (shape)"}, "in iteration 2"),
        (SCAN, {"scan_input_axes = [0, 1]": "scan_input_axes = [0, 7]"}, "7 is not a valid axis"),
        (SCAN, {"scan_input_axes = [0, 1]": "scan_input_axes = [0, 0]"}, "different lengths"),
        (SCAN, {"scan_input_axes = [0, 1]": "scan_input_axes = [0]"}, "has 1 numbers for 2"),
        (SCAN, {"num_scan_inputs = 2": "num_scan_inputs = 9"}, "9 of them"),
        (SCAN, {"scan_output_directions = [1, DIR2]": "scan_output_directions = [1, 2]"}, "not a valid"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, words: dict[str, str], message: str) -> None:
    _, graph = built(text, **words, AXIS=0, DIR1=0, DIR2=0)
    shapes = {"go": (2,) if "bool[2]" in str(words) else (), "trips": (2,) if "int64[2]" in str(words) else ()}
    given = {"x": X, "go": np.ones(shapes["go"], bool), "trips": np.full(shapes["trips"], 3), "start": X[0]}
    given |= {"turned": X.T.copy(), "bias": np.float32(1)}
    with pytest.raises(PlaygroundError, match=message) as caught:
        run_graph(graph, {value.name: given[value.name] for value in graph.inputs})
    assert isinstance(caught.value, InvalidInputError | EngineError)
    assert caught.value.hint
