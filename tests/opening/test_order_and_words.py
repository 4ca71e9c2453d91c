"""Graphs whose nodes are in another order, and what a file says besides its graph."""

import itertools
import random
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.errors import BadFileError
from playground.opening import load

RNG = np.random.default_rng(5)
SETS = [helper.make_opsetid("", 17)]


def net(nodes: list[Any]) -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 4]) for name in "xy")
    held = [numpy_helper.from_array(RNG.normal(size=(4, 4)).astype(np.float32), name) for name in "uvw"]
    return helper.make_model(helper.make_graph(nodes, "net", [x], [y], held), opset_imports=SETS, ir_version=8)


def branch(name: str, op: str, reads: str) -> Any:
    end = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node(op, [reads], [name])], name, [], [end])


def with_branches() -> list[Any]:
    """The If reads h and k through its branches only."""
    return [
        helper.make_node("MatMul", ["x", "u"], ["h"], "first"),
        helper.make_node("MatMul", ["h", "v"], ["k"], "second"),
        helper.make_node("ReduceMax", ["k"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["is"], to=TensorProto.BOOL),
        helper.make_node(
            "If", ["is"], ["i"], then_branch=branch("t", "Relu", "h"), else_branch=branch("e", "Neg", "k")
        ),
        helper.make_node("MatMul", ["i", "w"], ["y"], "last"),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_nodes_in_any_order_compute_the_same(seed: int) -> None:
    nodes = with_branches()
    proto = net(nodes)
    x = {"x": RNG.normal(size=(3, 4)).astype(np.float32)}
    (expected,) = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, x)
    shuffled = list(proto.graph.node)
    random.Random(seed).shuffle(shuffled)
    del proto.graph.node[:]
    proto.graph.node.extend(shuffled)
    model = load(proto.SerializeToString(), "net.onnx")
    np.testing.assert_allclose(playground.run(model, x, "onnxruntime")["y"], expected, 1e-6)
    made: set[str] = {"x", *"uvw"}
    for node in model.required_graph().nodes:
        assert made.issuperset(node.reads) or node.branches
        made.update(node.outputs)


def test_nodes_in_order_keep_it() -> None:
    names = [node.name for node in load(net(with_branches()).SerializeToString()).required_graph().nodes]
    assert [name for name in names if name in ("first", "second", "last")] == ["first", "second", "last"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_cycle_names_one_of_its_nodes(order: tuple[int, ...]) -> None:
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], "one"),
        helper.make_node("Relu", ["a"], ["b"], "two"),
        helper.make_node("Relu", ["b"], ["y"], "behind"),
    ]
    with pytest.raises(BadFileError, match=r"node '(one|two)' .*reads what is made of its own output"):
        load(net([nodes[i] for i in order]).SerializeToString(), "net.onnx")


MODES = {
    "static": playground.Recipe(),
    "prepared": playground.Recipe(prepare=True),
    "dynamic": playground.Recipe(activations="dynamic"),
    "weight_only": playground.Recipe(activations="weight_only"),
}


@pytest.mark.parametrize("recipe", MODES.values(), ids=MODES)
def test_what_a_file_says_besides_its_graph_is_kept(recipe: playground.Recipe) -> None:
    proto = net([helper.make_node("MatMul", ["x", "w"], ["y"], "product")])
    proto.producer_name, proto.producer_version, proto.domain = "trainer", "2.1", "org.example"
    proto.model_version, proto.doc_string, proto.graph.doc_string = 7, "Cats, ünïcode", "a graph"
    proto.opset_import.append(helper.make_opsetid("org.example", 3))
    helper.set_model_props(proto, {"names": "{0: 'cat'}", "stride": "32", "empty": ""})
    proto.graph.metadata_props.add(key="inner", value="1")
    x = {"x": RNG.normal(size=(20, 4)).astype(np.float32)}
    made = playground.quantize_model(load(proto.SerializeToString(), "net.onnx"), recipe, x)
    found = onnx.load_from_string(made.onnx)
    for field in ("producer_name", "producer_version", "domain", "model_version", "doc_string"):
        assert getattr(found, field) == getattr(proto, field)
    assert [*found.metadata_props][:3] == [*proto.metadata_props]
    assert (found.graph.doc_string, found.graph.name) == ("a graph", "net")
    assert found.graph.metadata_props == proto.graph.metadata_props
    assert {(held.domain, held.version) for held in found.opset_import} >= {("org.example", 3)}
    assert onnxruntime.InferenceSession(made.onnx).get_modelmeta().custom_metadata_map["stride"] == "32"
    assert dict(made.model.metadata)["names"] == "{0: 'cat'}"


def test_a_file_that_says_nothing_is_signed() -> None:
    made = playground.quantize_model(load(net([helper.make_node("MatMul", ["x", "w"], ["y"])]).SerializeToString()))
    found = onnx.load_from_string(made.onnx)
    assert (found.producer_name, found.producer_version) == ("Quantization Playground", playground.__version__)
    assert (found.domain, found.model_version) == ("", 0)


@pytest.mark.parametrize("recipe", MODES.values(), ids=MODES)
def test_a_file_says_which_recipe_made_it(recipe: playground.Recipe) -> None:
    x = {"x": RNG.normal(size=(20, 4)).astype(np.float32)}
    proto = net([helper.make_node("MatMul", ["x", "w"], ["y"], "product")])
    # of a file that was made by another recipe before
    helper.set_model_props(proto, {"quantization_playground.recipe": "{}"})
    made = playground.quantize_model(load(proto.SerializeToString(), "net.onnx"), recipe, x)
    told = {entry.key: entry.value for entry in onnx.load_from_string(made.onnx).metadata_props}
    assert set(told) == {"quantization_playground.recipe", "quantization_playground.version"}
    assert playground.Recipe.from_json(told["quantization_playground.recipe"]) == recipe
    assert "\n" not in told["quantization_playground.recipe"]
    assert told["quantization_playground.version"] == playground.__version__
    assert dict(load(made.onnx, "q.onnx").metadata) == told
