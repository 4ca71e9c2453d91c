"""``playground inspect`` against what the onnx package and NumPy say about the same files."""

import json
import math

import numpy as np
import onnx
import pytest
import safetensors.numpy

from playground import gallery
from tests.hostile.make_gguf import LIST, TEXT, entry, gguf, info


@pytest.mark.parametrize("model_id", gallery.entries())
def test_inventory_is_that_of_the_onnx_package(playground_cli, model_id):
    proto = onnx.load_from_string(gallery.model_bytes(model_id))
    found = playground_cli("inspect", f"gallery:{model_id}", "--ranges", "--json").json
    assert (found["format"], found["opset"]) == ("onnx", proto.opset_import[0].version)
    assert found["bytes"] == len(gallery.model_bytes(model_id))
    values = {"inputs": proto.graph.input, "outputs": proto.graph.output}
    for kind, (value,) in values.items():
        sizes = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
        dtype = {1: "float32", 7: "int64"}[value.type.tensor_type.elem_type]
        assert found[kind] == [{"name": value.name, "dtype": dtype, "shape": sizes}]
    assert sum(found["operators"].values()) == len(proto.graph.node)
    assert found["parameters"] == sum(math.prod(t.dims) for t in proto.graph.initializer)
    for tensor, wanted in zip(found["tensors"], proto.graph.initializer, strict=True):
        values = onnx.numpy_helper.to_array(wanted)
        assert (tensor["name"], tensor["shape"], tensor["bytes"]) == (wanted.name, list(wanted.dims), values.nbytes)
        assert tensor["operator"] == ("Conv" if values.ndim == 4 else tensor["operator"])
        if values.dtype.kind == "f":
            assert (tensor["min"], tensor["max"]) == (values.min(), values.max())
            spread = np.abs(values).max() / values.std() if values.std() else 0.0  # some are all alike
            assert tensor["max/std"] == pytest.approx(spread, rel=1e-5)


def test_text_is_a_table_with_units(playground_cli):
    ran = playground_cli("inspect", "gallery:digits-mlp", "--ranges")
    lines = ran.out.splitlines()
    assert lines[0] == "file        gallery:digits-mlp"
    assert "operators   3 Gemm, 2 Relu, 1 Flatten" in lines
    row = next(line for line in lines if line.startswith("fc2.weight"))
    assert row.split("  ")[0] == "fc2.weight"
    assert "128 × 512" in row
    assert "262 kB" in row
    assert row.endswith("28.2")
    header = next(line for line in lines if line.startswith("tensor"))
    assert header.index("shape") == row.index("128 × 512")


def test_files_without_a_graph(playground_cli, tmp_path):
    np.savez(tmp_path / "w.npz", w=np.zeros((3, 4), np.float32), nothing=np.zeros((0, 2), np.float32))
    found = playground_cli("inspect", tmp_path / "w.npz", "--json", "--ranges").json
    assert (found["format"], found["opset"], found["inputs"], found["operators"]) == ("npz", None, [], {})
    assert [(t["name"], t["shape"], t["operator"]) for t in found["tensors"]] == [
        ("w", [3, 4], None),
        ("nothing", [0, 2], None),
    ]
    assert found["tensors"][0]["max/std"] == 0
    assert "format      npz\n" in playground_cli("inspect", tmp_path / "w.npz").out


def test_metadata_and_what_a_tensor_is_stored_as(playground_cli, tmp_path):
    path = tmp_path / "w.gguf"
    tokens = entry("tokens", LIST, (TEXT, [f"token {i}" for i in range(100)]))
    names = [entry(f"key {i}", TEXT, "value") for i in range(60)]
    path.write_bytes(gguf([tokens, *names], [info("w", (2, 32), 8, 0)], bytes(68)))
    found = playground_cli("inspect", path, "--json").json
    assert len(found["metadata"]) == 61
    assert found["metadata"]["tokens"].endswith("and 84 more]")
    assert [(t["name"], t["dtype"], t["shape"], t["bytes"]) for t in found["tensors"]] == [("w", "q8_0", [2, 32], 68)]
    text = playground_cli("inspect", path).out
    assert "and 21 more, which --json prints" in text
    assert "token 0, token 1" in text
    codes = {"a.weight": np.zeros((3, 4), np.int8), "a.SCB": np.ones(3, np.float32)}
    safetensors.numpy.save_file(codes, tmp_path / "w.safetensors")
    (tensor,) = playground_cli("inspect", tmp_path / "w.safetensors", "--json", "--ranges").json["tensors"]
    assert (tensor["dtype"], tensor["bytes"], tensor["max"]) == ("bnb_int8", 24, 0)
    assert {role: part["dtype"] for role, part in tensor["stored_as"].items()} == {"codes": "int8", "SCB": "float32"}


def test_a_model_in_several_files_has_the_size_of_all(playground_cli, tmp_path):
    names = [f"m-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for i, name in enumerate(names):
        safetensors.numpy.save_file({f"w{i}": np.zeros((64, 64), np.float32)}, tmp_path / name)
    index = tmp_path / "m.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {f"w{i}": name for i, name in enumerate(names)}}))
    found = playground_cli("inspect", index, "--json").json
    assert found["bytes"] == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert found["notes"] == ["The model is in 2 files."]


def test_a_model_of_other_operators_and_sizes(playground_cli, edited):
    def change(model):
        model.graph.node[1].op_type, model.graph.node[1].domain = "Wobble", "com.example"
        model.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
        model.graph.input[0].type.tensor_type.shape.dim[2].Clear()

    found = playground_cli("inspect", edited(change), "--json").json
    assert found["operators"]["Wobble"] == 1
    assert found["inputs"][0]["shape"] == ["batch", 1, None, 8]


def test_a_quantized_model_says_whether_our_kernels_run_it(playground_cli, tmp_path):
    path = tmp_path / "small.onnx"
    playground_cli("quantize", "gallery:digits-mlp", "-o", path)
    assert playground_cli("inspect", path, "--json").json["kernels"] == []
    assert "our kernels  run the whole model" in playground_cli("inspect", path).out
    proto = onnx.load(path)
    proto.graph.node.append(onnx.helper.make_node("CumSum", [proto.graph.output[0].name, "axis"], ["end"], "sum"))
    proto.graph.initializer.append(onnx.numpy_helper.from_array(np.array(1), "axis"))
    proto.graph.output[0].name = "end"
    onnx.save(proto, path)
    found = playground_cli("inspect", path, "--json").json["kernels"]
    assert found == [{"node": "sum", "op": "CumSum", "reason": "this operator has no integer form"}]
    assert "run a part of it in integers, and the rest in floats: sum (CumSum)" in playground_cli("inspect", path).out
    assert playground_cli("inspect", "gallery:digits-mlp", "--json").json["kernels"] is None
