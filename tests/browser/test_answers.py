"""What the page takes for answers, and what it says of a file that its runtime refuses."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import expect

RNG = np.random.default_rng(3)


def saved(path, nodes, weights, sizes):
    """A model of one input x and one output y, in a file."""
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in sizes.items()]
    constants = [numpy_helper.from_array(values, name) for name, values in weights.items()]
    graph = helper.make_graph(nodes, path.stem, values[:1], values[1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


@pytest.fixture
def detector(tmp_path):
    """Boxes and scores of three classes at 16 places."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "stem"], ["a"], name="stem", strides=[8, 8]),
        node("Relu", ["a"], ["b"]),
        node("Conv", ["b", "place"], ["c"], name="place"),
        node("Sigmoid", ["c"], ["d"]),
        node("Mul", ["d", "size"], ["e"]),
        node("Reshape", ["e", "boxes"], ["f"]),
        node("Conv", ["b", "score", "low"], ["g"], name="score"),
        node("Sigmoid", ["g"], ["h"]),
        node("Reshape", ["h", "scores"], ["i"]),
        node("Concat", ["f", "i"], ["y"], name="join", axis=1),
    ]

    def normal(*shape):
        return (RNG.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    weights = {"stem": 2 * normal(16, 3, 8, 8), "place": normal(4, 16, 1, 1), "score": 3 * normal(3, 16, 1, 1)}
    weights |= {"size": np.float32(32), "low": np.float32([-2, -2, -2])}
    weights |= {"boxes": np.int64([0, 4, 16]), "scores": np.int64([0, 3, 16])}
    return saved(tmp_path / "detector.onnx", nodes, weights, {"x": ["N", 3, 32, 32], "y": ["N", 7, 16]})


def opened(page, path, tmp_path, *shape):
    page.set_input_files("#open", path)
    page.wait_for_function("(name) => playground.state.model === 'upload'", arg=path.name, timeout=30_000)
    expect(page.locator("#opened-name")).to_have_text(path.name, timeout=30_000)
    page.locator("#tab-model").click()
    calibration = tmp_path / "data.npz"
    np.savez(calibration, x=RNG.normal(size=shape).astype(np.float32))
    page.set_input_files("#calibration", calibration)
    expect(page.locator("#calibration-hint")).to_contain_text(f"{shape[0]} samples", timeout=30_000)
    page.locator("#quantize").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled", timeout=90_000)


def test_a_detector_is_measured_by_its_boxes(page, detector, tmp_path):
    opened(page, detector, tmp_path, 24, 3, 32, 32)
    numbers = page.locator("#slot-model-numbers")
    expect(numbers).to_contain_text("Boxes found by both (F1)")
    expect(numbers).to_contain_text(
        "Answers are read as boxes with scores: output 'y' has 4 numbers of a box and 3 scores"
    )
    expect(numbers).not_to_contain_text("Agreement")
    expect(page.locator("#slot-model-report")).to_contain_text("ONNX Runtime runs this file: ")
    page.locator("#tab-run").click()
    expect(page.locator("#slot-run-numbers")).to_contain_text("Boxes found by both (F1)")
    page.evaluate("() => playground.setState({answer: 'values'})")
    expect(page.locator("#slot-run-numbers")).to_contain_text("SQNR of y")
    expect(page.locator("#slot-run-numbers")).not_to_contain_text("F1")
    page.wait_for_function("() => location.search.includes('answer=values')")


def test_a_file_that_the_runtime_refuses_is_not_offered_without_saying_so(page, tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="product"),
        helper.make_node("Cast", ["h"], ["d"], to=TensorProto.DOUBLE),
        helper.make_node("Tan", ["d"], ["t"]),
        helper.make_node("Cast", ["t"], ["y"], to=TensorProto.FLOAT),
    ]
    weights = {"w": RNG.normal(size=(8, 4)).astype(np.float32)}
    opened(page, saved(tmp_path / "tangent.onnx", nodes, weights, {"x": ["N", 8], "y": ["N", 4]}), tmp_path, 16, 8)
    expect(page.locator("#toasts")).to_contain_text("ONNX Runtime does not take this file: ")
    expect(page.locator("#slot-model-report")).to_contain_text("ONNX Runtime does not take this file")
    page.locator("#tab-export").click()
    expect(page.locator("#export-model-text")).to_contain_text("ONNX Runtime does not take this file")
    expect(page.locator("#save-model")).to_have_text("Download all the same")
