"""Whole nets that are quantized and written as ``.tflite``, run by LiteRT: within a code of the reference engine.

How many answers differ by a code is in docs/tflite.md; ``python -m tests.oracles.test_tflite_writer`` prints it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from playground import QuantizedModel, gallery, load, quantize_model, run
from playground.host.sources import BytesSource
from playground.model.graph import Model
from playground.model.readers._tflite_file import Subgraph, read_file
from tests.model.readers import tflite_nets
from tests.model.writers.nets import convnet, decoder, signals

litert = pytest.importorskip("ai_edge_litert.interpreter")

KERNELS = {"reference": litert.OpResolverType.BUILTIN_REF, "xnnpack": litert.OpResolverType.AUTO}
SAMPLES = 16
Feeds = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Net:
    """A float model with samples, and fields of the recipe. ``most``: codes that an answer may differ by.

    It is 2 where sums lie between two codes again and again (weights of few values, means of few codes): LiteRT rounds
    them up, our engines to the even code, and layers behind that make more of it.
    """

    model: Callable[[], tuple[Model, Feeds]]
    recipe: dict[str, Any] = field(default_factory=dict)
    most: int = 1


def _of_gallery(key: str) -> Callable[[], tuple[Model, Feeds]]:
    return lambda: (gallery.open_model(key), {name: x[:64] for name, x in gallery.calibration(key).items()})


def _of_tensorflow(name: str) -> Callable[[], tuple[Model, Feeds]]:
    def opened() -> tuple[Model, Feeds]:
        model = load(tflite_nets.files()[f"{name}.float"], f"{name}.tflite")
        value = model.required_graph().inputs[0]
        shape = [size or 1 for size in value.shape or ()]
        rng = np.random.default_rng(5)
        # samples of a file that takes one at a time go one behind the other
        return model, {value.name: rng.normal(size=(32 * shape[0], *shape[1:])).astype(np.float32)}

    return opened


TENSOR = {"weights": {"format": "int8", "granularity": "tensor"}}
NETS = {
    "digits-mlp": Net(_of_gallery("digits-mlp")),
    "digits-convnet": Net(_of_gallery("digits-convnet")),
    "digits-convnet, one scale for all weights of a layer": Net(_of_gallery("digits-convnet"), TENSOR),
    "digits-convnet, weights in int4": Net(_of_gallery("digits-convnet"), {"weights": "int4"}, most=2),
    "digits-resnet": Net(_of_gallery("digits-resnet")),
    "breast-cancer-mlp": Net(_of_gallery("breast-cancer-mlp")),
    "convnet of ONNX: groups, a padded pool, a flat image": Net(convnet),
    "convolutions over time: strides, depthwise, a sum, pools": Net(signals, most=2),
    "the same with the channels last, as TensorFlow has them": Net(lambda: signals(channels_last=True), most=2),
    "decoder of ONNX: transposed convolutions, resizing, a logistic function": Net(decoder),
    "dense layers and softmax (TFLite)": Net(_of_tensorflow("dense")),
    "MobileNet (TFLite)": Net(_of_tensorflow("mobilenet")),
    "MobileNet (TFLite), one scale for all weights of a layer": Net(_of_tensorflow("mobilenet"), TENSOR),
    "residual: sums, concatenation, a pool (TFLite)": Net(_of_tensorflow("residual")),
    "decoder (TFLite)": Net(_of_tensorflow("upscaling")),
    "means of windows, bilinear resizing (TFLite)": Net(_of_tensorflow("pooled"), most=2),
    "activation functions, products, differences (TFLite)": Net(_of_tensorflow("activations")),
    "attention (TFLite)": Net(_of_tensorflow("attention")),
}


@cache
def quantized(name: str) -> tuple[QuantizedModel, list[Feeds], list[Feeds]]:
    """The quantized model, inputs, and the reference engine's answers."""
    net = NETS[name]
    model, samples = net.model()
    made = quantize_model(model, calibration=samples, runtime="tflite", **net.recipe)
    (value,) = model.required_graph().inputs
    size = value.shape[0] if value.shape and isinstance(value.shape[0], int) else SAMPLES
    held = samples[value.name]
    feeds = [{value.name: held[at : at + size]} for at in range(0, min(len(held), SAMPLES), size)]
    return made, feeds, [run(made.model, feed, engine="reference") for feed in feeds]


def answers(file: bytes, feeds: list[Feeds], kernels: str) -> list[Feeds]:
    model = litert.Interpreter(model_content=file, num_threads=1, experimental_op_resolver_type=KERNELS[kernels])
    found = []
    for feed in feeds:
        for detail in model.get_input_details():
            model.resize_tensor_input(detail["index"], feed[detail["name"]].shape)
        model.allocate_tensors()
        for detail in model.get_input_details():
            model.set_tensor(detail["index"], feed[detail["name"]])
        model.invoke()
        found.append({detail["name"]: model.get_tensor(detail["index"]) for detail in model.get_output_details()})
    return found


def graph_of(file: bytes) -> Subgraph:
    (graph,) = read_file(BytesSource(file)).subgraphs
    return graph


def code_size(graph: Subgraph) -> float:
    """The scale of the codes that the last DEQUANTIZE makes floats of."""
    last = [op for op in graph.operations if op.op == "DEQUANTIZE"][-1]
    codes = graph.tensors[last.inputs[0]].codes
    assert codes is not None
    return float(codes.scales[0])


def differences(name: str, kernels: str) -> tuple[float, float]:
    """The largest difference in codes, and the share of the answers that differ."""
    made, feeds, ours = quantized(name)
    size = code_size(graph_of(made.file))
    pairs = zip(ours, answers(made.file, feeds, kernels), strict=True)
    found = [np.abs(theirs[key] - mine[key]) / size for mine, theirs in pairs for key in mine]
    flat = np.concatenate([each.reshape(-1) for each in found])
    return float(flat.max()), float((flat > 0.01).mean())


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("name", NETS)
def test_answers_are_within_a_code(name: str, kernels: str) -> None:
    largest, _ = differences(name, kernels)
    assert largest <= NETS[name].most + 0.01


@pytest.mark.parametrize("name", NETS)
def test_our_reader_has_the_same_answers(name: str) -> None:
    made, feeds, ours = quantized(name)
    again = load(made.file, "again.tflite")
    for feed, mine in zip(feeds, ours, strict=True):
        theirs = run(again, feed, engine="reference")
        assert list(theirs) == list(mine)
        for key, values in mine.items():
            np.testing.assert_allclose(theirs[key], values, atol=1e-5 * max(1, np.abs(values).max()))


@pytest.mark.parametrize("name", ["digits-convnet", "MobileNet (TFLite)"])
def test_litert_sees_the_codes_and_scales_of_the_model(name: str) -> None:
    made, _, _ = quantized(name)
    model = litert.Interpreter(model_content=made.file)
    model.allocate_tensors()
    constants = made.model.required_graph().initializers
    seen = 0
    for detail in model.get_tensor_details():
        codes = constants.get(f"{detail['name']}_quantized")
        if codes is not None and codes.dtype == "int8":
            parameters = detail["quantization_parameters"]
            np.testing.assert_array_equal(parameters["scales"], constants[f"{detail['name']}_scale"].numpy())
            assert not parameters["zero_points"].any()
            held = model.get_tensor(detail["index"])
            np.testing.assert_array_equal(np.sort(held, axis=None), np.sort(codes.numpy(), axis=None))
            seen += 1
    assert seen == len(made.report.tensors)


@pytest.mark.parametrize("activations", ["static", "weight_only"])
def test_a_recipe_for_onnx_is_written_too(activations: str, tmp_path: Any) -> None:
    """Codes of uint8 become those of int8; weights alone become floats in front of their operators."""
    model, samples = convnet()
    made = quantize_model(model, calibration=samples, activations=activations, verify=False)
    made.save(tmp_path / "out.tflite")
    file = (tmp_path / "out.tflite").read_bytes()
    feed = {name: values[:SAMPLES] for name, values in samples.items()}
    (ours,), (theirs,) = [run(made.model, feed, engine="reference")], answers(file, [feed], "xnnpack")
    most = 1.01 * code_size(graph_of(file)) if activations == "static" else 1e-5
    assert np.abs(theirs["y"] - ours["y"]).max() <= most


def test_a_file_may_be_given_any_number_of_samples() -> None:
    made, feeds, ours = quantized("digits-convnet")
    for count in (1, 3):
        feed = {name: values[:count] for name, values in feeds[0].items()}
        (theirs,) = answers(made.file, [feed], "xnnpack")
        assert np.abs(theirs["logits"] - ours[0]["logits"][:count]).max() <= 1.01 * code_size(graph_of(made.file))


def test_names_are_those_of_the_model() -> None:
    made, _, _ = quantized("digits-convnet")
    runner = litert.Interpreter(model_content=made.file).get_signature_runner()
    assert (list(runner.get_input_details()), list(runner.get_output_details())) == (["image"], ["logits"])


if __name__ == "__main__":
    for each in NETS:
        told = [f"{differences(each, kernels)[0]:.0f}, {differences(each, kernels)[1]:.1%}" for kernels in KERNELS]
        print(f"{each}: {'; '.join(told)}")
