"""What the page is given so that it can draw before Python answers: the tensor, controls, conventions."""

import json

import numpy as np
import pytest

from playground import gallery
from playground.app.fast_path import TAG, subject_content
from playground.app.tensor_view import TensorView
from playground.convention_rules import CONVENTIONS
from playground.tensor_view.subject import subject_of


def test_subject_is_the_tensor_that_is_shown(page):
    answer = page.ask("subject")
    assert (answer["model"], answer["tensor"], answer["shape"]) == ("digits-mlp", "fc2.weight", [128, 512])
    (values,) = page.buffers
    expected = gallery.open_model("digits-mlp").tensors["fc2.weight"].numpy()
    np.testing.assert_array_equal(np.frombuffer(values, "<f4").reshape(answer["shape"]), expected)
    page.set(model="digits-convnet", tensor="fc.weight")
    assert page.ask("subject")["tensor"] == "fc.weight"


def test_subject_of_an_uploaded_file_in_another_layout(page, files):
    x = np.arange(12, dtype=np.float64).reshape(3, 4)
    page.ask("load", [files.npz(w=np.asfortranarray(x))])
    answer = page.ask("subject")
    assert (answer["model"], answer["shape"]) == ("upload", [3, 4])
    np.testing.assert_array_equal(np.frombuffer(page.buffers[0], "<f4"), x.reshape(-1))


def test_zoomed_histogram_is_the_subjects():
    subject = subject_of(gallery.open_model("digits-mlp"), "fc2.weight")
    zoomed = subject_content(subject)[0]["zoomed"]
    edges, counts = subject.zoomed()
    assert zoomed["counts"] == counts.tolist()
    np.testing.assert_array_equal(edges, np.linspace(zoomed["first"], zoomed["last"], counts.size + 1))
    assert zoomed["first"] == np.float32(zoomed["first"])


@pytest.fixture
def told(workspace):
    (tag,) = (tag for tag in TensorView(workspace).figures["histogram"].tags if tag.startswith(TAG))
    return json.loads(tag.removeprefix(TAG))


def test_every_control_is_known_by_its_label(told, workspace):
    widgets = TensorView(workspace).widgets
    assert {control["name"] for control in told["controls"].values()} == set(widgets)
    for label, control in told["controls"].items():
        assert widgets[control["name"]].label == label
    offered = told["controls"]["Format"]["options"]
    assert (offered["Signed integer"], offered["Unsigned integer"], offered["NVFP4 · 4 bits"]) == (
        "int",
        "uint",
        "nvfp4",
    )


def test_conventions_that_the_kernels_follow_keep_their_fields(told):
    assert {"onnxruntime", "pytorch", "pytorch_fake"} <= set(told["conventions"]) < set(CONVENTIONS)
    pytorch = told["conventions"]["pytorch"]
    assert pytorch["fused_granularities"] == ["tensor"]
    assert pytorch["symmetric_zero_points"] == {"uint8": 128}
    assert pytorch["min_scale"] == 2.0**-23


def test_the_page_knows_every_formats_width_and_family(told):
    assert told["formats"]["nf4"] == {"bits": 4, "family": "codebook"}
    assert set(told["controls"]["Format"]["options"].values()) - {"int", "uint"} <= set(told["formats"])
