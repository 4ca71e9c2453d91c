"""Remedies on models of which the right one is known; every gain is measured again with ONNX Runtime on the files."""

import asyncio
import json
from dataclasses import replace

import numpy as np
import onnxruntime
import pytest

from playground import gallery
from playground.analysis.accuracy import score
from playground.analysis.held_out import held_out
from playground.analysis.improve import improve, improve_task
from playground.analysis.improvement import Improvement, Trial, gains, undone
from playground.analysis.remedies import Remedy
from playground.errors import CancelledError, InvalidInputError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.model.recipe import Recipe, Rule
from playground.model.writers.onnx import to_onnx
from playground.ptq.pipeline import quantize_model
from playground.ptq.verification import OPTIMIZED
from playground.quantization import Scheme
from playground.tasks import Progress, run_async

Data = dict[str, np.ndarray]
RNG = np.random.default_rng(7)


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    RNG.bit_generator.state = np.random.default_rng(7).bit_generator.state


def gemms(*weights: np.ndarray) -> Model:
    """Products one after the other, with a Relu between any two."""
    nodes, held, name = [], {}, "x"
    for at, weight in enumerate(weights):
        held[f"w{at}"] = Tensor.of(f"w{at}", weight.astype(np.float32))
        held[f"b{at}"] = Tensor.of(f"b{at}", np.zeros(weight.shape[1], np.float32))
        nodes.append(Node("Gemm", f"gemm{at}", (name, f"w{at}", f"b{at}"), (f"y{at}",)))
        name = f"y{at}"
        if at + 1 < len(weights):
            nodes.append(Node("Relu", f"relu{at}", (name,), (f"r{at}",)))
            name = f"r{at}"
    ends = (
        (ValueInfo("x", "float32", ("n", len(weights[0]))),),
        (ValueInfo(name, "float32", ("n", weights[-1].shape[1])),),
    )
    return Model("onnx", "net.onnx", held, Graph("net", *ends, tuple(nodes), held, 17))


def products(*weights: np.ndarray) -> Model:
    """Matrix products one after the other, each with a Relu."""
    nodes, held, name = [], {}, "x"
    for at, weight in enumerate(weights):
        held[f"w{at}"] = Tensor.of(f"w{at}", weight.astype(np.float32))
        nodes.append(Node("MatMul", f"matmul{at}", (name, f"w{at}"), (f"y{at}",)))
        nodes.append(Node("Relu", f"relu{at}", (f"y{at}",), (f"r{at}",)))
        name = f"r{at}"
    ends = (
        (ValueInfo("x", "float32", ("n", len(weights[0]))),),
        (ValueInfo(name, "float32", ("n", weights[-1].shape[1])),),
    )
    return Model("onnx", "net.onnx", held, Graph("net", *ends, tuple(nodes), held, 17))


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(0, 0.3, shape).astype(np.float32)


def samples(count: int = 80, width: int = 16) -> Data:
    return {"x": RNG.normal(0, 1, (count, width)).astype(np.float32)}


def uneven() -> Model:
    """Channels of very different size that later weights make equal again."""
    sizes = np.geomspace(1e-3, 1, 24)
    return gemms(normal(16, 24) * sizes, normal(24, 8) / sizes[:, None])


def by_onnxruntime(model: Model, trial: Trial, calibration: Data, measured: Data, *, optimized: bool) -> float:
    """The relative error of a trial's file, quantized anew: of one output that is all."""
    options = onnxruntime.SessionOptions()
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    float_file = model.graph
    assert float_file is not None
    files = to_onnx(float_file), quantize_model(model, trial.recipe, calibration).onnx
    wanted, found = (onnxruntime.InferenceSession(f, options).run(None, measured)[0].astype(np.float64) for f in files)
    return float(((found - wanted) ** 2).sum() / (wanted**2).sum())


def assert_as_measured(model: Model, found: Improvement, data: Data, *, optimized: bool = True) -> None:
    """Every listed gain, and the best combination's, is what ONNX Runtime says about the files."""
    kept = len(data["x"]) * 3 // 4
    calibration, measured = {"x": data["x"][:kept]}, {"x": data["x"][kept:]}
    recipe = Recipe.from_dict(found.quantized.report.recipe) if found.best is None else found.best.recipe
    assert recipe == Recipe.from_dict(found.quantized.report.recipe)
    for trial in (*found.listed, *filter(None, [found.best])):
        loss = by_onnxruntime(model, trial, calibration, measured, optimized=optimized)
        assert trial.measured.loss == pytest.approx(loss, rel=0.02), trial.name
        assert found.before.loss - loss == pytest.approx(trial.gain, rel=0.02, abs=0.02 * found.before.loss)


def test_channels_of_different_size_get_their_own_scales() -> None:
    model, data = uneven(), samples()
    found = improve(model, Recipe(weights=Scheme("int8"), activations="weight_only"), data, choice="values")
    names = [trial.name for trial in found.listed]
    assert "one scale for each channel" in names
    assert found.best is not None
    # what makes channels equal does the same good, and one of both is enough
    assert {"one scale for each channel", "Cross-layer equalisation"} & {r.name for r in found.best.remedies}
    assert found.after.sqnr_db > found.before.sqnr_db + 10
    channel = next(trial for trial in found.listed if trial.name == "one scale for each channel")
    assert channel.gain > 0.7 * found.before.loss
    # ONNX Runtime's optimizations round the activations of weight-only products to 8 bits
    assert_as_measured(model, found, data, optimized=False)
    assert by_onnxruntime(model, channel, data, data, optimized=True) < 0.6 * found.before.loss


def test_nothing_is_offered_per_channel_where_it_is_so_already() -> None:
    found = improve(uneven(), Recipe(activations="weight_only"), samples(), choice="values")
    tried = {*(t.name for t in found.listed), *found.useless, *found.failed}
    assert not tried & {
        "one scale for each channel",
        "Cross-layer equalisation",
        "SmoothQuant",
        "ranges by Least squared error",
    }
    assert tried >= {"Bias correction", "GPTQ"}


def ruinous() -> list[np.ndarray]:
    """Each column of the second has one huge weight that meets nothing: no scale a channel and no calibrator helps."""
    first, second = normal(16, 24), normal(24, 24)
    first[:, 0], second[0] = 0.0, 3000.0
    return [first, second, normal(24, 8)]


def test_one_ruinous_layer_is_left_in_float() -> None:
    model, data = products(*ruinous()), samples()
    found = improve(model, None, data, choice="values")
    assert found.best is not None
    assert Remedy("float", "matmul1", "matmul1 in float") in found.best.remedies
    assert found.best.bytes > 0
    assert found.after.loss < 0.1 * found.before.loss
    assert_as_measured(model, found, data)


def test_a_gemm_in_float_between_codes_is_a_remedy_in_onnxruntime_too() -> None:
    """Its optimizations would quantize the weights of such a Gemm, if the file did not hold them off."""
    model, data = gemms(*ruinous()), samples()
    found = improve(model, None, data, choice="values")
    trial = next(trial for trial in found.listed if trial.name == "gemm1 in float")
    assert trial.gain > 0.9 * found.before.loss
    assert_as_measured(model, found, data)


def test_what_onnxruntime_undoes_is_no_remedy() -> None:
    model, data = gemms(*ruinous()), samples()
    before = quantize_model(model, None, data)
    after = quantize_model(model, Recipe(rules=(Rule("gemm1"),)), data)
    assert undone(before, after) == ""
    found = after.report.verification
    assert found is not None
    levels = {engine: dict(outputs) for engine, outputs in found.sqnr_db.items()}
    levels[OPTIMIZED]["y2"] = -1.0
    report = replace(after.report, verification=replace(found, sqnr_db=levels))
    told = undone(before, replace(after, report=report))
    assert told.startswith("ONNX Runtime gives -1.0 dB at output 'y2', ONNX Runtime without optimizations ")


def test_outliers_of_activations_are_clipped() -> None:
    """One value of the calibration data is a thousand times larger than all others, and meets weights of zero."""
    first = normal(64, 64)
    first[0] = 0.0
    model, data = gemms(first, normal(64, 64)), samples(100, 64)
    data["x"][0, 0] = 1000.0
    found = improve(model, None, data, choice="values")
    assert found.best is not None
    assert found.best.remedies[0].kind == "calibrator"
    assert sum(remedy.kind == "calibrator" for remedy in found.best.remedies) == 1
    assert found.listed[0].free
    assert found.after.sqnr_db > found.before.sqnr_db + 10
    assert_as_measured(model, found, data)


@pytest.mark.parametrize("recipe", [Recipe(), Recipe(weights=Scheme("int4")), Recipe(activations="dynamic")])
def test_nothing_listed_is_worse_than_none(recipe: Recipe) -> None:
    found = improve(gemms(normal(16, 24), normal(24, 8)), recipe, samples(), choice="values")
    for trial in found.listed:
        assert trial.gain > 0
        assert gains(found.before, trial.measured, found.original)
        assert trial.gain == found.before.loss - trial.measured.loss
    assert [trial.rank for trial in found.listed] == sorted((t.rank for t in found.listed), reverse=True)
    assert found.after.loss <= found.before.loss
    tried = [*(trial.name for trial in found.listed), *found.useless, *found.failed]
    assert len(tried) == len(set(tried))
    assert json.loads(json.dumps(found.as_dict()))["listed"] == json.loads(json.dumps(found.as_dict()["listed"]))
    for trial in found.listed:
        assert Remedy.from_dict(trial.remedies[0].as_dict()) == trial.remedies[0]


@pytest.mark.slow
def test_with_labels_and_other_samples_the_measure_is_cross_entropy() -> None:
    model, digits = gallery.open_model("digits-convnet"), gallery.held_out("digits-convnet")
    calibration = gallery.calibration("digits-convnet")
    recipe = Recipe(weights=Scheme("int4"))
    found = improve(model, recipe, calibration, dict(digits.feeds), digits.labels)
    assert found.before.loss_name == "cross-entropy, nats"
    assert found.best is not None
    assert len(found.best.remedies) <= 3
    file = found.quantized.onnx
    assert len(file) == found.file_bytes + found.best.bytes
    outputs = onnxruntime.InferenceSession(file).run(None, dict(digits.feeds))[0]
    wanted = score(outputs, digits.labels)
    assert found.after.cross_entropy == pytest.approx(wanted.cross_entropy, rel=0.02)
    assert found.after.accuracy == pytest.approx(wanted.accuracy, abs=0.01)
    assert wanted.accuracy > (found.before.accuracy or 1) + 0.05


def test_a_cancelled_search_leaves_nothing() -> None:
    model, recipe, seen, shares = gemms(normal(16, 24), normal(24, 8)), Recipe(), [], []
    before = {name: tensor.numpy().copy() for name, tensor in model.tensors.items()}

    def progress(step: Progress) -> None:
        assert 0 <= step.done < step.total
        shares.append(step.done / step.total)
        seen.append(step.message)

    def cancelled() -> bool:
        return any(message.startswith("Remedy 3") for message in seen)

    with pytest.raises(CancelledError):
        asyncio.run(run_async(improve_task(model, recipe, samples(), choice="values"), progress, cancelled))
    assert not any(message.startswith("The best") for message in seen)
    assert shares == sorted(shares)
    assert recipe == Recipe()
    assert all((model.tensors[name].numpy() == values).all() for name, values in before.items())


def test_made_up_inputs_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="made-up inputs cannot tell what helps"):
        improve(uneven())


def test_the_last_quarter_is_held_out() -> None:
    graph = uneven().required_graph()
    data, labels = samples(10), np.arange(10)
    split = held_out(graph, data, labels)
    assert (split.calibration["x"] == data["x"][:8]).all()
    assert (split.measured["x"] == data["x"][8:]).all()
    assert split.labels.tolist() == [8, 9]
    assert split.told == "ranges come from the first 8 samples of 10, the rest is measured on"
    one = held_out(graph, samples(1))
    assert one.calibration is one.measured
    assert "too few samples" in one.told
    several = [samples(2) for _ in range(5)]
    split = held_out(graph, several)
    assert [feeds["x"] is given["x"] for feeds, given in zip(split.calibration(), several, strict=False)] == [True] * 4
    assert next(iter(split.measured()))["x"] is several[4]["x"]
    with pytest.raises(InvalidInputError, match="3 labels do not fit 10 samples"):
        held_out(graph, data, labels[:3])
