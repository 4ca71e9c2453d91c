"""TFLite files: what TensorFlow's converter wrote, and what contradicts itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from playground import load, run
from playground.analysis.inventory import inventory
from playground.errors import BadFileError, UnsupportedError
from playground.host.sources import BytesSource
from playground.model.readers.tflite import READER, read
from playground.model.writers.onnx import to_onnx
from tests.hostile.make_tflite import model, operator, tensor
from tests.model.readers import tflite_nets
from tests.model.readers.flatbuffer_writer import Number, Numbers, flatbuffer

ADD, CONV, DENSE, RESHAPE, CUSTOM, TRANSPOSE, WHILE = 0, 3, 9, 22, 32, 39, 119
FLOAT, INT32, INT8, STRING = 0, 2, 9, 5


def opened(content: dict[int, Any]) -> Any:
    return load(flatbuffer(content), "m.tflite")


def floats(*values: float) -> bytes:
    return np.array(values, np.float32).tobytes()


@pytest.mark.parametrize("engine", ["reference", "wasm"])
@pytest.mark.parametrize("name", sorted(tflite_nets.files()))
def test_nets_of_the_converter(name: str, engine: str) -> None:
    """Codes within 1 of LiteRT's reference kernels, floats within 1e-5 of the largest."""
    samples, wanted = tflite_nets.answers(name)
    file = load(tflite_nets.files()[name], f"{name}.tflite")
    (given,) = file.required_graph().inputs
    outputs = [run(file, {given.name: sample}, engine=engine) for sample in samples]
    found = np.stack([next(iter(output.values())) for output in outputs])
    kind = name.split(".")[1]
    if kind in tflite_nets.FLOATS:
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
    elif kind in tflite_nets.CODES:
        assert np.abs(found.astype(int) - wanted).max() <= 1
    elif kind == "wide":
        assert np.abs(found - wanted).max() <= 3e-4 * np.abs(wanted).max()
    else:
        assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


@pytest.mark.parametrize("name", sorted(tflite_nets.files()))
def test_what_is_written_is_valid_and_runs_in_onnx_runtime(name: str) -> None:
    """With all optimizations, within 1 code or 1e-5 of LiteRT."""
    samples, wanted = tflite_nets.answers(name)
    graph = load(tflite_nets.files()[name], f"{name}.tflite").required_graph()
    written = to_onnx(graph)
    onnx.checker.check_model(onnx.load_from_string(written), full_check=True)
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    found = np.stack([session.run(None, {graph.inputs[0].name: sample})[0] for sample in samples])
    if name.split(".")[1] in tflite_nets.CODES:
        assert np.abs(found.astype(int) - wanted).max() <= 1
    else:
        reach = {"float": 1e-5, "half": 1e-5, "wide": 3e-4}.get(name.split(".")[1], 0.02)
        assert np.abs(found - wanted).max() <= reach * np.abs(wanted).max()


def test_it_is_recognised_by_its_content() -> None:
    file = flatbuffer(model([tensor([1]), tensor([1])], [operator([0, 0], [1])], [ADD]))
    assert READER.signature(file[:64])
    assert load(file, "any.bin").format == "tflite"


def test_a_graph_of_one_operator() -> None:
    held = opened(model([tensor([2], name="x"), tensor([2], name="y")], [operator([0, 0], [1])], [ADD]))
    graph = held.required_graph()
    assert [(node.op, node.inputs, node.outputs) for node in graph.nodes] == [("Add", ("x", "x"), ("y",))]
    assert (graph.inputs[0].name, graph.inputs[0].dtype, graph.inputs[0].shape) == ("x", "float32", (2,))
    assert run(held, {"x": np.array([1, 2], np.float32)}, engine="reference")["y"].tolist() == [2, 4]


def test_open_sizes_are_open() -> None:
    tensors = [tensor([1, 2], name="x", signature=[-1, 2]), tensor([1, 2], name="y", signature=[-1, 2])]
    graph = opened(model(tensors, [operator([0, 0], [1])], [ADD])).required_graph()
    assert [value.shape for value in (*graph.inputs, *graph.outputs)] == [(None, 2)] * 2


def test_constants_are_read_when_they_are_needed() -> None:
    """Of a large file whose weights lie behind the flatbuffer only the pages with the description are read."""
    size = 2**32
    head = bytearray(_behind(size))

    class Large(BytesSource):
        """4 GB, of which the most is not read."""

        read_bytes = 0

        def __init__(self) -> None:
            super().__init__(bytes(head), "large.tflite")
            self.size = 8192 + size

        def read(self, offset: int, count: int) -> bytes:
            Large.read_bytes += count
            assert count <= 2**16
            return bytes(head[offset : offset + count]).ljust(count, b"\0")

    held = read(Large())
    assert held.tensors["w"].shape == (2**15, 2**15)
    assert Large.read_bytes < 2**20


def _behind(size: int, start: int = 8192) -> bytes:
    """A product with weights of ``size`` bytes that lie behind the flatbuffer."""
    side = int((size // 4) ** 0.5)
    tensors = [tensor([1, side], name="x"), tensor([1, side], name="y"), tensor([side, side], buffer=1, name="w")]
    made = model(tensors, [operator([0, 2], [1])], [DENSE])
    made[4] = [{}, {1: Number("Q", start), 2: Number("Q", size)}]
    return flatbuffer(made).ljust(start, b"\0")


def test_buffers_behind_the_flatbuffer() -> None:
    weights = np.arange(16, dtype=np.float32)
    file = _behind(64) + weights.tobytes()
    held = load(file, "m.tflite")
    assert held.tensors["w"].numpy().tolist() == weights.reshape(4, 4).tolist()
    with pytest.raises(BadFileError, match="buffer 1"):
        load(file[:-1], "m.tflite")


def test_weights_of_images_have_the_channels_first() -> None:
    weights = np.arange(2 * 3 * 3 * 4, dtype=np.float32).reshape(2, 3, 3, 4)
    tensors = [tensor([1, 5, 5, 4], name="x"), tensor([1, 5, 5, 2], name="y"), tensor([2, 3, 3, 4], 0, 1, "w")]
    options = {1: Number("i", 1), 2: Number("i", 1)}
    held = opened(model(tensors, [operator([0, 2], [1], options)], [CONV], [weights.tobytes()]))
    assert np.array_equal(held.tensors["w"].numpy(), weights.transpose(0, 3, 1, 2))
    assert [node.op for node in held.required_graph().nodes] == ["Transpose", "Conv", "Transpose"]


def test_transposes_of_the_file_cancel_those_of_the_layout() -> None:
    """A file that turns an image for TFLite and back has none of it here."""
    tensors = [
        *(tensor([1, 4, 5, 6], name="x"), tensor([1, 5, 6, 4], name="a"), tensor([1, 5, 6, 2], name="b")),
        *(tensor([1, 2, 5, 6], name="y"), tensor([2, 1, 1, 4], 0, 1, "w")),
        *(tensor([4], INT32, 2, "last"), tensor([4], INT32, 3, "first")),
    ]
    operators = [
        operator([0, 5], [1]),
        operator([1, 4], [2], {1: Number("i", 1), 2: Number("i", 1)}, 1),
        operator([2, 6], [3]),
    ]
    buffers = [floats(*range(8)), *(np.array(order, np.int32).tobytes() for order in ([0, 2, 3, 1], [0, 3, 1, 2]))]
    held = opened(model(tensors, operators, [TRANSPOSE, CONV], buffers, ([0], [3])))
    assert [node.op for node in held.required_graph().nodes] == ["Conv"]


def test_codes_get_the_scales_of_the_file() -> None:
    codes = {"scales": [0.5], "zero_points": [3]}
    tensors = [tensor([2], INT8, name="x", **codes), tensor([2], INT8, name="y", scales=[0.25], zero_points=[-7])]
    held = opened(model(tensors, [operator([0, 0], [1])], [ADD]))
    graph = held.required_graph()
    assert [node.op for node in graph.nodes] == ["DequantizeLinear", "Add", "QuantizeLinear"]
    assert {name: t.numpy().item() for name, t in held.tensors.items()} == {
        "x_scale": 0.5,
        "x_zero_point": 3,
        "y_scale": 0.25,
        "y_zero_point": -7,
    }
    # 2 * 0.5 * (4 - 3) / 0.25 - 7
    assert run(held, {"x": np.array([4, 5], np.int8)}, engine="reference")["y"].tolist() == [-3, 1]


def test_it_is_said_where_litert_would_make_codes() -> None:
    said = [any("LiteRT makes codes" in note for note in load(file).notes) for file in tflite_nets.files().values()]
    assert [name for name, is_said in zip(tflite_nets.files(), said, strict=True) if is_said] == ["dense.weights"]


@pytest.mark.parametrize(("code", "name"), [(WHILE, "WHILE"), (CUSTOM, "custom Mine"), (300, "operator 300")])
def test_an_unknown_operator_is_named_and_the_tensors_are_shown(code: int, name: str) -> None:
    tensors = [tensor([2], name="x"), tensor([2], name="y"), tensor([2], INT8, 1, "w", scales=[0.5], zero_points=[1])]
    made = model(tensors, [operator([0, 2], [1])], [code], [b"\x01\xff"])
    made[1][0][1] = "Mine"
    held = opened(made)
    assert held.graph is None
    assert f"1 operator {name}" in held.notes[0]
    assert [(row.name, row.dtype) for row in inventory(held)] == [
        ("w", "int8"),
        ("w_scale", "float32"),
        ("w_zero_point", "int8"),
    ]
    assert held.tensors["w"].numpy().tolist() == [1, -1]
    with pytest.raises(UnsupportedError, match=name):
        held.required_graph()


FAULTS: dict[str, tuple[dict[int, Any], str]] = {
    "another version": ({0: Number("I", 2)}, "version 2"),
    "no graph": ({0: Number("I", 3)}, "no graph"),
    "values that do not fill the shape": (model([tensor([2], 0, 1)], [], [], [bytes(4)], ([], [])), "4 bytes"),
    "an unknown element type": (model([tensor([2], 77)], [], [], None, ([], [])), "element type 77"),
    "a buffer that is not there": (model([tensor([2], 0, 9)], [], [], None, ([], [])), "no buffer 9"),
    "an input that is not there": (model([tensor([2])], [], [], None, ([1], [])), "number"),
    "an operator of no code": (
        model([tensor([2]), tensor([2])], [operator([0], [1], code=1)], [ADD]),
        "operator code 1",
    ),
    "a scale of zero": (model([tensor([2], INT8, scales=[0.5, 0])], [], [], None, ([], [])), "not all positive"),
    "scales that fit no axis": (model([tensor([2], INT8, scales=[1, 1, 1])], [], [], None, ([], [])), "3 scales"),
    "a zero-point that is not a code": (
        model([tensor([2], INT8, scales=[1], zero_points=[200])], [], [], None, ([], [])),
        "zero-points are not from -128 to 127",
    ),
    "an operator without inputs": (
        model([tensor([2]), tensor([2])], [operator([], [1])], [ADD]),
        "0 inputs in place of 2",
    ),
    "an output that is never made": (model([tensor([2]), tensor([2])], [], []), "before it is made"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_contradicts_itself_is_refused(name: str) -> None:
    content, told = FAULTS[name]
    with pytest.raises(BadFileError, match=told) as caught:
        opened(content)
    assert "m.tflite" in str(caught.value)


def test_texts_are_listed_and_have_no_values() -> None:
    made = model([tensor([1], STRING, 1, "words"), tensor([1], name="x")], [operator([1], [1])], [WHILE], [b"hello"])
    held = opened(made)
    assert held.tensors["words"].dtype == "string"
    with pytest.raises(UnsupportedError, match="string"):
        held.tensors["words"].numpy()


def test_the_description_is_metadata() -> None:
    made = model([tensor([2]), tensor([2])], [operator([0, 0], [1])], [ADD], [b"1.5.0\0\0\0"])
    made[6] = [{0: "min_runtime_version", 1: Number("I", 1)}]
    assert dict(opened(made).metadata) == {"description": "made here", "min_runtime_version": "1.5.0"}


@pytest.mark.parametrize("steps", [3, 4])
def test_it_is_said_where_the_cell_of_an_lstm_might_reach_its_limit(steps: int) -> None:
    """A cell that starts at 0 is at most the number of steps."""
    weights = [tensor([2, 2], 0, 1, f"w{at}") for at in range(8)] + [tensor([2], 0, 2, f"b{at}") for at in range(4)]
    states = [{**tensor([1, 2], name=f"s{at}"), 5: Number("?", True)} for at in range(2)]
    tensors = [tensor([1, steps, 2], name="x"), tensor([1, steps, 2], name="y"), *weights, *states]
    inputs = [0, *range(2, 10), -1, -1, -1, *range(10, 14), -1, -1, 14, 15]
    options = {0: Number("b", 4), 1: Number("f", 3.0)}
    made = model(tensors, [operator(inputs, [1], options)], [44], [floats(*[0.1] * 4), floats(0, 0)])
    assert ["within 3" in note for note in opened(made).notes].count(True) == (steps > 3)


def test_codes_that_are_not_understood_are_not_taken_for_numbers() -> None:
    """A quantization of its own: of an input, and of a value in between."""
    own = {4: {4: Number("B", 1), 2: Numbers("f", [0.5])}}
    for at in range(3):
        tensors = [tensor([2], INT8, name=f"t{number}") | (own if number == at else {}) for number in range(3)]
        held = opened(model(tensors, [operator([0, 0], [1]), operator([1, 1], [2])], [ADD], None, ([0], [2])))
        assert held.graph is None
        assert f"custom quantization cannot be read, in 't{at}'" in held.notes[0]


def test_an_input_that_occurs_twice_is_refused() -> None:
    with pytest.raises(BadFileError, match="twice"):
        opened(model([tensor([2]), tensor([2])], [operator([0, 0], [1])], [ADD], None, ([0, 0], [1])))
