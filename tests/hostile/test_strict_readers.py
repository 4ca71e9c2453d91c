"""Files that contradict themselves, or that ask other engines for what ours refuse: each is a typed error, at once."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import playground
from playground.errors import TooLargeError
from playground.limits import MOST_METADATA_ITEMS
from playground.model.readers import _zip
from tests.hostile.guard import guarded
from tests.hostile.make_gguf import gguf
from tests.hostile.make_tflite import model as tflite_model
from tests.hostile.make_tflite import operator, tensor
from tests.model.readers.flatbuffer_writer import Number, flatbuffer

GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def refused(call: Any) -> str:
    outcome = guarded(call)
    assert outcome.kind == "refused", outcome
    return outcome.what


def safetensors(header: bytes, data: bytes = bytes(8)) -> bytes:
    return struct.pack("<Q", len(header)) + header + data


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (json.dumps({"a": GOOD}).encode("utf-16"), bytes(8)),
        (b"\xef\xbb\xbf" + json.dumps({"a": GOOD}).encode(), bytes(8)),
        (b" " + json.dumps({"a": GOOD}).encode(), bytes(8)),
        (b'{"\xff":' + json.dumps(GOOD).encode() + b"}", bytes(8)),
        (json.dumps({"\ud800": GOOD}).encode(), bytes(8)),
        (json.dumps({"a": {"dtype": "F4", "shape": [3], "data_offsets": [0, 2]}}).encode(), bytes(2)),
    ],
    ids=["UTF-16", "byte order mark", "space first", "not UTF-8", "half a character", "half a byte"],
)
def test_headers_that_are_no_safetensors(header: bytes, data: bytes) -> None:
    assert refused(lambda: playground.load(safetensors(header, data), "m.safetensors")).startswith("BadFileError")


def test_an_index_of_very_many_files_looks_for_none(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {f"w{n}": f"f{n}.safetensors" for n in range(100_000)}}))
    assert "names 100000 files" in refused(lambda: playground.load(path))


def archive(**arrays: Any) -> bytes:
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def directory(data: bytes) -> tuple[int, int]:
    return data.find(b"PK\x01\x02"), data.find(b"PK\x05\x06")


def test_files_of_an_archive_that_are_the_same_bytes() -> None:
    data = archive(a=np.ones(4, np.float32))
    start, end = directory(data)
    entry = data[start:end]
    renamed = entry.replace(b"a.npy", b"b.npy")
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 2, 2, 2 * len(entry), start, 0)
    assert "overlaps" in refused(lambda: playground.load(data[:start] + entry + renamed + tail, "a.npz"))


def test_a_file_of_an_archive_with_two_names() -> None:
    data = archive(a=np.ones(4, np.float32))
    start, _ = directory(data)
    other = data[:start].replace(b"a.npy", b"b.npy") + data[start:]
    assert "another name" in refused(lambda: playground.load(other, "a.npz"))
    assert list(playground.load(archive(**{"é/x y": np.ones(2)}), "a.npz").tensors) == ["é/x y"]


def test_names_in_the_older_alphabet_are_taken() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as held:
        member = zipfile.ZipInfo("a.npy")
        member.flag_bits = 0
        content = io.BytesIO()
        np.save(content, np.ones(2))
        held.writestr(member, content.getvalue())
    assert list(playground.load(made.getvalue(), "a.npz").tensors) == ["a"]
    assert _zip.is_zip(made.getvalue())


def test_lists_within_lists_of_metadata() -> None:
    inner = struct.pack("<IQ", 0, 0)
    entry = struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 9, 10**6) + 10**6 * inner
    assert "lists of 8000000 items" in refused(lambda: playground.load(gguf([entry], []), "m.gguf"))
    texts = (
        struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, MOST_METADATA_ITEMS) + MOST_METADATA_ITEMS * bytes(8)
    )
    assert guarded(lambda: playground.load(gguf([texts], []), "m.gguf")).fine


def pickled(data: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as held:
        held.writestr("m/data.pkl", data)
        held.writestr("m/version", "3\n")
    return made.getvalue()


def test_pickles_of_no_protocol_and_frames_that_are_not_there() -> None:
    assert "there is no protocol 99" in refused(lambda: playground.load(pickled(b"\x80\x63}."), "m.pt"))
    frame = b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"}."
    assert "ends too early" in refused(lambda: playground.load(pickled(frame), "m.pt"))


def external(entries: list[tuple[str, str]], raw: bytes = b"") -> bytes:
    proto = TensorProto(name="w", data_type=1, dims=[4, 4], data_location=1)
    for key, value in entries:
        proto.external_data.add(key=key, value=value)
    if raw:
        proto.raw_data = raw
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, [1, 4])],
        [helper.make_tensor_value_info("y", 1, None)],
        [proto],
    )
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


PLACE = ("location", "w.bin")
EXTERNAL = {
    "upwards and down again": ([("location", "sub/../w.bin")], b""),
    "upwards, Windows": ([("location", "sub\\..\\w.bin")], b""),
    "two places": ([PLACE, ("location", "v.bin")], b""),
    "two offsets": ([PLACE, ("offset", "0"), ("offset", "64")], b""),
    "digits of another alphabet": ([PLACE, ("offset", "\u0663")], b""),
    "values here and there": ([PLACE], bytes(64)),
}


@pytest.mark.parametrize("kind", EXTERNAL)
def test_external_data_that_says_two_things(kind: str, tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("w.bin", "v.bin"):
        (tmp_path / name).write_bytes(bytes(256))
    path = tmp_path / "m.onnx"
    path.write_bytes(external([PLACE]))
    assert playground.load(path).tensors["w"].numpy().shape == (4, 4)
    path.write_bytes(external(*EXTERNAL[kind]))
    assert refused(lambda: playground.load(path)).startswith("BadFileError")


def stated(shape: list[Any]) -> bytes:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", 1, shape)],
        [helper.make_tensor_value_info("y", 1, None)],
        [numpy_helper.from_array(np.ones((4, 4), np.float32), "w")],
    )
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


@pytest.mark.parametrize("shape", [[1, 2**62, 4], [1, 2**31, 4], [1, 2**28, 4], ["n", 2**40, 4]])
def test_no_inputs_are_made_up_that_a_small_model_says_are_large(shape: list[Any]) -> None:
    data = stated(shape)
    assert "are made up for this model" in refused(lambda: playground.quantize_model(data))


BIG = np.array([0, 2 * 10**9]).astype(np.int32).tobytes()
LARGE = {
    "a constant padded": lambda: flatbuffer(
        tflite_model(
            [tensor([1], 0, 1, "a"), tensor([1, 2], 2, 2, "b"), tensor([1], name="y")],
            [operator([0, 1], [2])],
            [34],
            [bytes(4), BIG],
            ([], [2]),
        )
    ),
    "a constant joined with itself": lambda: flatbuffer(
        tflite_model(
            [tensor([1], 0, 1, "t0"), *(tensor([2**n], name=f"t{n}") for n in range(1, 31))],
            [operator([n, n], [n + 1], {0: Number("i", 0)}, 0, 10) for n in range(30)],
            [2],
            [bytes(4)],
            ([], [30]),
        )
    ),
}


@pytest.mark.parametrize("kind", LARGE)
def test_what_is_too_large_is_not_given_to_another_engine(kind: str) -> None:
    """ONNX Runtime takes gigabytes for it: it is asked by name only."""
    data = LARGE[kind]()
    assert refused(lambda: playground.run(playground.load(data, "m.tflite"), {})).startswith(TooLargeError.__name__)


def test_a_keras_input_whose_size_is_a_truth_value() -> None:
    layer = {"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [None, True], "dtype": "float32"}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [layer]}}
    from tests.hostile.make_keras import archive as keras_archive
    from tests.model.readers.keras_nets import files

    made = {"config.json": json.dumps(config).encode(), "model.weights.h5": files()["images.weights.h5"]}
    assert playground.load(keras_archive(made), "m.keras").graph is None
