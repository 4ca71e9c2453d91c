"""Tensors written as .safetensors in bitsandbytes' layouts and read back: codes, scales, the rest and the metadata."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import playground
from playground import Recipe, Scheme
from playground.errors import UnsupportedError
from playground.model.graph import Model, Tensor
from playground.model.recipe import Rule
from playground.ptq.without_graph import QuantizedTensors, quantize_tensors

RNG = np.random.default_rng(8)
WEIGHTS: dict[str, Any] = {
    "layers.0.fc.weight": RNG.normal(0, 1, (6, 320)).astype(np.float32),
    "layers.0.fc.bias": np.ones(6, np.float16),
    "embed_tokens.weight": RNG.normal(0, 1, (8, 64)).astype(np.float32),
    "mask": np.array([True, False, True]),
    "ids": np.arange(5),
}
NESTED = Scheme("bnb_dynamic8", "block", axis=-1, block_size=256, convention="bitsandbytes", centre=True)
ROWS = Scheme("int8", "channel", axis=0, convention="bitsandbytes")


def blocks(name: str = "nf4", size: int = 64, scales: Scheme | None = None) -> Scheme:
    return Scheme(name, "block", axis=-1, block_size=size, convention="bitsandbytes", scale_scheme=scales)


def quantized(weights: Scheme, model: Model | None = None, **fields: Any) -> QuantizedTensors:
    recipe = Recipe(weights=weights, runtime="bitsandbytes", activations="weight_only", **fields)
    return quantize_tensors(model or playground.load(WEIGHTS), recipe)


@pytest.mark.parametrize("scales", [None, NESTED], ids=["once", "twice"])
@pytest.mark.parametrize("name", ["nf4", "bnb_fp4"])
def test_four_bits_come_back(name: str, scales: Scheme | None) -> None:
    made = quantized(blocks(name, scales=scales))
    model = playground.load(made.file, "q.safetensors")
    assert (made.ending, set(model.tensors), model.notes) == (".safetensors", set(WEIGHTS), ())
    found, held = model.tensors["layers.0.fc.weight"], made.quantized["layers.0.fc.weight"]
    assert (found.dtype, found.shape) == (name, (6, 320))
    np.testing.assert_array_equal(found.numpy().reshape(-1), held.dequantize())
    octets = found.parts["codes"].numpy().reshape(-1)
    np.testing.assert_array_equal(np.stack([octets >> 4, octets & 15], axis=1).reshape(-1), held.codes)
    absmax = found.parts["absmax"].numpy()
    np.testing.assert_array_equal(absmax, held.qparams.scale if scales is None else held.qparams.scale.codes)  # type: ignore[union-attr]
    (told,) = made.report.tensors
    tables = sum(found.parts[part].nbytes for part in ("quant_map", "quant_state"))
    tables += found.parts["nested_quant_map"].nbytes - 4 if scales else 0
    assert found.nbytes == told.bytes_after + tables


def test_int8_comes_back_by_rows() -> None:
    made = quantized(ROWS)
    found = playground.load(made.file, "q.safetensors").tensors["layers.0.fc.weight"]
    held = made.quantized["layers.0.fc.weight"]
    assert found.dtype == "bnb_int8"
    np.testing.assert_array_equal(found.parts["codes"].numpy(), held.codes)
    largest = np.abs(WEIGHTS["layers.0.fc.weight"]).max(axis=1)
    np.testing.assert_array_equal(found.parts["SCB"].numpy() / np.float32(127), held.qparams.scale_values.reshape(-1))
    np.testing.assert_allclose(found.parts["SCB"].numpy(), largest, rtol=1.2e-7)
    np.testing.assert_allclose(found.numpy(), held.dequantize(), rtol=3e-7)


def test_the_largest_of_half_floats_are_found_again_from_their_scales() -> None:
    """127 divides several float32 numbers into one scale: the one that is a half float is taken."""
    values = np.arange(1, 2**15 - 2**10, dtype=np.uint16).view(np.float16).astype(np.float32)
    model = playground.load({"w.weight": np.stack([values, -values / 2], axis=1)})
    found = playground.load(quantized(ROWS, model).file, "q.safetensors").tensors["w.weight"]
    kept = values[values / np.float32(127) > 1e-38]
    np.testing.assert_array_equal(found.parts["SCB"].numpy()[-kept.size :], kept)


def test_the_rest_is_as_it_was_and_values_are_aligned() -> None:
    made = quantized(blocks())
    held = safetensors.numpy.load(made.file)
    for name in ("layers.0.fc.bias", "embed_tokens.weight", "mask", "ids"):
        np.testing.assert_array_equal(held[name], WEIGHTS[name])
        assert held[name].dtype == WEIGHTS[name].dtype
    header = json.loads(made.file[8 : 8 + int.from_bytes(made.file[:8], "little")])
    del header["__metadata__"]
    sizes = {"F32": 4, "F16": 2, "I64": 8}
    assert all(entry["data_offsets"][0] % sizes.get(entry["dtype"], 1) == 0 for entry in header.values())


@pytest.mark.parametrize(
    "dtype", ["F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F6_E2M3", "F6_E3M2", "F4", "BF16"]
)
def test_small_floats_keep_their_bytes(dtype: str) -> None:
    data = np.arange(192, dtype=np.uint8)
    # NaN has several patterns, and one comes back
    data[np.isin(data, (126, 127))] = 0
    count = len(data) * 8 // {"F8": 8, "F6": 6, "F4": 4, "BF": 16}[dtype[:2]]
    w = WEIGHTS["layers.0.fc.weight"]
    entries = {
        "fc.weight": {"dtype": "F32", "shape": list(w.shape), "data_offsets": [0, w.nbytes]},
        "small": {"dtype": dtype, "shape": [count], "data_offsets": [w.nbytes, w.nbytes + len(data)]},
    }
    head = json.dumps(entries).encode()
    source = len(head).to_bytes(8, "little") + head + w.tobytes() + data.tobytes()
    made = quantized(blocks(), playground.load(source, "m.safetensors"))
    found = playground.load(made.file, "q.safetensors").tensors["small"]
    place = found.read.__self__  # type: ignore[attr-defined]
    assert place.source.read(place.start + place.begin, found.nbytes) == data.tobytes()


def test_parts_of_codes_that_are_left_alone_are_kept() -> None:
    first = quantized(blocks(scales=NESTED))
    model = playground.load(first.file, "m.safetensors")
    rules = (Rule("layers.*"), Rule("*embed*", None))
    model = Model("safetensors", "m", {**model.tensors, "new.weight": Tensor.of("new.weight", np.ones((2, 64)))})
    second = quantized(blocks(), model, rules=rules)
    before, after = safetensors.numpy.load(first.file), safetensors.numpy.load(second.file)
    assert set(before) < set(after)
    for name, values in before.items():
        np.testing.assert_array_equal(after[name], values)


def test_the_metadata_says_what_transformers_needs_and_which_recipe_made_it() -> None:
    told = playground.load(quantized(blocks(scales=NESTED)).file, "q.safetensors").metadata
    assert told["format"] == "pt"
    assert Recipe.from_json(told["quantization_playground.recipe"]).weights.scale_scheme == NESTED
    assert json.loads(told["quantization_config"]) == {
        **{"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        **{"bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "float32"},
        "llm_int8_skip_modules": ["embed_tokens", "lm_head"],
    }
    rows = json.loads(playground.load(quantized(ROWS).file, "q.safetensors").metadata["quantization_config"])
    assert rows["load_in_8bit"] is True
    weights = {"a.weight": WEIGHTS["layers.0.fc.weight"], "b.weight": WEIGHTS["layers.0.fc.weight"]}
    mixed = quantized(blocks(), playground.load(weights), rules=(Rule("a.*", ROWS),))
    assert "Transformers loads one format a file, and this has int8, nf4." in mixed.report.warnings
    assert "quantization_config" not in playground.load(mixed.file, "q.safetensors").metadata


@pytest.mark.parametrize(
    ("name", "scheme", "reason"),
    [
        ("embed.weight", blocks(), "it is an embedding by its name"),
        ("w.weight", blocks(scales=Scheme("fp16")), "quantizes scales to bnb_dynamic8"),
        ("w.weight", Scheme("nf4", "block", axis=0, block_size=32), "blocks lie along the last axis"),
        ("w.weight", Scheme("nf4", "block", axis=-1, block_size=64, symmetric=False), "no offset"),
        ("w.weight", Scheme("int8", "channel", axis=1), "a float32 scale for each row"),
        ("w.kernel", ROWS, "a name that ends in .weight"),
    ],
)
def test_what_the_layouts_cannot_hold_is_left_in_float(name: str, scheme: Scheme, reason: str) -> None:
    model = playground.load({name: np.ones((64, 64), np.float32), "other.weight": np.ones((64, 64), np.float32)})
    made = quantized(blocks(), model, rules=(Rule(name, scheme),))
    assert [skipped.name for skipped in made.report.skipped] == [name]
    assert reason in made.report.skipped[0].reason


def test_what_the_file_cannot_hold_is_not_written() -> None:
    taken = playground.load({**WEIGHTS, "layers.0.fc.weight.absmax": np.ones(2)})
    with pytest.raises(UnsupportedError, match=r"two tensors would have the name 'layers\.0\.fc\.weight\.absmax'"):
        quantized(blocks(), taken)
    with pytest.raises(UnsupportedError, match="no type for complex128"):
        quantized(blocks(), playground.load({**WEIGHTS, "z": np.ones(2, np.complex128)}))
