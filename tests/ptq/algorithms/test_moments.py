import numpy as np

from playground.engines.interpreter import run_graph
from playground.operators import view_of
from playground.ptq.algorithms import _moments
from playground.ptq.algorithms._matrices import Matrices, matrices_of
from playground.ptq.algorithms._moments import moments_task, passes
from playground.tasks import Progress, run_sync
from tests.ptq.nets import attention_block, context_of, conv_net


def layers_of(graph: object, context: object) -> dict[str, Matrices]:
    found = {}
    for name, node in context.products().items():  # type: ignore[attr-defined]
        layer = matrices_of(node, view_of(graph))  # type: ignore[arg-type]
        assert isinstance(layer, Matrices)
        found[name] = layer
    return found


def test_they_are_those_of_all_samples_at_once() -> None:
    graph, data = conv_net()
    context = context_of(graph, data)  # 40 samples, 16 at a time
    layers = layers_of(graph, context)
    found = run_sync(moments_task(context, layers, second=True))
    plain = run_sync(moments_task(context, layers))
    inputs = run_graph(graph, data, [layer.node.inputs[0] for layer in layers.values()])
    for name, layer in layers.items():
        x = np.concatenate(list(layer.columns(inputs[layer.node.inputs[0]])), axis=2).astype(np.float64)
        for moments in (found[name], plain[name]):
            assert moments.count == x.shape[2]
            np.testing.assert_allclose(moments.mean, x.mean(axis=2), rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(moments.absolute, np.abs(x).sum(axis=2), rtol=1e-5)
            np.testing.assert_allclose(moments.largest, np.abs(x).max(axis=2), rtol=1e-6)
            np.testing.assert_allclose(moments.squares, (x**2).sum(axis=2), rtol=1e-4)
        np.testing.assert_allclose(found[name].second, x @ x.swapaxes(1, 2), rtol=1e-3, atol=1e-2)
        assert plain[name].second.size == 0


def test_weights_that_meet_the_same_share_them() -> None:
    graph, data = attention_block()
    context = context_of(graph, data)
    layers = layers_of(graph, context)
    found = run_sync(moments_task(context, layers, second=True))
    assert found["wq"] is found["wk"] is found["wv"]
    assert found["wo"] is not found["wq"]


def test_more_than_fits_into_memory_takes_more_passes(monkeypatch: object) -> None:
    graph, data = conv_net()
    layers = layers_of(graph, context_of(graph, data))
    assert [list(part) for part in passes(layers)] == [["w1", "w2", "w3", "w4"]]
    monkeypatch.setattr(_moments, "MEMORY", 72**2 * 8)  # type: ignore[attr-defined]
    assert [list(part) for part in passes(layers)] == [["w1", "w2", "w3"], ["w4"]]
    graph, data = attention_block()
    shared = layers_of(graph, context_of(graph, data))
    monkeypatch.setattr(_moments, "MEMORY", 16**2 * 8)  # type: ignore[attr-defined]
    assert [list(part) for part in passes(shared)] == [["wq", "wk", "wv"], ["wo"]]


def test_it_is_stepped_and_can_be_given_up() -> None:
    graph, data = conv_net()
    context = context_of(graph, data)
    work = moments_task(context, layers_of(graph, context), second=True)
    assert isinstance(next(work), Progress)
    work.close()
    assert sum(isinstance(step, Progress) for step in moments_task(context, layers_of(graph, context))) > 10
