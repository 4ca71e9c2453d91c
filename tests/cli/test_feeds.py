"""Calibration data and sizes on the command line; errors name options."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

RNG = np.random.default_rng(0)


def conv_net(path, shape, outputs):
    """Conv, Resize, Sigmoid: any height and width."""
    weights = (RNG.normal(size=(4, 3, 3, 3)) / 5).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "W"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c"], ["y"]),
    ]
    infos = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", shape), ("y", outputs))]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[1:], [numpy_helper.from_array(weights, "W")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def open_file(tmp_path):
    return conv_net(tmp_path / "open.onnx", ["batch", 3, "height", "width"], ["batch", 4, "height", "width"])


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, x=RNG.normal(size=(6, 3, 20, 24)).astype(np.float32))
    return path


def test_sizes_are_asked_for_by_the_name_of_the_option(playground_cli, open_file, tmp_path):
    refused = playground_cli("quantize", open_file, "-o", tmp_path / "out.onnx")
    assert refused.code == 2
    assert refused.err == (
        "playground: input 'x': the input has an open size, so no calibration data can be generated. "
        "Give --calibration, or sizes, for instance --shape x=1,3,224,224\n"
    )
    told = playground_cli("quantize", open_file, "-o", tmp_path / "out.onnx", "--json").json["message"]
    assert "--shape x=1,3,224,224" in told


def test_sizes_for_made_up_inputs(playground_cli, open_file, tmp_path):
    ran = playground_cli("quantize", open_file, "--shape", "x=1,3,20,24", "-o", tmp_path / "out.onnx")
    assert ran.code == 0
    assert "says nothing about its accuracy" in ran.out
    session = onnxruntime.InferenceSession(tmp_path / "out.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    other = RNG.random((2, 3, 30, 10)).astype(np.float32)
    floats = onnxruntime.InferenceSession(open_file, providers=["CPUExecutionProvider"]).run(None, {"x": other})[0]
    assert np.abs(session.run(None, {"x": other})[0] - floats).mean() < 0.005


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,3,20,24", "--shape: '1,3,20,24' is not NAME=SIZES. Write image=1,3,224,224"),
        ("x=1,3,h,w", "is not NAME=SIZES"),
        ("x=1,4,20,24", "--shape: shape of 'x': [1, 4, 20, 24] does not fit this input"),
        ("y=1,3,20,24", "--shape: the model has no input 'y'"),
        ("x=1,3,0,24", "are not sizes. Use positive integers"),
        ("x=1,3,90000,90000", "are too many values"),
    ],
)
def test_sizes_that_do_not_fit(playground_cli, open_file, tmp_path, text, words):
    ran = playground_cli("quantize", open_file, "--shape", text, "-o", tmp_path / "out.onnx")
    assert (ran.code, words in ran.err, ran.err.count("\n")) == (2, True, 1), ran.err


def test_sizes_twice(playground_cli, open_file, tmp_path):
    options = ("--shape", "x=1,3,20,24", "--shape", "x=1,3,20,24")
    assert "is given twice" in playground_cli("quantize", open_file, *options, "-o", tmp_path / "out.onnx").err


def test_samples_have_sizes_of_their_own(playground_cli, open_file, data, tmp_path):
    options = ("--shape", "x=1,3,20,24", "--calibration", data)
    ran = playground_cli("quantize", open_file, *options, "-o", tmp_path / "out.onnx")
    assert (ran.code, "--shape: the samples of --calibration have sizes of their own" in ran.err) == (2, True)


def test_images_get_the_sizes_that_are_given(playground_cli, open_file, tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    picture = tmp_path / "one.png"
    pillow.fromarray(RNG.integers(0, 256, (40, 50, 3), np.uint8)).save(picture)
    options = ("--shape", "x=1,3,20,24", "--calibration", picture, "-o", tmp_path / "out.onnx")
    ran = playground_cli("quantize", open_file, *options)
    assert ran.code == 0, ran.err
    assert "cropped to 20 x 24" in ran.out
    assert "ranges from 1 sample" in ran.out


def test_a_single_sample_is_calibration_data_with_a_warning(playground_cli, open_file, tmp_path):
    np.savez(tmp_path / "one.npz", x=RNG.normal(size=(3, 20, 24)).astype(np.float32))
    options = ("--calibration", tmp_path / "one.npz", "-o", tmp_path / "out.onnx", "--json")
    found = playground_cli("quantize", open_file, *options).json
    assert found["calibration_samples"] == 1
    assert any("come from a single sample" in told for told in found["warnings"])
    assert not any("smoke test" in told for told in found["warnings"])


def test_data_serves_for_calibration_and_it_is_said(playground_cli, open_file, data, tmp_path):
    out = tmp_path / "out.onnx"
    ran = playground_cli("quantize", open_file, "--data", data, "-o", out)
    assert "Activation ranges come from the samples of --data: no --calibration was given." in ran.out
    assert "ranges from 6 samples" in ran.out
    alike = playground_cli("quantize", open_file, "--calibration", data, "-o", tmp_path / "other.onnx")
    assert "come from the samples of --data" not in alike.out
    assert out.read_bytes() == (tmp_path / "other.onnx").read_bytes()


def test_studies_calibrate_on_their_data_too(playground_cli, open_file, data):
    ran = playground_cli("evaluate", open_file, "--sensitivity", "--data", data)
    assert "Activation ranges come from the samples of --data" in ran.out
    swept = playground_cli("sweep", open_file, "--data", data, "--widths", "8")
    assert "Activation ranges come from the samples of --data" in swept.out


def test_studies_on_made_up_inputs(playground_cli, open_file):
    ran = playground_cli("evaluate", open_file, "--sensitivity", "--shape", "x=1,3,20,24")
    assert ran.code == 0, ran.err
    assert "made-up inputs, which say nothing about accuracy" in ran.out


@pytest.mark.parametrize("option", ["--calibration", "--data"])
def test_errors_of_samples_name_the_option(playground_cli, open_file, tmp_path, option):
    bad = tmp_path / "bad.npz"
    x = RNG.normal(size=(4, 3, 20, 24)).astype(np.float32)
    x[2, 0, 0, 0] = np.nan
    np.savez(bad, x=x)
    ran = playground_cli("quantize", open_file, option, bad, "--strict", "-o", tmp_path / "out.onnx")
    assert ran.err == (
        f"playground: {option}: input 'x': sample 2 has NaN or infinity, as 1 of 4 samples do. "
        "Remove these samples, or leave out --strict\n"
    )
    np.savez(bad, x=x[:, :2])
    ran = playground_cli("quantize", open_file, option, bad, "-o", tmp_path / "out.onnx")
    assert f"playground: {option} {bad}: input 'x': shape [4, 2, 20, 24] does not fit" in ran.err


def test_inspect_says_what_is_open_and_tries_sizes(playground_cli, open_file, tmp_path):
    assert "--shape x=1,3,224,224" in playground_cli("inspect", open_file).out
    ran = playground_cli("inspect", open_file, "--shape", "x=1,3,20,24")
    assert "it runs, in reference, and gives y: 1 × 4 × 20 × 24" in ran.out
    closed = conv_net(tmp_path / "closed.onnx", ["N", 3, 8, 8], ["N", 4, 8, 8])
    assert "open sizes" not in playground_cli("inspect", closed).out


def test_a_batch_axis_in_the_middle_is_evaluated(playground_cli, tmp_path):
    weights = RNG.normal(size=(6, 3)).astype(np.float32)
    infos = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [5, "N", 6]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [5, "N", 3]),
    ]
    node = helper.make_node("MatMul", ["x", "W"], ["y"])
    graph = helper.make_graph([node], "net", infos[:1], infos[1:], [numpy_helper.from_array(weights, "W")])
    path = tmp_path / "middle.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    np.savez(tmp_path / "data.npz", x=RNG.normal(size=(5, 200, 6)).astype(np.float32))
    out = tmp_path / "out.onnx"
    assert playground_cli("quantize", path, "--calibration", tmp_path / "data.npz", "-o", out).code == 0
    found = playground_cli("evaluate", out, "--compare", path, "--data", tmp_path / "data.npz", "--json").json
    assert found["samples"] == 200
    assert found["difference"]["sqnr_db"] > 35


def test_error_against_the_number_of_samples(playground_cli, open_file, data, tmp_path):
    out = ("-o", tmp_path / "out.onnx")
    ran = playground_cli("quantize", open_file, "--calibration", data, "--samples-curve", *out)
    assert "error against the number of calibration samples" in ran.out
    assert " on 1 other sample" in ran.out
    found = playground_cli("quantize", open_file, "--data", data, "--samples-curve", *out, "--json").json
    assert [point["samples"] for point in found["samples_curve"]["points"]] == [1, 2, 4, 5]
    refused = playground_cli("quantize", open_file, "--shape", "x=1,3,20,24", "--samples-curve", *out)
    assert "--samples-curve: there is no calibration data. Give --calibration or --data" in refused.err


def test_an_image_for_open_sizes_asks_for_them_by_the_names_of_options(playground_cli, open_file, tmp_path):
    image = tmp_path / "one.png"
    Image.fromarray(RNG.integers(0, 256, (30, 40, 3), np.uint8)).save(image)
    refused = playground_cli("quantize", open_file, "--calibration", image, "-o", tmp_path / "out.onnx")
    assert refused.code == 2
    assert "Give --shape x=1,3,224,224 or --image-size 224 224" in refused.err
    made = playground_cli(
        "quantize", open_file, "--calibration", image, "--shape", "x=1,3,20,24", "-o", tmp_path / "out.onnx"
    )
    assert made.code == 0
    assert "Activation ranges come from a single sample" in made.out
