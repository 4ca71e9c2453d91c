"""Calls of a file's own functions replaced by their nodes: ONNX Runtime runs the files as they are."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from playground.engines.interpreter import run_graph
from playground.errors import BadFileError
from playground.host.sources import BytesSource
from playground.model.graph import Graph
from playground.model.readers.onnx import read
from playground.model.writers.onnx import to_onnx

SETS = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]


def function(name: str, inputs: list[str], outputs: list[str], nodes: list[Any], **more: Any) -> onnx.FunctionProto:
    return helper.make_function("own", name, inputs, outputs, nodes, SETS, **more)


def scaled() -> onnx.FunctionProto:
    """``y = x * by``, with ``by`` 3 unless the call says otherwise."""
    constant = helper.make_node("Constant", [], ["c"], "held")
    constant.attribute.add(name="value_float", ref_attr_name="by", type=onnx.AttributeProto.FLOAT)
    nodes = [constant, helper.make_node("Mul", ["x", "c"], ["y"], "times")]
    return function("Scaled", ["x"], ["y"], nodes, attribute_protos=[helper.make_attribute("by", 3.0)])


def twice() -> onnx.FunctionProto:
    """Calls another function twice; its second output may be left out."""
    nodes = [
        helper.make_node("Scaled", ["x"], ["c"], "inner", domain="own"),
        helper.make_node("Scaled", ["c"], ["d"], "second", domain="own", by=-0.5),
        helper.make_node("Add", ["d", "bias"], ["y"]),
        helper.make_node("Neg", ["c"], ["z"]),
    ]
    return function("Twice", ["x", "bias"], ["y", "z"], nodes)


def chosen() -> onnx.FunctionProto:
    """A subgraph in the body reads the function's input and calls a function."""
    value = [helper.make_tensor_value_info("v", TensorProto.FLOAT, None)]
    branches = {
        "then_branch": helper.make_graph([helper.make_node("Scaled", ["x"], ["v"], domain="own")], "then", [], value),
        "else_branch": helper.make_graph([helper.make_node("Identity", ["x"], ["v"])], "else", [], value),
    }
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Constant", [], ["zero"], value_float=0.0),
        helper.make_node("Greater", ["s", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], **branches),
    ]
    return function("Chosen", ["x"], ["y"], nodes)


def model(nodes: list[Any], *functions: onnx.FunctionProto) -> onnx.ModelProto:
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3])] for name in ("a", "out")]
    bias = onnx.numpy_helper.from_array(np.arange(3, dtype=np.float32), "b")
    graph = helper.make_graph(nodes, "calls", *ends, [bias])
    made = helper.make_model(graph, opset_imports=SETS, functions=functions, ir_version=10)
    onnx.checker.check_model(made)
    return made


def graph_of(proto: onnx.ModelProto) -> Graph:
    graph = read(BytesSource(proto.SerializeToString(), "calls.onnx")).graph
    assert graph is not None
    return graph


def test_calls_in_calls() -> None:
    nodes = [
        helper.make_node("Twice", ["a", "b"], ["c", "d"], "inner", domain="own"),  # names that the bodies have as well
        helper.make_node("Twice", ["d", "b"], ["e", ""], "second", domain="own"),
        helper.make_node("Sub", ["c", "e"], ["out"]),
    ]
    proto = model(nodes, scaled(), twice())
    graph = graph_of(proto)
    assert [node.op for node in graph.nodes] == ["Mul", "Mul", "Add", "Neg"] * 2 + ["Sub"]
    assert len({node.name for node in graph.nodes}) == len(graph.nodes)
    feeds = {"a": np.random.default_rng(0).normal(size=(2, 3)).astype(np.float32)}
    wanted = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, feeds)[0]
    np.testing.assert_allclose(run_graph(graph, feeds)["out"], wanted, rtol=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
def test_subgraphs_in_functions(sign: int) -> None:
    proto = model([helper.make_node("Chosen", ["a"], ["out"], domain="own")], scaled(), chosen())
    feeds = {"a": np.full((2, 3), sign, np.float32)}
    graph = graph_of(proto)
    branch = next(node for node in graph.nodes if node.op == "If").attributes["then_branch"]
    assert [node.op for node in branch.nodes] == ["Mul"]
    wanted = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, feeds)[0]
    found = onnxruntime.InferenceSession(to_onnx(graph)).run(None, feeds)[0]
    np.testing.assert_array_equal(found, wanted)
    np.testing.assert_array_equal(wanted, feeds["a"] * (3 if sign > 0 else 1))


def test_an_output_that_is_an_input() -> None:
    same = function("Same", ["x"], ["x"], [])
    proto = helper.make_model(model([helper.make_node("Relu", ["a"], ["out"])]).graph, opset_imports=SETS)
    proto.graph.node[0].CopyFrom(helper.make_node("Same", ["a"], ["out"], domain="own"))
    proto.functions.append(same)
    feeds = {"a": np.ones((2, 3), np.float32)}
    np.testing.assert_array_equal(run_graph(graph_of(proto), feeds)["out"], feeds["a"])


@pytest.mark.slow
@pytest.mark.parametrize(("count", "calls"), [(30, 2), (2000, 1)])
def test_calls_that_multiply_or_nest_without_end(count: int, calls: int) -> None:
    """Each function calls the one before it: twice makes 2^30 calls of the empty one, once a pile of 2000."""
    names = [f"f{number}" for number in range(count)]
    bodies = [[]] + [[helper.make_node(name, ["x"], ["x"], domain="own")] * calls for name in names]
    proto = model([helper.make_node("Relu", ["a"], ["out"])])
    proto.graph.node[0].CopyFrom(helper.make_node(names[-1], ["a"], ["out"], domain="own"))
    proto.functions.extend(function(name, ["x"], ["x"], body) for name, body in zip(names, bodies, strict=False))
    with pytest.raises(BadFileError, match="too often"):
        graph_of(proto)


def test_bad_functions() -> None:
    call = [helper.make_node("Scaled", ["a"], ["out"], domain="own")]
    proto = model(call, scaled())
    proto.functions[0].node[1].CopyFrom(helper.make_node("Scaled", ["x"], ["y"], domain="own"))
    with pytest.raises(BadFileError, match="'Scaled' calls itself"):
        graph_of(proto)
    proto = model(call, scaled())
    proto.graph.node[0].input.append("b")
    with pytest.raises(BadFileError, match="too many inputs"):
        graph_of(proto)
    proto = model(call, scaled())
    proto.functions.append(scaled())
    with pytest.raises(BadFileError, match="defined twice"):
        graph_of(proto)
