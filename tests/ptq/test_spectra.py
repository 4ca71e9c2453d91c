"""Spectra written as convolutions or products: their weights become codes, and they compute in float."""

from typing import Any

import numpy as np
import onnx
import pytest

from playground import quantize_model
from playground.model.recipe import AlgorithmCall, Recipe
from playground.opening import load
from playground.ptq.algorithms import algorithms
from playground.quantization import Scheme
from tests.ptq.cases import MODES, Case, Random, decibels, node

TAPS, HOP = 128, 64


def transform(rows: int = TAPS // 2, taps: int = TAPS) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines under Hann's window, (rows, taps)."""
    time, window = np.arange(taps), np.hanning(taps + 1)[:-1]
    angle = 2 * np.pi * np.arange(rows)[:, None] * time / taps
    return (np.cos(angle) * window).astype(np.float32), (np.sin(angle) * window).astype(np.float32)


def triangles(bands: int, rows: int) -> np.ndarray:
    """A filter bank (rows, bands), never negative."""
    centres = np.linspace(1, rows - 2, bands)
    return np.maximum(0, 1 - np.abs(np.arange(rows)[:, None] - centres) / 3).astype(np.float32)


def sound(samples: int = 12, length: int = 2048) -> np.ndarray:
    """Harmonics and noise that fade by 50 dB within a sample, (samples, length)."""
    time = np.arange(length)
    x = 0.02 * Random(5).normal(samples, length)
    for sample in range(samples):
        for harmonic in range(1, 20):
            angle = 2 * np.pi * 0.01 * (1 + sample / samples) * harmonic * time + harmonic
            x[sample] += 10 ** (-harmonic / 20) * np.sin(angle)
    return (x * 10 ** (-2.5 * time / length)).astype(np.float32)


def squared() -> list[Any]:
    return [
        node("Mul", ["real", "real"], ["a"]),
        node("Mul", ["imag", "imag"], ["b"]),
        node("Add", ["a", "b"], ["power"]),
    ]


def logarithm(name: str) -> list[Any]:
    return [node("Add", [name, "least"], ["more"]), node("Log", ["more"], ["log"])]


def front_end() -> tuple[list[Any], dict[str, Any]]:
    """A signal (n, samples) to the logarithms of 32 bands (n, places, 32), by two convolutions and a filter bank."""
    cosines, sines = transform()
    nodes = [
        node("Unsqueeze", ["x", "one"], ["signal"]),
        node("Conv", ["signal", "cosines"], ["real"], "real", strides=[HOP]),
        node("Conv", ["signal", "sines"], ["imag"], "imag", strides=[HOP]),
        *squared(),
        node("Transpose", ["power"], ["turned"], perm=[0, 2, 1]),
        node("MatMul", ["turned", "bands"], ["energy"], "bank"),
        *logarithm("energy"),
    ]
    held = {
        "one": np.array([1]),
        "cosines": cosines[:, None],
        "sines": sines[:, None],
        "bands": triangles(32, TAPS // 2),
        "least": np.float32(1e-9),
    }
    return nodes, held


def listener() -> Case:
    """A front end, and two products that listen."""
    made = Random()
    nodes, held = front_end()
    nodes += [
        node("MatMul", ["log", "W"], ["h"], "first"),
        node("Relu", ["h"], ["p"]),
        node("MatMul", ["p", "V"], ["y"], "second"),
    ]
    return Case(nodes, held | {"W": made.weights(32, 16), "V": made.weights(16, 4)}, {"x": sound()})


def spectrum_alone() -> Case:
    nodes, held = front_end()
    nodes[-1].output[0] = "y"
    return Case(nodes, held, {"x": sound()})


ALONE = {"real", "imag"}


@pytest.mark.parametrize("mode", MODES)
def test_a_front_end_keeps_its_quiet_bands(mode: str) -> None:
    case = spectrum_alone()
    made = case.quantized(MODES[mode])
    assert {tensor.name for tensor in made.report.tensors} == {"cosines", "sines"}
    (bands,) = (skip for skip in made.report.skipped if skip.name == "bands")
    assert "makes or reads a spectrum" in bands.reason
    assert case.sqnr(MODES[mode]) > 28
    operators = {each.op_type for each in onnx.load_from_string(made.onnx).graph.node}
    assert operators.isdisjoint({"ConvInteger", "MatMulInteger", "QuantizeLinear", "DynamicQuantizeLinear"})


@pytest.mark.parametrize("mode", MODES)
def test_what_listens_is_quantized_all_the_same(mode: str) -> None:
    case = listener()
    made = case.quantized(MODES[mode])
    assert made.quantization.placement.alone == ALONE
    assert {"W", "V"} <= {tensor.name for tensor in made.report.tensors}
    if mode != "weight_only":
        assert {"log", "p"} <= set(made.quantization.activations) or mode == "dynamic"
        assert any("make spectra of a signal or read them" in warning for warning in made.report.warnings)
        operators = [each.op_type for each in onnx.load_from_string(made.onnx).graph.node]
        assert operators.count("MatMulInteger") == (2 if mode == "dynamic" else 0)
    assert case.sqnr(MODES[mode]) > 24


def test_named_operators_are_quantized_by_the_rules_of_onnxruntimes_tool() -> None:
    recipe = Recipe(operators=("Conv", "MatMul"))
    made = listener().quantized(recipe)
    assert not made.quantization.placement.alone
    assert {"signal", "real", "turned"} <= set(made.quantization.placement.activations)
    case = spectrum_alone()
    assert decibels(case.run(case.file), case.run(case.quantized(recipe).onnx)) < 10


def test_a_transform_by_matrix_products_over_frames() -> None:
    cosines, sines = transform()
    nodes = [
        node("MatMul", ["x", "C"], ["real"], "real"),
        node("Gemm", ["x", "S", "z"], ["imag"], "imag", transB=1),
        *squared(),
        *logarithm("power"),
    ]
    nodes[-1].output[0] = "y"
    held = {"C": cosines.T.copy(), "S": sines, "z": np.zeros(len(sines), np.float32), "least": np.float32(1e-9)}
    case = Case(nodes, held, {"x": sound(64, TAPS)})
    found = case.quantized()
    assert not found.report.tensors
    assert {skip.node for skip in found.report.skipped if "spectrum" in skip.reason} == {"real", "imag"}
    assert case.sqnr() > 40


def test_filters_in_front_and_a_product_that_reads_magnitudes() -> None:
    """Half the rate, a spectrum of it, magnitudes, and a convolution over bands; the next one is as any other."""
    made = Random()
    cosines, sines = transform()
    nodes = [
        node("Unsqueeze", ["x", "one"], ["signal"]),
        node("Conv", ["signal", "half"], ["slow"], "half", strides=[2]),
        node("Pad", ["slow", "ends"], ["padded"], mode="reflect"),
        node("Conv", ["padded", "cosines"], ["real"], "real", strides=[HOP]),
        node("Conv", ["padded", "sines"], ["imag"], "imag", strides=[HOP]),
        *squared(),
        node("Sqrt", ["power"], ["size"]),
        node("Conv", ["size", "W", "w"], ["h"], "first"),
        node("Relu", ["h"], ["p"]),
        node("Conv", ["p", "V"], ["y"], "second"),
    ]
    held = {
        "one": np.array([1]),
        "ends": np.array([0, 0, 40, 0, 0, 40]),
        "half": (np.hanning(16) / 8).astype(np.float32)[None, None],
        "cosines": cosines[:, None],
        "sines": sines[:, None],
        "W": made.weights(16, TAPS // 2, 3),
        "w": made.normal(16),
        "V": made.weights(4, 16, 3),
    }
    case = Case(nodes, held, {"x": sound()})
    found = case.quantized()
    assert found.quantization.placement.alone == {"half", "real", "imag", "first"}
    assert {(skip.name, skip.reason) for skip in found.report.skipped} == {
        ("w", "biases stay in float where activations do")
    }
    assert case.sqnr() > 30


@pytest.mark.parametrize("kind", ["noise", "smooth", "one frequency"])
def test_other_weights_are_no_transform(kind: str) -> None:
    made = Random()
    rows = {
        "noise": made.weights(64, TAPS),
        "smooth": np.exp(-np.square((np.arange(TAPS) - np.linspace(0, TAPS, 64)[:, None]) / 20)).astype(np.float32),
        "one frequency": (np.cos(0.3 * np.arange(TAPS)) * made.normal(64, 1)).astype(np.float32),
    }[kind]
    nodes = [node("Conv", ["x", "W"], ["h"], strides=[HOP]), node("Conv", ["h", "V"], ["y"])]
    held = {"W": rows[:, None], "V": made.weights(4, 64, 1)}
    found = Case(nodes, held, {"x": made.normal(8, 1, 1024)}).quantized()
    assert not found.quantization.placement.alone
    assert "x" in found.quantization.activations


@pytest.mark.parametrize("name", [name for name in algorithms() if "pruning" not in name])
@pytest.mark.parametrize("activations", ["static", "dynamic"])
def test_algorithms_take_such_a_model(name: str, activations: str) -> None:
    case = listener()
    recipe = Recipe(weights=Scheme("int8", "channel"), activations=activations, algorithms=(AlgorithmCall(name),))
    made = quantize_model(load(case.file, "case.onnx"), recipe, case.data)
    assert decibels(case.run(case.file), case.run(made.onnx)) > 20
