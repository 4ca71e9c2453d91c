"""Each warning about a finished file fires on a model built for it, and none on a healthy one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

import playground
from playground import gallery, host
from playground.errors import MissingError
from playground.host.onnxruntime_native import EXACT_PRODUCTS
from playground.metrics import sqnr_db
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe
from playground.model.writers.onnx import to_onnx
from playground.ptq import verification
from playground.ptq.calibration_data import calibration_data
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.ptq.verification import Verification, verify_task
from playground.tasks import run_sync
from tests import exact_products

N = 16


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def graph_of(
    nodes: list[Node], constants: Mapping[str, np.ndarray], inputs: dict[str, tuple], outputs: dict[str, tuple]
) -> Graph:
    held = {name: Tensor.of(name, np.asarray(values)) for name, values in constants.items()}
    values = (tuple(ValueInfo(name, "float32", shape) for name, shape in about.items()) for about in (inputs, outputs))
    return Graph("built", *values, tuple(nodes), held, 17)


@pytest.fixture(autouse=True)
def as_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is verified is what users will see."""
    monkeypatch.setattr(onnxruntime, "InferenceSession", exact_products.PLAIN)


def model_of(graph: Graph) -> Model:
    return Model("onnx", "built.onnx", graph.initializers, graph)


def verified(source: Graph, quantized: Graph, feeds: dict[str, np.ndarray] | None) -> Verification:
    data = None if feeds is None else calibration_data(source, feeds)
    return run_sync(verify_task(source, quantized, to_onnx(quantized), data))


def without_overflow(found: Verification) -> list[str]:
    """What was said that any processor makes true."""
    return [told for told in found.warnings if "overflow" not in told]


# ---------------------------------------------------------------- healthy


@pytest.mark.parametrize("activations", ["static", "dynamic", "weight_only"])
@pytest.mark.parametrize("name", ["digits-mlp", "digits-convnet", "moby-dick-transformer"])
def test_healthy_models_are_silent(name: str, activations: str) -> None:
    recipe = Recipe(activations=activations)
    report = quantize_model(gallery.open_model(name), recipe, gallery.calibration(name)).report
    found = report.verification
    assert found is not None
    assert (found.refused, found.skipped, without_overflow(found), found.samples) == ("", "", [], 4)
    engines = {verification.OPTIMIZED, verification.AS_WRITTEN, verification.OURS}
    assert set(found.sqnr_db) - {verification.EXACT_PRODUCTS} == engines
    assert found.sentence.startswith("ONNX Runtime runs this file: ")
    assert not [told for told in report.warnings if "part at" in told or "hides" in told]


def test_decibels_are_those_of_the_file() -> None:
    data = gallery.calibration("digits-convnet")
    result = quantize_model(gallery.open_model("digits-convnet"), None, data)
    first = {name: x[:4] for name, x in data.items()}
    answers = [
        onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, first)[0]
        for file in (gallery.model_bytes("digits-convnet"), result.onnx)
    ]
    found = result.report.verification
    assert found is not None
    assert found.sqnr_db[verification.OPTIMIZED]["logits"] == pytest.approx(sqnr_db(*answers), abs=0.01)


def test_it_can_be_left_out() -> None:
    assert quantize_model(gallery.open_model("digits-mlp"), verify=False).report.verification is None


def test_made_up_samples_are_called_so() -> None:
    found = quantize_model(gallery.open_model("digits-mlp")).report.verification
    assert found is not None
    assert found.generated
    assert "4 made-up samples" in found.sentence


def test_of_large_models_one_engine_runs_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "LARGE", 1000)
    report = quantize_model(gallery.open_model("digits-mlp"), None, gallery.calibration("digits-mlp")).report
    assert report.verification is not None
    assert (report.verification.samples, set(report.verification.sqnr_db)) == (1, {verification.OPTIMIZED})
    assert "large" in report.verification.skipped


def test_without_the_runtime_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(content: bytes, **options: bool) -> None:
        raise MissingError("the package onnxruntime is not installed")

    monkeypatch.setattr(host, "ort_session", missing)
    found = quantize_model(gallery.open_model("digits-mlp")).report.verification
    assert found == Verification(skipped="the package onnxruntime is not installed")
    assert found.sentence == "The file was not run: the package onnxruntime is not installed."


# ---------------------------------------------------------------- refused


def refused_model() -> Model:
    """A product, then the tangent of float64 numbers: ONNX has that, and ONNX Runtime has no code for it."""
    nodes = [
        Node("MatMul", "product", ("x", "w"), ("h",)),
        Node("Cast", "wide", ("h",), ("d",), {"to": 11}),
        Node("Tan", "tangent", ("d",), ("t",)),
        Node("Cast", "back", ("t",), ("y",), {"to": 1}),
    ]
    return model_of(graph_of(nodes, {"w": normal(8, 4)}, {"x": (None, 8)}, {"y": (None, 4)}))


def test_a_file_that_the_runtime_refuses_is_said_first() -> None:
    result = quantize_model(refused_model(), None, {"x": normal(N, 8)})
    found = result.report.verification
    with pytest.raises(Exception, match="NOT_IMPLEMENTED") as refusal:
        onnxruntime.InferenceSession(result.onnx, providers=["CPUExecutionProvider"])
    assert found is not None
    assert found.refused
    assert found.refused in str(refusal.value)
    assert "Tan" in found.refused
    assert result.report.warnings[0].startswith(f"ONNX Runtime does not take this file: {found.refused}. ")


def test_a_file_that_fails_on_a_sample_is_refused_too() -> None:
    source = graph_of([Node("Identity", "i", ("x",), ("y",))], {}, {"x": (None, 8)}, {"y": (None, 8)})
    nodes = [Node("Reshape", "r", ("x", "shape"), ("y",))]
    broken = graph_of(nodes, {"shape": np.int64([3, 7])}, {"x": (None, 8)}, {"y": (3, 7)})
    found = verified(source, broken, {"x": normal(N, 8)})
    assert "Reshape" in found.refused


def test_operators_of_ones_own_are_not_judged() -> None:
    nodes = [Node("Mine", "m", ("x",), ("y",), domain="my.own")]
    graph = graph_of(nodes, {}, {"x": (None, 8)}, {"y": (None, 8)})
    assert verified(graph, graph, None).skipped == "it has operators of the domain 'my.own'"


# ---------------------------------------------------------------- engines that part


@pytest.mark.parametrize("engine", [verification.AS_WRITTEN, verification.OURS])
def test_engines_that_part_are_named_with_the_output(engine: str) -> None:
    levels = {verification.OPTIMIZED: {"y": 1.2, "z": 30.0}, engine: {"y": 32.1, "z": 30.5}}
    (told,) = verification._parting(levels)
    assert told.startswith(f"Engines part at output 'y': ONNX Runtime gives 1.2 dB, {engine} 32.1 dB. ")
    assert "leave in float" in told
    assert verification._parting({verification.OPTIMIZED: {"y": 70.0}, engine: {"y": 65.0}}) == []
    assert verification._parting({verification.OPTIMIZED: {"y": 30.0}, engine: {"y": 30.9}}) == []


def test_products_that_overflow_are_told_from_other_differences() -> None:
    levels = {verification.OPTIMIZED: {"y": 9.5}, verification.AS_WRITTEN: {"y": 9.6}, verification.OURS: {"y": 33.8}}
    assert verification._overflow(levels) == ""
    assert verification._overflow({**levels, verification.EXACT_PRODUCTS: {"y": 9.5}}) == ""
    assert verification._overflow({**levels, verification.EXACT_PRODUCTS: {"y": 20.0}}) == ""
    told = verification._overflow({**levels, verification.EXACT_PRODUCTS: {"y": 33.5}})
    assert "output 'y' has 9.5 dB, with exact products 33.5 dB. Use uint8 weights" in told


def test_overflow_is_said_on_the_processors_that_have_it() -> None:
    """Whether this one has it, ONNX Runtime itself says: with its setting for exact products the answers differ."""
    model, samples = gallery.open_model("digits-convnet"), gallery.calibration("digits-convnet")
    result = playground.quantize_model(model, calibration=samples)
    feeds = {name: np.asarray(x)[:32] for name, x in samples.items()}
    answers = []
    for setting in ("0", "1"):
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry(EXACT_PRODUCTS, setting)
        session = onnxruntime.InferenceSession(result.onnx, options, providers=["CPUExecutionProvider"])
        answers.append(session.run(None, feeds)[0])
    overflows = sqnr_db(answers[1], answers[0]) < 25
    assert any("overflow" in told for told in result.report.warnings) == overflows
    assert not any("Little is left" in told for told in result.report.warnings)
    for narrow in ("int7", "uint8"):
        result = playground.quantize_model(model, calibration=samples, weights=narrow)
        assert not any("overflow" in told for told in result.report.warnings)


def masked(lowest: float) -> tuple[Graph, Graph, dict[str, np.ndarray]]:
    """Scores and a mask, summed; in float, and with both quantized, the mask by a scale of ``lowest`` / 255."""
    inputs, outputs = {"x": (None, 8), "mask": (None, 8)}, {"y": (None, 8)}
    share = Node("Softmax", "share", ("t",), ("y",), {"axis": -1})
    source = graph_of([Node("Add", "sum", ("x", "mask"), ("t",)), share], {}, inputs, outputs)
    scales = {"x": (0.04, 128), "mask": (-lowest / 255, 255), "t": (0.08, 196)}
    constants: dict[str, np.ndarray] = {}
    nodes = []
    for name, (scale, zero) in scales.items():
        constants |= {f"{name}_scale": np.float32(scale), f"{name}_zero": np.uint8(zero)}
        parameters = (f"{name}_scale", f"{name}_zero")
        nodes.append(Node("QuantizeLinear", f"{name}_q", (name, *parameters), (f"{name}_codes",)))
        nodes.append(Node("DequantizeLinear", f"{name}_d", (f"{name}_codes", *parameters), (f"{name}_back",)))
    nodes.insert(4, Node("Add", "sum", ("x_back", "mask_back"), ("t",)))
    nodes.append(replace(share, inputs=("t_back",)))
    mask = np.zeros((N, 8), np.float32)
    mask[:, 5:] = lowest
    return source, graph_of(nodes, constants, inputs, outputs), {"x": normal(N, 8), "mask": mask}


def test_a_mask_that_optimizations_make_something_else_of() -> None:
    """In integers the sum's rescaling of the lowest float overflows; written out it saturates."""
    source, quantized, feeds = masked(float(np.finfo(np.float32).min))
    found = verified(source, quantized, feeds)
    session = onnxruntime.InferenceSession(to_onnx(quantized), providers=["CPUExecutionProvider"])
    first = {name: x[:4] for name, x in feeds.items()}
    level = sqnr_db(playground.run(source, first, engine="reference")["y"], session.run(None, first)[0])
    assert found.sqnr_db[verification.OPTIMIZED]["y"] == pytest.approx(level, abs=0.01)
    assert level < 5
    assert found.sqnr_db[verification.AS_WRITTEN]["y"] > 30
    assert found.warnings[0].startswith(
        f"Engines part at output 'y': ONNX Runtime gives {level:.1f} dB, ONNX Runtime wi"
    )
    assert sum(told.startswith("Engines part") for told in found.warnings) == 1
    source, quantized, feeds = masked(-10.0)
    assert verified(source, quantized, feeds).warnings == ()


# ---------------------------------------------------------------- hidden errors


def boxes_and_scores() -> Graph:
    nodes = [
        Node("MatMul", "boxes", ("x", "w"), ("box",)),
        Node("MatMul", "raw", ("x", "v"), ("r",)),
        Node("Sigmoid", "squash", ("r",), ("score",)),
        Node("Concat", "join", ("box", "score"), ("y",), {"axis": 2}),
    ]
    constants = {"w": 400 * normal(8, 4), "v": normal(8, 3, seed=1)}
    return graph_of(nodes, constants, {"x": (None, 10, 8)}, {"y": (None, 10, 7)})


def quantized_join(scale: float) -> Graph:
    """The same, with one scale for boxes and scores."""
    graph = boxes_and_scores()
    pair = (
        Node("QuantizeLinear", "q", ("y_float", "scale", "zero"), ("y_codes",)),
        Node("DequantizeLinear", "d", ("y_codes", "scale", "zero"), ("y",)),
    )
    join = Node("Concat", "join", ("box", "score"), ("y_float",), {"axis": 2})
    held = {"scale": Tensor.of("scale", np.float32(scale)), "zero": Tensor.of("zero", np.uint8(128))}
    return graph.with_(nodes=(*graph.nodes[:-1], join, *pair), initializers={**graph.initializers, **held})


def test_scores_that_are_lost_beside_boxes_are_named() -> None:
    found = verified(boxes_and_scores(), quantized_join(30.0), {"x": normal(N, 10, 8)})
    (told,) = found.warnings
    level = found.sqnr_db[verification.OPTIMIZED]["y"]
    assert level > 20
    assert told.startswith(
        f"An error hides in 'y': {level:.1f} dB in all, but 0.0 dB in channels 4 to 6 of axis 2, which"
    )
    assert "which are 'score': values up to 0.9" in told
    assert "less than one step (30) of the shared scale. Leave the node 'join' in float." in told


def test_a_concat_whose_parts_fit_one_scale_is_silent() -> None:
    nodes = [
        Node("MatMul", "one", ("x", "w"), ("a",)),
        Node("Sigmoid", "squash", ("a",), ("b",)),
        Node("Concat", "join", ("a", "b"), ("y",), {"axis": 1}),
    ]
    graph = graph_of(nodes, {"w": normal(8, 4)}, {"x": (None, 8)}, {"y": (None, 8)})
    report = quantize_model(model_of(graph), None, {"x": normal(N, 8)}).report
    assert report.verification is not None
    assert without_overflow(report.verification) == []


def test_an_output_of_which_little_is_left_is_named() -> None:
    """A table in raw units, whose columns one scale cannot hold; in float activations nothing is lost."""
    table, data = gallery.open_model("breast-cancer-mlp"), gallery.calibration("breast-cancer-mlp")
    told = quantize_model(table, None, data).report.warnings
    assert any(line.startswith("Little is left of output 'logits': ") for line in told)
    told = quantize_model(table, Recipe(activations="weight_only"), data).report.warnings
    assert not any(line.startswith("Little is left") for line in told)


# ---------------------------------------------------------------- ranges of nothing


def test_an_activation_that_was_zero_on_every_sample_is_named() -> None:
    nodes = [
        Node("MatMul", "one", ("x", "w"), ("h",)),
        Node("MatMul", "two", ("h", "v"), ("y",)),
    ]
    model = model_of(graph_of(nodes, {"w": normal(8, 4), "v": normal(4, 3)}, {"x": (None, 8)}, {"y": (None, 3)}))
    silent = quantize_model(model, None, {"x": np.zeros((N, 8), np.float32)}).report.warnings
    zero = [line for line in silent if "was 0 on every calibration sample" in line]
    assert any(line.startswith("Activation 'h' ") and "Give samples in which it is not 0" in line for line in zero)
    healthy = quantize_model(model, None, {"x": normal(N, 8)}).report.warnings
    assert not [line for line in healthy if "was 0 on" in line]


def test_quantize_model_says_what_it_found() -> None:
    result: QuantizedModel = playground.quantize_model(gallery.open_model("digits-mlp"))
    held = result.report.as_dict()["verification"]
    assert held["sentence"] == result.report.verification.sentence
    assert held["refused"] == ""


def test_a_model_that_takes_one_sample_at_once_is_run_on_four() -> None:
    weights = {"W": normal(N, N) / 4}
    nodes = [Node("MatMul", "product", ("x", "W"), ("y",))]
    graph = graph_of(nodes, weights, {"x": (1, N)}, {"y": (1, N)})
    data = {"x": normal(9, N, seed=1)}
    made = quantize_model(model_of(graph), None, data)
    found = made.report.verification
    assert found is not None
    assert found.samples == 4
    session = onnxruntime.InferenceSession(made.onnx)
    answers = [session.run(None, {"x": data["x"][at : at + 1]})[0] for at in range(4)]
    level = sqnr_db(data["x"][:4] @ weights["W"], np.concatenate(answers))
    assert found.sqnr_db[verification.OPTIMIZED]["y"] == pytest.approx(level, abs=0.1)
