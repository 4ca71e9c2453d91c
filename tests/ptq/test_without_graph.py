"""Tensors without a graph, quantized by recipes."""

import io
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground import Recipe, Scheme
from playground.analysis.answers import answers
from playground.errors import InvalidInputError, MissingError, UnsupportedError
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, Override, Rule
from playground.model.writers.onnx import to_onnx
from playground.ptq.without_graph import quantize_tensors
from playground.units import size
from tests.hostile.make_gguf import gguf, info

RNG = np.random.default_rng(1)
WEIGHTS = {
    "fc.weight": RNG.normal(0, 1, (6, 64)).astype(np.float32),
    "conv.weight": RNG.normal(0, 1, (4, 3, 2, 2)).astype(np.float16),
    "fc.bias": np.ones(6, np.float32),
    "ids": np.arange(8).reshape(2, 4),
}


def model(**changes: Any) -> Model:
    made = io.BytesIO()
    np.savez(made, **(WEIGHTS | changes))
    return playground.load(made.getvalue(), "w.npz")


def test_weights_get_int8_along_the_first_axis() -> None:
    made = quantize_tensors(model())
    assert list(made.quantized) == ["fc.weight", "conv.weight"]
    held = made.quantized["fc.weight"]
    assert (held.scheme.format, held.scheme.axis, held.qparams.scale.shape) == ("int8", 0, (6, 1))
    (fc, conv) = made.report.tensors
    assert fc.sqnr_db == playground.compare(WEIGHTS["fc.weight"], held.dequantize())["sqnr_db"]
    assert (fc.bytes_before, fc.bytes_after) == (1536, 384 + 24)
    assert conv.bytes_before == 96
    assert [(skipped.name, skipped.reason[:15]) for skipped in made.report.skipped] == [("fc.bias", "it has one axis")]
    assert made.report.bytes_before - made.report.bytes_after == 1536 - 408 + conv.bytes_before - conv.bytes_after
    assert made.report.file_bytes == len(made.file)
    assert made.report.recipe["activations"] == "weight_only"


def test_a_rule_that_fits_no_tensor_is_told_with_near_names_or_refused() -> None:
    recipe = Recipe((Rule("fc.wieght"), Rule("*", Scheme("int8"))))
    told = "no operator or tensor is named 'fc.wieght'"
    warnings = quantize_tensors(model(), recipe).report.warnings
    assert f"Rule 1 ('fc.wieght'): {told}. Use a name such as 'fc.weight', " in warnings[0]
    with pytest.raises(InvalidInputError, match=told) as error:
        quantize_tensors(model(), Recipe((Rule("fc.wieght"),), partial=False))
    assert "'fc.weight'" in error.value.hint


def test_the_file_has_codes_and_scales_and_the_rest_as_it_was() -> None:
    recipe = Recipe(weights=Scheme("int4", granularity="channel", symmetric=False))
    made = quantize_tensors(model(), recipe)
    held = np.load(io.BytesIO(made.file))
    assert set(held) == {
        *(f"{name}.{part}" for name in ("fc.weight", "conv.weight") for part in ("codes", "scale", "zero_point")),
        *("fc.bias", "ids"),
    }
    codes, points = (held[f"fc.weight.{part}"].astype(np.float32) for part in ("codes", "zero_point"))
    back = (codes - points) * held["fc.weight.scale"]
    np.testing.assert_array_equal(back, made.quantized["fc.weight"].dequantize())
    np.testing.assert_array_equal(held["ids"], WEIGHTS["ids"])
    assert "2 tensors of less than 8 bits" in made.report.warnings[0]
    assert set(playground.load(made.file, "q.npz").tensors) == set(held)


def test_rules_and_overrides_say_which_tensor_gets_what() -> None:
    recipe = Recipe(
        rules=(Rule("conv.*"), Rule("*.bias", Scheme("int8"))),
        overrides=(Override("fc.weight", scheme=Scheme("uint4", symmetric=False)),),
    )
    made = quantize_tensors(model(), recipe)
    assert {name: held.scheme.format for name, held in made.quantized.items()} == {
        "fc.weight": "uint4",
        "fc.bias": "int8",
    }
    assert [skipped.reason for skipped in made.report.skipped] == ["the recipe leaves it in float"]


@pytest.mark.parametrize("name", ["nf4", "bnb_fp4"])
def test_formats_of_other_runtimes(name: str) -> None:
    recipe = Recipe(
        weights=Scheme(name, "block", block_size=64, convention="bitsandbytes"),
        activations="weight_only",
        runtime="bitsandbytes",
    )
    held = quantize_tensors(model(), recipe).quantized["fc.weight"]
    assert held.scheme.format == name
    assert held.qparams.scale.size == 6


def test_what_was_quantized_already_is_told() -> None:
    data = RNG.integers(0, 256, (4, 34), dtype=np.uint8)
    data[:, :2] = np.float16([[1]]).view(np.uint8)
    made = quantize_tensors(playground.load(gguf([], [info("w", (4, 32), 8, 0)], data.tobytes()), "w.gguf"))
    assert "1 tensor had codes in the file already" in made.report.warnings[0]


def test_what_cannot_be_quantized_stays_or_is_refused() -> None:
    bad = model(broken=np.full((2, 2), np.nan, np.float32))
    made = quantize_tensors(bad)
    assert "NaN or infinite" in {skipped.name: skipped.reason for skipped in made.report.skipped}["broken"]
    with pytest.raises(InvalidInputError, match=r"tensor 'broken'.*NaN"):
        quantize_tensors(bad, Recipe(partial=False))
    with pytest.raises(MissingError, match="no tensor is quantized"):
        quantize_tensors(model(), Recipe(rules=(Rule("*"),)))
    with pytest.raises(UnsupportedError, match="'gptq' needs a graph"):
        quantize_tensors(model(), Recipe(algorithms=(AlgorithmCall("gptq"),)))
    with pytest.raises(UnsupportedError, match=r"two arrays would have the name 'fc\.weight\.codes'"):
        quantize_tensors(model(**{"fc.weight.codes": np.ones(3)}))


def test_the_report_says_what_each_tensor_takes_in_the_file() -> None:
    made = quantize_tensors(model(), Recipe(weights=Scheme("int4", granularity="channel")))
    held = np.load(io.BytesIO(made.file))
    for tensor in made.report.tensors:
        stored = sum(held[name].nbytes for name in held if name.startswith(f"{tensor.name}."))
        assert (tensor.bytes_stored, tensor.bytes_after < stored) == (stored, True)
    assert made.report.file_bytes == len(made.file)


def test_a_file_that_does_not_shrink_says_why() -> None:
    small = model()
    made = quantize_tensors(small, Recipe(rules=(Rule("fc.*"), Rule("ids"))))
    assert made.report.file_bytes_before == small.file_bytes > 0
    told = made.report.not_smaller
    assert told.startswith(f"The file is not smaller ({size(small.file_bytes)} before, {size(len(made.file))} now): ")
    assert "of tensors stayed as they were" in told
    shrinking = quantize_tensors(playground.load(large := npz_of(w=np.ones((64, 64), np.float32)), "w.npz"))
    assert len(shrinking.file) < len(large)
    assert shrinking.report.not_smaller == ""
    assert quantize_tensors(playground.load({"w": np.ones((2, 2))})).report.not_smaller == ""


def npz_of(**arrays: Any) -> bytes:
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def linear(transposed: bool = False) -> Model:
    """MatMul, a table, a convolution, a bias, and constants that belong to the graph alone."""
    w = RNG.normal(0, 1, (64, 96)).astype(np.float32)
    held = {
        "table": RNG.normal(0, 1, (128, 64)).astype(np.float32),
        "w": w.T.copy() if transposed else w,
        "b": np.ones(96, np.float32),
        "factor": np.float32(0.5),
        "shape": np.array([-1, 96]),
        "rest": RNG.normal(0, 1, (2, 96)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"], name="look"),
        helper.make_node("Gemm", ["rows", "w"], ["h"], name="fc", transB=int(transposed)),
        helper.make_node("Add", ["h", "b"], ["a"], name="bias"),
        helper.make_node("Mul", ["a", "factor"], ["m"], name="half"),
        helper.make_node("Reshape", ["m", "shape"], ["r"], name="shaped"),
        helper.make_node("Slice", ["rest", "zero", "one"], ["row"], name="part"),
        helper.make_node("Add", ["r", "row"], ["y"], name="last"),
    ]
    held |= {"zero": np.array([0]), "one": np.array([1])}
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 96])],
        [numpy_helper.from_array(np.asarray(values), name) for name, values in held.items()],
    )
    return playground.load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)]))


def test_of_a_graph_the_weights_are_taken_along_its_output_channels() -> None:
    source = linear()
    made = quantize_tensors(source, Recipe(runtime="npz"))
    assert {name: held.scheme.axis for name, held in made.quantized.items()} == {"table": 1, "w": 1}
    assert [(tensor.node, tensor.op) for tensor in made.report.tensors] == [("look", "Gather"), ("fc", "Gemm")]
    reasons = {skipped.name: (skipped.op, skipped.reason) for skipped in made.report.skipped}
    assert reasons["b"] == ("Add", "it is a bias or another constant of Add, and no weight")
    held = np.load(io.BytesIO(made.file))
    assert not {"factor", "shape", "zero", "one"} & set(held)
    assert np.array_equal(held["b"], np.ones(96))
    told = " ".join(made.report.warnings)
    assert "The file has the model's weights, not its graph" in told
    assert "1 matrix ('w') has its inputs along the first axis" in told
    assert "that are numbers or no floats, belong to the graph" in told
    assert "along the first axis" not in " ".join(quantize_tensors(linear(transposed=True)).report.warnings)


def test_rules_name_nodes_operators_and_what_is_no_weight() -> None:
    rules = (Rule("fc"), Rule("b", Scheme("int8")), Rule("*", Scheme("int4", "channel"), op="Gather"))
    made = quantize_tensors(linear(), Recipe(rules, runtime="npz"))
    assert {name: held.scheme.format for name, held in made.quantized.items()} == {"table": "int4", "b": "int8"}
    assert {s.name: s.reason for s in made.report.skipped}["w"] == "the recipe leaves it in float"
    with pytest.raises(InvalidInputError, match="'fcc'"):
        quantize_tensors(linear(), Recipe((Rule("fcc"),), partial=False))


def test_the_graph_computes_with_what_the_codes_stand_for() -> None:
    source = linear()
    made = quantize_tensors(source, Recipe(weights="q4_0", runtime="gguf"))
    feeds = {"ids": np.arange(7)}
    session = onnxruntime.InferenceSession(to_onnx(made.simulated().required_graph()))
    values = {name: held.dequantize().reshape(source.tensors[name].shape) for name, held in made.quantized.items()}
    by_hand = (values["table"][:7] @ values["w"] + 1) * 0.5 + source.tensors["row"].numpy()[0]
    assert np.allclose(session.run(None, feeds)[0], by_hand, atol=1e-5)
    found = answers(made, feeds)
    assert 10 < found.quantized.sqnr_db < 40
    with pytest.raises(UnsupportedError, match="no graph"):
        quantize_tensors(model()).simulated()


def test_what_the_graph_is_needed_for_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="rounded, and not chosen by 'gptq'"):
        quantize_tensors(linear(), Recipe(algorithms=(AlgorithmCall("gptq"),)))
    done = playground.quantize_model(linear(), Recipe(activations="weight_only"))
    with pytest.raises(UnsupportedError, match="already quantized"):
        quantize_tensors(done.model)
    with pytest.raises(UnsupportedError, match="GGUF reads no graph") as error:
        playground.quantize_model(linear(), runtime="gguf", weights="q8_0", activations="weight_only")
    assert "quantize_tensors(model, recipe)" in error.value.hint
    with pytest.raises(InvalidInputError, match="ending of another format") as refused:
        done.save("x.gguf")
    assert "quantize_tensors(model, recipe)" in refused.value.hint


def test_names_that_ggml_refuses_are_one_error() -> None:
    graph = linear().required_graph()
    long = "/model/layers.0/" + "x" * 60
    renamed = graph.with_constants({long: graph.initializers["w"].numpy()})
    nodes = tuple(replace(n, inputs=tuple(long if i == "w" else i for i in n.inputs)) for n in renamed.nodes)
    renamed = renamed.with_(nodes=nodes)
    with pytest.raises(UnsupportedError, match=r"the name has 76 bytes, and ggml takes at most 63.*write an \.npz"):
        quantize_tensors(Model("onnx", "m", renamed.initializers, renamed), Recipe(weights="q8_0", runtime="gguf"))
