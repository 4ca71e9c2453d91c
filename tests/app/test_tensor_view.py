"""The Tensor view's content: what Python tells the page, which draws it; and the controls that the page follows."""

import json

import numpy as np
import pytest

import playground
from playground import gallery
from playground.app.tensor_view import SEPARATOR, TensorView
from playground.app.workspace import LISTED
from playground.host.page import plain
from playground.tensor_view.subject import quantizable


@pytest.fixture
def view(workspace):
    return TensorView(workspace)


def told(view, **options):
    """The content as it arrives in the page."""
    return json.loads(json.dumps(plain(view.content(**options)), allow_nan=False))


def test_the_picture_is_the_workspaces(view, workspace):
    workspace.change(format="int4", symmetric=True, hi=0.5)
    picture, report = told(view)["picture"], workspace.report
    assert picture["settings"] == workspace.settings.as_dict()
    assert picture["levels"] == report.levels.tolist()
    assert picture["counts"] == report.counts.tolist()
    assert (picture["scale"], picture["zeroPoint"]) == (report.scale, report.zero_point)
    centres = (report.edges[:-1] + report.edges[1:]) / 2
    nearest = np.abs(report.levels - centres[:, None]).argmin(axis=1)
    assert np.count_nonzero(nearest != picture["barPlaces"]) <= 1  # a centre in the middle of two
    np.testing.assert_allclose(picture["reals"], report.levels, rtol=1e-6)


def test_answers_are_the_models(view, workspace):
    answers, base = told(view)["answers"], workspace.evaluator.float_score
    assert answers["accuracy"] == pytest.approx(workspace.score.accuracy)
    assert answers["floatCrossEntropy"] == pytest.approx(base.cross_entropy)
    assert (answers["count"], answers["noun"]) == (360, "digits")


def test_it_counts_as_changed_until_it_was_told(view, workspace):
    view.content(whole=True)
    assert not view.is_changed
    workspace.change(format="int5")
    assert view.is_changed
    view.content()
    assert not view.is_changed


def test_the_picker_gets_every_tensor_of_every_model_once(view, workspace, files):
    name = "odd \x1f <b>é"
    assert set(told(view)["tensors"].values()) == {
        f"{key}{SEPARATOR}{n}" for key in LISTED for n in quantizable(gallery.open_model(key))
    }
    assert "tensors" not in told(view)
    workspace.open(files.npz("mine.npz", **{name: np.ones((2, 3)), "whole": np.arange(4)}))
    tensors = told(view)["tensors"]
    assert list(tensors.items())[-1] == (f"mine.npz / {name} (2 × 3)", f"upload{SEPARATOR}{name}")
    assert told(view, whole=True)["tensors"] == tensors
    workspace.open(files.npz("other.npz", w=np.ones(3)))
    assert "other.npz / w (3)" in told(view)["tensors"]


def test_a_model_without_a_tensor_says_why(view, workspace, files, monkeypatch):
    monkeypatch.setattr("playground.tensor_view.subject.MOST_SHOWN_VALUES", 1)
    workspace.open(files.gallery_file())
    content = told(view)
    assert content["picture"] is content["answers"] is None
    assert "has" in content["problem"]


@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3, 4, 5)])
@pytest.mark.parametrize("value", ["constant", "random"])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_any_tensor_can_be_shown(view, workspace, files, shape, value, granularity):
    array = np.zeros(shape) if value == "constant" else np.random.default_rng(0).normal(size=shape)
    workspace.open(files.npz(w=array))
    workspace.change(granularity=granularity, axis=3)
    content = told(view)
    assert content["picture"]["axis"] == len(shape) - 1
    assert content["picture"]["shape"] == list(shape)
    assert content["answers"] is None


# One scale for each block takes long to draw: it matters for the kind of format, not for each of them.
IN_BLOCKS = ["int3", "uint4", "int16", "fp8_e4m3", "fp16", "nf4", "kmeans3", "ternary", "mxfp4", "nvfp4", "q4_k"]
SHOWN = {
    "integers": [name for name, fmt in playground.formats().items() if fmt.family == "integer"],
    "others": [name for name, fmt in playground.formats().items() if fmt.family != "integer" and name != "e8m0"],
}


@pytest.mark.parametrize("family", SHOWN)
def test_every_format_is_shown(view, workspace, family):
    for name in SHOWN[family]:
        check_it_is_shown(view, workspace, name, "tensor")


@pytest.mark.slow
@pytest.mark.parametrize("name", IN_BLOCKS)
def test_formats_are_shown_in_blocks(view, workspace, name):
    check_it_is_shown(view, workspace, name, "block")


def check_it_is_shown(view, workspace, name, granularity):
    workspace.change(format=name, granularity=granularity, tensor="fc1.weight")
    picture = told(view)["picture"]
    bars = len(picture["counts"])
    assert workspace.problem == "", name
    assert picture["settings"]["format"] == name
    listed = picture["levelCount"] if 0 < picture["levelCount"] <= 256 else 0
    for key in ("levels", "reals", "codes", "numbers", "levelCounts"):
        assert len(picture[key]) == listed, key
    assert (len(picture["barPlaces"]), len(picture["barReals"])) == ((bars, 0) if listed else (0, bars))
    assert np.isfinite(picture["transfer"]["y"]).all()
    assert picture["family"] == playground.formats()[name].family


def test_dragging_clips_values_of_formats_that_need_no_range(view, workspace):
    workspace.change(format="q8_0")
    free = workspace.report
    workspace.change(hi=0.25)
    assert told(view)["picture"]["handles"][1] == 0.25
    assert workspace.report.hi < free.hi


def test_controls_are_built_once_and_change_no_more(view, workspace):
    """The page follows and sets them: what Python holds of them is what they were built with."""
    before = {name: widget.value for name, widget in view.widgets.items()}
    workspace.change(format="nf4", granularity="block")
    assert {name: widget.value for name, widget in view.widgets.items()} == before
    assert all(source.data["x" if "x" in source.data else "left"] == [] for source in sources(view))


def sources(view):
    return [renderer.data_source for figure in view.figures.values() for renderer in figure.renderers]
