"""Inputs that are made up fit what the graph does with them; native ONNX Runtime runs on them."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.errors import InvalidInputError
from playground.model.graph import Graph, ValueInfo
from playground.operators import view_of
from playground.ptq.input_roles import role_of
from playground.ptq.made_up import MOST_VALUES, checked_sizes, example_shapes, made_up_feeds

RNG = np.random.default_rng(0)
node = helper.make_node
F, I64 = TensorProto.FLOAT, TensorProto.INT64


def model_of(nodes: list[Any], constants: dict[str, Any], inputs: dict[str, Any], outputs: dict[str, Any]) -> bytes:
    def infos(of: dict[str, Any]) -> list[Any]:
        return [helper.make_tensor_value_info(name, *kind_and_shape) for name, kind_and_shape in of.items()]

    held = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "net", infos(inputs), infos(outputs), held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(made, full_check=True)
    content: bytes = made.SerializeToString()
    return content


def normal(*shape: int) -> Any:
    return RNG.normal(size=shape).astype(np.float32)


LOW = np.finfo(np.float32).min
MASKS: dict[str, tuple[list[Any], dict[str, Any], float]] = {
    "one minus it, times a low number": (
        [node("Cast", ["m"], ["f"], to=F), node("Sub", ["one", "f"], ["n"]), node("Mul", ["n", "low"], ["a"]),
         node("Unsqueeze", ["a", "ax"], ["u"]), node("Add", ["s", "u"], ["t"])], {"one": np.float32(1), "low": LOW}, 1),
    "it minus one, times a high number": (
        [node("Unsqueeze", ["m", "ax"], ["u"]), node("Cast", ["u"], ["f"], to=F), node("Sub", ["f", "one"], ["n"]),
         node("Mul", ["n", "high"], ["a"]), node("Add", ["a", "s"], ["t"])],
        {"one": np.float32(1), "high": np.float32(10000)}, 1),
    "it times a low number": (
        [node("Cast", ["m"], ["f"], to=F), node("Mul", ["f", "low"], ["a"]), node("Unsqueeze", ["a", "ax"], ["u"]),
         node("Add", ["s", "u"], ["t"])], {"low": np.float32(-1e9)}, 0),
    "chosen where it is": (
        [node("Unsqueeze", ["m", "ax"], ["u"]), node("Cast", ["u"], ["b"], to=TensorProto.BOOL),
         node("Where", ["b", "s", "low"], ["t"])], {"low": LOW}, 1),
    "chosen where it is not": (
        [node("Unsqueeze", ["m", "ax"], ["u"]), node("Equal", ["u", "zero"], ["b"]),
         node("Where", ["b", "low", "s"], ["t"])], {"low": LOW, "zero": np.int64(0)}, 1),
    "hidden where it is": (
        [node("Unsqueeze", ["m", "ax"], ["u"]), node("Cast", ["u"], ["b"], to=TensorProto.BOOL),
         node("Where", ["b", "low", "s"], ["t"])], {"low": LOW}, 0),
}  # fmt: skip


@pytest.mark.parametrize("kind", MASKS)
@pytest.mark.parametrize("name", ["m", "attention_mask"])
def test_masks_hide_nothing(kind: str, name: str) -> None:
    """What ONNX Runtime makes with the mask is what it makes of the model without one."""
    nodes, constants, neutral = MASKS[kind]
    nodes = [node("MatMul", ["x", "W"], ["s"]), *nodes, node("Softmax", ["t"], ["y"], axis=-1)]
    for made in nodes:
        made.input[:] = [name if held == "m" else held for held in made.input]
    constants = {**constants, "W": normal(8, 5), "ax": np.int64([1])}
    content = model_of(nodes, constants, {"x": (F, ["N", 4, 8]), name: (I64, ["N", 5])}, {"y": (F, ["N", 4, 5])})
    graph = playground.load(content).required_graph()
    feeds = made_up_feeds(graph)
    assert feeds[name].min() == feeds[name].max() == neutral
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    scores = feeds["x"] @ constants["W"]
    plain = np.exp(scores - scores.max(-1, keepdims=True))
    assert np.allclose(session.run(None, feeds)[0], plain / plain.sum(-1, keepdims=True), atol=1e-5)


def test_a_mask_that_is_added_as_it_is() -> None:
    nodes = [
        node("MatMul", ["x", "W"], ["s"]),
        node("Add", ["s", "attention_mask"], ["t"]),
        node("Softmax", ["t"], ["y"]),
    ]
    inputs = {"x": (F, ["N", 4, 8]), "attention_mask": (F, ["N", 1, 5])}
    graph = playground.load(model_of(nodes, {"W": normal(8, 5)}, inputs, {"y": (F, ["N", 4, 5])})).required_graph()
    assert not made_up_feeds(graph)["attention_mask"].any()


def encoder(offset: int = 0) -> bytes:
    """Embeddings of words, positions and types, a product: the first layers of an encoder for text."""
    nodes = [
        node("Cast", ["input_ids"], ["narrow"], to=TensorProto.INT32),
        node("Gather", ["words", "narrow"], ["w"]),
        node("Add", ["position_ids", "offset"], ["moved"]),
        node("Gather", ["places", "moved"], ["p"]),
        node("Gather", ["types", "token_type_ids"], ["t"]),
        node("Add", ["w", "p"], ["wp"]),
        node("Add", ["wp", "t"], ["h"]),
        node("MatMul", ["h", "W"], ["y"]),
    ]
    constants = {"words": normal(50, 8), "places": normal(12 + offset, 8), "types": normal(2, 8), "W": normal(8, 3)}
    ids = (I64, ["batch", "length"])
    inputs = {"input_ids": ids, "position_ids": ids, "token_type_ids": ids}
    return model_of(nodes, {**constants, "offset": np.int64(offset)}, inputs, {"y": (F, ["batch", "length", 3])})


@pytest.mark.parametrize("offset", [0, 2])
def test_ids_lie_within_their_tables(offset: int) -> None:
    content = encoder(offset)
    model = playground.load(content)
    feeds = made_up_feeds(model.required_graph(), {"input_ids": (1, 12)})
    assert feeds["input_ids"].shape == (8, 12)
    assert 40 <= feeds["input_ids"].max() < 50
    assert feeds["position_ids"][3].tolist() == list(range(12))
    assert not feeds["token_type_ids"].any()
    onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, feeds)
    longer = made_up_feeds(model.required_graph(), {"input_ids": (1, 20)})
    onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"]).run(None, longer)
    result = playground.quantize_model(model, None, None, shapes={"input_ids": (1, 12)})
    assert any("smoke test" in told and "says nothing about its accuracy" in told for told in result.report.warnings)


@pytest.mark.parametrize(
    ("first", "constant", "highest"),
    [("Div", 255.0, 255), ("Mul", 1 / 255, 255), ("Sub", [[[123.7]], [[116.3]], [[103.5]]], 255), ("Sub", 0.5, 1),
     ("Div", 0.229, 1), ("Add", -127.5, 255)],
)  # fmt: skip
@pytest.mark.parametrize("last", [False, True])
def test_images_are_in_the_range_that_the_graph_reads(first: str, constant: Any, highest: float, last: bool) -> None:
    moved = [node("Transpose", ["image"], ["m"], perm=[0, 3, 1, 2])] if last else [node("Identity", ["image"], ["m"])]
    nodes = [*moved, node(first, ["m", "c"], ["d"]), node("Conv", ["d", "W"], ["y"])]
    shape = ["N", 16, 24, 3] if last else ["N", 3, 16, 24]
    constants = {"c": np.float32(constant), "W": normal(4, 3, 3, 3)}
    content = model_of(nodes, constants, {"image": (F, shape)}, {"y": (F, ["N", 4, 14, 22])})
    images = made_up_feeds(playground.load(content).required_graph())["image"]
    assert images.min() >= 0
    assert 0.6 * highest < images.max() <= highest
    sideways = np.abs(np.diff(images, axis=2 if last else 3)).mean()
    assert sideways < images.std() / 2, "neighbouring pixels are alike"


def test_every_other_kind_of_input() -> None:
    inputs = (
        ValueInfo("image", "float32", ("N", 3, 32, 48)),
        ValueInfo("bytes", "uint8", ("N", 32, 48, 3)),
        ValueInfo("im_shape", "float32", ("N", 2)),
        ValueInfo("scale_factor", "float32", ("N", 2)),
        ValueInfo("sr", "int64", ()),
        ValueInfo("lengths", "int64", ("N",)),
        ValueInfo("h0", "float32", (2, "N", 16)),
        ValueInfo("flags", "bool", ("N", 4)),
        ValueInfo("half", "float16", ("N", 300)),
        ValueInfo("signal", "float32", ("N", 300)),
    )
    graph = Graph("net", inputs, (ValueInfo("y", "float32", ("N", 1)),), (), {}, 17)
    made = made_up_feeds(graph)
    assert made["bytes"].dtype == np.uint8
    assert made["bytes"].max() > 150
    assert made["im_shape"].tolist() == [[32, 48]] * 8
    assert (made["scale_factor"] == 1).all()
    assert made["sr"] == 16_000
    assert (made["lengths"] > 0).all()
    assert made["h0"].shape == (2, 8, 16)
    assert 0 < np.abs(made["h0"]).max() < 1
    assert made["flags"].all()
    assert (made["half"].dtype, round(float(made["signal"].std()), 1)) == (np.float16, 1.0)
    assert all(np.array_equal(values, made_up_feeds(graph)[name]) for name, values in made.items())


def test_no_samples_are_made_for_a_graph_without_an_axis_for_them() -> None:
    alone = Graph("net", (ValueInfo("x", "float32", (3, 8, 8)),), (ValueInfo("y", "float32", (10,)),), (), {}, 17)
    assert made_up_feeds(alone)["x"].shape == (8, 3, 8, 8)


def test_large_inputs_have_fewer_samples() -> None:
    large = Graph(
        "net", (ValueInfo("x", "float32", (1, 3, 1024, 1024)),), (ValueInfo("y", "float32", (1,)),), (), {}, 17
    )
    assert made_up_feeds(large)["x"].shape == (1, 3, 1024, 1024)


OPEN = Graph(
    "net",
    (ValueInfo("ids", "int64", ("batch", "length")), ValueInfo("mask", "int64", ("batch", "length")),
     ValueInfo("image", "float32", ("batch", 3, "h", None))),
    (ValueInfo("y", "float32", ("batch", 2)),), (), {}, 17,
)  # fmt: skip


def test_a_size_with_a_name_is_said_once() -> None:
    sizes = checked_sizes(OPEN, {"ids": (4, 7), "image": (1, 3, 32, 48)})
    assert sizes == {"ids": (1, 7), "mask": (1, 7), "image": (1, 3, 32, 48)}


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ({}, r"'ids': the input has an open size.*shapes=\{'ids': \(1, 16\), 'mask': .*'image': \(1, 3, 224, 224\)"),
        ({"ids": (1, 7)}, "input 'image': the input has an open size"),
        ({"ids": (1, 7), "mask": (1, 8)}, "the size 'length' is 7 in one input and 8 in 'mask'"),
        ({"idz": (1, 7)}, "the model has no input 'idz'. Did you mean|the model has no input 'idz'. Use one of"),
        ({"ids": (1, 7), "image": (1, 4, 8, 8)}, r"\[1, 4, 8, 8\] does not fit this input"),
        ({"ids": (1,)}, r"\[1\] does not fit"),
        ({"ids": (1, 0)}, r"\[1, 0\] are not sizes. Use positive integers"),
        ({"ids": (1, 7.5)}, "are not sizes"),
        ({"ids": (1, MOST_VALUES + 1)}, "are too many values"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit(shapes: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        checked_sizes(OPEN, shapes)


def test_the_remedy_at_the_terminal_is_an_option() -> None:
    with pytest.raises(InvalidInputError) as caught:
        made_up_feeds(OPEN)
    assert "--shape ids=1,16 --shape mask=1,16 --shape image=1,3,224,224" in caught.value.for_terminal
    assert example_shapes(OPEN)["image"] == (1, 3, 224, 224)


def test_a_vocabulary_behind_moves_is_found() -> None:
    nodes = [
        node("Unsqueeze", ["tokens", "ax"], ["u"]),
        node("Reshape", ["u", "flat"], ["r"]),
        node("Gather", ["table", "r"], ["g"]),
        node("MatMul", ["g", "W"], ["y"]),
    ]
    constants = {"ax": np.int64([1]), "flat": np.int64([-1, 6]), "table": normal(9, 4), "W": normal(4, 3)}
    content = model_of(nodes, constants, {"tokens": (I64, ["N", 6])}, {"y": (F, ["N", 6, 3])})
    graph = playground.load(content).required_graph()
    assert role_of(view_of(graph), graph.inputs[0]).rows == 9
