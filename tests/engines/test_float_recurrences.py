"""LSTM and GRU as steps of programs: kernels equal NumPy in bits, and ONNX Runtime nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

from playground.engines.mixed import MixedProgram
from playground.engines.planned import PlannedModel
from playground.opening import load
from playground.tasks import run_sync
from tests.engines.test_float_products import steps_of
from tests.engines.test_mixed import both, file_of, native

RNG = np.random.default_rng(10)
NEAR = 2e-6
"""States are within 1; their functions are a few units in the last place away."""


def weights(*shape: int) -> np.ndarray[Any, Any]:
    return (RNG.normal(size=shape) * 0.5).astype(np.float32)


def model(op: str, directions: int, hidden: int, given: str, outputs: str, **attributes: Any) -> bytes:
    """One recurrent operator on sequences (time, batch, 6); ``given`` names its optional inputs: b, h, c."""
    gates = 4 if op == "LSTM" else 3
    constants = {"w": weights(directions, gates * hidden, 6), "r": weights(directions, gates * hidden, hidden)}
    names = ["x", "w", "r", "b" if "b" in given else "", "", "h" if "h" in given else "", "c" if "c" in given else ""]
    if "b" in given:
        constants["b"] = weights(directions, 2 * gates * hidden)
    fed = {"x": ["t", "n", 6], **{name: [directions, "n", hidden] for name in "hc" if name in given}}
    while not names[-1]:
        names.pop()
    node = helper.make_node(op, names, outputs.split(" "), hidden_size=hidden, **attributes)
    return file_of([node], fed, dict.fromkeys(filter(None, outputs.split(" ")), 1), constants)


def feeds(time: int, batch: int, directions: int, hidden: int, given: str) -> dict[str, Any]:
    states = {name: weights(directions, batch, hidden) for name in "hc" if name in given}
    return {"x": weights(time, batch, 6), **states}


@pytest.mark.parametrize(("time", "batch", "hidden"), [(5, 1, 8), (1, 3, 5), (4, 2, 16)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(
    ("op", "given", "outputs", "attributes"),
    [
        ("LSTM", "b", "y h1 c1", {}),
        ("LSTM", "bhc", "y h1 c1", {}),
        ("LSTM", "hc", " h1 c1", {}),
        ("LSTM", "", "y", {}),
        ("GRU", "b", "y h1", {"linear_before_reset": 1}),
        ("GRU", "bh", "y h1", {"linear_before_reset": 0}),
        ("GRU", "h", " h1", {"linear_before_reset": 1}),
    ],
)
def test_a_sequence(
    op: str, given: str, outputs: str, attributes: dict[str, Any], direction: str, time: int, batch: int, hidden: int
) -> None:
    directions = 2 if direction == "bidirectional" else 1
    content = model(op, directions, hidden, given, outputs, direction=direction, **attributes)
    fed = feeds(time, batch, directions, hidden, given)
    steps = steps_of(content, fed)
    assert steps[: directions + 1] == ["FloatProduct"] * directions + ["Recurrence"]
    found, expected = both(load(content, "net.onnx").required_graph(), fed), native(content, fed)
    for name, array in expected.items():
        assert found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=0, atol=NEAR)


@pytest.mark.parametrize(
    "attributes", [{"activations": ["Sigmoid", "Relu", "Tanh"]}, {"clip": 0.5}, {"input_forget": 1}], ids=str
)
def test_rare_forms_are_left_to_numpy(attributes: dict[str, Any]) -> None:
    content = model("LSTM", 1, 5, "b", "y", **attributes)
    planned = PlannedModel(load(content, "net.onnx").required_graph(), "wasm")
    fed = feeds(2, 3, 1, 5, "")
    made = run_sync(planned.prepare_task(fed))
    assert isinstance(made, MixedProgram)
    assert made.left == 1
    np.testing.assert_allclose(planned.run(fed)["y"], native(content, fed)["y"], rtol=0, atol=1e-5)
