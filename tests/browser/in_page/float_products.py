"""In the page's worker: float products by the kernel and by NumPy, which is what they are meant to be."""

import numpy as np
import pytest

from playground import gallery, host
from playground.engines.interpreter import run_graph
from playground.programs import fast_products as _fast


def with_numpy(monkeypatch, function, *args):
    with monkeypatch.context() as here:
        here.setattr(host, "IN_BROWSER", False)
        return function(*args)


@pytest.mark.parametrize(("rows", "depth", "columns"), [(360, 512, 128), (360, 128, 10), (37, 50, 21), (1, 4096, 9)])
def test_product(monkeypatch, rows, depth, columns):
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=shape).astype(np.float32) for shape in ((rows, depth), (columns, depth)))
    assert rows * depth * columns >= _fast.SMALL
    expected = with_numpy(monkeypatch, _fast.product, a, b.T)
    # Either sum is off by at most depth * 2^-24 of the sum of the magnitudes
    limits = 2 * depth * 2.0**-24 * (np.abs(a).astype(np.float64) @ np.abs(b.T))
    assert (np.abs(_fast.product(a, b.T).astype(np.float64) - expected) <= limits).all()


def test_nan_and_infinity_flow_on(monkeypatch):
    a, b = np.ones((32, 64), np.float32), np.ones((64, 33), np.float32)
    a[1, 5], a[2, 6], a[3, 7], a[4, 8:10] = np.nan, np.inf, -np.inf, (np.inf, -np.inf)
    expected = with_numpy(monkeypatch, _fast.product, a, b)
    np.testing.assert_array_equal(_fast.product(a, b), expected)
    assert np.isnan(expected[[1, 4]]).all() and (expected[3] == -np.inf).all()


@pytest.mark.parametrize("model_id", ["digits-mlp", "digits-convnet"])
def test_gallery_models(monkeypatch, model_id):
    graph, images = gallery.open_model(model_id).graph, gallery.digits().images
    (found,) = run_graph(graph, {graph.inputs[0].name: images}).values()
    (expected,) = with_numpy(monkeypatch, run_graph, graph, {graph.inputs[0].name: images}).values()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))
