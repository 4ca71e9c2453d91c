"""Weights of models with a graph, written without it: .gguf as gguf-py reads it, .safetensors as bitsandbytes does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme, gallery
from playground.model.graph import Model
from playground.model.recipe import Rule
from playground.ptq.without_graph import quantize_tensors
from tests.benchmarks import litert_nets

gguf = pytest.importorskip("gguf")


def of_onnx(_folder: Path) -> Model:
    """A transformer whose products are MatMul, with a table."""
    return gallery.open_model("moby-dick-transformer")


def of_tflite(_folder: Path) -> Model:
    """Dense layers, made by TensorFlow's converter."""
    return playground.load(litert_nets.file_of("autoencoder", "float"), "autoencoder.tflite")


def of_keras(folder: Path) -> Model:
    """A table, a convolution over time and dense layers."""
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((12,), dtype="int32"),
        keras.layers.Embedding(100, 64, name="table"),
        keras.layers.Conv1D(32, 3, name="conv"),
        keras.layers.Flatten(name="flat"),
        keras.layers.Dense(128, activation="relu", name="inner"),
        keras.layers.Dense(64, name="answer"),
    ]
    keras.Sequential(layers).save(folder / "net.keras")
    return playground.load(folder / "net.keras")


SOURCES = {".onnx": of_onnx, ".tflite": of_tflite, ".keras": of_keras}
TABLES = Rule("*", Scheme("q4_1"), op="Gather")


@pytest.mark.parametrize("ending", SOURCES)
def test_gguf_py_reads_each_tensor_in_its_block_type(ending: str, tmp_path: Path) -> None:
    model = SOURCES[ending](tmp_path)
    made = quantize_tensors(model, Recipe((TABLES,), weights="q8_0", runtime="gguf"))
    made.save(tmp_path / "q.gguf")
    told = {tensor.name: tensor for tensor in gguf.GGUFReader(tmp_path / "q.gguf").tensors}
    assert len(made.quantized) >= 2
    floats = {name for name, tensor in model.tensors.items() if tensor.real and tensor.shape and tensor.size}
    assert set(told) == floats
    kinds = {tensor.op: tensor.scheme["format"] for tensor in made.report.tensors}
    assert kinds.get("Gather", "q4_1") == "q4_1"
    for name, tensor in told.items():
        held = made.quantized.get(name)
        assert tuple(int(size) for size in tensor.shape[::-1]) == model.tensors[name].shape
        assert tensor.tensor_type.name == ("F32" if held is None else held.scheme.format.upper())
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        expected = model.tensors[name].numpy() if held is None else held.dequantize()
        np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize("ending", SOURCES)
def test_bitsandbytes_decodes_them(ending: str, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    bnb = pytest.importorskip("bitsandbytes")
    safetensors = pytest.importorskip("safetensors.torch")
    scheme = Scheme("nf4", "block", -1, 64, convention="bitsandbytes")
    made = quantize_tensors(SOURCES[ending](tmp_path), Recipe(weights=scheme, runtime="bitsandbytes"))
    made.save(tmp_path / "q.safetensors")
    state: dict[str, Any] = safetensors.load_file(tmp_path / "q.safetensors")
    assert len(made.quantized) >= 2
    for name, held in made.quantized.items():
        parts = {part.removeprefix(f"{name}."): x for part, x in state.items() if part.startswith(f"{name}.")}
        weight = bnb.nn.Params4bit.from_prequantized(state[name], parts, device="cpu")
        values = bnb.functional.dequantize_4bit(weight.data, weight.quant_state)
        shape = made.model.tensors[name].shape
        assert tuple(values.shape) == shape
        assert values.dtype == torch.float32
        np.testing.assert_array_equal(values.numpy(), held.dequantize().reshape(shape))
