"""Replayed runs against plain ones, and what is not run again."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from playground.analysis import replay_programs
from playground.analysis.replay import Replay
from playground.analysis.variants import quantized_only
from playground.engines import single_nodes
from playground.engines.interpreter import run_graph
from playground.errors import MissingError
from playground.model.graph import Graph, Model, Node, Tensor, ValueInfo
from playground.operators import view_of
from playground.ptq.pipeline import QuantizedModel
from playground.tasks import Progress, run_sync

Data = dict[str, np.ndarray]
STEP = Progress(0, 1)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the nodes that are run from now on."""
    names: list[str] = []

    def noting(graph: Graph, node: Any, values: Any) -> Any:
        names.append(node.name)
        return evaluate_task(graph, node, values)

    evaluate_task = single_nodes.evaluate_task
    monkeypatch.setattr(single_nodes, "evaluate_task", noting)
    return names


def test_every_value_is_that_of_a_plain_run(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    graph, held = net.graph, Replay()
    run_sync(held.run_task(graph, net_data, ["z"], STEP, keep=True))
    for node in ("conv1", "conv2", "fc"):
        part = quantized_only(view_of(graph), net_quantized.quantization, [node])
        names = [name for n in part.nodes for name in n.outputs]
        found, wanted = run_sync(held.run_task(part, net_data, names, STEP)), run_graph(part, net_data, names)
        for name in names:
            np.testing.assert_array_equal(found[name], wanted[name])


def test_outputs_and_inputs_that_are_left_out_make_nothing_run_again(ran: list[str]) -> None:
    nodes = (
        Node("MaxPool", "pool", ("x",), ("p", ""), {"kernel_shape": [2, 2]}),  # no indices
        Node("Clip", "clip", ("p", "", "most"), ("y",)),
    )
    held = {"most": Tensor.of("most", np.array(0.5, np.float32))}
    values = (ValueInfo("x", "float32", (1, 1, 3, 3)),), (ValueInfo("y", "float32", None),)
    graph, replayed = Graph("net", *values, nodes, held, 17), Replay()
    feeds = {"x": np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3) / 9}
    run_sync(replayed.run_task(graph, feeds, ["y"], STEP, keep=True))
    ran.clear()
    found = run_sync(replayed.run_task(graph, feeds, ["p", "y"], STEP))
    assert ran == []
    np.testing.assert_array_equal(found["y"], run_graph(graph, feeds)["y"])


def test_only_what_differs_is_run(net: Model, net_data: Data, net_quantized: QuantizedModel, ran: list[str]) -> None:
    graph, held = net.graph, Replay()
    run_sync(held.run_task(graph, net_data, ["z"], STEP, keep=True))
    assert ran == [node.name for node in graph.nodes]
    ran.clear()
    run_sync(held.run_task(graph, net_data, ["z"], STEP))
    assert ran == []
    last = quantized_only(view_of(graph), net_quantized.quantization, ["fc"])
    run_sync(held.run_task(last, net_data, ["z"], STEP))
    plain = {node.name for node in graph.nodes}
    assert [name for name in ran if name in plain] == ["fc", "softmax"]
    ran.clear()
    run_sync(held.run_task(last, net_data, ["y_DequantizeLinear_Output"], STEP))
    assert "w3_DequantizeLinear" not in ran  # what follows from constants alone is kept
    assert "softmax" not in ran  # what is not captured is not run


def test_another_batch_is_run_anew(net: Model, net_data: Data, ran: list[str]) -> None:
    held = Replay()
    first = run_sync(held.run_task(net.graph, {"x": net_data["x"][:3]}, ["z"], STEP, keep=True))["z"]
    held.begin()
    second = run_sync(held.run_task(net.graph, {"x": net_data["x"][3:6]}, ["z"], STEP, keep=True))["z"]
    assert len(ran) == 2 * len(net.graph.nodes)
    np.testing.assert_array_equal(second, run_graph(net.graph, {"x": net_data["x"][3:6]})["z"])
    assert np.abs(first - second).max() > 0


def test_equal_names_with_other_contents_are_told_apart(net: Model, net_data: Data) -> None:
    held = Replay()
    before = run_sync(held.run_task(net.graph, net_data, ["z"], STEP, keep=True))["z"]
    changed = {**net.graph.initializers, "w1": Tensor.of("w1", net.tensors["w1"].numpy() * np.float32(2))}
    other = net.graph.with_(initializers=changed)
    after = run_sync(held.run_task(other, net_data, ["z"], STEP))["z"]
    np.testing.assert_array_equal(after, run_graph(other, net_data)["z"])
    assert np.abs(after - before).max() > 0


def test_attributes_are_part_of_what_a_node_is(net: Model, net_data: Data) -> None:
    held = Replay()
    run_sync(held.run_task(net.graph, net_data, ["z"], STEP, keep=True))
    wider = {"pads": [1, 1, 1, 1], "strides": [3, 3]}
    nodes = tuple(replace(n, attributes={**n.attributes, **wider}) if n.name == "pool" else n for n in net.graph.nodes)
    other = net.graph.with_(nodes=nodes)
    found = run_sync(held.run_task(other, net_data, ["p"], STEP))["p"]
    np.testing.assert_array_equal(found, run_graph(other, net_data, ["p"])["p"])


def test_a_name_that_is_not_there(net: Model, net_data: Data) -> None:
    with pytest.raises(MissingError, match="no value 'q'"):
        run_sync(Replay().run_task(net.graph, net_data, ["q"], STEP))


def replayed(graphs: list[Graph], feeds: Data, names: list[list[str]], *, programs: bool) -> list[Data]:
    """What the named values of graphs are, one graph after the other; the first two are kept."""
    held = Replay(programs=programs)
    return [
        run_sync(held.run_task(graph, feeds, wanted, STEP, keep=place < 2))
        for place, (graph, wanted) in enumerate(zip(graphs, names, strict=True))
    ]


def test_programs_give_what_nodes_do(net: Model, net_data: Data, net_quantized: QuantizedModel) -> None:
    view, quantization = view_of(net.graph), net_quantized.quantization
    every = [node.name for node in net.graph.nodes]
    chosen = [every, *([node] for node in ("conv1", "conv2", "fc")), *([n for n in every if n != "conv2"],)]
    graphs = [net.graph, *(quantized_only(view, quantization, nodes) for nodes in chosen)]
    names = [["z", "y"], *(["z"] for _ in chosen)]
    ours, nodes = (replayed(graphs, net_data, names, programs=programs) for programs in (True, False))
    for quantized, found, meant in zip([[], *chosen], ours, nodes, strict=True):
        assert found.keys() == meant.keys()
        for name, array in meant.items():
            off = np.abs(found[name] - array) / np.ptp(array)
            if len(quantized) <= 1:
                assert off.max() < 1e-5
            else:  # codes at a tie go either way, and the layers behind them make more of it
                assert np.quantile(off, 0.9) < 2 / 255
                assert off.max() < 0.05


def test_programs_run_only_what_differs(
    net: Model, net_data: Data, net_quantized: QuantizedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[list[str]] = []

    def noting(graph: Graph, weights: Any, room: Any) -> Any:
        planned.append([node.name for node in graph.nodes])
        return made(graph, weights, room)

    made = replay_programs.MixedProgram
    monkeypatch.setattr(replay_programs, "MixedProgram", noting)
    last = quantized_only(view_of(net.graph), net_quantized.quantization, ["fc"])
    replayed([net.graph, net.graph, last], net_data, [["z"], ["z", "y"], ["z"]], programs=True)
    plain = [node.name for node in net.graph.nodes]
    assert planned[0] == plain
    assert len(planned) == 2  # nothing is left to run of a graph that is known
    assert [name for name in planned[1] if name in plain] == ["fc", "softmax"]


def test_codes_that_only_the_graph_explains_run_node_by_node() -> None:
    """An array of codes of a small float looks like one of whole numbers."""
    held = {
        "one": Tensor.of("one", np.float32(0.5)),
        "zero": Tensor("zero", "float8_e4m3fn", (), 1, lambda: np.zeros((), np.uint8)),
        "w": Tensor.of("w", np.float32([[1, 2], [3, 4]])),
    }
    codes = Node("QuantizeLinear", "q", ("x", "one", "zero"), ("codes",))
    reals = Node("DequantizeLinear", "d", ("codes", "one", "zero"), ("reals",))
    ends = (ValueInfo("x", "float32", (3, 2)),), (ValueInfo("y", "float32", None),)
    first = Graph("net", *ends, (codes, reals, Node("MatMul", "m", ("reals", "w"), ("y",))), held, 19)
    last = first.with_(nodes=(codes, reals, Node("Add", "a", ("reals", "reals"), ("y",))))
    x = np.float32([[0.3, -1.7], [20, 5], [-0.01, 3]])
    ours, nodes = (
        replayed([first, last], {"x": x}, [["codes", "y"], ["y"]], programs=programs) for programs in (True, False)
    )
    for found, meant in zip(ours, nodes, strict=True):
        for name, array in meant.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-6)
