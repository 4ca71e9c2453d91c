"""Weights of any format in an ONNX file that computes in float: held by what the format's own packages make of them."""

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import playground
from playground import gallery
from playground.number_formats import FORMATS
from playground.quantization import Scheme

MODEL = gallery.open_model("digits-mlp")
IMAGES = gallery.digits().images[:8].astype(np.float32)
HELD = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}
SMALL = {
    "fp8_e4m3": ml_dtypes.float8_e4m3fn,
    "fp8_e5m2": ml_dtypes.float8_e5m2,
    "fp8_e4m3fnuz": ml_dtypes.float8_e4m3fnuz,
    "fp8_e5m2fnuz": ml_dtypes.float8_e5m2fnuz,
}


def made(weights):
    return playground.quantize_model(MODEL, weights=weights, activations="weight-only")


def constants(result):
    return {held.name: held for held in onnx.load_from_string(result.onnx).graph.initializer}


def answers(octets):
    session = onnxruntime.InferenceSession(octets, providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    return session.run(None, {given.name: IMAGES.reshape(-1, *given.shape[1:])})[0]


def float_answers(values):
    """ONNX Runtime on the float model with other weights."""
    plain = onnx.load_from_string(playground.model.writers.onnx.to_onnx(MODEL.graph, MODEL))
    for held in plain.graph.initializer:
        if held.name in values:
            held.CopyFrom(numpy_helper.from_array(np.asarray(values[held.name], np.float32), held.name))
    return answers(plain.SerializeToString())


def weights_of(result):
    return {name: held.dequantize() for name, held in result.quantization.weights.items()}


@pytest.mark.parametrize("weights", HELD)
def test_halves_are_cast(weights):
    result = made(weights)
    for name, tensor in MODEL.tensors.items():
        if name in result.quantization.weights:
            suffix = "float16" if weights == "fp16" else "bfloat16"
            held = numpy_helper.to_array(constants(result)[f"{name}_{suffix}"])
            np.testing.assert_array_equal(
                held.astype(np.float32), tensor.numpy().astype(HELD[weights]).astype(np.float32)
            )
    assert len(result.onnx) < 0.51 * MODEL.file_bytes
    np.testing.assert_allclose(answers(result.onnx), float_answers(weights_of(result)), rtol=0, atol=1e-4)
    assert not any("No runtime" in told for told in result.report.warnings)


@pytest.mark.parametrize("weights", SMALL)
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_floats_of_8_bits_are_codes(weights, granularity):
    result = made(Scheme(weights, granularity=granularity))
    for name, held in result.quantization.weights.items():
        scale = numpy_helper.to_array(constants(result)[f"{name}_scale"])
        codes = numpy_helper.to_array(constants(result)[f"{name}_quantized"])
        values = MODEL.tensors[name].numpy()
        along = scale.reshape([-1 if i == held.scheme.axis else 1 for i in range(values.ndim)]) if scale.ndim else scale
        top = np.float32(ml_dtypes.finfo(SMALL[weights]).max)
        expected = np.clip(values / along, -top, top).astype(SMALL[weights])
        np.testing.assert_array_equal(np.asarray(codes).view(np.uint8), expected.view(np.uint8))
    assert len(result.onnx) < 0.28 * MODEL.file_bytes
    np.testing.assert_allclose(answers(result.onnx), float_answers(weights_of(result)), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("scheme", "size"),
    [
        (Scheme("int4", granularity="block", block_size=32), 0.18),
        (Scheme("uint4", granularity="block", block_size=48, symmetric=False), 0.18),
        (Scheme("int8", granularity="block", block_size=64), 0.29),
        (Scheme("int3", granularity="block", block_size=32), 0.3),
    ],
    ids=str,
)
def test_blocks_lie_along_what_is_summed(scheme, size):
    result = made(scheme)
    loaded = onnx.load_from_string(result.onnx)
    for node in loaded.graph.node:
        if node.op_type == "DequantizeLinear":
            found = {held.name: held.i for held in node.attribute}
            assert found == {"axis": 1 if _is_transposed(loaded, node) else 0, "block_size": scheme.block_size}
    assert len(result.onnx) < size * MODEL.file_bytes
    expected = float_answers(weights_of(result))
    np.testing.assert_allclose(answers(result.onnx), expected, rtol=0, atol=1e-4)
    for engine in ("reference", "wasm"):
        found = playground.run(result.model, IMAGES.reshape(-1, *MODEL.graph.inputs[0].shape[1:]), engine=engine)
        np.testing.assert_allclose(np.asarray(found), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("weights", ["int4", "uint4", "int8"])
def test_onnxruntime_makes_one_operator_of_blocks_and_their_product(tmp_path, weights):
    values = np.random.default_rng(1).normal(size=(128, 64)).astype(np.float32)
    given, taken = (
        onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", (4, 128)), ("y", (4, 64)))
    )
    product = onnx.helper.make_node("MatMul", ["x", "w"], ["y"])
    graph = onnx.helper.make_graph([product], "one", [given], [taken], [numpy_helper.from_array(values, "w")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    scheme = Scheme(weights, granularity="block", block_size=32)
    result = playground.quantize_model(model, weights=scheme, activations="weight-only")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "optimized.onnx"), 3
    onnxruntime.InferenceSession(result.onnx, options, providers=["CPUExecutionProvider"])
    assert [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node] == ["MatMulNBits"]


def _is_transposed(model, node):
    (reader,) = [each for each in model.graph.node if node.output[0] in each.input]
    return any(held.name == "transB" and held.i for held in reader.attribute)


@pytest.mark.parametrize(
    "weights", ["nf4", "mxfp4", "nvfp4", "q4_0", "kmeans4", "ternary", "int12", "fp4_e2m1", "tf32"]
)
def test_what_no_runtime_has_is_simulated_and_said_so(weights):
    result = made(weights)
    for name, held in result.quantization.weights.items():
        np.testing.assert_array_equal(numpy_helper.to_array(constants(result)[f"{name}_simulated"]), held.dequantize())
    (told,) = [told for told in result.report.warnings if "No runtime has" in told]
    assert weights in told
    assert "is no smaller" in told
    np.testing.assert_allclose(answers(result.onnx), float_answers(weights_of(result)), rtol=0, atol=1e-4)
    stored = [tensor.bytes_stored for tensor in result.report.tensors]
    assert stored == [4 * tensor.parameters for tensor in result.report.tensors]


@pytest.mark.parametrize("weights", sorted(FORMATS))
def test_a_recipe_for_weights_alone_may_have_any_format(weights):
    assert playground.Recipe(weights=weights, activations="weight-only").weights.format == weights


@pytest.mark.parametrize("activations", ["static", "dynamic"])
def test_integer_operators_say_which_recipe_takes_the_format(activations):
    with pytest.raises(
        playground.PlaygroundError, match="Where activations stay float \\('weight-only'\\), any format"
    ):
        playground.Recipe(weights="fp16", activations=activations)


SCHEMES = ["int8", "int3", "fp16", "fp8_e4m3", "nf4", "q4_0", Scheme("int4", granularity="block", block_size=48)]


@pytest.mark.parametrize("weights", SCHEMES, ids=str)
def test_the_bytes_that_are_stated_are_those_of_the_file(weights):
    result = made(weights)
    held = constants(result)
    for tensor in result.report.tensors:
        parts = [len(each.raw_data) for name, each in held.items() if name.startswith(f"{tensor.name}_")]
        assert tensor.bytes_stored == sum(parts)


def test_blocks_longer_than_what_is_summed_are_channels():
    """A filter of one input channel would have a scale for each of its values."""
    scheme = Scheme("int4", granularity="block", block_size=32)
    result = playground.quantize_model(gallery.open_model("digits-convnet"), weights=scheme, activations="weight-only")
    held = {tensor.name: tensor for tensor in result.report.tensors}
    assert held["depthwise1.weight"].scheme["granularity"] == "channel"
    assert held["pointwise2.weight"].scheme["granularity"] == "block"
    assert all(tensor.bytes_stored < tensor.bytes_before / 3 for tensor in held.values())
