"""The kernels against the NumPy engine: the same bits, in one call a batch."""

import numpy as np
import pytest

from playground import host
from playground.engines import reference, wasm
from playground.errors import EngineError, InvalidInputError, UnsupportedError
from playground.host.cpython import WasmtimeKernels
from playground.model.graph import ValueInfo
from playground.operators.max_pool import MaxPool
from playground.programs.integer_ops import Window
from playground.programs.lowering import Lowering
from playground.programs.program import Program, Value
from tests.engines.qdq_net import Net, compared, floats


@pytest.fixture(params=["int16", "signed"])
def kernels(request, monkeypatch):
    """Either build of the kernels, as if the probe had found that this machine multiplies so."""
    made = WasmtimeKernels(request.param)
    monkeypatch.setattr(wasm, "kernels", lambda: made)
    return made


@pytest.mark.parametrize("n", [1, 5, 33])
def test_equals_the_reference(qdq, n, kernels):
    x = qdq.inputs(n)
    compiled = wasm.plan(qdq.graph, {"x": x.shape})
    np.testing.assert_array_equal(wasm.run(compiled, {"x": x})["y"], reference.run(compiled.program, {"x": x})["y"])


def test_equals_the_reference_on_extreme_inputs(make_qdq):
    model = make_qdq("convnet", "uint8", True)
    x = model.inputs(4)
    x[0], x[1], x[2, 0, 0, 0], x[3, 0, 1, 1] = 3e38, -3e38, np.nan, np.inf
    compiled = wasm.plan(model.graph, {"x": x.shape})
    np.testing.assert_array_equal(compiled.run({"x": x})["y"], reference.run(compiled.program, {"x": x})["y"])


def test_every_step_equals_the_reference(make_qdq):
    """Each integer value in between, taken out as an output of a program that ends there."""
    model = make_qdq("pools", "uint8", True)
    x = model.inputs(2)
    program = reference.plan(model.graph, {"x": x.shape})
    values = reference.trace(program, {"x": x})
    names = [step.output for step in program.steps]
    everything = type(program)(
        program.inputs, {name: name for name in names}, program.steps, program.values, program.constants
    )
    results = wasm.WasmProgram(everything).run({"x": x})
    for name in names:
        np.testing.assert_array_equal(results[name], values[name], err_msg=name)


def test_results_that_need_calls_of_their_own_leave_the_others_alone(make_qdq):
    """Images become NumPy's layout by a call each, after all steps: none may take the bytes of an earlier result."""
    model = make_qdq("pools", "uint8", True)
    x = model.inputs(3)
    computed = [node for node in model.graph.nodes if node.inputs[0] not in model.graph.initializers]
    names = [node.outputs[0] for node in computed if node.op == "DequantizeLinear"]
    graph = model.graph.with_(outputs=tuple(ValueInfo(name, "float32", None) for name in names))
    compiled = wasm.plan(graph, {"x": x.shape})
    results, wanted = compiled.run({"x": x}), reference.run(compiled.program, {"x": x})
    assert sum(result.ndim == 4 for result in results.values()) > 2
    for name in names:
        np.testing.assert_array_equal(results[name], wanted[name], err_msg=name)


def test_one_kernel_call_runs_a_batch(make_qdq, monkeypatch):
    model = make_qdq("convnet", "uint8", True)
    x = model.inputs(9)
    compiled = wasm.plan(model.graph, {"x": x.shape})
    names, kernels = [], host.kernels()
    call = kernels.call
    monkeypatch.setattr(kernels, "call", lambda kernel, **args: (names.append(kernel.name), call(kernel, **args)))
    compiled.run({"x": x})
    assert names == ["k_run"]


@pytest.mark.parametrize("shape", [(2, 1, 4, 6), (2, 5, 1, 1), (2, 1, 1, 1)], ids=str)
def test_an_image_of_one_channel_or_one_pixel_is_not_transposed(shape, monkeypatch):
    """Its bytes are the same either way; those of all others are not."""
    names = []
    lower = Lowering.call
    monkeypatch.setattr(
        Lowering, "call", lambda self, kernel, **given: (names.append(kernel.name), lower(self, kernel, **given))
    )

    def kernels_of(*sizes):
        names.clear()
        net = Net("uint8", x=floats(*sizes)).pair("x").op("MaxPool", "x:r", "m", kernel_shape=[1, 1])
        net.pair("m", like="x")
        compared(net, "m:r")
        return [*names]

    assert "k_transpose" not in kernels_of(*shape)
    assert "k_transpose" in kernels_of(2, 5, 4, 6)


def test_results_are_the_callers_own(make_qdq):
    model = make_qdq("perceptron", "uint8", True)
    x = model.inputs(2)
    compiled = wasm.plan(model.graph, {"x": x.shape})
    first = compiled.run({"x": x})["y"]
    before = first.copy()
    compiled.run({"x": -x})
    np.testing.assert_array_equal(first, before)


def test_a_released_program_gives_its_memory_back_and_refuses_to_run(make_qdq):
    model = make_qdq("perceptron", "uint8", True)
    x = model.inputs(2)
    compiled = wasm.plan(model.graph, {"x": x.shape})
    used = host.kernels().used
    compiled.release()
    assert host.kernels().used <= used - compiled.nbytes
    with pytest.raises(EngineError, match="released"):
        compiled.run({"x": x})


def test_feeds_are_checked(make_qdq):
    compiled = wasm.plan(make_qdq("perceptron", "uint8", True).graph, {"x": (2, 1, 8, 8)})
    with pytest.raises(InvalidInputError, match="shape"):
        compiled.run({"x": np.zeros((3, 1, 8, 8), np.float32)})


def test_a_step_that_no_kernel_takes_names_its_output():
    """Sizes that int32 cannot count, of a program that planning would not have made."""
    values = {"x": Value((1, 1, 4, 4), "uint8"), "y": Value((1, 1, 4, 4), "uint8")}
    window = Window((1, 1), (4, 4), pads=(2**31 - 1, 0))
    program = Program(("x",), {"y": "y"}, (MaxPool(("x",), "y", window),), values, {})
    with pytest.raises(
        UnsupportedError, match=r"y: the kernels cannot compute this \(k_maxpool_s8: windows reach over"
    ):
        wasm.WasmProgram(program)
