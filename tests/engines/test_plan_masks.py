"""Masks before Softmax in QDQ graphs. See :mod:`tests.engines.qdq_net`."""

import numpy as np
import pytest

from playground.engines import wasm
from playground.engines.planned import PlannedModel
from playground.errors import UnsupportedError
from tests.engines.qdq_net import Net, compared, floats

LOW = [-1e4, -np.inf, np.finfo(np.float32).min]


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("first", [True, False])
def test_a_mask_before_softmax(dtype, first, low):
    """Where(condition, scores, a low number) with a constant condition, in either order."""
    keep = np.tril(np.ones((7, 7), bool))
    net = Net(dtype, x=floats(2, 3, 7, 7)).pair("x", -3, 3)
    net.fixed("keep", keep if first else ~keep)
    net.fixed("never", np.float32(low))
    net.op("Where", "keep x:r never" if first else "keep never x:r", "m").pair("m", -15, 3).op(
        "Softmax", "m:r", axis=-1
    )
    compiled = compared(net.pair("y", 0, 1), steps="Add Softmax Lookup")
    assert compiled.run(net.inputs)["y:r"][..., ~keep].max() < 1 / 255


@pytest.mark.parametrize("low", LOW)
@pytest.mark.parametrize("names", ["x:r mask", "mask x:r"])
def test_an_added_mask_before_softmax(dtype, names, low):
    """Scores + a constant of zeros and one low number, for every head."""
    keep = np.tril(np.ones((7, 7), bool))
    net = Net(dtype, x=floats(2, 3, 7, 7)).pair("x", -3, 3)
    net.fixed("mask", np.where(keep, np.float32(0), np.float32(low))[None, None])
    net.op("Add", names, "m").pair("m", -15, 3).op("Softmax", "m:r", axis=-1)
    compiled = compared(net.pair("y", 0, 1), steps="Add Softmax Lookup")
    assert compiled.run(net.inputs)["y:r"][..., ~keep].max() < 1 / 255


def test_a_choice_that_is_no_mask_is_refused():
    net = Net("uint8", x=floats(2, 7)).pair("x")
    net.fixed("keep", np.arange(7) > 2)
    net.fixed("half", np.float32(0.5))
    net.op("Where", "keep x:r half").pair("y")
    with pytest.raises(UnsupportedError, match="not below every value"):
        wasm.plan(net.graph("y:r"), {"x": (2, 7)})


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("engine", ["reference", "wasm"])
@pytest.mark.parametrize("after", ["", "Relu"])
def test_a_choice_that_is_no_mask_is_computed_in_floats(dtype, engine, first, after):
    keep = np.arange(7) > 2
    net = Net(dtype, x=floats(2, 3, 7)).pair("x")
    net.fixed("keep", keep if first else ~keep)
    net.fixed("low", np.float32(-0.75))
    net.op("Where", "keep x:r low" if first else "keep low x:r", "m" if after else "y")
    if after:
        net.op(after, "m", "y")
    graph = net.pair("y", -3, 3).graph("x:r", "y:r")
    found = PlannedModel(graph, engine).run(net.inputs)
    meant = np.where(keep, found["x:r"], np.float32(-0.75))
    meant = np.maximum(meant, 0) if after else meant
    (scale,) = (node.inputs[1] for node in net.nodes if "y:r" in node.outputs)
    np.testing.assert_allclose(found["y:r"], meant, rtol=0, atol=0.51 * float(net.constants[scale]))
