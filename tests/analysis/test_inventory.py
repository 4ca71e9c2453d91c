"""The inventory, against the onnx package."""

import io
import json
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

import playground
from playground import gallery
from playground.analysis.inventory import inventory, inventory_data


@pytest.fixture(scope="module")
def proto():
    return onnx.load_from_string(gallery.model_bytes("digits-convnet"))


def test_rows_are_the_files_constants(proto):
    rows = inventory(gallery.open_model("digits-convnet"))
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in proto.graph.initializer}
    assert [row.name for row in rows] == list(arrays)
    for row in rows:
        array = arrays[row.name]
        user = next(node for node in proto.graph.node if row.name in node.input)
        assert (row.shape, row.dtype) == (array.shape, array.dtype.name)
        assert (row.parameters, row.bytes) == (array.size, array.nbytes)
        assert (row.op, row.node) == (user.op_type, user.name)


def test_data_is_plain_and_sums_up(proto):
    data = inventory_data(gallery.open_model("digits-convnet"))
    assert json.loads(json.dumps(data))["tensors"] == json.loads(json.dumps(data["tensors"]))
    assert data["parameters"] == sum(np.prod(t.dims) for t in proto.graph.initializer)
    assert data["bytes"] == 4 * data["parameters"]
    assert data["operators"] == Counter(node.op_type for node in proto.graph.node)
    assert data["inputs"] == [{"name": "image", "dtype": "float32", "shape": ("batch", 1, 8, 8)}]
    assert data["outputs"][0]["name"] == "logits"


def test_a_file_without_a_graph():
    file = io.BytesIO()
    np.savez(file, a=np.zeros((2, 3), np.float16), b=np.arange(4))
    data = inventory_data(playground.load(file.getvalue(), "x.npz"))
    assert (data["operators"], data["inputs"], data["outputs"]) == ({}, [], [])
    assert [(t["name"], t["op"], t["bytes"]) for t in data["tensors"]] == [("a", "", 12), ("b", "", 32)]
