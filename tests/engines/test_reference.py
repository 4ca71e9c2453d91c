"""The NumPy engine against native ONNX Runtime on the same quantized file."""

import numpy as np
import onnxruntime
import pytest

from playground.engines import reference
from playground.errors import EngineError, InvalidInputError
from playground.programs import program as p


def agreement(model, n=40):
    """Largest difference to ONNX Runtime in codes of the output, share of other codes, and share of equal top-1."""
    x = model.inputs(n)
    ours = reference.run(reference.plan(model.graph, {"x": x.shape}), {"x": x})["y"]
    theirs = onnxruntime.InferenceSession(model.bytes).run(None, {"x": x})[0]
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    scale = next(model.graph.initializers[n.inputs[1]].numpy() for n in model.graph.nodes if n.outputs == ("y",))
    codes = np.rint((ours - theirs) / scale)
    return np.abs(codes).max(), (codes != 0).mean(), (ours.argmax(axis=1) == theirs.argmax(axis=1)).mean()


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize(("name", "others_at_most"), [("perceptron", 0.02), ("convnet", 0.02), ("pools", 0.25)])
def test_agrees_with_onnxruntime(make_qdq, name, others_at_most, activations, per_channel):
    """Means of a few codes are often ties, and ONNX Runtime's quantized AveragePool breaks those by its own sums."""
    largest, others, top = agreement(make_qdq(name, activations, per_channel))
    assert largest <= 1
    assert others <= others_at_most
    assert top >= 0.9


@pytest.mark.parametrize("activations", ["uint8", "int8"])
def test_functions_of_codes_agree_with_onnxruntime(make_qdq, activations):
    """ONNX Runtime has a quantized Softmax of its own, which rounds more coarsely: one code off is usual."""
    largest, _, _ = agreement(make_qdq("functions", activations))
    assert largest <= 1


def test_trace_gives_every_value_in_the_shape_and_type_the_program_states(make_qdq):
    model = make_qdq("pools")
    x = model.inputs(3)
    program = reference.plan(model.graph, {"x": x.shape})
    values = reference.trace(program, {"x": x})
    assert {step.output for step in program.steps} <= set(values)
    for name, array in values.items():
        assert (array.shape, array.dtype.name) == (program.values[name].shape, program.values[name].dtype)


@pytest.mark.parametrize(
    "feeds",
    [
        {},
        {"y": np.zeros((2, 1, 8, 8), np.float32)},
        {"x": np.zeros((3, 1, 8, 8), np.float32)},
        {"x": np.zeros((2, 1, 8, 8))},
    ],
)
def test_feeds_are_checked(make_qdq, feeds):
    program = reference.plan(make_qdq("perceptron").graph, {"x": (2, 1, 8, 8)})
    with pytest.raises(InvalidInputError):
        reference.run(program, feeds)


def test_a_step_without_a_rule_is_refused():
    with pytest.raises(EngineError, match="Step"):
        p.Step((), "y").compute([], p.Value((), "int8"))
