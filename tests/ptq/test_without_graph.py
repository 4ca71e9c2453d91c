"""Tensors without a graph, quantized by recipes."""

import io
from typing import Any

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme
from playground.errors import InvalidInputError, MissingError, UnsupportedError
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, Override, Rule
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
