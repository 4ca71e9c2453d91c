"""What the command line says of answers and of the finished file."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper


@pytest.fixture
def refused_file(tmp_path):
    """A model of a tangent in float64, for which ONNX Runtime has no code."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("Cast", ["h"], ["d"], to=TensorProto.DOUBLE),
        helper.make_node("Tan", ["d"], ["t"]),
        helper.make_node("Cast", ["t"], ["y"], to=TensorProto.FLOAT),
    ]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", k]) for n, k in (("x", 8), ("y", 4))]
    weights = numpy_helper.from_array(np.ones((8, 4), np.float32), "w")
    graph = helper.make_graph(nodes, "tangent", values[:1], values[1:], [weights])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "tangent.onnx")
    return tmp_path / "tangent.onnx"


def test_a_file_that_onnxruntime_refuses_is_not_written(playground_cli, refused_file, tmp_path):
    out = tmp_path / "out.onnx"
    ran = playground_cli("quantize", refused_file, "-o", out)
    assert ran.code == 2
    assert "ONNX Runtime does not take the quantized model (" in ran.err
    assert "Tan" in ran.err
    assert "so it was not written. Choose other options, or add --no-verify to write it all the same" in ran.err
    assert ran.out == ""
    assert not out.exists()
    assert playground_cli("quantize", refused_file, "-o", out, "--no-verify").code == 0
    assert out.exists()


def test_what_the_runtime_says_stands_beside_what_was_written(playground_cli, tmp_path):
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", tmp_path / "out.onnx")
    assert "checked      ONNX Runtime runs this file: " in ran.out
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", tmp_path / "out.onnx", "--no-verify", "--json")
    assert ran.json["verification"] is None


def test_the_kind_of_answer_is_said_and_can_be_chosen(playground_cli, tmp_path):
    command = ("quantize", "gallery:digits-mlp", "--gallery", "digits", "-o", tmp_path / "out.onnx")
    told = (
        "answers are read as class scores: output 'logits' is a row of 10 scores for each sample (choose with --answer)"
    )
    assert told in playground_cli(*command).out
    chosen = playground_cli(*command, "--answer", "values", "--json").json["answers"]["quantized"]
    assert (chosen["kind"], chosen["agreement"]) == ("values", None)
    refused = playground_cli(*command, "--answer", "boxes")
    assert refused.code == 2
    assert "cannot be read as boxes with scores" in refused.err


def test_few_samples_are_no_agreement(playground_cli, tmp_path):
    from playground import gallery

    np.savez(tmp_path / "few.npz", image=gallery.digits().images[:5])
    out = tmp_path / "out.onnx"
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", out, "--data", tmp_path / "few.npz")
    assert "Agreement: no number, 5 samples are too few to count equal answers" in ran.out
    ran = playground_cli("evaluate", out, "--compare", "gallery:digits-mlp", "--data", tmp_path / "few.npz")
    assert "no number: 5 samples are too few to count equal answers" in ran.out
