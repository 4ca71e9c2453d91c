import numpy as np
import pytest

from playground.ptq.algorithms.magnitude_pruning import pruned
from tests.ptq.nets import applied, context_of, conv_net


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.99])
def test_the_smallest_go(sparsity: float) -> None:
    values = np.random.default_rng(0).normal(size=(7, 13)).astype(np.float32)
    made = pruned(values, sparsity)
    gone = made == 0
    assert gone.sum() == int(sparsity * values.size)
    np.testing.assert_array_equal(made[~gone], values[~gone])
    if gone.any():
        assert np.abs(values[gone]).max() <= np.abs(values[~gone]).min()


def test_ties_do_not_take_more_than_asked_for() -> None:
    assert (pruned(np.ones(10, np.float32), 0.3) == 0).sum() == 3


def test_the_share_is_that_of_every_tensor_or_of_all_together() -> None:
    graph, data = conv_net()
    each = applied("magnitude_pruning", context_of(graph, data), sparsity=0.5)
    together = applied("magnitude_pruning", context_of(graph, data), sparsity=0.5, together=1)
    assert each.graph is not None
    assert together.graph is not None
    for name in ("w1", "w2", "w3", "w4"):
        zeros = float((each.graph.initializers[name].numpy() == 0).mean())
        assert zeros == pytest.approx(0.5, abs=0.02)
        assert each.tensors[name]["zeros"] == (0.0, zeros)
    weights = np.concatenate(
        [together.graph.initializers[name].numpy().reshape(-1) for name in ("w1", "w2", "w3", "w4")]
    )
    assert (weights == 0).mean() == pytest.approx(0.5, abs=0.01)
    assert together.after["zeros"] == pytest.approx(0.5, abs=0.01)
    threshold = np.abs(weights[weights != 0]).min()
    old = np.concatenate([graph.initializers[name].numpy().reshape(-1) for name in ("w1", "w2", "w3", "w4")])
    assert np.abs(old[weights == 0]).max() <= threshold
    np.testing.assert_array_equal(together.graph.initializers["b1"].numpy(), graph.initializers["b1"].numpy())
