"""The sentence for each kind of finding."""

from dataclasses import replace

import pytest

from playground import gallery
from playground.analysis.outputs import Measured
from playground.analysis.sensitivity import LayerResult, Sensitivity, sensitivity
from playground.analysis.variants import Layer
from playground.model.recipe import Recipe
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from playground.render.verdict import verdict

GOOD = Measured(100, 40.0, 1e-4, 1.0, 0.99, 0.05)
BAD = Measured(100, 3.0, 0.5, 0.6, 0.6, 1.5)
BETTER = Measured(100, 10.0, 0.1, 0.9, 0.9, 0.3)
NOISE = {"sqnr_db": 10.0, "mse": 0.1}


def layer(name: str, without: Measured, number_format: str = "int4", granularity: str = "tensor") -> LayerResult:
    about = Layer(name, (name,), "Conv", f"{name}.w", name, 1000, 4000, 500, number_format, granularity)
    return LayerResult(about, NOISE, NOISE, NOISE, BAD, without, 0.5)


def found(*layers: LayerResult, quantized: Measured = BAD, generated: bool = False) -> Sensitivity:
    return Sensitivity(layers, GOOD, quantized, 100, generated)


def test_the_layer_that_hurts_and_what_to_do() -> None:
    text = verdict(found(layer("a", BAD), layer("b", BETTER)))
    assert text == (
        "b hurts most: with it in float accuracy rises from 60.0 % to 90.0 % for 3.50 kB more; "
        "first try one scale for each channel, then more bits."
    )
    assert "give it more bits, or leave it in float" in verdict(found(layer("b", BETTER, granularity="channel")))
    assert "another calibrator for its activations" in verdict(found(layer("b", BETTER, "int8", "channel")))


def test_where_accuracy_does_not_show_it() -> None:
    after = replace(BAD, cross_entropy=0.9)
    assert "cross-entropy falls from 1.50 to 0.900 nats" in verdict(found(layer("b", after)))


def test_without_labels() -> None:
    def bare(measured: Measured) -> Measured:
        return replace(measured, accuracy=None, cross_entropy=None)

    one = replace(layer("b", bare(BETTER)), alone=bare(BAD))
    text = verdict(Sensitivity((one,), bare(GOOD), bare(BAD), 9, True))
    assert text.startswith("The samples are random, so this is not a measurement. b hurts most: ")
    assert "the output's error falls from 50.0 % to 10.0 %" in text
    assert "Nothing needs to change" in verdict(Sensitivity((one,), bare(GOOD), bare(GOOD), 9, False))


def test_nobody_is_to_blame() -> None:
    assert verdict(found(layer("a", replace(BAD, cross_entropy=1.49)))) == (
        "No single layer causes the error: accuracy is 60.0 %, float 99.0 %. Give all layers more bits."
    )


def test_no_harm() -> None:
    assert verdict(found(layer("a", GOOD), quantized=GOOD)).startswith("No layer hurts: ")


@pytest.mark.parametrize(("number_format", "blamed"), [("int8", "No layer hurts"), ("int4", "depthwise2 hurts most")])
def test_the_gallery(number_format: str, blamed: str) -> None:
    model, digits = gallery.open_model("digits-convnet"), gallery.digits()
    recipe = Recipe(weights=Scheme(number_format))
    quantized = quantize_model(model, recipe, gallery.calibration("digits-convnet"))
    result = sensitivity(model.graph, quantized.quantization, {"image": digits.images}, digits.labels)
    assert verdict(result).startswith(blamed)
