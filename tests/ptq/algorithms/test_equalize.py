import numpy as np
import pytest

from playground import Scheme, quantize_model
from playground.engines.run import run
from playground.model.graph import Graph, Node
from playground.model.recipe import AlgorithmCall, Recipe
from playground.operators import view_of
from playground.ptq.algorithms._channels import Sites
from playground.ptq.algorithms.equalize import channel_ranges, equalising_factors, equalized_task
from playground.tasks import Progress, run_sync
from tests.ptq.nets import answer, applied, attention_block, context_of, conv_net, graph_of, model_of

PAIRS = ["conv1", "depthwise", "pointwise"]


def torch_like_equalisation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Equation 11 of Nagel et al. 2019, a channel at a time: W1 / s and W2 * s have equal ranges sqrt(r1 r2)."""
    return np.array([r1 / np.sqrt(r1 * r2) if r1 and r2 else 1.0 for r1, r2 in zip(first, second, strict=True)])


def test_factors_are_those_of_the_paper() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.exponential(size=20), rng.exponential(size=20)
    first[3] = second[4] = 0
    np.testing.assert_allclose(equalising_factors(first, second), torch_like_equalisation(first, second))


@pytest.mark.parametrize("seed", range(5))
def test_what_the_net_computes_stays_and_ranges_become_equal(seed: int) -> None:
    graph, data = conv_net(seed)
    outcome = applied("equalize", context_of(graph, data), absorb=0, sweeps=200)
    assert outcome.graph is not None
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-4, atol=1e-5)
    sites = Sites(view_of(outcome.graph), norms=False).found
    assert [site.name for site in sites] == PAIRS
    for site in sites:
        first, second = channel_ranges(outcome.graph, site)
        np.testing.assert_allclose(first, second, rtol=5e-3)
    before, after = outcome.tensors["conv1"]["widest_to_median_channel"]
    assert after < before
    assert outcome.skipped == {"fc": "y is an output of the model"}


def test_sweeps_end_when_nothing_changes_any_more() -> None:
    graph, _ = conv_net(0)
    sites = Sites(view_of(graph), norms=False).found

    def sweeps_of(source: Graph) -> tuple[int, Graph]:
        seen: list[Progress] = []
        made = run_sync(equalized_task(source, sites, 500), seen.append)
        return len(seen) // len(sites), made

    first, made = sweeps_of(graph)
    again, _ = sweeps_of(made)
    assert 1 < first < 500
    assert again == 1


@pytest.mark.parametrize("seed", range(5))
def test_one_scale_a_tensor_then_fits_much_better(seed: int) -> None:
    graph, data = conv_net(seed)
    reference = answer(graph, data)
    errors = []
    for calls in ((), (AlgorithmCall("equalize"),)):
        made = quantize_model(model_of(graph), Recipe(weights=Scheme("int8"), algorithms=calls), data)
        found = run(made.onnx, data, "onnxruntime")["y"]
        errors.append(float(np.mean((found - reference) ** 2)))
    assert errors[1] < 0.7 * errors[0]


def test_high_biases_are_absorbed_where_nothing_is_padded() -> None:
    rng = np.random.default_rng(1)
    held = {
        "w1": rng.normal(0, 0.1, (4, 3)), "b1": np.array([5.0, 3.0, 0.0, -2.0]),
        "w2": rng.normal(0, 1, (2, 4)), "b2": rng.normal(size=2),
    }  # fmt: skip
    nodes = [
        Node("Gemm", "one", ("x", "w1", "b1"), ("h",), {"transB": 1}),
        Node("Relu", "relu", ("h",), ("r",)),
        Node("Gemm", "two", ("r", "w2", "b2"), ("y",), {"transB": 1}),
    ]
    graph = graph_of(nodes, held, ("n", 3), ("n", 2))
    data = {"x": rng.uniform(-1, 1, (200, 3)).astype(np.float32)}
    outcome = applied("equalize", context_of(graph, data))
    assert outcome.graph is not None
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-4, atol=1e-4)
    unabsorbed = applied("equalize", context_of(graph, data), absorb=0)
    assert unabsorbed.graph is not None
    high, low = (g.initializers["b1"].numpy() for g in (unabsorbed.graph, outcome.graph))
    assert (low[:2] < 0.3 * high[:2]).all()
    np.testing.assert_array_equal(low[3], high[3])
    assert not [name for name in outcome.skipped if "bias" in name]


def test_padding_and_missing_data_keep_biases_and_say_so() -> None:
    graph, data = conv_net()
    outcome = applied("equalize", context_of(graph, data))
    assert outcome.skipped["conv1 (bias)"] == "its bias is not absorbed: depthwise pads with zeros"
    assert "calibration data" in applied("equalize", context_of(graph, None)).notes[0]


@pytest.mark.parametrize(
    ("padding", "pads"),
    [
        ({}, False),
        ({"pads": [0, 0, 0, 0]}, False),
        ({"pads": [0, 0, 0, 1]}, True),
        ({"auto_pad": "NOTSET"}, False),
        ({"auto_pad": "VALID"}, False),
        ({"auto_pad": "SAME_UPPER"}, True),
        ({"auto_pad": "SAME_LOWER"}, True),
    ],
    ids=str,
)
def test_a_bias_is_absorbed_by_a_convolution_unless_it_pads(padding: dict[str, object], pads: bool) -> None:
    """At the border a window would meet zeros where the absorbed bias is missing."""
    rng = np.random.default_rng(1)
    held = {"w1": rng.normal(0, 0.1, (4, 2, 1, 1)), "b1": np.array([5.0, 3.0, 4.0, 6.0])}
    held |= {"w2": rng.normal(0, 1, (3, 4, 3, 3)), "b2": rng.normal(size=3)}
    nodes = [
        Node("Conv", "one", ("x", "w1", "b1"), ("h",)),
        Node("Relu", "relu", ("h",), ("r",)),
        Node("Conv", "two", ("r", "w2", "b2"), ("y",), padding),
    ]
    graph = graph_of(nodes, held, ("n", 2, 5, 5), ("n", 3, None, None))
    data = {"x": rng.uniform(-1, 1, (50, 2, 5, 5)).astype(np.float32)}
    outcome = applied("equalize", context_of(graph, data))
    assert outcome.graph is not None
    np.testing.assert_allclose(answer(outcome.graph, data), answer(graph, data), rtol=1e-3, atol=1e-3)
    assert outcome.skipped.get("one (bias)", "") == ("its bias is not absorbed: two pads with zeros" if pads else "")


def reason(graph: Graph, name: str, excluded: tuple[str, ...] = ()) -> str:
    return Sites(view_of(graph), frozenset(excluded), norms=False).skipped[name]


def test_every_place_that_is_left_out_says_why() -> None:
    graph, _ = conv_net()

    def with_node(index: int, node: Node) -> Graph:
        return graph.with_(nodes=(*graph.nodes[:index], node, *graph.nodes[index + 1 :]))

    relu6 = with_node(1, Node("Clip", "clip", ("c1",), ("r1",)))
    assert reason(relu6, "conv1") == "Clip 'clip' reads it, which does not let factors pass"
    residual = graph.with_(nodes=(*graph.nodes, Node("Add", "add", ("r1", "c2"), ("other",))))
    assert "Add 'add' reads it" in reason(residual, "conv1")
    assert reason(graph, "pointwise", ("fc",)) == "fc stays as it is"
    shared = graph.with_(nodes=(*graph.nodes, Node("Relu", "more", ("w2",), ("other",))))
    assert reason(shared, "conv1") == "the constant w2 has several readers"
    assert Sites(view_of(attention_block()[0]), norms=False).found == []
