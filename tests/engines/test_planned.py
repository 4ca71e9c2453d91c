import numpy as np
import pytest

from playground import host
from playground.engines.planned import PlannedModel
from playground.errors import InvalidInputError
from playground.tasks import run_sync


def prepared(planned, x):
    return run_sync(planned.prepare_task({"x": x}))


def test_both_engines_give_the_same_bits_for_any_batch(make_qdq):
    model = make_qdq("convnet")
    ours, reference = PlannedModel(model.graph), PlannedModel(model.graph, "reference")
    for n in (1, 3, 1):
        x = model.inputs(n)
        np.testing.assert_array_equal(ours.run({"x": x})["y"], reference.run({"x": x})["y"])


def test_programs_are_kept_by_shape_and_old_ones_released(make_qdq):
    model = make_qdq("perceptron")
    planned = PlannedModel(model.graph)
    first = prepared(planned, model.inputs(1))
    assert prepared(planned, model.inputs(1)) is first
    used = host.kernels().used
    for n in range(2, 7):
        prepared(planned, model.inputs(n))
    assert prepared(planned, model.inputs(1)) is not first
    planned.release()
    assert host.kernels().used < used


def test_refuses_other_engines_and_feeds_that_do_not_fit(make_qdq):
    graph = make_qdq("perceptron").graph
    with pytest.raises(InvalidInputError, match="engine"):
        PlannedModel(graph, "onnxruntime")
    with pytest.raises(InvalidInputError):
        PlannedModel(graph).run({"x": np.zeros((1, 2, 8, 8), np.float32)})
