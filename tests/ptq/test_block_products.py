"""Weights alone in operators: MatMulNBits, packed as ONNX Runtime's own tool packs it."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnxruntime.capi import _pybind_state

import playground
from playground import gallery
from playground.engines.run import run
from playground.model.recipe import Recipe
from playground.model.writers._onnx_block_products import packed_blocks
from playground.model.writers._onnx_codes import Codes
from playground.opening import load
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme
from tests.ptq.cases import Arrays, Case, Random, node
from tests.ptq.test_branches import parsed

DEPTH, COLUMNS, BLOCK = 80, 24, 32  # the last block is a half, and the number of blocks is odd


def recipe(weights: str = "int4", symmetric: bool = True, granularity: str = "block", **more: Any) -> Recipe:
    size = {"block_size": BLOCK} if granularity == "block" else {}
    scheme = Scheme(weights, granularity=granularity, symmetric=symmetric, **{**size, **more})
    return Recipe(weights=scheme, activations="weight_only", representation="qoperator")


def one_product(turned: bool = False, bias: bool = False, depth: int = DEPTH) -> Case:
    made = Random(4)
    held = {"w": made.weights(*((COLUMNS, depth) if turned else (depth, COLUMNS)))}
    if turned or bias:
        held["b"] = made.normal(COLUMNS)
        product = node("Gemm", ["x", "w", "b"], ["y"], "product", transB=int(turned))
    else:
        product = node("MatMul", ["x", "w"], ["y"], "product")
    return Case([product], held, {"x": made.normal(6, depth)})


def stored(file: bytes) -> tuple[onnx.NodeProto, Arrays]:
    """The only MatMulNBits of a file, and its constants by their place."""
    graph = onnx.load_from_string(file).graph
    (product,) = [n for n in graph.node if n.op_type == "MatMulNBits"]
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    places = ("x", "codes", "scales", "points", "groups", "bias")
    return product, {place: held[name] for place, name in zip(places, product.input, strict=False) if name in held}


def attributes(product: onnx.NodeProto) -> dict[str, int]:
    return {held.name: held.i for held in product.attribute}


def decoded(product: onnx.NodeProto, held: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes (columns, depth) and zero-points (columns, blocks) as ONNX Runtime documents their packing, and scales."""
    said = attributes(product)
    bits, blocks = said["bits"], -(-said["K"] // said["block_size"])

    def numbers(octets: np.ndarray) -> np.ndarray:
        rows = octets.reshape(said["N"], -1)
        return rows if bits == 8 else np.stack([rows & 15, rows >> 4], axis=-1).reshape(said["N"], -1)

    points = numbers(held["points"])[:, :blocks] if "points" in held else np.full((said["N"], blocks), 1 << bits - 1)
    return numbers(held["codes"])[:, : said["K"]].astype(int), points.astype(int), held["scales"]


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("weights", ["int4", "uint4", "int8", "uint8"])
def test_codes_scales_and_zero_points_are_read_back(weights: str, turned: bool, symmetric: bool) -> None:
    case = one_product(turned)
    made = case.quantized(recipe(weights, symmetric))
    product, held = stored(made.onnx)
    bits = 4 if "4" in weights else 8
    assert attributes(product) == {"K": DEPTH, "N": COLUMNS, "bits": bits, "block_size": BLOCK}
    assert made.model.graph.opset == 17  # the float model's: DequantizeLinear with blocks would need 21
    assert held["codes"].shape == (COLUMNS, 3, BLOCK * bits // 8)
    codes, points, scales = decoded(product, held)
    weight = made.quantization.weights["w"]
    offset = 1 << bits - 1 if weights.startswith("int") else 0
    own = weight.codes if turned else weight.codes.T
    np.testing.assert_array_equal(codes - offset, own)
    by_column = (COLUMNS, 3) if turned else (3, COLUMNS)
    expected = weight.qparams.scale_values.reshape(by_column), weight.qparams.zero_point.reshape(by_column)
    np.testing.assert_array_equal(scales if turned else scales.T, expected[0])
    np.testing.assert_array_equal((points if turned else points.T) - offset, expected[1])
    read = load(made.onnx, "read.onnx").tensors
    assert made.report.bytes_after == sum(tensor.nbytes for tensor in read.values())
    np.testing.assert_array_equal(read[product.input[1]].numpy(), held["codes"])
    assert made.report.tensors[0].bytes_stored == sum(held[name].nbytes for name in held if name != "bias")


@pytest.mark.parametrize("weights", ["int4", "uint8"])
@pytest.mark.parametrize("turned", [False, True])
def test_the_product_is_that_of_what_the_codes_stand_for(weights: str, turned: bool) -> None:
    case = one_product(turned)
    made = case.quantized(recipe(weights, symmetric=False))
    weight = made.quantization.weights["w"].dequantize().astype(np.float64)
    expected = case.data["x"] @ (weight.T if turned else weight)
    if turned:
        expected = expected + onnx_constants(case.file)["b"]
    np.testing.assert_allclose(case.run(made.onnx)["y"], expected, rtol=1e-4, atol=1e-4)
    for engine in ("reference", "wasm"):
        np.testing.assert_allclose(run(made.onnx, case.data, engine)["y"], expected, rtol=1e-4, atol=1e-4)


def onnx_constants(file: bytes) -> Arrays:
    return {held.name: numpy_helper.to_array(held) for held in onnx.load_from_string(file).graph.initializer}


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [True, False])
def test_onnxruntimes_own_tool_packs_alike(bits: int, symmetric: bool) -> None:
    """What its kernel has chosen (it finds scales otherwise) is packed here as it has packed it."""
    depth, blocks, kind = 96, 3, np.uint8
    values = Random(7).weights(depth, COLUMNS)
    theirs = np.zeros((COLUMNS, blocks, BLOCK * bits // 8), kind), np.zeros((COLUMNS, blocks), np.float32)
    points = np.zeros((COLUMNS, -(-blocks * bits // 8)), kind)
    make = _pybind_state.quantize_matmul_4bits if bits == 4 else _pybind_state.quantize_matmul_8bits
    make(theirs[0], values, theirs[1], points, BLOCK, COLUMNS, depth, symmetric)
    said = {"K": depth, "N": COLUMNS, "bits": bits, "block_size": BLOCK}
    product = onnx.helper.make_node("MatMulNBits", ["x"], ["y"], **said)
    held = {"codes": theirs[0], "scales": theirs[1], **({} if symmetric else {"points": points})}
    codes, zeros, scales = decoded(product, held)
    assert np.abs((codes - np.repeat(zeros, BLOCK, 1)) * np.repeat(scales, BLOCK, 1) - values.T).max() < scales.max()
    given = Codes("w", "s", "z", f"uint{bits}", scales, zeros.astype(kind), 1, BLOCK)
    octets, kept, found = packed_blocks(codes.astype(kind), given, bits, turned=True)
    np.testing.assert_array_equal(octets, theirs[0])
    np.testing.assert_array_equal(kept, theirs[1])
    assert (found is None) is symmetric
    if found is not None:
        np.testing.assert_array_equal(found, points)


def test_onnxruntime_makes_the_same_operator_of_the_pairs(tmp_path: Any) -> None:
    """Of the QDQ file it makes one that rounds activations to 8 bits; ours multiplies them as they are."""
    case = one_product()
    pairs = quantize_model(load(case.file, "case.onnx"), weights=recipe().weights, activations="weight-only")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "optimized.onnx"), 3
    onnxruntime.InferenceSession(pairs.onnx, options, providers=["CPUExecutionProvider"])
    theirs, held = stored((tmp_path / "optimized.onnx").read_bytes())
    ours, mine = stored(case.quantized(recipe()).onnx)
    assert attributes(theirs).items() >= {**attributes(ours), "accuracy_level": 4}.items()
    assert "accuracy_level" not in attributes(ours)
    for expected, found in zip(decoded(theirs, held), decoded(ours, mine), strict=True):
        np.testing.assert_array_equal(expected.reshape(-1), found.reshape(-1))


def test_a_channel_is_a_block_where_its_length_is_one() -> None:
    case = one_product(depth=64)
    made = case.quantized(recipe("int8", granularity="channel"))
    product, held = stored(made.onnx)
    assert attributes(product)["block_size"] == 64
    np.testing.assert_array_equal(held["scales"].reshape(-1), made.quantization.weights["w"].qparams.scale_values.flat)
    other = one_product().quantized(recipe("int8", granularity="channel"))
    (told,) = [told for told in other.report.warnings if "became" in told]
    assert f"MatMul (channels of {DEPTH} values are not a block of MatMulNBits)" in told


def test_a_shared_weight_is_packed_once_and_one_that_is_read_otherwise_not_at_all() -> None:
    made = Random(4)
    held = {"w": made.weights(64, 64)}
    nodes = [node("MatMul", ["x", "w"], ["m"], "one"), node("MatMul", ["m", "w"], ["y"], "two")]
    case = Case(nodes, held, {"x": made.normal(6, 64)})
    written = onnx.load_from_string(case.quantized(recipe()).onnx)
    assert [n.op_type for n in written.graph.node] == ["MatMulNBits", "MatMulNBits"]
    assert len(written.graph.initializer) == 2
    nodes[1] = node("Gemm", ["m", "w"], ["y"], "two", transB=1)
    result = Case(nodes, held, {"x": made.normal(6, 64)}).quantized(recipe())
    assert "MatMulNBits" not in {n.op for n in result.model.graph.nodes}
    assert any("another node reads its weight in another form" in told for told in result.report.warnings)


@pytest.mark.parametrize(
    ("gemm", "bias"),
    [({"alpha": 0.5}, (COLUMNS,)), ({"transA": 1}, (COLUMNS,)), ({"beta": 2.0}, (COLUMNS,)), ({}, (1, COLUMNS))],
    ids=str,
)
def test_a_gemm_that_is_more_than_a_product_stays(gemm: dict[str, Any], bias: tuple[int, ...]) -> None:
    made = Random(4)
    held = {"w": made.weights(32, COLUMNS), "b": made.normal(*bias)}
    shape = (32, 6) if "transA" in gemm else (6, 32)
    case = Case([node("Gemm", ["x", "w", "b"], ["y"], "product", **gemm)], held, {"x": made.normal(*shape)})
    result = case.quantized(recipe())
    assert "MatMulNBits" not in {n.op for n in result.model.graph.nodes}
    assert any("Gemm (MatMulNBits" in told for told in result.report.warnings)


def test_weights_on_the_left_and_of_three_axes_stay() -> None:
    made = Random(4)
    for names, shape, given in ((["w", "x"], (32, 32), (6, 32, 4)), (["x", "w"], (2, 32, 16), (6, 2, 4, 32))):
        case = Case([node("MatMul", names, ["y"], "p")], {"w": made.weights(*shape)}, {"x": made.normal(*given)})
        result = case.quantized(recipe())
        assert "MatMulNBits" not in {n.op for n in result.model.graph.nodes}
        np.testing.assert_allclose(case.run(result.onnx)["y"], run(result.onnx, case.data, "reference")["y"], atol=0.1)


def test_products_in_branches_and_bodies() -> None:
    zeros = ",".join(["0"] * 32 * 32)
    held = ", ".join(f"float[32,32] {name} = {{{zeros}}}" for name in "ABC")
    model = parsed(
        f"""g (float[n,32] x) => (float[n,32] y) <{held}, int64 three = {{3}}, bool go = {{1}}>
        {{
            total = ReduceSum <keepdims = 0> (x)
            zero = Constant <value = float {{0.0}}> ()
            up = Greater(total, zero)
            z = If (up) <
                then_branch = then () => (float[n,32] t) {{ t = MatMul(x, A) }},
                else_branch = other () => (float[n,32] e) {{ m = MatMul(x, A)
                                                             e = MatMul(m, B) }}
            >
            y = Loop (three, go, z) <
                body = turn (int64 i, bool c, float[n,32] s) => (bool d, float[n,32] u)
                {{ u = MatMul(s, C)
                   d = Identity(c) }}
            >
        }}""",
        **{name: Random(seed).weights(32, 32) for seed, name in enumerate("ABC")},
    )
    x = Random(3).normal(6, 32)
    pairs, made = (
        quantize_model(model, Recipe(weights=recipe().weights, activations="weight_only", representation=form))
        for form in ("qdq", "qoperator")
    )
    onnx.checker.check_model(made.onnx)
    assert sum(n.op == "MatMulNBits" for n in made.model.graph.walk()) >= 2
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    for given in (x, -x):
        both = [onnxruntime.InferenceSession(r.onnx, options).run(None, {"x": given})[0] for r in (pairs, made)]
        np.testing.assert_allclose(*both, rtol=1e-4, atol=1e-4)
        ours = run(made.onnx, {"x": given}, "reference")["y"]
        np.testing.assert_allclose(ours, both[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("weights", ["int4", "uint8"])
def test_a_gallery_model_answers_with_what_its_codes_stand_for(weights: str) -> None:
    model, data = gallery.open_model("moby-dick-transformer"), gallery.calibration("moby-dick-transformer")
    made = quantize_model(model, recipe(weights, symmetric=False))
    few = {key: values[:2] for key, values in data.items()}
    (found,) = onnxruntime.InferenceSession(made.onnx, providers=["CPUExecutionProvider"]).run(None, few)
    plain = onnx.load_from_string(playground.model.writers.onnx.to_onnx(model.graph, model))
    held = {name: weight.dequantize().astype(np.float32) for name, weight in made.quantization.weights.items()}
    for tensor in plain.graph.initializer:
        if tensor.name in held:
            tensor.CopyFrom(numpy_helper.from_array(held[tensor.name], tensor.name))
    (expected,) = onnxruntime.InferenceSession(plain.SerializeToString()).run(None, few)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    assert isinstance(made, QuantizedModel)
    assert {n.op for n in made.model.graph.nodes} >= {"MatMulNBits", "Softmax"}
