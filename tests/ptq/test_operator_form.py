"""Static models in operators on codes: what ONNX Runtime's own tool writes, and what the QDQ file computes."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

import playground
from playground import gallery
from playground.engines.run import run
from playground.errors import UnsupportedError
from playground.model.recipe import Override, Recipe
from playground.model.writers._onnx_operator_form import in_operator_form
from playground.opening import load
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme
from tests.exact_products import products_overflow
from tests.ptq import onnxruntime_tool
from tests.ptq.cases import Case, Random, node
from tests.ptq.test_branches import eight, parsed, weights

OPERATORS = Recipe(representation="qoperator")
THEIRS = ("Conv", "Gemm", "MatMul", "Add", "Relu", "MaxPool", "GlobalAveragePool", "AveragePool", "Flatten", "Softmax")
"""What the tool quantizes of those nets."""


def kinds(model: bytes | onnx.ModelProto) -> Counter[str]:
    held = onnx.load_from_string(model) if isinstance(model, bytes) else model
    return Counter(n.op_type for n in held.graph.node)


def in_both_forms(case: Case, recipe: Recipe | None = None) -> tuple[QuantizedModel, QuantizedModel]:
    """The case in QDQ and in operators, which compute the same: in our engine to the bit, in ONNX Runtime to a code."""
    wanted = replace(recipe or Recipe(), representation="qdq")
    pairs, operators = case.quantized(wanted), case.quantized(replace(wanted, representation="qoperator"))
    step = {held.name: held.scale for held in pairs.report.activations}
    for optimized in (True, False):
        expected, found = case.run(pairs.onnx, optimized), case.run(operators.onnx, optimized)
        for name, values in expected.items():
            assert np.abs(values - found[name]).max() <= 1.001 * step.get(name, 1e-3), (name, optimized)
    ours, theirs = (run(made.onnx, case.data, "reference") for made in (pairs, operators))
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])
    return pairs, operators


def constants(made: QuantizedModel) -> dict[str, np.ndarray]:
    """As our reader gives them."""
    return {name: tensor.numpy() for name, tensor in load(made.onnx, "read.onnx").tensors.items()}


def test_codes_and_scales_are_those_of_the_pairs_and_are_read_back() -> None:
    data, model = gallery.calibration("digits-convnet"), gallery.open_model("digits-convnet")
    pairs, operators = quantize_model(model, calibration=data), quantize_model(model, OPERATORS, data)
    held, read = constants(pairs), constants(operators)
    assert set(read) <= set(held)
    for name, values in read.items():
        np.testing.assert_array_equal(values, held[name])
        assert values.dtype == held[name].dtype
    for name, weight in operators.quantization.weights.items():
        np.testing.assert_array_equal(read[f"{name}_quantized"], weight.codes)
        np.testing.assert_array_equal(read[f"{name}_scale"], weight.qparams.scale_values.reshape(-1))
    assert kinds(operators.onnx)["DequantizeLinear"] == kinds(operators.onnx)["QuantizeLinear"] == 1
    assert len(operators.onnx) < 0.7 * len(pairs.onnx)
    assert not operators.report.warnings or products_overflow()
    assert operators.report.bytes_after == sum(values.nbytes for values in read.values())
    assert operators.model.graph.opset == model.graph.opset
    assert load(operators.onnx, "read.onnx").graph.nodes == operators.model.graph.nodes


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.heavy if "outliers" in name else ()) for name in gallery.entries()]
)
def test_gallery_models_answer_as_their_pairs_do(name: str) -> None:
    model, data = gallery.open_model(name), gallery.calibration(name)
    made = [quantize_model(model, Recipe(representation=form), data) for form in ("qdq", "qoperator")]
    few = {key: values[:8] for key, values in data.items()}
    sessions = [onnxruntime.InferenceSession(each.onnx, providers=["CPUExecutionProvider"]) for each in made]
    expected, found = (session.run(None, few)[0] for session in sessions)
    np.testing.assert_array_equal(expected, found)  # it makes the same operators of the pairs


@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("name", ["digits-mlp", "digits-convnet", "residual"])
def test_the_operators_are_those_of_onnxruntimes_own_tool(
    tmp_path: Any, name: str, activations: str, per_channel: bool
) -> None:
    source, target = tmp_path / "float.onnx", tmp_path / "theirs.onnx"
    onnx.save(onnxruntime_tool.MODELS[name], source)
    types = {"activation_type": onnxruntime_tool.TYPES[activations], "weight_type": QuantType.QInt8}
    quantize_static(
        source,
        target,
        onnxruntime_tool.Reader(name),
        quant_format=QuantFormat.QOperator,
        per_channel=per_channel,
        extra_options={"ActivationSymmetric": False},
        **types,
    )
    scheme = Scheme("int8", granularity="channel" if per_channel else "tensor")
    recipe = replace(OPERATORS, weights=scheme, activation_scheme=Scheme(activations, symmetric=False))
    recipe = replace(recipe, operators=THEIRS)
    data = {onnxruntime_tool.input_of(name): onnxruntime_tool.DATA[name]}
    model = load(onnxruntime_tool.MODELS[name].SerializeToString(), "net.onnx")
    made = quantize_model(model, recipe, data)
    ours, theirs = kinds(made.onnx), kinds(onnx.load(target))
    products = {kind: count for kind, count in theirs.items() if kind.startswith(("QLinear", "QGemm"))}
    assert products
    assert {kind: count for kind, count in ours.items() if kind.startswith(("QLinear", "QGemm"))} == products
    held = onnx.load(target)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in held.graph.initializer}
    mine = constants(made)
    for weight in made.quantization.weights:
        np.testing.assert_array_equal(mine[f"{weight}_quantized"], stored[f"{weight}_quantized"])
        np.testing.assert_allclose(mine[f"{weight}_scale"], stored[f"{weight}_scale"], rtol=1e-6)


def chain(*nodes: Any, held: dict[str, Any] | None = None, opset: int = 17) -> Case:
    """A convolution, what is asked for, and a convolution that reads ``m``."""
    made, shape = Random(3), (16, 4, 6, 6)
    first = node("Conv", ["x", "w1", "b"], ["c"], "first", pads=[1, 1, 1, 1])
    last = node("GlobalAveragePool", ["m"], ["y"], "last")
    given = {"w1": made.weights(8, shape[1], 3, 3), "b": made.normal(8), **(held or {})}
    return Case([first, *nodes, last], given, {"x": made.normal(*shape)}, opset=opset)


IN_BETWEEN: dict[str, tuple[list[Any], dict[str, Any], str]] = {
    "sum": ([node("Add", ["c", "c"], ["m"], "n")], {}, "QLinearAdd"),
    "product": ([node("Mul", ["c", "c"], ["m"], "n")], {}, "QLinearMul"),
    "sigmoid": ([node("Sigmoid", ["c"], ["m"], "n")], {}, "QLinearSigmoid"),
    "leaky": ([node("LeakyRelu", ["c"], ["m"], "n", alpha=0.3)], {}, "QLinearLeakyRelu"),
    "softmax": ([node("Softmax", ["c"], ["m"], "n", axis=1)], {}, "QLinearSoftmax"),
    "joined": (
        [node("Sigmoid", ["c"], ["s"], "s"), node("Concat", ["c", "s"], ["m"], "n", axis=1)], {}, "QLinearConcat",
    ),
    "mean": (
        [node("AveragePool", ["c"], ["m"], "n", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 0],
              ceil_mode=1)], {}, "QLinearAveragePool",
    ),
    "largest": ([node("MaxPool", ["c"], ["m"], "n", kernel_shape=[2, 2], pads=[1, 1, 0, 0])], {}, "MaxPool"),
    "turned": ([node("Transpose", ["c"], ["m"], "n", perm=[0, 2, 1, 3])], {}, "Transpose"),
    "doubled": (
        [node("Resize", ["c", "", "by"], ["m"], "n", mode="nearest", coordinate_transformation_mode="asymmetric",
              nearest_mode="floor")], {"by": np.float32([1, 1, 2, 2])}, "Resize",
    ),
    "padded": ([node("Pad", ["c", "around"], ["m"], "n")], {"around": np.int64([0, 0, 1, 2, 0, 0, 0, 1])}, "Pad"),
    "padded with a value": (
        [node("Pad", ["c", "around", "by"], ["m"], "n")],
        {"around": np.int64([0, 0, 1, 2, 0, 0, 0, 1]), "by": np.float32(0.5)}, "Pad",
    ),
    "cut": (
        [node("Slice", ["c", "from", "to"], ["m"], "n")],
        {"from": np.int64([0, 1, 0, 1]), "to": np.int64([99, 7, 5, 6])}, "Slice",
    ),
    "apart": (
        [node("Split", ["c"], ["one", "two"], "n", axis=1), node("Add", ["one", "two"], ["m"], "a")], {}, "Split",
    ),
    "taken": ([node("Gather", ["c", "rows"], ["m"], "n", axis=2)], {"rows": np.int64([1, 3, 3])}, "Gather"),
}  # fmt: skip


@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize("name", IN_BETWEEN)
def test_what_stands_between_products(name: str, activations: str) -> None:
    nodes, held, wanted = IN_BETWEEN[name]
    recipe = Recipe(activation_scheme=Scheme(activations, symmetric=False))
    _, made = in_both_forms(chain(*nodes, held=held), recipe)
    found = kinds(made.onnx)
    assert found[wanted] == 1
    assert found["QuantizeLinear"] == found["DequantizeLinear"] == 1
    assert not any("became" in told for told in made.report.warnings)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"mode": "linear"}, "between codes it would not round to the nearest"),
        (
            {"mode": "nearest", "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 0.5},
            "what it puts around is not a code",
        ),
    ],
)
def test_a_resize_that_makes_new_values_stays_in_float(how: dict[str, Any], reason: str) -> None:
    nodes = [node("Resize", ["c", "around", "by"], ["m"], "n", **how)]
    held = {"by": np.float32([1, 1, 2, 2]), "around": np.float32([0, 0, 0, 0, 1, 1, 1.5, 1.5])}
    _, made = in_both_forms(chain(*nodes, held=held))
    (told,) = [told for told in made.report.warnings if "became" in told]
    assert "2 of 3 nodes became operators on codes" in told
    assert f"Resize ({reason})" in told


@pytest.mark.parametrize(
    "how", [{"ceil_mode": 1, "count_include_pad": 1}, {"dilations": [2, 1]}], ids=["beyond the padding", "dilated"]
)
def test_a_mean_that_onnxruntime_takes_otherwise_on_codes_stays_in_float(how: dict[str, Any]) -> None:
    """ONNX Runtime makes QLinearAveragePool of the pairs even so: counts otherwise, or refuses what it has made."""
    plain = node("AveragePool", ["c"], ["m"], "n", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 0])
    graph = chain(plain, opset=19).quantized().model.graph
    assert "n" not in in_operator_form(graph).left
    nodes = [replace(n, attributes={**n.attributes, **how}) if n.name == "n" else n for n in graph.nodes]
    form = in_operator_form(graph.with_(nodes=tuple(nodes)))
    assert form.left["n"][0] == "AveragePool"
    assert "QLinearAveragePool" in form.left["n"][1]
    assert sum(n.op == "AveragePool" for n in form.graph.nodes) == 1


def products(weight: dict[str, Any], *nodes: Any, shape: tuple[int, ...] = (24, 5, 32)) -> Case:
    made = Random(5)
    return Case(list(nodes), weight, {"x": made.normal(*shape)})


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_a_product_has_scales_and_zero_points_a_column(granularity: str, symmetric: bool) -> None:
    w = Random(1).weights(32, 12) + np.float32(0.1) * np.arange(12, dtype=np.float32)
    case = products({"w": w}, node("MatMul", ["x", "w"], ["y"], "product"))
    recipe = Recipe(weights=Scheme("int8", granularity=granularity, symmetric=symmetric))
    _, made = in_both_forms(case, recipe)
    assert kinds(made.onnx)["QLinearMatMul"] == 1
    points = constants(made)["w_zero_point"]
    assert points.size == (12 if granularity == "channel" else 1)
    assert bool(points.any()) is not symmetric


@pytest.mark.parametrize("turned", [0, 1])
@pytest.mark.parametrize("symmetric", [True, False])
def test_a_gemm_has_them_too_and_its_bias(turned: int, symmetric: bool) -> None:
    held = {"w": Random(1).weights(*((12, 32) if turned else (32, 12))), "b": Random(2).normal(12)}
    gemm = node("Gemm", ["x", "w", "b"], ["y"], "product", transB=turned, beta=0.5)
    case = products(held, gemm, shape=(24, 32))
    _, made = in_both_forms(case, Recipe(weights=Scheme("int8", granularity="channel", symmetric=symmetric)))
    assert kinds(made.onnx)["QGemm"] == 1
    (written,) = [n for n in onnx.load_from_string(made.onnx).graph.node if n.op_type == "QGemm"]
    assert {held.name: held.i or held.f for held in written.attribute} == {"alpha": 1.0, "transA": 0, "transB": turned}


def test_filters_of_several_zero_points_stay_between_pairs_and_it_is_said() -> None:
    recipe = Recipe(weights=Scheme("int8", granularity="channel", symmetric=False))
    _, made = in_both_forms(chain(node("Sigmoid", ["c"], ["m"], "n")), recipe)
    assert kinds(made.onnx)["Conv"] == 1
    (told,) = [told for told in made.report.warnings if "became" in told]
    assert "Conv (QLinearConv takes one zero-point for all filters (symmetric weights have it))" in told


def test_biases_in_float_stay_so() -> None:
    _, made = in_both_forms(chain(node("Sigmoid", ["c"], ["m"], "n")), Recipe(biases="float"))
    assert (kinds(made.onnx)["Conv"], kinds(made.onnx)["QLinearConv"]) == (1, 0)


def test_signed_activations_take_no_unsigned_weights() -> None:
    recipe = Recipe(weights=Scheme("uint8", symmetric=False), activation_scheme=Scheme("int8"))
    _, made = in_both_forms(chain(node("Sigmoid", ["c"], ["m"], "n")), recipe)
    assert any(
        "Conv (its inputs and its result have codes of different types)" in told for told in made.report.warnings
    )


def test_a_weight_that_two_products_share_is_stored_once() -> None:
    held = {"w": Random(1).weights(32, 32)}
    case = products(held, node("MatMul", ["x", "w"], ["m"], "one"), node("MatMul", ["m", "w"], ["y"], "two"))
    _, made = in_both_forms(case)
    assert kinds(made.onnx)["QLinearMatMul"] == 2
    assert sum(values.size == 32 * 32 for values in constants(made).values()) == 1


def test_an_activation_that_is_also_an_output() -> None:
    made = Random(2)
    held = {"w": made.weights(32, 16), "v": made.weights(16, 8)}
    nodes = [node("MatMul", ["x", "w"], ["m"], "one"), node("MatMul", ["m", "v"], ["y"], "two")]
    case = Case(nodes, held, {"x": made.normal(24, 32)}, outputs=("m", "y"))
    _, written = in_both_forms(case)
    assert kinds(written.onnx) == {"QuantizeLinear": 1, "QLinearMatMul": 2, "DequantizeLinear": 2}


def test_an_override_gives_one_activation_another_type() -> None:
    made = Random(2)
    held = {"w": made.weights(32, 16), "v": made.weights(16, 8)}
    nodes = [node("MatMul", ["x", "w"], ["m"], "one"), node("MatMul", ["m", "v"], ["y"], "two")]
    case = Case(nodes, held, {"x": made.normal(24, 32)})
    _, written = in_both_forms(case, Recipe(overrides=(Override("m", scheme=Scheme("int8")),)))
    assert kinds(written.onnx)["QLinearMatMul"] == 0  # each has two types
    assert kinds(written.onnx)["MatMul"] == 2


def test_lines_and_volumes_are_convolved_on_codes() -> None:
    for shape in ((16, 4, 9), (8, 2, 5, 4, 6)):
        made = Random(4)
        held = {"w": made.weights(6, shape[1], *(3,) * (len(shape) - 2)), "b": made.normal(6)}
        case = Case([node("Conv", ["x", "w", "b"], ["y"], "conv")], held, {"x": made.normal(*shape)})
        _, written = in_both_forms(case)
        assert kinds(written.onnx)["QLinearConv"] == 1


def test_models_of_an_old_operator_set() -> None:
    made = Random(6)
    weight = numpy_helper.from_array(made.weights(4, 2, 3, 3), "w")
    nodes = [
        node("Conv", ["x", "w"], ["c"], "conv"),
        node("MaxPool", ["c"], ["m"], "pool", kernel_shape=[2, 2]),
        node("Flatten", ["m"], ["y"], "flat"),
    ]
    values = [onnx.helper.make_tensor_value_info(n, 1, s) for n, s in (("x", ["n", 2, 6, 6]), ("y", ["n", 36]))]
    graph = onnx.helper.make_graph(nodes, "old", values[:1], values[1:], [weight])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 8)], ir_version=4)
    x = made.normal(12, 2, 6, 6)
    written = quantize_model(model, OPERATORS, {"x": x})
    onnx.checker.check_model(written.onnx, full_check=True)
    held = onnx.load_from_string(written.onnx)
    assert {entry.domain: entry.version for entry in held.opset_import}[""] >= 13  # MaxPool of codes came with 12
    assert kinds(held) == {"QuantizeLinear": 1, "QLinearConv": 1, "MaxPool": 1, "Flatten": 1, "DequantizeLinear": 1}
    expected = quantize_model(model, Recipe(), {"x": x}).onnx
    both = [onnxruntime.InferenceSession(each).run(None, {"x": x})[0] for each in (expected, written.onnx)]
    np.testing.assert_array_equal(*both)


def test_branches_read_what_is_around_them() -> None:
    """A value that a branch reads as well stays in float there, and is not lost."""
    model = parsed(
        f"""g (float[n,8] x) => (float[n,8] y) {eight("AB")}
        {{
            m = MatMul(x, A)
            total = ReduceSum <keepdims = 0> (x)
            zero = Constant <value = float {{0.0}}> ()
            up = Greater(total, zero)
            z = If (up) <
                then_branch = then () => (float[n,8] t) {{ t = MatMul(m, B) }},
                else_branch = other () => (float[n,8] e) {{ e = Add(m, m) }}
            >
            y = MatMul(z, A)
        }}""",
        A=weights(8, 8),
        B=weights(8, 8),
    )
    x = np.random.default_rng(3).normal(size=(32, 8)).astype(np.float32)
    written = [quantize_model(model, Recipe(representation=form), {"x": x}) for form in ("qdq", "qoperator")]
    onnx.checker.check_model(written[1].onnx, full_check=True)
    assert kinds(written[1].onnx)["QLinearMatMul"] == 1
    for given in (x, -x):
        np.testing.assert_array_equal(
            *(onnxruntime.InferenceSession(w.onnx).run(None, {"x": given})[0] for w in written)
        )


def test_functions_of_the_file_are_replaced_first() -> None:
    text = """<ir_version: 8, opset_import: ["" : 17, "own" : 1]>
    g (float[n,8] x) => (float[n,8] y) { y = own.twice(x, w) }
    <opset_import: ["" : 17], domain: "own">
    twice (a, b) => (c) { m = MatMul(a, b)
                          c = MatMul(m, b) }"""
    model = onnx.parser.parse_model(text)
    model.graph.initializer.append(numpy_helper.from_array(weights(8, 8), "w"))
    x = np.random.default_rng(3).normal(size=(32, 8)).astype(np.float32)
    written = quantize_model(model, OPERATORS, {"x": x})
    assert kinds(written.onnx) == {"QuantizeLinear": 1, "QLinearMatMul": 2, "DequantizeLinear": 1}
    onnxruntime.InferenceSession(written.onnx).run(None, {"x": x})


def test_weights_of_float16_between_casts() -> None:
    made = Random(8)
    held = {"w": made.weights(32, 16).astype(np.float16)}
    graph = onnx.helper.make_graph(
        [node("MatMul", ["x", "w"], ["y"], "product")],
        "half",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT16, ["n", 32])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT16, ["n", 16])],
        [numpy_helper.from_array(values, name) for name, values in held.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    x = made.normal(24, 32).astype(np.float16)
    written = quantize_model(model, OPERATORS, {"x": x})
    assert kinds(written.onnx) == {"Cast": 2, "QuantizeLinear": 1, "QLinearMatMul": 1, "DequantizeLinear": 1}
    (found,) = onnxruntime.InferenceSession(written.onnx).run(None, {"x": x})
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, x.astype(np.float32) @ held["w"].astype(np.float32), atol=0.1)


def test_dynamic_models_are_in_operators_in_any_case() -> None:
    model = gallery.open_model("digits-mlp")
    made = [playground.quantize_model(model, "dynamic", representation=form) for form in ("qdq", "qoperator")]
    assert kinds(made[0].onnx) == kinds(made[1].onnx)
    assert kinds(made[0].onnx)["MatMulInteger"] == 3
    assert made[0].model.graph.nodes == made[1].model.graph.nodes


def test_a_tflite_file_is_refused() -> None:
    made = quantize_model(gallery.open_model("digits-mlp"), OPERATORS, gallery.calibration("digits-mlp"))
    with pytest.raises(UnsupportedError, match="representation: a model in operators on codes"):
        made.save("model.tflite")
