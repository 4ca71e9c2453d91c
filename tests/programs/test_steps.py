"""Steps of programs by themselves."""

import numpy as np

from playground.model.graph import Node
from playground.operators import find
from playground.programs.call import Call
from playground.programs.program import Value
from playground.programs.steps import Float


def test_a_float_step_gives_the_same_bits_however_its_input_lies_in_memory():
    operator = find(Node("LogSoftmax", "", ("x",), ("y",)))
    step = Float(("x",), "y", operator.id, operator.run, Call({"axis": -1}))
    x = np.random.default_rng(0).normal(size=(40, 300)).astype(np.float32)
    value = Value(x.shape, "float32")
    found = [step.compute([given], value) for given in (x, np.asfortranarray(x))]
    assert (operator.run(step.call, x) != operator.run(step.call, np.asfortranarray(x))).any()
    np.testing.assert_array_equal(*found)
