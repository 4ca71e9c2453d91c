"""Sizes that the open model leaves open: asked for, tried, kept in the link, and used wherever inputs are made up."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from playground import load
from playground.app.input_sizes import chosen_shapes, kept_sizes
from playground.app.sizes_card import CHOOSE, OTHER
from playground.errors import InvalidInputError
from playground.host.sources import BytesSource

RNG = np.random.default_rng(0)


def open_model():
    """Conv and Sigmoid of any height and width."""
    weights = (RNG.normal(size=(4, 3, 3, 3)) / 5).astype(np.float32)
    nodes = [helper.make_node("Conv", ["x", "W"], ["c"], pads=[1, 1, 1, 1]), helper.make_node("Sigmoid", ["c"], ["y"])]
    shapes = {"x": ["batch", 3, "height", "width"], "y": ["batch", 4, "height", "width"]}
    infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()]
    held = [numpy_helper.from_array(weights, "W")]
    graph = helper.make_graph(nodes, "net", infos[:1], infos[1:], held)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return BytesSource(made.SerializeToString(), "open.onnx")


@pytest.fixture
def opened(page):
    page.ask("load", [open_model()])
    return page


def test_without_sizes_the_page_says_where_to_choose_them(opened, refused):
    assert opened.ask("state")["sizes"] == {"inputs": ["x"], "tried": False, "choices": []}
    for kind in ("quantize", "sensitivity", "race", "run"):
        with pytest.raises(refused, match=r"input 'x': the model leaves sizes open.*under Sizes of inputs"):
            opened.ask(kind, made_up=True)


def test_what_is_suggested_has_been_tried_and_is_kept_in_the_link(opened):
    offered = opened.ask("sizes")
    assert "1 × 3 × 224 × 224" in offered
    told = opened.ask("state")["sizes"]
    assert (told["tried"], [choice["label"] for choice in told["choices"]]) == (True, offered)
    assert {"label": "1 × 3 × 64 × 64", "sizes": "1x3x64x64"} in told["choices"]
    opened.ask("view", view="model")
    card = opened.backend._views["model"].sizes
    assert card.choice.options == [CHOOSE, *offered]
    card.choice.value = "1 × 3 × 64 × 64"
    assert opened.workspace.settings.sizes == "1x3x64x64"
    assert "sizes=1x3x64x64" in opened.ask("state")["query"]


def test_all_work_uses_the_sizes(opened):
    opened.set(sizes="1x3x20x24")
    report = opened.ask("quantize")["report"]
    assert any("smoke test" in told for told in report["warnings"])
    session = onnxruntime.InferenceSession(opened.buffers[0], providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["batch", 3, "height", "width"]
    told = opened.ask("run", made_up=True)
    assert told["sentence"].startswith("On made-up inputs. ")
    assert told["outputs"]["float"]["y"]["dims"][2:] == [20, 24]
    assert "layers" in opened.ask("sensitivity")["sensitivity"]
    assert any("made up" in note for note in opened.ask("race")["notes"])


def test_calibration_data_brings_its_own_sizes(opened, files):
    opened.ask("calibration", [files.npz("mine.npz", x=RNG.normal(size=(4, 3, 16, 20)).astype(np.float32))])
    assert opened.ask("quantize")["report"]["calibration_samples"] == 4


def test_a_single_sample_is_said_to_be_one(opened, files):
    opened.ask("calibration", [files.npz("one.npz", x=RNG.normal(size=(3, 16, 20)).astype(np.float32))])
    assert "one.npz: 1 sample. Ranges from one sample" in opened.ask("state")["calibration"]
    assert any("single sample" in told for told in opened.ask("quantize")["report"]["warnings"])


def test_other_sizes_are_written(opened):
    opened.ask("sizes")
    opened.ask("view", view="model")
    card = opened.backend._views["model"].sizes
    card.field.value = "1x3x40x50"
    assert (opened.workspace.settings.sizes, card.choice.value) == ("1x3x40x50", OTHER)
    card.field.value = "1x4x40x50"
    assert (opened.workspace.settings.sizes, card.field.value) == ("1x3x40x50", "1x4x40x50")
    assert card.field.error_state
    assert "[1, 4, 40, 50] does not fit" in card.field.helper_text
    opened.set(activations="dynamic")
    assert (card.field.value, card.field.error_state) == ("1x4x40x50", True)
    card.field.value = "48x192"
    assert opened.workspace.settings.sizes == card.field.value == "1x3x48x192"
    assert (card.field.error_state, card.field.helper_text) == (False, "")
    card.field.value = "48x"
    assert "not the sizes of an input" in card.field.helper_text
    card.choice.value = CHOOSE
    assert opened.workspace.settings.sizes == ""


def test_the_form_is_there_where_sizes_are_open(opened, files):
    opened.ask("view", view="model")
    card = opened.backend._views["model"].sizes
    assert card.form.visible
    opened.ask("load", [files.linear_model()])
    assert not card.form.visible
    assert opened.ask("state")["sizes"]["inputs"] == []


def test_sizes_of_a_link_are_kept_for_the_file_that_they_fit(open_page, files):
    page = open_page("?v=1&sizes=1x3x20x24")
    page.ask("load", [open_model()])
    assert page.workspace.settings.sizes == "1x3x20x24"
    page.ask("load", [files.linear_model()])
    assert page.workspace.settings.sizes == ""


def test_sizes_against_the_graph():
    model = load(open_model())
    graph = model.required_graph()
    assert chosen_shapes(graph, "1x3x20x24") == {"x": (1, 3, 20, 24)}
    assert chosen_shapes(graph, "") is None
    with pytest.raises(InvalidInputError, match="sizes for 2 inputs, and 1 leave sizes open: x"):
        chosen_shapes(graph, "1x3x20x24, 1x7")
    assert [kept_sizes(model, text) for text in ("1x3x20x24", "1x4x20x24", "x")] == ["1x3x20x24", "", ""]
