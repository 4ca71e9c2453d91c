"""Tensors written as .gguf and read back: types, codes, scales, metadata, and what ggml would refuse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme
from playground.errors import MissingError, UnsupportedError
from playground.model.graph import Model
from playground.model.recipe import Rule
from playground.model.runtimes import runtime
from playground.ptq.without_graph import QuantizedTensors, quantize_tensors
from playground.quantization.blocks import from_bytes
from tests.hostile.make_gguf import LIST, TEXT, entry, gguf, info

RNG = np.random.default_rng(7)
WEIGHTS: dict[str, Any] = {
    "blk.0.weight": RNG.normal(0, 1, (6, 512)).astype(np.float32),
    "narrow.weight": RNG.normal(0, 1, (4, 32)).astype(np.float16),
    "norm.bias": np.ones(7, np.float32),
    "mask": np.array([True, False, True]),
    "ids": np.arange(5, dtype=np.int32),
    "scalar": np.float32(2),
}
FORMATS = runtime("gguf").weight_formats


def quantized(weights: Scheme | str, model: Model | None = None, **fields: Any) -> QuantizedTensors:
    recipe = Recipe(weights=weights, runtime="gguf", activations="weight_only", **fields)  # type: ignore[arg-type]
    return quantize_tensors(model or playground.load(WEIGHTS), recipe)


def blocks_of(made: QuantizedTensors, name: str) -> np.ndarray:
    """The bytes of a tensor that are in the file, found by what the reader says of its end."""
    read = playground.load(made.file, "q.gguf").tensors[name]
    return np.frombuffer(read.read.__self__.source.read(read.read.__self__.start, read.nbytes), np.uint8)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_the_runtime_is_read_back_as_it_was_made(name: str) -> None:
    made = quantized(Scheme(name))
    model = playground.load(made.file, "q.gguf")
    assert (made.ending, model.format, not model.notes) == (".gguf", "gguf", True)
    assert list(model.tensors) == list(WEIGHTS)
    for key, held in made.quantized.items():
        found = model.tensors[key]
        assert found.dtype == {"fp16": "float16", "bf16": "bfloat16"}.get(name, name)
        assert found.shape == held.shape
        np.testing.assert_array_equal(found.numpy(), held.dequantize())
        stored = next(tensor for tensor in made.report.tensors if tensor.name == key)
        assert found.nbytes == stored.bytes_after


@pytest.mark.parametrize("name", [name for name in FORMATS if Scheme(name).procedure is not None])
def test_codes_and_scales_come_back_from_the_blocks(name: str) -> None:
    made = quantized(Scheme(name))
    held = made.quantized["blk.0.weight"]
    back = from_bytes(blocks_of(made, "blk.0.weight"), held.scheme, held.shape)
    np.testing.assert_array_equal(back.codes, held.codes)
    np.testing.assert_array_equal(back.qparams.scale_values, held.qparams.scale_values)


def test_each_tensor_has_its_own_type_and_the_rest_is_as_it_was() -> None:
    made = quantized(Scheme("q4_0"), rules=(Rule("blk.*", Scheme("q6_k")), Rule("norm.*")))
    model = playground.load(made.file, "q.gguf")
    assert {name: tensor.dtype for name, tensor in model.tensors.items()} == {
        **{"blk.0.weight": "q6_k", "narrow.weight": "q4_0", "norm.bias": "float32"},
        **{"mask": "int8", "ids": "int32", "scalar": "float32"},
    }
    for name in ("norm.bias", "mask", "ids", "scalar"):
        np.testing.assert_array_equal(model.tensors[name].numpy(), WEIGHTS[name])
    assert any("1 tensor is stored in a wider type" in text for text in made.report.warnings)


def test_the_metadata_says_what_the_file_is_and_which_recipe_made_it() -> None:
    made = quantized(Scheme("q4_k"))
    told = playground.load(made.file, "q.gguf").metadata
    assert (told["general.architecture"], told["general.name"]) == ("unknown", "arrays")
    assert (told["general.file_type"], told["general.quantization_version"]) == ("14", "2")
    assert Recipe.from_dict(json.loads(told["quantization_playground.recipe"])).weights == Scheme("q4_k")


def test_metadata_of_a_gguf_are_kept_byte_for_byte() -> None:
    """Long lists too, of which the reader shows the beginning; what says how the old tensors were stored is not."""
    tokens = [f"token {i}" for i in range(3000)]
    entries = [
        entry("general.architecture", TEXT, "llama"),
        entry("general.file_type", 4, 0),
        entry("general.alignment", 4, 64),
        entry("split.count", 2, 1),
        entry("tokenizer.ggml.tokens", LIST, (TEXT, tokens)),
        entry("eps", 6, 1e-6),
    ]
    head = gguf(entries, [info("w", (2, 32), 0, 0)])
    data = head + bytes(-len(head) % 64) + RNG.normal(0, 1, 64).astype(np.float32).tobytes()
    made = quantized(Scheme("q8_0"), playground.load(data, "m.gguf"))
    assert entries[4] in made.file
    assert entries[5] in made.file
    told = playground.load(made.file, "q.gguf").metadata
    assert (told["general.architecture"], told["general.file_type"]) == ("llama", "7")
    assert not {"general.alignment", "split.count"} & set(told)
    again = quantized(Scheme("q8_0"), playground.load(made.file, "q.gguf"))
    assert again.file.count(b"quantization_playground.recipe") == 1


def test_what_has_no_whole_blocks_stays_in_float_with_the_reason() -> None:
    made = quantized(Scheme("q4_k"))
    assert list(made.quantized) == ["blk.0.weight"]
    reasons = {skipped.name: skipped.reason for skipped in made.report.skipped}
    assert "its rows of 32 are no whole blocks of 256" in reasons["narrow.weight"]
    with pytest.raises(MissingError, match=r"no tensor is quantized: .*no whole blocks of 256"):
        quantized(Scheme("q4_k"), playground.load({"w": np.ones((2, 32), np.float32)}))


@pytest.mark.parametrize(
    ("scheme", "reason"),
    [
        (Scheme("q8_0", axis=0), "along the last axis"),
        (Scheme("mxfp4", scale_scheme=Scheme("fp16")), "other scales than its own"),
        (Scheme("fp16", scaled=True), "no place for the scales"),
        (Scheme("q8_0", rotation="hadamard"), "no file has a place for the rotation"),
    ],
)
def test_what_blocks_cannot_hold_is_left_in_float(scheme: Scheme, reason: str) -> None:
    model = playground.load({"w": np.ones((32, 32), np.float32), "v": np.ones((32, 32), np.float32)})
    made = quantized(Scheme("q8_0"), model, rules=(Rule("w", scheme),))
    assert [skipped.name for skipped in made.report.skipped] == ["w"]
    assert reason in made.report.skipped[0].reason


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"n" * 64: np.ones((2, 32), np.float32)}, "the name has 64 bytes"),
        ({"w": np.ones((2, 32), np.float32), "v": np.ones((1, 1, 1, 1, 2))}, "the tensor has 5 axes"),
        ({"w": np.ones((2, 32), np.float32), "v": np.ones(2, np.complex64)}, "no type for complex64"),
    ],
)
def test_what_ggml_refuses_is_not_written(arrays: dict[str, Any], what: str) -> None:
    with pytest.raises(UnsupportedError, match=what):
        quantized(Scheme("q8_0"), playground.load(arrays))


def test_a_runtime_that_does_not_read_the_file_is_named() -> None:
    with pytest.raises(UnsupportedError, match=r"does not read \.gguf files.*'gguf'"):
        quantize_tensors(playground.load(WEIGHTS), Recipe(), kind="gguf")
    made = quantize_tensors(playground.load(WEIGHTS), Recipe(weights="q8_0", runtime="gguf"), kind="npz")  # type: ignore[arg-type]
    assert made.ending == ".npz"
