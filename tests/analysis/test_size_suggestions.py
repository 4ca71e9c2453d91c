"""Suggested sizes: what the graph wants is among them, and ONNX Runtime runs with every one."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground import host
from playground.analysis.size_hints import sizes_in
from playground.analysis.size_suggestions import size_suggestions
from playground.errors import MissingError
from playground.ptq.made_up import made_up_feeds

RNG = np.random.default_rng(0)
node = helper.make_node
F, I64 = TensorProto.FLOAT, TensorProto.INT64


def normal(*shape: int) -> Any:
    return (RNG.normal(size=shape) / 8).astype(np.float32)


def content_of(nodes: list[Any], constants: dict[str, Any], inputs: Any, output: Any, **metadata: str) -> bytes:
    infos = [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()]
    out = helper.make_tensor_value_info("y", F, output)
    held = [numpy_helper.from_array(np.asarray(values), name) for name, values in constants.items()]
    graph = helper.make_graph(nodes, "net", infos, [out], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, metadata)
    onnx.checker.check_model(made)
    content: bytes = made.SerializeToString()
    return content


IMAGE = {"x": (F, ["N", 3, "h", "w"])}


def lenet(flatten: Any) -> bytes:
    nodes = [
        node("Conv", ["x", "A"], ["a"]),
        node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", ["b", "B"], ["c"]),
        node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        flatten,
        node("Gemm", ["f", "V"], ["y"]),
    ]
    constants = {"A": normal(6, 3, 5, 5), "B": normal(16, 6, 5, 5), "V": normal(400, 10), "to": np.int64([-1, 400])}
    return content_of(nodes, constants, IMAGE, ["N", 10])


def strided(side: int) -> bytes:
    """Three convolutions of stride 2, flattened for a product."""
    nodes = [node("Conv", [held, "A" if not at else "B"], [f"h{at}"], strides=[2, 2], pads=[1, 1, 1, 1])
             for at, held in enumerate(("x", "h0", "h1"))]  # fmt: skip
    nodes += [node("Flatten", ["h2"], ["f"]), node("Gemm", ["f", "V"], ["y"])]
    constants = {"A": normal(4, 3, 3, 3), "B": normal(4, 4, 3, 3), "V": normal(4 * (side // 8) ** 2, 10)}
    return content_of(nodes, constants, IMAGE, ["N", 10])


def convolution(shape: list[Any], **metadata: str) -> bytes:
    nodes = [node("Conv", ["x", "A"], ["y"])]
    return content_of(nodes, {"A": normal(4, 3, 3, 3)}, {"x": (F, shape)}, ["N", 4, "a", "b"], **metadata)


def positions(rows: int) -> bytes:
    nodes = [node("Gather", ["table", "ids"], ["g"]), node("Add", ["g", "places"], ["y"])]
    constants = {"table": normal(30, 8), "places": normal(1, rows, 8)}
    return content_of(nodes, constants, {"ids": (I64, ["N", "length"])}, ["N", "length", 8])


WANTED: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "flattened": (lenet(node("Flatten", ["d"], ["f"])), (1, 3, 32, 32)),
    "reshaped": (lenet(node("Reshape", ["d", "to"], ["f"])), (1, 3, 32, 32)),
    "a side that is not common": (strided(72), (1, 3, 72, 72)),
    "a large side": (strided(288), (1, 3, 288, 288)),
    "the metadata": (convolution(["N", 3, "h", "w"], imgsz="[480, 352]"), (1, 3, 480, 352)),
    "nothing": (convolution(["N", 3, "h", "w"]), (1, 3, 224, 224)),
    "open channels": (convolution(["N", "c", "h", "w"]), (1, 3, 224, 224)),
    "one open side": (convolution(["N", 3, 48, "w"]), (1, 3, 48, 320)),
    "nameless sizes": (convolution(["N", 3, None, None]), (1, 3, 224, 224)),
    "positions": (positions(77), (1, 77)),
    "rows of a product": (
        content_of([node("MatMul", ["x", "V"], ["y"])], {"V": normal(13, 2)}, {"x": (F, ["N", "k"])}, ["N", 2]),
        (1, 13),
    ),
}


@pytest.mark.parametrize("kind", WANTED)
@pytest.mark.parametrize("engine", ["onnxruntime", "reference"])
def test_what_the_graph_wants_is_offered(kind: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content, wanted = WANTED[kind]
    model = playground.load(content)
    if engine == "reference":

        async def missing(*_: Any, **__: Any) -> None:
            raise MissingError("onnxruntime is not installed", where="onnxruntime", hint="Install it")

        monkeypatch.setattr(host, "ort_session", missing)
    offered = size_suggestions(model, most=3, seconds=20)
    name = model.required_graph().inputs[0].name
    assert wanted in [entry.shapes[name] for entry in offered]
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for entry in offered:
        session.run(None, made_up_feeds(model.required_graph(), entry.shapes, samples=2))


def test_a_graph_that_takes_one_size_only_has_one_suggestion() -> None:
    for content in (strided(288), positions(77)):
        assert len(size_suggestions(playground.load(content))) == 1
    assert size_suggestions(playground.load(strided(288)))[0].about == "fits the graph"


def test_no_suggestions_where_nothing_is_open_or_no_time_is_left() -> None:
    assert size_suggestions(playground.load(convolution(["N", 3, 8, 8]))) == ()
    assert size_suggestions(playground.load(convolution(["N", 3, "h", "w"])), seconds=0) == ()


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"imgsz": "[640, 480]"}, [(640, 480)]),
        ({"image_size": "224"}, [(224, 224)]),
        ({"input_shape": "1,3,128,160"}, [(128, 160)]),
        ({"stride": "32", "names": "{0: 'a'}"}, []),
        ({"imgsz": "unknown"}, []),
    ],
)
def test_sizes_in_metadata(metadata: dict[str, str], found: list[tuple[int, int]]) -> None:
    assert sizes_in(metadata) == found
