"""DynamicQuantizeLSTM as a step of programs: kernels equal NumPy in bits, and the interpreter nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from playground.engines.interpreter import run_graph
from playground.engines.mixed import MixedProgram
from playground.engines.planned import PlannedModel
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.operators import _dynamic_recurrences, find
from playground.tasks import run_sync
from tests.engines.test_mixed import both

NEAR = 0.02
"""A sum that is rounded elsewhere in its last bit may give a state another code, which the steps behind it see."""


def net(
    directions: int = 1,
    hidden: int = 5,
    given: str = "bhc",
    outputs: tuple[str, ...] = ("y", "h1", "c1"),
    columns: bool = True,
    codes: str = "int8",
    **attributes: Any,
) -> Graph:
    rng, features, wide = np.random.default_rng(hidden), 6, 4 * hidden
    scales = (directions, wide) if columns else (directions,)
    limits = np.iinfo(codes)
    held: dict[str, np.ndarray[Any, Any]] = {
        "w": rng.integers(limits.min, limits.max, (directions, features, wide)).astype(codes),
        "r": rng.integers(limits.min, limits.max, (directions, hidden, wide)).astype(codes),
        "b": rng.normal(size=(directions, 2 * wide)).astype(np.float32),
    }
    for name in ("w", "r"):
        held[f"{name}_scale"] = rng.uniform(0.002, 0.01, scales).astype(np.float32)
        held[f"{name}_point"] = rng.integers(limits.min // 2, limits.max // 2, scales).astype(codes)
    optional = [name if name in given else "" for name in "bhc"]
    inputs = ("x", "w", "r", optional[0], "", *optional[1:], "", "w_scale", "w_point", "r_scale", "r_point")
    node = Node("DynamicQuantizeLSTM", "lstm", inputs, outputs, {"hidden_size": hidden, **attributes}, "com.microsoft")
    fed = (ValueInfo("x", "float32", ("t", "n", features)),)
    fed += tuple(ValueInfo(name, "float32", (directions, "n", hidden)) for name in "hc" if name in given)
    ends = tuple(ValueInfo(name, "float32", None) for name in outputs if name)
    return Graph("net", fed, ends, (node,), {k: Tensor.of(k, v) for k, v in held.items()}, 17, {"com.microsoft": 1})


def feeds(graph: Graph, time: int, batch: int) -> dict[str, np.ndarray[Any, Any]]:
    rng = np.random.default_rng(time)
    sizes = {"t": time, "n": batch}
    return {
        value.name: rng.normal(size=[sizes.get(n, n) for n in value.shape or ()]).astype(np.float32)  # type: ignore[call-overload]
        for value in graph.inputs
    }


def steps(graph: Graph, fed: dict[str, np.ndarray[Any, Any]]) -> list[str]:
    made = run_sync(PlannedModel(graph).prepare_task(fed))
    assert isinstance(made, MixedProgram)
    return [type(step).__name__ for part in made.parts if part.plain for step in part.plain.steps]


@pytest.mark.parametrize(("time", "batch", "hidden"), [(5, 1, 8), (1, 3, 5), (4, 2, 16)])
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("given", "outputs"), [("b", ("y", "h1", "c1")), ("bhc", ("y",)), ("", ("", "h1", "c1"))])
@pytest.mark.parametrize(("columns", "codes"), [(True, "int8"), (False, "uint8")])
def test_a_sequence(
    columns: bool,
    codes: str,
    given: str,
    outputs: tuple[str, ...],
    direction: str,
    time: int,
    batch: int,
    hidden: int,
) -> None:
    directions = 2 if direction == "bidirectional" else 1
    graph = net(directions, hidden, given, outputs, columns, codes, direction=direction)
    fed = feeds(graph, time, batch)
    assert "DynamicRecurrence" in steps(graph, fed)
    found, meant = both(graph, fed), run_graph(graph, fed)
    for name, array in meant.items():
        assert found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=0, atol=NEAR)


@pytest.mark.parametrize("attributes", [{"clip": 0.5}, {"input_forget": 1}], ids=str)
def test_rare_forms_are_left_to_numpy(attributes: dict[str, Any]) -> None:
    graph = net(**attributes)
    fed = feeds(graph, 3, 2)
    assert "DynamicRecurrence" not in steps(graph, fed)
    found, meant = both(graph, fed), run_graph(graph, fed)
    for name, array in meant.items():
        np.testing.assert_array_equal(found[name], array)


def test_long_sequences_are_left_to_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dynamic_recurrences, "MOST_STEPS", 4)
    graph = net()
    assert "DynamicRecurrence" in steps(graph, feeds(graph, 4, 1))
    assert "DynamicRecurrence" not in steps(graph, feeds(graph, 5, 1))


def test_it_costs_a_multiply_add_for_each_weight_step_and_sample() -> None:
    graph = net(directions=2, hidden=5)
    operator = find(graph.nodes[0])
    assert operator is not None
    shapes = {"x": (7, 3, 6), **{name: tensor.shape for name, tensor in graph.initializers.items()}}
    assert operator.cost(graph.nodes[0], shapes) == 7 * 3 * 2 * 20 * (6 + 5)
