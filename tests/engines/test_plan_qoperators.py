"""Models of quantized operators, as ONNX Runtime's own tool writes them."""

import numpy as np
import onnxruntime
import pytest

from playground.engines import reference, wasm
from playground.engines.planning.expansions import expanded
from playground.engines.run import is_quantized, refused
from playground.model.graph import Tensor
from tests.engines.qdq_net import RANDOM, Net, compared, floats


@pytest.mark.parametrize("activations", ["uint8", "int8"])
@pytest.mark.parametrize("name", ["perceptron", "convnet", "pools", "functions"])
def test_planned_whole_and_agreeing_with_onnxruntime(make_qdq, name, activations):
    model = make_qdq(name, activations, False, "QOperator")
    x = model.inputs(20)
    assert is_quantized(model.graph)
    assert any(node.op.startswith(("QLinear", "QGemm")) for node in model.graph.nodes)
    compiled = wasm.plan(model.graph, {"x": x.shape})
    found = compiled.run({"x": x})["y"]
    np.testing.assert_array_equal(found, reference.run(compiled.program, {"x": x})["y"])
    (theirs,) = onnxruntime.InferenceSession(model.bytes).run(None, {"x": x})
    step = np.min(np.diff(np.unique(theirs)))
    away = np.abs(found - theirs)
    assert away.max() <= 2.01 * step
    assert (away <= 0.5 * step).mean() > 0.9


def test_written_out_no_quantized_operator_is_left(make_qdq):
    graph = make_qdq("convnet", "uint8", True, "QOperator").graph
    written = expanded(graph)
    assert not any(node.op.startswith(("QLinear", "QGemm")) for node in written.nodes)
    assert expanded(written) is written
    assert refused(graph) == []


def test_a_scale_that_is_computed_leaves_the_node_for_planning_to_name(make_qdq):
    graph = make_qdq("convnet", "uint8", True, "QOperator").graph
    node = next(node for node in graph.nodes if node.op == "QLinearConv")
    held = {name: tensor for name, tensor in graph.initializers.items() if name != node.inputs[4]}
    named = refused(graph.with_(initializers=held, inputs=graph.inputs))
    assert named is not None
    assert node.name in {refusal["node"] for refusal in named}


def test_scales_that_contradict_each_other_leave_the_node_for_planning_to_name(make_qdq):
    graph = make_qdq("convnet", "uint8", True, "QOperator").graph
    node = next(node for node in graph.nodes if node.op == "QLinearConv")
    held = {**graph.initializers, node.inputs[1]: Tensor.of(node.inputs[1], np.ones(7, np.float32))}
    damaged = graph.with_(initializers=held)
    assert node in expanded(damaged).nodes
    assert refused(damaged)


@pytest.mark.parametrize("op", ["QLinearAdd", "QLinearMul"])
def test_onnxruntimes_own_binary_operators(dtype, op):
    net = Net(dtype, a=floats(3, 8), b=floats(3, 8)).pair("a").pair("b", -1, 4)
    net.op(op.removeprefix("QLinear"), "a:r b:r").pair("y", -7, 7)
    net.nodes = [node for node in net.nodes if not node.outputs[0].startswith("y:")]
    net.op(op, "a:q a:s a:z b:q b:s b:z y:s y:z", "y:q", "com.microsoft").op("DequantizeLinear", "y:q y:s y:z", "y:r")
    compared(net, steps=f"{op.removeprefix('QLinear')} Lookup")


@pytest.mark.parametrize(("bias", "ends"), [("", "y:s y:z"), ("", ""), ("bias", "y:s y:z"), ("bias", "")])
def test_a_product_may_lack_its_bias_and_the_scale_of_its_result(dtype, bias, ends):
    """QGemm: where no scale follows the result is float, and where neither follows the node has six inputs."""
    net = Net(dtype, x=floats(5, 16)).pair("x").codes("v", floats(16, 4)).pair("y", -9, 9)
    net.nodes = [node for node in net.nodes if node.outputs[0] == "x:q"]
    net.fixed("bias", RANDOM.integers(-500, 500, 4).astype(np.int32))
    names = " ".join(["x:q x:s x:z v:c v:s v:z", *([bias] if bias or ends else []), *([ends] if ends else [])])
    net.op("QGemm", names, "y:q" if ends else "y:r", "com.microsoft")
    if ends:
        net.op("DequantizeLinear", "y:q y:s y:z", "y:r")
    compared(net, steps="Product Lookup" if ends else None)


def test_quantized_operators_and_qdq_give_one_program(dtype):
    """QLinearConv and QLinearMatMul mean what the QDQ graph with the same scales means."""
    net = Net(dtype, x=floats(2, 3, 6, 6)).pair("x").codes("w", floats(5, 3, 3, 3), axis=0).codes("v", floats(16, 4))
    net.pair("c", -9, 9).pair("y", -9, 9)
    net.nodes = [node for node in net.nodes if node.outputs[0] == "x:q"]
    net.fixed("bias", RANDOM.integers(-500, 500, 5).astype(np.int32))
    net.op("QLinearConv", "x:q x:s x:z w:c w:s w:z c:s c:z bias", "c:q")
    net.op("Reshape", f"c:q {net.fixed('shape', [0, 5, -1])}", "f")
    net.op("QLinearMatMul", "f c:s c:z v:c v:s v:z y:s y:z", "y:q").op("DequantizeLinear", "y:q y:s y:z", "y:r")
    compared(net, steps="Conv Reshape Product Lookup")
