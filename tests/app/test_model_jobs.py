"""Jobs on an open model, against ONNX Runtime and the package's own functions."""

import json
from collections import Counter

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto
from scipy.special import softmax

import playground
from playground import gallery
from playground.app.exporting import exports
from playground.app.model_jobs import RACE_BATCH, ModelJobs, recipe_of
from playground.errors import CancelledError, UnsupportedError
from playground.model.graph import ValueInfo
from playground.model.recipe import ONNX_FORMATS, Recipe
from playground.opening import load
from playground.tasks import run_sync

RNG = np.random.default_rng(8)


@pytest.fixture
def jobs(workspace):
    return ModelJobs(workspace)


def by_onnxruntime(file, **feeds):
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, feeds)[0]


def test_recipe_is_that_of_the_controls(workspace):
    workspace.change(weights="int4", weights_granularity="tensor", activations="weight_only", exclude=" fc1* , ,*.bias")
    recipe = recipe_of(workspace)
    assert (recipe.weights.format, recipe.weights.granularity, recipe.activations) == ("int4", "tensor", "weight_only")
    assert [rule.pattern for rule in recipe.rules] == ["fc1*", "*.bias"]


@pytest.mark.parametrize("weights", list(ONNX_FORMATS))
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_every_choice_of_the_controls_is_a_recipe(workspace, jobs, weights, granularity):
    workspace.change(weights=weights, weights_granularity=granularity)
    assert Recipe.from_json(exports(workspace, jobs)["recipe"]) == recipe_of(workspace)


def test_exports(workspace, jobs):
    workspace.change(format="int4", exclude="fc1*")
    told = exports(workspace, jobs)
    assert told["query"] == "v=1&format=int4&exclude=fc1%2A"
    assert json.loads(told["recipe"])["rules"][0]["pattern"] == "fc1*"


def test_quantizing_is_what_the_package_does(workspace, jobs):
    workspace.change(model="digits-convnet", weights="int8", exclude="fc*")
    result = run_sync(jobs.quantize_task())
    expected = playground.quantize_model(
        gallery.open_model("digits-convnet"), recipe_of(workspace), gallery.calibration("digits-convnet")
    )
    assert result.onnx == expected.onnx
    assert workspace.result is result
    assert jobs.quantized_name() == "digits-convnet-int8.onnx"


@pytest.mark.parametrize("chosen", [{"weights": "int8"}, {"weights": "int4", "activations": "weight_only"}])
def test_operators_on_codes_are_written_as_the_package_does(workspace, jobs, chosen):
    workspace.change(model="digits-mlp", representation="qoperator", **chosen)
    result = run_sync(jobs.quantize_task())
    data = gallery.calibration("digits-mlp") if "activations" not in chosen else None
    recipe = recipe_of(workspace)
    assert recipe.representation == "qoperator"
    assert result.onnx == playground.quantize_model(gallery.open_model("digits-mlp"), recipe, data).onnx
    assert {n.op for n in result.model.graph.nodes} & {"QGemm", "MatMulNBits"}


def test_comparison_over_the_digits(workspace, jobs):
    workspace.change(weights="int3", weights_granularity="tensor")
    result = run_sync(jobs.quantize_task())
    digits = gallery.digits()
    floats = by_onnxruntime(gallery.model_bytes("digits-mlp"), image=digits.images)
    quantized = by_onnxruntime(result.onnx, image=digits.images)
    compared = workspace.compared
    assert compared.original.accuracy == (floats.argmax(axis=1) == digits.labels).mean()
    assert compared.quantized.accuracy == pytest.approx((quantized.argmax(axis=1) == digits.labels).mean(), abs=2 / 360)
    assert compared.agreement == pytest.approx((quantized.argmax(axis=1) == floats.argmax(axis=1)).mean(), abs=2 / 360)
    assert 0 < compared.flipped == round(360 * (1 - compared.agreement))


def test_answers_to_a_digit(workspace, jobs):
    answered = run_sync(jobs.sample_task({"index": 5}))
    image = gallery.digits().images[5:6]
    expected = by_onnxruntime(gallery.model_bytes("digits-mlp"), image=image)[0]
    np.testing.assert_allclose(workspace.answer.original, softmax(expected), atol=1e-5)
    quantized = by_onnxruntime(workspace.result.onnx, image=image)[0]
    np.testing.assert_allclose(workspace.answer.quantized, softmax(quantized), atol=0.02)
    np.testing.assert_array_equal(answered["pixels"], image.ravel())
    assert answered["sentence"].startswith(f"Sample 6 is a {gallery.digits().labels[5]}. Both say {expected.argmax()}")
    assert answered["sentence"].endswith("(our int8 kernels)")


def test_where_the_answers_differ_it_says_so(workspace, jobs):
    workspace.change(weights="int2", weights_granularity="tensor")
    result, images = run_sync(jobs.quantize_task()), gallery.digits().images
    floats = by_onnxruntime(gallery.model_bytes("digits-mlp"), image=images).argmax(axis=1)
    changed = np.flatnonzero(floats != by_onnxruntime(result.onnx, image=images).argmax(axis=1))
    sentence = run_sync(jobs.sample_task({"index": int(changed[0])}))["sentence"]
    assert "Float says" in sentence
    assert "quantized says" in sentence


def test_another_answer_does_not_quantize_again(workspace, jobs):
    run_sync(jobs.sample_task({"index": 0}))
    result = workspace.result
    run_sync(jobs.sample_task({"index": 1}))
    run_sync(jobs.run_inputs_task({"image": gallery.digits().images[:2]}, []))
    assert workspace.result is result


def test_digits_are_for_the_gallery_only(workspace, jobs, files):
    workspace.open(files.gallery_file())
    with pytest.raises(UnsupportedError, match=r"Open an \.npz file"):
        run_sync(jobs.sample_task({"index": 0}))


@pytest.mark.parametrize("op", [None, "Relu", "Softmax"])
def test_own_inputs(workspace, jobs, files, op):
    file = files.linear_model(op=op)
    workspace.open(file)
    x = RNG.normal(size=(6, 4)).astype(np.float32)
    jobs.calibration.use_npz(files.npz(x=x))
    given = run_sync(jobs.run_inputs_task({}, [files.npz(x=x)]))
    ours, quantized = given["outputs"]["float"]["y"], given["outputs"]["our int8 kernels"]["y"]
    assert ours["dims"] == quantized["dims"] == [6, 3]
    np.testing.assert_allclose(ours["data"].reshape(6, 3), by_onnxruntime(file.read(0, file.size), x=x), atol=1e-5)
    difference = np.abs(ours["data"] - quantized["data"]).max()
    assert 0 < difference < 0.1
    assert given["sentence"].endswith(f"outputs differ by at most {difference:.3g}.")


def test_outputs_that_are_no_numbers_to_subtract(workspace, jobs, files):
    workspace.open(files.linear_model(op="IsNaN", output=TensorProto.BOOL))
    x = RNG.normal(size=(2, 4)).astype(np.float32)
    given = run_sync(jobs.run_inputs_task({"x": x.tolist()}, []))
    assert {outputs["y"]["dtype"] for outputs in given["outputs"].values()} == {"bool"}
    assert "at most 0." in given["sentence"]


@pytest.mark.parametrize("batch", [1, 4])
def test_a_fixed_batch_is_calibrated_with_any_number_of_samples(workspace, jobs, files, batch):
    workspace.open(files.linear_model(batch=batch))
    x = RNG.normal(size=(8, 4)).astype(np.float32)
    assert jobs.calibration.use_npz(files.npz(x=x))["samples"] == 8
    report = run_sync(jobs.quantize_task()).report
    assert report.calibration_samples == 8
    (bounds,) = (a for a in report.activations if a.name == "x")
    assert (bounds.lo, bounds.hi) == (x.min(), x.max())
    run_sync(jobs.race_task())
    assert workspace.race.batch == batch
    assert any("agree in every code" in note for note in workspace.race.notes)


@pytest.mark.parametrize(("batch", "samples", "timed"), [("n", 100, None), (4, 4, 4), (1, 1, 1), (200, 100, 100)])
def test_what_engines_race_on(workspace, jobs, files, batch, samples, timed):
    """Answers are compared on all samples, unless the model takes a fixed number of them at once."""
    workspace.open(files.linear_model(batch=batch))
    jobs.calibration.use_npz(files.npz(x=RNG.normal(size=(100, 4)).astype(np.float32)))
    compared, batched = jobs._race_feeds(jobs.graph())
    assert len(compared["x"]) == samples
    assert len(batched["x"]) == (min(100, RACE_BATCH) if timed is None else timed)


@pytest.mark.parametrize("when", ["Comparing with the float model", "first"])
@pytest.mark.parametrize("change", ["weights", "model", "data"])
def test_what_changes_while_a_model_is_quantized_or_compared_makes_its_result_void(
    workspace, jobs, files, when, change
):
    changes = {
        "weights": lambda: workspace.change(weights="int4"),
        "model": lambda: workspace.open(files.linear_model(name="other.onnx")),
        "data": lambda: jobs.calibration.use_npz(files.npz(x=RNG.normal(size=(9, 4)).astype(np.float32))),
    }
    workspace.open(files.linear_model())
    jobs.calibration.use_npz(files.npz(x=RNG.normal(size=(8, 4)).astype(np.float32)))
    told, done = [], []

    def act(step):
        told.append(step.message)
        if not done and when in ("first", step.message):
            done.append(changes[change]())

    with pytest.raises(CancelledError, match="changed during quantization"):
        run_sync(jobs.quantize_task(), act)
    assert done
    # Nothing is compared that is void already
    assert ("Comparing with the float model" in told) == (when != "first")
    assert workspace.result is None
    assert workspace.compared is None


def test_inventory(jobs, workspace, files):
    assert jobs.inventory()["summary"].startswith("a graph of ")
    workspace.open(files.linear_model())
    assert jobs.inventory()["summary"] == "a graph of 1 MatMul, 1 Add"
    workspace.open(gallery.open_model("moby-dick-transformer"))
    counted = Counter(node.op for node in workspace.required_model().graph.nodes)
    named = [word for word in jobs.inventory()["summary"].replace(",", "").split() if word.isdigit()]
    assert len(counted) > 6
    assert sum(map(int, named)) == counted.total()


def test_dynamic_activations(workspace):
    workspace.change(activations="dynamic")
    jobs = ModelJobs(workspace)
    result = run_sync(jobs.quantize_task())
    operators = {node.op for node in result.model.graph.nodes}
    assert operators >= {"DynamicQuantizeLinear", "MatMulInteger"}
    compared = workspace.compared
    assert compared.engine == "our int8 kernels"
    assert compared.agreement > 0.98


def visitors(jobs, workspace, files, **arrays):
    """The convnet as a visitor's own model, with calibration data of their own."""
    workspace.open(files.gallery_file())
    jobs.calibration.use_npz(files.npz("mine.npz", **arrays))
    workspace.change(weights="int3", weights_granularity="tensor")
    return run_sync(jobs.quantize_task())


def test_labels_beside_the_samples_give_the_accuracy(workspace, jobs, files):
    digits = gallery.digits()
    samples, labels = digits.images[:100], digits.labels[:100].astype(np.int32)
    result = visitors(jobs, workspace, files, image=samples, labels=labels)
    compared = workspace.compared
    floats = by_onnxruntime(gallery.model_bytes("digits-convnet"), image=samples)
    quantized = by_onnxruntime(result.onnx, image=samples)
    assert compared.count == 100
    assert compared.original.accuracy == (floats.argmax(axis=1) == labels).mean()
    assert compared.quantized.accuracy == pytest.approx((quantized.argmax(axis=1) == labels).mean(), abs=0.02)
    expected = -np.log(softmax(floats, axis=1)[np.arange(100), labels]).mean()
    assert compared.original.cross_entropy == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(jobs.measured_on()[1], labels)


def test_without_labels_the_measure_is_agreement(workspace, jobs, files):
    samples = gallery.digits().images[:300]
    result = visitors(jobs, workspace, files, image=samples)
    compared, used = workspace.compared, samples[:256]
    floats = by_onnxruntime(gallery.model_bytes("digits-convnet"), image=used).argmax(axis=1)
    same = (floats == by_onnxruntime(result.onnx, image=used).argmax(axis=1)).mean()
    assert (compared.original.accuracy, compared.quantized.accuracy, compared.count) == (None, None, 256)
    assert compared.agreement == pytest.approx(same, abs=2 / 256)
    assert compared.flipped == round(256 * (1 - compared.agreement))
    assert jobs.measured_on()[1] is None


def test_classes_that_only_the_run_can_refuse_are_said_and_the_model_is_kept(workspace, jobs, files, monkeypatch):
    graph = load(files.gallery_file()).graph
    hidden = graph.with_(outputs=(ValueInfo("logits", "float32", None),))
    monkeypatch.setattr(jobs.calibration, "_graph", lambda: hidden)  # a file that does not state its output's shape
    result = visitors(jobs, workspace, files, image=gallery.digits().images[:8], labels=np.full(8, 10))
    assert workspace.result is result
    assert workspace.compared is None
    assert "labels from 10 to 10 do not fit 10 classes" in workspace.problem
