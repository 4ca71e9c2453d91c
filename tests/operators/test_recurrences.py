"""LSTM, GRU and RNN in all that their attributes allow, against native ONNX Runtime."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest

from playground.engines.interpreter import run_graph
from playground.errors import InvalidInputError, UnsupportedError
from playground.model.graph import Graph, Node, Tensor, ValueInfo
from playground.model.writers.onnx import to_onnx
from playground.operators import all_operators
from playground.operators._recurrences import FUNCTIONS

TIME, SAMPLES, FEATURES, HIDDEN = 5, 3, 4, 6
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
ACTIVATIONS = {"LSTM": 3, "GRU": 2, "RNN": 1}
DIRECTIONS = ("forward", "reverse", "bidirectional")
LENGTHS = np.int32([5, 2, 3])


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return (rng.normal(size=shape) * 0.6).astype(np.float32)


def net(op: str, attributes: dict[str, Any], given: tuple[str, ...], seed: int) -> tuple[Graph, dict[str, Any]]:
    """A graph of one node, and what it is fed; ``given``: which of the optional inputs it has."""
    rng, directions = np.random.default_rng(seed), 2 if attributes.get("direction") == "bidirectional" else 1
    gates, turned = GATES[op], attributes.get("layout", 0)
    x = normal(rng, SAMPLES, TIME, FEATURES) if turned else normal(rng, TIME, SAMPLES, FEATURES)
    state = (SAMPLES, directions, HIDDEN) if turned else (directions, SAMPLES, HIDDEN)
    optional = {
        "B": normal(rng, directions, 2 * gates * HIDDEN),
        "lengths": LENGTHS,
        "h": normal(rng, *state),
        "c": normal(rng, *state),
        "P": normal(rng, directions, 3 * HIDDEN),
    }
    names = list(optional)[: 5 if op == "LSTM" else 3]
    held = {
        "W": normal(rng, directions, gates * HIDDEN, FEATURES),
        "R": normal(rng, directions, gates * HIDDEN, HIDDEN),
    }
    held |= {name: optional[name] for name in names if name in given and name in ("B", "P")}
    feeds = {"x": x} | {name: optional[name] for name in names if name in given and name not in ("B", "P")}
    inputs = ("x", "W", "R", *(name if name in given else "" for name in names))
    outputs = ("y", "y_h", "y_c")[: 3 if op == "LSTM" else 2]
    node = Node(op, "recurrent", inputs, outputs, {"hidden_size": HIDDEN, **attributes})
    values = tuple(ValueInfo(name, array.dtype.name, array.shape) for name, array in feeds.items())
    ends = tuple(ValueInfo(name, "float32", None) for name in outputs)
    return Graph("net", values, ends, (node,), {k: Tensor.of(k, v) for k, v in held.items()}, 17), feeds


def in_onnxruntime(graph: Graph, feeds: dict[str, Any]) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(to_onnx(graph), options).run(None, feeds)


def grid(op: str) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """Every direction with every set of optional inputs and every attribute of the operator's own."""
    own = {"LSTM": ("input_forget", (0, 1)), "GRU": ("linear_before_reset", (0, 1))}.get(op, ("clip", (0.3,)))
    optional = [(), ("B",), ("lengths",), ("B", "lengths", "h"), ("B", "h", "c", "P"), ("B", "lengths", "h", "c", "P")]
    for direction, given, value, clip in itertools.product(DIRECTIONS, optional, own[1], (None, 0.4)):
        yield {"direction": direction, own[0]: value} | ({} if clip is None else {"clip": clip}), given


@pytest.mark.parametrize("op", GATES)
def test_all_forms_are_as_in_onnxruntime(op: str) -> None:
    for seed, (attributes, given) in enumerate(grid(op)):
        graph, feeds = net(op, attributes, given, seed)
        found = run_graph(graph, feeds)
        for ours, theirs in zip(found.values(), in_onnxruntime(graph, feeds), strict=True):
            assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
            np.testing.assert_allclose(ours, theirs, 1e-4, 2e-6, err_msg=f"{attributes} {given}")


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_activations_take_their_own_numbers_only(op: str, function: str) -> None:
    names = [function, "Sigmoid", "HardSigmoid", "LeakyRelu", "Tanh", "Elu"][: 2 * ACTIVATIONS[op]]
    for numbers in ({}, {"activation_alpha": [0.3, 0.4], "activation_beta": [0.6]}):
        attributes = {"direction": "bidirectional", "activations": names, **numbers}
        graph, feeds = net(op, attributes, ("B", "h", "c"), 7)
        for ours, theirs in zip(run_graph(graph, feeds).values(), in_onnxruntime(graph, feeds), strict=True):
            np.testing.assert_allclose(ours, theirs, 1e-4, 5e-6)


@pytest.mark.parametrize("op", GATES)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_layout_1_has_the_samples_first(op: str, direction: str) -> None:
    """ONNX Runtime has no layout 1 on its CPU provider: what it makes of layout 0 is turned."""
    given = ("B", "lengths", "h", "c", "P")
    graph, feeds = net(op, {"direction": direction}, given, 3)
    turned = {name: x.swapaxes(0, 1) if x.ndim == 3 else x for name, x in feeds.items()}
    node = graph.nodes[0]
    other = Node(node.op, node.name, node.inputs, node.outputs, {**node.attributes, "layout": 1})
    values = tuple(ValueInfo(name, x.dtype.name, x.shape) for name, x in turned.items())
    found = list(run_graph(graph.with_(nodes=(other,), inputs=values), turned).values())
    y, *finals = in_onnxruntime(graph, feeds)
    np.testing.assert_allclose(found[0], y.transpose(2, 0, 1, 3), 1e-4, 2e-6)
    for ours, theirs in zip(found[1:], finals, strict=True):
        np.testing.assert_allclose(ours, theirs.swapaxes(0, 1), 1e-4, 2e-6)


def test_an_output_that_is_left_out_is_not_missed() -> None:
    graph, feeds = net("LSTM", {}, ("B",), 5)
    node = Node("LSTM", "recurrent", graph.nodes[0].inputs, ("", "y_h"), graph.nodes[0].attributes)
    found = run_graph(graph.with_(nodes=(node,), outputs=graph.outputs[1:2]), feeds)
    np.testing.assert_array_equal(found["y_h"], run_graph(graph, feeds)["y_h"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hidden_size": 7}, "do not fit an input"),
        ({"direction": "bidirectional"}, "do not fit an input"),
        ({"direction": "sideways"}, "not a valid direction"),
        ({"activations": ["Tanh"]}, "names 1 activation"),
        ({"activations": ["Tanh", "Sine", "Tanh"]}, "'Sine' is not a valid activation"),
        ({"activations": "Tanh"}, "not a valid activations"),
        ({"clip": -1.0}, "not a valid clip"),
        ({"layout": 2}, "not a valid layout"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(change: dict[str, Any], words: str) -> None:
    graph, feeds = net("LSTM", {}, ("B",), 0)
    node = graph.nodes[0]
    with pytest.raises(InvalidInputError, match=words) as caught:
        run_graph(
            graph.with_(nodes=(Node(node.op, node.name, node.inputs, node.outputs, {**node.attributes, **change}),)),
            feeds,
        )
    assert "recurrent" in caught.value.where
    assert caught.value.hint


@pytest.mark.parametrize("name", ["W", "R", "B", "P", "h", "c", "lengths"])
@pytest.mark.parametrize("shape", [(), (1,), (1, 3), (2, 24, 9), (1, 24, 0)])
def test_shapes_that_do_not_fit_are_refused(name: str, shape: tuple[int, ...]) -> None:
    graph, feeds = net("LSTM", {}, ("B", "lengths", "h", "c", "P"), 0)
    wrong = np.zeros(shape, np.int32 if name == "lengths" else np.float32)
    if name in feeds:
        values = tuple(ValueInfo(v.name, v.dtype, None) for v in graph.inputs)
        graph, feeds = graph.with_(inputs=values), {**feeds, name: wrong}
    else:
        graph = graph.with_constants({name: wrong})
    with pytest.raises(InvalidInputError, match=r"shape|length|fit"):
        run_graph(graph, feeds)


@pytest.mark.parametrize("kind", ["scale", "point"])
@pytest.mark.parametrize("matrix", ["W", "R"])
@pytest.mark.parametrize("shape", [None, (), (2,), (24,), (2, 24), (1, 23)], ids=str)
def test_scales_that_do_not_fit_codes_are_refused(kind: str, matrix: str, shape: tuple[int, ...] | None) -> None:
    """One for each direction, or for each of its columns; zero-points may be left out, scales may not."""
    names = {f"{held}_{part}": (1, 4 * HIDDEN) for held in "WR" for part in ("scale", "point")}
    wrong = f"{matrix}_{kind}"
    held = {
        name: np.ones(size if name != wrong or shape is None else shape, np.float32 if "scale" in name else np.int8)
        for name, size in names.items()
    }
    held |= {"W": np.ones((1, FEATURES, 4 * HIDDEN), np.int8), "R": np.ones((1, HIDDEN, 4 * HIDDEN), np.int8)}
    given = [name if shape is not None or name != wrong else "" for name in names]
    inputs = ("x", "W", "R", *[""] * 5, *given)
    node = Node("DynamicQuantizeLSTM", "recurrent", inputs, ("y",), {"hidden_size": HIDDEN}, "com.microsoft")
    ends = (ValueInfo("x", "float32", None),), (ValueInfo("y", "float32", None),)
    graph = Graph("net", *ends, (node,), {k: Tensor.of(k, v) for k, v in held.items()}, 17)
    feeds = {"x": np.ones((TIME, SAMPLES, FEATURES), np.float32)}
    if shape is None and kind == "point":
        assert run_graph(graph, feeds)["y"].shape == (TIME, 1, SAMPLES, HIDDEN)
        return
    words = f"have scales of shape {'none' if shape is None else re.escape(str(list(shape)))}"
    with pytest.raises(InvalidInputError, match=words if kind == "scale" else "zero-points of shape"):
        run_graph(graph, feeds)


@pytest.mark.parametrize("lengths", [[-1, 2, 3], [5, 6, 1], [5, 5]])
def test_lengths_beyond_the_input_are_refused(lengths: list[int]) -> None:
    graph, feeds = net("GRU", {}, ("lengths",), 0)
    graph = graph.with_(inputs=tuple(ValueInfo(v.name, v.dtype, None) for v in graph.inputs))
    with pytest.raises(InvalidInputError, match="not valid lengths"):
        run_graph(graph, {**feeds, "lengths": np.int32(lengths)})


def test_a_few_bytes_do_not_ask_for_much_memory() -> None:
    """An input of no features may have any number of steps."""
    node = Node("RNN", "recurrent", ("x", "W", "R"), ("y",), {})
    held = {
        "W": Tensor.of("W", np.zeros((1, 500, 0), np.float32)),
        "R": Tensor.of("R", np.zeros((1, 500, 500), np.float32)),
    }
    graph = Graph("net", (ValueInfo("x", "float32", None),), (ValueInfo("y", "float32", None),), (node,), held, 17)
    with pytest.raises(UnsupportedError, match="would take"):
        run_graph(graph, {"x": np.zeros((10**6, 10**3, 0), np.float32)})


def test_it_costs_a_multiply_add_for_each_weight_step_and_sample() -> None:
    graph, _ = net("GRU", {"direction": "bidirectional"}, (), 0)
    shapes = {"x": (TIME, SAMPLES, FEATURES), **{name: held.shape for name, held in graph.initializers.items()}}
    weights = sum(held.size for held in graph.initializers.values())
    assert all_operators()["GRU"].cost(graph.nodes[0], shapes) == TIME * SAMPLES * weights
