"""Errors and sensitivity of layers, against models that are quantized anew for each layer."""

import json
from typing import Any

import numpy as np
import pytest

from playground import gallery
from playground.analysis import runs
from playground.analysis.accuracy import score
from playground.analysis.runs import Variant, runs_task
from playground.analysis.sensitivity import Sensitivity, sensitivity, sensitivity_task
from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError, UnsupportedError
from playground.metrics import compare
from playground.model.graph import Model, Tensor
from playground.model.recipe import Recipe, Rule
from playground.ptq.pipeline import QuantizedModel, quantize_model
from playground.quantization import Scheme
from playground.tasks import Progress, run_sync

Data = dict[str, np.ndarray]
DIGITS = gallery.digits()
FEEDS = {"image": DIGITS.images}


@pytest.fixture(scope="module")
def found(convnet: Model, convnet_int4: QuantizedModel) -> Sensitivity:
    return sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels)


def test_the_whole_models_are_those_that_run(found: Sensitivity, convnet: Model, convnet_int4: QuantizedModel) -> None:
    for measured, graph in ((found.original, convnet.graph), (found.quantized, convnet_int4.model.graph)):
        wanted = score(run_graph(graph, FEEDS)["logits"], DIGITS.labels)
        assert measured.accuracy == wanted.accuracy
        assert measured.cross_entropy == pytest.approx(wanted.cross_entropy, rel=1e-6)
    assert (found.original.sqnr_db, found.original.agreement) == (np.inf, 1)
    assert (found.samples, found.generated) == (360, False)


@pytest.mark.parametrize("node", ["conv1", "pointwise1", "depthwise2", "fc"])
def test_one_on_and_one_off_are_models_quantized_by_rules(found: Sensitivity, convnet: Model, node: str) -> None:
    """An independent way to the same: a recipe each, calibrated and quantized anew, and run as a whole."""
    result = next(layer for layer in found.layers if layer.layer.node == node)
    nodes, weights = [n.name for n in convnet.graph.nodes], Scheme("int4")
    for measured, rules in (
        (result.alone, [Rule(name) for name in nodes if not name.startswith(node)]),
        (result.without, [Rule(node)]),
    ):
        recipe = Recipe(tuple(rules), weights)
        graph = quantize_model(convnet, recipe, gallery.calibration("digits-convnet")).model.graph
        wanted = score(run_graph(graph, FEEDS)["logits"], DIGITS.labels)
        assert measured.accuracy == pytest.approx(wanted.accuracy, abs=1 / 360)
        assert measured.cross_entropy == pytest.approx(wanted.cross_entropy, rel=1e-3)


def test_errors_fed_by_float_and_by_quantized_inputs(
    found: Sensitivity, convnet: Model, convnet_int4: QuantizedModel
) -> None:
    original = run_graph(convnet.graph, FEEDS, ["depthwise1_relu.out", "pointwise1_relu.out"])
    whole = convnet_int4.model.graph
    behind = {name: f"{name}_DequantizeLinear_Output" for name in original if name != "logits"}
    quantized = run_graph(whole, FEEDS, behind.values())
    result = next(layer for layer in found.layers if layer.layer.node == "pointwise1")
    end = "pointwise1_relu.out"
    assert result.accumulated == pytest.approx(compare(original[end], quantized[behind[end]]))
    # fed by float inputs: the float net's activation, quantized, then this node with its quantized weights by hand
    held = convnet_int4.quantization
    fed = held.activations["depthwise1_relu.out"]
    scale, zero = fed.scale_values.item(), int(fed.zero_point.item())
    x = (np.clip(np.rint(original["depthwise1_relu.out"] / np.float32(scale)) + zero, 0, 255) - zero) * scale
    w = held.weights["pointwise1.weight"].dequantize()[:, :, 0, 0].astype(np.float64)
    bias = convnet.tensors["pointwise1.bias"].numpy().reshape(-1, 1, 1)
    y = np.maximum(np.einsum("nchw,oc->nohw", x.astype(np.float64), w) + bias, 0)
    made = held.activations[end]
    scale = made.scale_values.item()
    y_hat = np.clip(np.rint(y / scale) + int(made.zero_point.item()), 0, 255) - int(made.zero_point.item())
    wanted = compare(original[end], (y_hat * scale).astype(np.float32))
    assert result.local["sqnr_db"] == pytest.approx(wanted["sqnr_db"], abs=0.02)
    assert result.local["cosine"] == pytest.approx(wanted["cosine"], abs=1e-4)
    assert result.weights == compare(
        convnet.tensors["pointwise1.weight"].numpy(), held.weights["pointwise1.weight"].dequantize()
    )


def test_errors_pile_up(found: Sensitivity) -> None:
    """What comes from before a layer adds to its own error: by many decibels late in this net, never the reverse."""
    by_name = {layer.layer.node: layer for layer in found.layers}
    first = by_name["conv1"]
    assert first.local == pytest.approx(first.accumulated)  # nothing is before it
    for name in ("pointwise1", "depthwise2", "pointwise2", "fc"):
        assert by_name[name].local["sqnr_db"] > by_name[name].accumulated["sqnr_db"] + 3


def test_shares_rank_the_layers(found: Sensitivity) -> None:
    assert sum(layer.share for layer in found.layers) == pytest.approx(1)
    ranked = sorted(found.layers, key=lambda layer: -layer.share)
    assert ranked[0].layer.node == "pointwise1"
    assert ranked[0].alone.cross_entropy > ranked[-1].alone.cross_entropy + 0.5
    assert ranked[0].without.cross_entropy < found.quantized.cross_entropy - 0.5


def test_the_size_of_batches_does_not_matter(
    found: Sensitivity, convnet: Model, convnet_int4: QuantizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("playground.analysis.runs.MOST", 100)
    again = sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels)
    for one, other in zip(found.layers, again.layers, strict=True):
        assert one.alone.cross_entropy == pytest.approx(other.alone.cross_entropy, rel=1e-5)
        assert one.accumulated == pytest.approx(other.accumulated, rel=1e-4)


def test_errors_alone_run_no_suffixes(found: Sensitivity, convnet: Model, convnet_int4: QuantizedModel) -> None:
    quick = sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels, outputs=False)
    for one, other in zip(found.layers, quick.layers, strict=True):
        assert (one.local, one.accumulated, one.weights) == (other.local, other.accumulated, other.weights)
        assert (other.alone, other.without, other.share) == (None, None, None)
    assert quick.quantized == found.quantized
    # The noisiest, for want of a better measure
    assert quick.worst() is min(quick.layers, key=lambda layer: layer.local["sqnr_db"])
    assert quick.gain(quick.layers[0]) == 0
    assert found.worst() is max(found.layers, key=found.gain)
    assert found.gain(found.worst()) > 0


def test_without_labels(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    result = sensitivity(net.graph, net_quantized.quantization, net_data)
    assert [layer.layer.node for layer in result.layers] == ["conv1", "conv2", "add", "fc", "softmax"]
    assert all(layer.alone.cross_entropy is None for layer in result.layers)
    assert all(layer.alone.loss > 0 for layer in result.layers)
    add = result.layers[2]
    assert add.weights is None


def test_made_up_samples_are_said_to_be(net: Model, net_quantized: QuantizedModel) -> None:
    assert sensitivity(net.graph, net_quantized.quantization).generated


def test_onnxruntime_takes_over(
    net: Model, net_data: Data, net_quantized: QuantizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the interpreter lacks an operator the same comes out, one whole run for each."""
    wanted = sensitivity(net.graph, net_quantized.quantization, net_data)
    monkeypatch.setattr("playground.analysis.runs.unsupported", lambda _graph: ("Odd",))
    given = sensitivity(net.graph, net_quantized.quantization, net_data)
    for one, other in zip(wanted.layers, given.layers, strict=True):
        assert one.local["sqnr_db"] == pytest.approx(other.local["sqnr_db"], abs=0.3)
        assert one.alone.sqnr_db == pytest.approx(other.alone.sqnr_db, abs=2)


def test_progress_goes_from_nothing_to_all(convnet: Model, convnet_int4: QuantizedModel) -> None:
    steps: list[Progress] = []
    work = sensitivity_task(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels)
    run_sync(work, steps.append)
    shares = [step.done / step.total for step in steps if step.total > 1]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert 0.9 < shares[-1] < 1
    assert len(steps) > 100
    told = {step.message for step in steps}
    count = len(sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels).layers)
    only = {f"Layer {at} of {count}: only" for at in range(1, count + 1)}
    assert only == {" ".join(message.split()[:5]) for message in told if ": only " in message}
    assert {"Preparing fc"} < told
    assert any(message.endswith(": all but fc quantized") for message in told)


def test_work_that_is_closed_leaves_the_model_as_it_was(convnet: Model, convnet_int4: QuantizedModel) -> None:
    before = run_graph(convnet.graph, FEEDS)["logits"]
    work = sensitivity_task(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels)
    for _ in range(60):
        next(work)
    work.close()
    np.testing.assert_array_equal(run_graph(convnet.graph, FEEDS)["logits"], before)


def test_plain_data(found: Sensitivity) -> None:
    data = json.loads(json.dumps(found.as_dict()))
    assert data["layers"][0]["layer"]["node"] == "conv1"


def test_nothing_quantized(net: Model, net_data: Data) -> None:
    bare = quantize_model(net, Recipe((Rule("*"),)), net_data)
    with pytest.raises(UnsupportedError, match="no quantized layers"):
        sensitivity(net.graph, bare.quantization, net_data)


def test_labels_of_another_number(convnet: Model, convnet_int4: QuantizedModel) -> None:
    with pytest.raises(InvalidInputError, match="359 labels do not fit 360 samples"):
        sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels[1:])


def test_labels_that_are_no_classes_are_told_as_such(convnet: Model, convnet_int4: QuantizedModel) -> None:
    """It is not the samples or the weights that are wrong."""
    labels = DIGITS.labels.copy()
    labels[7] = 10
    with pytest.raises(InvalidInputError, match="10") as caught:
        sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, labels, outputs=False)
    assert caught.value.where == "labels"
    assert "finite" not in str(caught.value)


def test_values_that_are_not_finite(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    huge = Tensor.of("w3", net.tensors["w3"].numpy() * np.float32(3e38))
    graph = net.graph.with_(initializers={**net.graph.initializers, "w3": huge})
    with pytest.raises(InvalidInputError, match=r"output 'z' \(Running the float model\): \d+ of 250 values are NaN"):
        sensitivity(graph, net_quantized.quantization, net_data)


def test_a_run_hands_over_the_first_variant_beside_each(net: Model, net_data: Data) -> None:
    seen: list[Any] = []
    variants = [Variant(net.graph, ("z",), keep=True), Variant(net.graph, ("y",))]
    take = lambda *given: seen.append((given[0], given[1], sorted(given[2]), sorted(given[3])))  # noqa: E731
    run_sync(runs_task([net_data, net_data], variants, take))
    assert seen == [(b, v, ["z"], [name]) for b in (0, 1) for v, name in ((0, "z"), (1, "y"))]


def test_layers_measured_by_programs_as_in_the_page(
    found: Sensitivity, convnet: Model, convnet_int4: QuantizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs round a value that lies between two codes elsewhere, so errors agree and are not equal."""
    monkeypatch.setattr(runs, "PROGRAMS", True)
    ours = sensitivity(convnet.graph, convnet_int4.quantization, FEEDS, DIGITS.labels)
    assert ours.quantized.accuracy == pytest.approx(found.quantized.accuracy, abs=2 / 360)
    assert ours.worst().layer.node == found.worst().layer.node
    for one, other in zip(ours.layers, found.layers, strict=True):
        assert one.local["sqnr_db"] == pytest.approx(other.local["sqnr_db"], abs=0.05)
        assert one.accumulated["sqnr_db"] == pytest.approx(other.accumulated["sqnr_db"], abs=0.05)
        for mine, theirs in ((one.alone, other.alone), (one.without, other.without)):
            assert mine is not None
            assert theirs is not None
            assert mine.cross_entropy == pytest.approx(theirs.cross_entropy, rel=0.02)
