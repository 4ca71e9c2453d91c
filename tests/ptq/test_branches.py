"""Weights in branches and bodies, and of recurrent operators, in every form: written, loaded, compared."""

import io
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnxruntime.quantization import QuantType, quantize_dynamic

import playground
from playground.analysis.sensitivity import sensitivity
from playground.engines.interpreter import run_graph
from playground.model.recipe import AlgorithmCall, Override, Recipe, Rule
from playground.opening import load
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme

RNG = np.random.default_rng(5)
FORMS = {
    "static": Recipe(),
    "tensor": Recipe(weights=Scheme("int8")),
    "dynamic": Recipe(activations="dynamic"),
    "weight_only": Recipe(activations="weight_only"),
}
ALL_FORMS = pytest.mark.parametrize("form", FORMS)


def weights(*shape: int, rng: np.random.Generator = RNG) -> np.ndarray:
    return (rng.normal(size=shape) / np.sqrt(shape[-2])).astype(np.float32)


def parsed(text: str, **arrays: np.ndarray) -> onnx.ModelProto:
    """A model with the values of its constants, in whichever graph they stand: ``float[8,8] A`` or ``<...> A``."""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]>\n{text}')

    def fill(graph: onnx.GraphProto) -> None:
        for tensor in graph.initializer:
            if tensor.name in arrays:
                tensor.CopyFrom(onnx.numpy_helper.from_array(arrays[tensor.name], tensor.name))
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    fill(attribute.g)

    fill(model.graph)
    return model


def eight(names: str) -> str:
    """Constants of 8 x 8, whose values are filled in."""
    zeros = ",".join(["0"] * 64)
    return "<" + ", ".join(f"float[8,8] {name} = {{{zeros}}}" for name in names) + ">"


def db(expected: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10((expected**2).mean() / ((expected - found) ** 2).mean()))


def runtime(data: bytes, feeds: dict[str, Any], *, optimized: bool = True) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # threads of DynamicQuantizeLSTM each find a range of their own
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(data, options).run(None, feeds)


def quantized(model: onnx.ModelProto, recipe: Recipe, feeds: dict[str, Any], least: float) -> QuantizedModel:
    """A quantized model that ONNX Runtime loads, whose outputs are near the float ones in both engines."""
    made = quantize_model(load(model.SerializeToString(), "net.onnx"), recipe, feeds)
    onnx.checker.check_model(made.onnx, full_check=True)
    expected = runtime(model.SerializeToString(), feeds)
    ours = run_graph(load(made.onnx, "q.onnx").required_graph(), feeds)
    plain, optimized = runtime(made.onnx, feeds, optimized=False), runtime(made.onnx, feeds)
    for value, mine, theirs, fast in zip(expected, ours.values(), plain, optimized, strict=True):
        assert db(value, fast) > least
        # A rounding that falls the other way in one of the two is a step of an activation
        assert db(theirs, mine) > 45
    return made


IF = f"""
agraph (float[N,8] x, bool c, bool d) => (float[N,8] y)
{eight("UV")}
{{
  h = MatMul (x, U)
  i = If (c) <
    then_branch = t () => (float[N,8] o) {eight("A")} {{
      m = MatMul (h, A)
      r = Relu (m)
      o = If (d) <
        then_branch = u () => (float[N,8] p) {eight("B")} {{ q = MatMul (r, B)  p = Add (q, h) }},
        else_branch = v () => (float[N,8] p) {{ q = MatMul (r, U)  p = Tanh (q) }}
      >
    }},
    else_branch = e () => (float[N,8] o) {eight("A")} {{ m = MatMul (h, A)  o = Sigmoid (m) }}
  >
  y = MatMul (i, V)
}}
"""
ARRAYS = {name: weights(8, 8) for name in "UVAB"}
THEN, ELSE = "If_1/then_branch/A", "If_1/else_branch/A"


def if_feeds(c: bool = True, d: bool = True) -> dict[str, Any]:
    return {"x": RNG.normal(size=(64, 8)).astype(np.float32), "c": np.array(c), "d": np.array(d)}


@ALL_FORMS
@pytest.mark.parametrize("c", [True, False])
@pytest.mark.parametrize("d", [True, False])
def test_weights_in_nested_branches(form: str, c: bool, d: bool) -> None:
    made = quantized(parsed(IF, **ARRAYS), FORMS[form], if_feeds(c, d), 32)
    assert {tensor.name: tensor.op for tensor in made.report.tensors} == dict.fromkeys(
        ("U", "V", THEN, ELSE, "B"), "MatMul"
    )
    assert made.report.bytes_after < made.report.bytes_before / 2


@ALL_FORMS
def test_codes_of_a_branch_stand_in_the_branch(form: str) -> None:
    """ONNX Runtime dequantizes a weight in every run, slowly, if its product is in another graph."""
    made = quantize_model(load(parsed(IF, **ARRAYS).SerializeToString(), "net.onnx"), FORMS[form], if_feeds())
    written = onnx.load_from_string(made.onnx)
    outside = {tensor.name for tensor in written.graph.initializer}
    stays = form == "tensor"  # one scale takes little time
    assert any(name.startswith(THEN) for name in outside) == stays
    assert "U_quantized" in outside
    assert not {"U", "V", THEN, ELSE, "B"} & outside
    assert (
        len(made.onnx)
        < 1.15
        * len(
            quantize_model(load(parsed(IF, **ARRAYS).SerializeToString(), "n.onnx"), FORMS["tensor"], if_feeds()).onnx
        )
        + 2000
    )


LOOP = f"""
agraph (float[N,8] x, int64 n) => (float[N,8] y, float[T,N,8] all)
{eight("V")}
{{
  z, all = Loop (n, "", x) <
    body = b (int64 i, bool g, float[N,8] v) => (bool k, float[N,8] w, float[N,8] kept) {eight("AB")} {{
      k = Identity (g)
      m = MatMul (v, A)
      t = Tanh (m)
      u = Gemm (t, B)
      w = Add (u, x)
      kept = Identity (u)
    }}
  >
  y = MatMul (z, V)
}}
"""


@ALL_FORMS
def test_weights_in_the_body_of_a_loop(form: str) -> None:
    feeds = {"x": RNG.normal(size=(32, 8)).astype(np.float32), "n": np.array(4)}
    made = quantized(parsed(LOOP, **ARRAYS), FORMS[form], feeds, 30)
    assert [tensor.name for tensor in made.report.tensors] == ["V", "A", "B"]
    outside = {tensor.name for tensor in onnx.load_from_string(made.onnx).graph.initializer}
    # MatMul is joined with its weight in the body; Gemm is not, so its weight is dequantized once
    assert ("A_quantized" in outside, "B_quantized" in outside) == (form == "tensor", True)


@ALL_FORMS
def test_several_branches_that_read_one_value(form: str) -> None:
    """A value that a branch reads stays as it is, though a Relu behind it could vanish into it."""

    def branch(k: str) -> str:
        return f"b{k} () => (float[N,8] o{k}) {eight('W')} {{ m{k} = MatMul (h, W)  o{k} = Add (m{k}, h) }}"

    def choice(k: int) -> str:
        return f"If (c) <then_branch = {branch(f'{k}1')}, else_branch = {branch(f'{k}2')}>"

    text = f"""
    agraph (float[N,8] x, bool c) => (float[N,8] y)
    {eight("UV")}
    {{
      h = MatMul (x, U)
      r = Relu (h)
      i = {choice(1)}
      j = {choice(2)}
      a = Add (i, j)
      b = Add (a, r)
      y = MatMul (b, V)
    }}"""
    arrays = {**ARRAYS, "W": weights(8, 8)}
    feeds = {"x": RNG.normal(size=(32, 8)).astype(np.float32), "c": np.array(True)}
    made = quantized(parsed(text, **arrays), FORMS[form], feeds, 30)
    assert len(made.report.tensors) == 6


@ALL_FORMS
@pytest.mark.parametrize("others", ["i", "r"])
def test_a_relu_that_a_branch_reads_stays(form: str, others: str) -> None:
    """Its value in float is read, which a Relu that vanished into codes would not leave behind."""
    text = f"""
    agraph (float[N,8] x, bool c) => (float[N,8] y)
    {eight("UV")}
    {{
      h = MatMul (x, U)
      r = Relu (h)
      i = If (c) <then_branch = t () => (float[N,8] o) {eight("A")} {{ o = MatMul (r, A) }},
                  else_branch = e () => (float[N,8] p) {{ p = Neg (r) }}>
      v = MatMul ({others}, V)
      y = Add (v, i)
    }}"""
    feeds = {"x": RNG.normal(size=(32, 8)).astype(np.float32) - 1, "c": np.array(True)}
    quantized(parsed(text, **ARRAYS), FORMS[form], feeds, 30)


def test_what_stays_in_float_is_listed() -> None:
    model = load(parsed(IF, **ARRAYS).SerializeToString(), "net.onnx")
    report = quantize_model(model, Recipe(), if_feeds()).report
    skipped = {skip.op: skip.reason for skip in report.skipped}
    assert skipped["Sigmoid"] == skipped["Add"] == "it stands in a branch, where only weights are quantized"
    assert report.warnings[-1] == "In the branches of node 'If_1' (If) only weights are quantized."


def test_rules_and_overrides_reach_into_branches() -> None:
    model = load(parsed(IF, **ARRAYS).SerializeToString(), "net.onnx")
    recipe = Recipe(
        rules=(Rule("*else_branch*"), Rule("B", Scheme("int4", symmetric=True))), overrides=(Override("V", skip=True),)
    )
    made = quantize_model(model, recipe, if_feeds())
    assert {tensor.name: tensor.scheme["format"] for tensor in made.report.tensors} == {
        "U": "int8", THEN: "int8", "B": "int4",
    }  # fmt: skip
    expected = runtime(parsed(IF, **ARRAYS).SerializeToString(), feeds := if_feeds(False))
    assert db(expected[0], runtime(made.onnx, feeds)[0]) > 35


@pytest.mark.parametrize("algorithm", ["equalize", "smoothquant", "awq", "gptq", "bias_correction", "hadamard"])
def test_algorithms_change_nothing_that_a_branch_reads(algorithm: str) -> None:
    recipe = Recipe(algorithms=(AlgorithmCall(algorithm),))
    quantized(parsed(IF, **ARRAYS), recipe, if_feeds(), 30)


@ALL_FORMS
def test_sensitivity_measures_layers_in_branches(form: str) -> None:
    feeds = if_feeds()
    model = load(parsed(IF, **ARRAYS).SerializeToString(), "net.onnx")
    made = quantize_model(model, FORMS[form], feeds)
    found = sensitivity(made.source, made.quantization, feeds)
    layers = {layer.layer.weight: layer for layer in found.layers}
    assert {"U", "V", THEN, ELSE, "B"} <= set(layers)
    assert layers[THEN].local["sqnr_db"] > 20
    assert layers[ELSE].alone.relative_error == 0  # that branch was not taken
    assert layers["B"].alone.relative_error > 0


def lstm(
    op: str, *, direction: str = "forward", hidden: int = 16, shared: bool = True, seed: int = 5
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """Two recurrent nodes, one behind the other, with the same weights or each with its own, and a product."""
    rng = np.random.default_rng(seed)  # the same net whatever other tests have drawn
    gates, both = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], 2 if direction == "bidirectional" else 1
    node, features = onnx.helper.make_node, both * hidden
    nodes = [
        node("MatMul", ["x", "P"], ["f"]),
        node(op, ["f", "W", "R", "B"], ["s", ""], "first", hidden_size=hidden, direction=direction),
        node("Transpose", ["s"], ["t"], perm=[0, 2, 1, 3]),
        node("Reshape", ["t", "shape"], ["u"]),
        node(op, ["u", "W", "R", "B"], ["", "h"], "second", hidden_size=hidden, direction=direction),
        node("ReduceSum", ["h", "axis"], ["v"], keepdims=0),
        node("MatMul", ["v", "V"], ["y"]),
    ]
    if not shared:
        nodes[4].input[1:3] = ["W2", "R2"]
    held = {
        "P": weights(6, features, rng=rng), "W": weights(both, gates * hidden, features, rng=rng),
        "R": (rng.normal(size=(both, gates * hidden, hidden)) * 0.25).astype(np.float32),
        "B": (rng.normal(size=(both, 2 * gates * hidden)) * 0.1).astype(np.float32),
        "V": weights(hidden, 5, rng=rng), "shape": np.array([0, 0, features]), "axis": np.array([0]),
    }  # fmt: skip
    if not shared:
        held |= {"W2": weights(*held["W"].shape, rng=rng), "R2": held["R"][:, ::-1].copy()}
    info = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        nodes, "recurrent", [info("x", 1, ["T", "N", 6])], [info("y", 1, ["N", 5])],
        [onnx.numpy_helper.from_array(array, name) for name, array in held.items()],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    return model, {"x": rng.normal(size=(7, 24, 6)).astype(np.float32)}


@ALL_FORMS
@pytest.mark.parametrize("op", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_recurrent_weights(form: str, op: str, direction: str) -> None:
    model, feeds = lstm(op, direction=direction)
    made = quantized(model, FORMS[form], feeds, 28)
    assert {"W", "R"} <= {tensor.name for tensor in made.report.tensors}
    written = onnx.load_from_string(made.onnx)
    assert not {"W", "R"} & {tensor.name for tensor in written.graph.initializer}
    dynamic = [node.op_type for node in written.graph.node].count("DynamicQuantizeLSTM")
    assert dynamic == (2 if (form, op) == ("dynamic", "LSTM") else 0)


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_dynamic_lstm_is_as_good_as_that_of_onnxruntimes_tool(direction: str, per_channel: bool, tmp_path: Any) -> None:
    """In the mean of eight nets: how the roundings of one add up is luck, of a decibel or two."""
    recipe = Recipe(activations="dynamic") if per_channel else Recipe(weights=Scheme("int8"), activations="dynamic")
    ours, tools = [], []
    for seed in range(8):
        model, feeds = lstm("LSTM", direction=direction, shared=False, seed=seed)
        theirs = tmp_path / "theirs.onnx"
        quantize_dynamic(model, theirs, per_channel=per_channel, weight_type=QuantType.QInt8)
        made = quantize_model(load(model.SerializeToString(), "net.onnx"), recipe)
        expected, tool = (runtime(content, feeds)[0] for content in (model.SerializeToString(), theirs.read_bytes()))
        ours.append(db(expected, runtime(made.onnx, feeds)[0]))
        tools.append(db(expected, tool))
    assert np.mean(ours) > np.mean(tools) - 0.5
    operators = [
        sorted(node.op_type for node in onnx.load_from_string(data).graph.node)
        for data in (made.onnx, theirs.read_bytes())
    ]
    assert operators[0].count("DynamicQuantizeLSTM") == operators[1].count("DynamicQuantizeLSTM") == 2
    # The tool's file runs here too
    assert db(tool, run_graph(load(theirs.read_bytes(), "t.onnx").required_graph(), feeds)["y"]) > 45


def test_asymmetric_weights_of_a_dynamic_lstm_have_one_zero_point() -> None:
    model, feeds = lstm("LSTM")
    scheme = Scheme("uint8", granularity="channel", symmetric=False)
    made = quantized(model, Recipe(weights=scheme, activations="dynamic"), feeds, 28)
    assert {tensor.scheme["granularity"] for tensor in made.report.tensors if tensor.name in ("W", "R")} == {"tensor"}


@ALL_FORMS
def test_an_lstm_in_a_branch(form: str) -> None:
    """A voice detector has all of its weights in the branches of an If on the sampling rate."""
    inner, feeds = lstm("LSTM")
    graph = onnx.GraphProto()
    graph.CopyFrom(inner.graph)
    del graph.input[:]
    other = onnx.helper.make_graph(
        [onnx.helper.make_node("ReduceMean", ["x"], ["short"], axes=[0], keepdims=0),
         onnx.helper.make_node("MatMul", ["short", "Q"], ["y"])],
        "other", [], [onnx.helper.make_tensor_value_info("y", 1, ["N", 5])],
        [onnx.numpy_helper.from_array(weights(6, 5), "Q")],
    )  # fmt: skip
    choice = onnx.helper.make_node("If", ["c"], ["out"], "rate", then_branch=graph, else_branch=other)
    info = onnx.helper.make_tensor_value_info
    whole = onnx.helper.make_graph(
        [choice], "net", [inner.graph.input[0], info("c", 9, [])], [info("out", 1, ["N", 5])]
    )
    model = onnx.helper.make_model(whole, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    for c in (True, False):
        made = quantized(model, FORMS[form], {**feeds, "c": np.array(c)}, 28)
        assert {"P", "W", "R", "V", "Q"} == {tensor.name for tensor in made.report.tensors}


def test_python_api_lists_weights_of_branches(tmp_path: Any) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(parsed(IF, **ARRAYS).SerializeToString())
    model = playground.load(path)
    assert set(model.tensors) == {"U", "V", THEN, ELSE, "B"}
    stream = io.BytesIO(path.read_bytes())
    assert set(playground.load(stream.getvalue()).tensors) == set(model.tensors)
