"""Every bad file gets one sentence; the page keeps what it had and goes on."""

import io
import struct

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground import gallery


def onnx_with(weights, shape=None):
    """A one-product model with these weights."""
    w = numpy_helper.from_array(weights, "w")
    if shape:
        del w.dims[:]
        w.dims.extend(shape)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", None])
    node = helper.make_node("MatMul", ["x", "w"], ["y"], "product")
    graph = helper.make_graph([node], "g", [x], [y], [w])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def npz(**arrays):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def safetensors_claiming_too_much():
    header = b'{"w":{"dtype":"F32","shape":[1000000,1000],"data_offsets":[0,4000000000]}}'
    return struct.pack("<Q", len(header)) + header + b"\0" * 16


WEIGHTS = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
FILES = {
    "empty.onnx": (b"", "empty"),
    "random.onnx": (bytes(np.random.default_rng(1).integers(0, 256, 4000, dtype=np.uint8)), ""),
    "truncated.onnx": (gallery.model_bytes("digits-mlp")[:5000], ""),
    "infinite.npz": (npz(w=np.float32([1, np.inf])), "not finite|NaN|infinit"),
    "no-elements.npz": (npz(w=np.zeros((0, 3), np.float32)), "no floating-point tensor"),
    "claims.onnx": (onnx_with(WEIGHTS, (1000, 1000)), ""),
    "offsets.tflite": (struct.pack("<I", 2**31) + b"TFL3" + bytes(64), "does not fit into the 72 bytes"),
    "claims.safetensors": (safetensors_claiming_too_much(), ""),
    "notes.txt": (b"hello, this is not a model", "not a model of a known format"),
}


@pytest.mark.parametrize("name", FILES)
def test_one_sentence_and_the_page_stays(page, tmp_path, name):
    content, expected = FILES[name]
    path = tmp_path / name
    path.write_bytes(content)
    page.evaluate("() => playground.setState({format: 'int5'})")
    state = page.evaluate("() => playground.state")
    page.set_input_files("#open", path)
    toast = page.locator(".toast.bad span")
    toast.first.wait_for(timeout=10_000)
    text = toast.first.inner_text()
    assert len(text) < 400
    assert "Traceback" not in text
    assert name.split(".", maxsplit=1)[0] in text or "w" in text
    if expected:
        assert any(part in text for part in expected.split("|")), text
    assert page.evaluate("() => playground.state") == state
    assert page.evaluate("() => playground.setState({format: 'int6'}).then((s) => s.format)") == "int6"


def test_a_constant_tensor_is_shown(page, tmp_path, numbers):
    path = tmp_path / "constant.npz"
    path.write_bytes(npz(w=np.full((8, 8), 0.5, np.float32), zero=np.zeros(4, np.float32)))
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'")
    assert page.evaluate("() => playground.state.tensor") == "w"
    assert numbers(page)["Max error"] == "0"
    page.evaluate("() => playground.setState({tensor: 'zero'})")
    assert numbers(page)["Max error"] == "0"


def test_a_file_of_three_gigabytes_is_refused_without_being_read(page, tmp_path):
    path = tmp_path / "huge.onnx"
    with path.open("wb") as file:
        file.write(gallery.model_bytes("digits-convnet")[:1000])
        file.truncate(3 * 2**30)
    page.set_input_files("#open", path)
    toast = page.locator(".toast.bad span")
    toast.first.wait_for(timeout=20_000)
    assert "huge.onnx" in toast.first.inner_text()
    assert page.evaluate("() => playground.setState({format: 'int6'}).then((s) => s.format)") == "int6"


def test_markup_in_a_name_is_inert(page, tmp_path):
    path = tmp_path / "markup.npz"
    path.write_bytes(npz(**{"<img src=x onerror=window.hacked=1>": np.arange(6, dtype=np.float32)}))
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'")
    page.locator("#tab-model").click()
    page.wait_for_timeout(500)
    assert page.evaluate("() => window.hacked") is None


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"wrong": np.zeros((4, 1, 8, 8), np.float32)}, "image"),
        ({"image": np.zeros((0, 1, 8, 8), np.float32)}, "empty"),
        ({"image": np.full((2, 1, 8, 8), np.nan, np.float32)}, "NaN"),
        ({"image": np.zeros((2, 5), np.float32)}, "shape"),
    ],
)
def test_bad_calibration_data(page, tmp_path, arrays, expected):
    path = tmp_path / "calibration.npz"
    path.write_bytes(npz(**arrays))
    page.locator("#tab-model").click()
    page.set_input_files("#calibration", path)
    toast = page.locator(".toast.bad span")
    toast.first.wait_for(timeout=10_000)
    assert expected in toast.first.inner_text()
