"""The Tensor view's widgets and handles: what is moved reaches the settings, and the settings reach the widgets."""

import numpy as np
import pytest

import playground
from playground import gallery
from playground.app.format_choices import choice_of
from playground.app.tensor_view import SEPARATOR, TensorView
from playground.app.workspace import LISTED
from playground.tensor_view.subject import quantizable


@pytest.fixture
def view(workspace):
    return TensorView(workspace)


def shown(view):
    return {name: widget.value for name, widget in view.widgets.items()}


@pytest.mark.parametrize(
    ("widget", "value", "expected"),
    [
        ("bits", 8, {"format": "int8"}),
        ("format", "uint", {"format": "uint3"}),
        ("format", "nf4", {"format": "nf4"}),
        ("format", "q4_k", {"format": "q4_k"}),
        ("granularity", "block", {"granularity": "block"}),
        ("granularity", "token", {"granularity": "token"}),
        ("block_size", "128", {"block_size": 128}),
        ("symmetric", True, {"symmetric": True}),
        ("granularity", "channel", {"granularity": "channel"}),
        ("narrow_range", True, {"narrow_range": True}),
        ("convention", "pytorch", {"convention": "pytorch"}),
        ("calibrator", "percentile", {"calibrator": "percentile"}),
        ("zoom", True, {"zoom": True}),
        ("zero_point", 1, {"zero_point": 1}),
        ("tensor", f"digits-convnet{SEPARATOR}fc.weight", {"model": "digits-convnet", "tensor": "fc.weight"}),
    ],
)
def test_a_widget_that_is_moved(view, workspace, widget, value, expected):
    before = workspace.settings
    view.widgets[widget].value = value
    assert workspace.settings == before.with_(**expected)
    assert shown(view)[widget] == value


def test_widgets_follow_the_settings(view, workspace):
    workspace.change(
        format="uint6", symmetric=True, granularity="channel", axis=1, calibrator="percentile", percentile=99
    )
    values = shown(view)
    assert (values["bits"], values["format"], values["symmetric"], values["axis"]) == (6, "uint", True, 1)
    assert (values["calibrator"], values["percentile"]) == ("percentile", 99)
    assert view.widgets["percentile"].visible
    assert view.widgets["axis"].visible
    assert not view.widgets["zero_point"].visible


@pytest.mark.parametrize("axis", [-9, -1, 7])
def test_the_axis_shown_is_the_one_that_is_used(view, workspace, axis):
    workspace.change(granularity="channel", axis=axis)
    assert view.widgets["axis"].value == workspace.report.axis


def test_a_handle_that_is_dragged_pins_both_ends(view, workspace):
    lo = workspace.report.asked[0]
    view.histogram.grips[1].location = 0.25
    assert (workspace.settings.lo, workspace.settings.hi) == (pytest.approx(lo), 0.25)
    assert shown(view)["clip"] == workspace.report.asked
    view.histogram.grips[0].location = 0.5
    assert (workspace.settings.lo, workspace.settings.hi) == (0.25, 0.5)


def test_the_clip_slider_is_the_handles(view, workspace):
    lo, hi = workspace.report.asked
    view.widgets["clip"].value = (lo, hi / 2)
    assert workspace.settings.hi == pytest.approx(hi / 2)
    assert view.histogram.grips[1].location == pytest.approx(hi / 2)


def test_a_symmetric_range_is_dragged_at_both_ends(view, workspace):
    workspace.change(symmetric=True)
    view.histogram.grips[1].location = 0.25
    assert (workspace.settings.lo, workspace.settings.hi) == (-0.25, 0.25)


def test_dragging_one_end_per_channel_leaves_the_other_end_of_all_channels(view, workspace):
    workspace.change(granularity="channel", format="int8")
    x = workspace.subject.values
    floor = x.min(axis=1).min()
    assert workspace.report.asked == (floor, x.max())
    view.histogram.grips[1].location = 0.25
    assert workspace.settings.lo == pytest.approx(floor)
    assert workspace.report.asked == (pytest.approx(floor), 0.25)
    dropped = view.histogram.grips[1].location
    assert dropped == 0.25
    np.testing.assert_allclose(workspace.report.limits[0], x[workspace.report.shown_channel].min(), atol=0.01)


def test_dragging_forgets_a_chosen_zero_point(view, workspace):
    view.widgets["zero_point"].value = 2
    view.histogram.grips[0].location = -0.5
    assert workspace.settings.zero_point is None


def test_a_refused_move_is_taken_back_and_said(view, workspace, monkeypatch):
    before = shown(view)
    view.widgets["tensor"].param.update(options={"x": f"digits-mlp{SEPARATOR}nothing"})
    view.widgets["tensor"].value = f"digits-mlp{SEPARATOR}nothing"
    assert "nothing" in workspace.problem
    assert "nothing" in view.texts["formula"].text
    assert shown(view) == before
    view.widgets["bits"].value = 4
    assert "nothing" not in view.texts["formula"].text


def test_the_picker_lists_every_tensor_of_every_model(view, workspace, files):
    name = "odd \x1f <b>é"
    workspace.open(files.npz("mine.npz", **{name: np.ones((2, 3)), "whole": np.arange(4)}))
    values = list(view.widgets["tensor"].options.values())
    expected = [f"{key}{SEPARATOR}{n}" for key in LISTED for n in quantizable(gallery.open_model(key))]
    assert values == [*expected, f"upload{SEPARATOR}{name}"]
    view.widgets["tensor"].value = values[0]
    view.widgets["tensor"].value = values[-1]
    assert workspace.settings.tensor == name


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_texts_are_the_reports_numbers(view, workspace, granularity):
    workspace.change(granularity=granularity, format="int4")
    numbers = view.texts["numbers"].text
    report = workspace.report
    assert f"{report.metrics['sqnr_db']:.3g} dB" in numbers
    assert f"{report.scales} scale" in numbers
    assert f"{100 * workspace.score.accuracy:.1f} %" in numbers
    assert ("drawn" in view.texts["histogram"].text) == (granularity == "channel")


@pytest.mark.parametrize("shape", [(1,), (5,), (2, 3, 4, 5)])
@pytest.mark.parametrize("value", ["constant", "random"])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_any_tensor_can_be_shown(view, workspace, files, shape, value, granularity):
    array = np.zeros(shape) if value == "constant" else np.random.default_rng(0).normal(size=shape)
    workspace.open(files.npz(w=array))
    workspace.change(granularity=granularity, axis=3)
    assert view.widgets["axis"].value == len(shape) - 1
    assert "Cross-entropy" not in view.texts["numbers"].text


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
    report = workspace.report
    assert workspace.problem == "", name
    assert report.scheme.format == name
    assert view.widgets["format"].value == choice_of(name)
    integer, blocks = (playground.formats()[name].family == family for family in ("integer", "block"))
    assert view.widgets["bits"].visible == view.widgets["symmetric"].visible == integer
    assert view.widgets["granularity"].visible == (not blocks)
    assert view.widgets["block_size"].visible == (granularity == "block" and not blocks)
    bars = view.histogram.bars.data
    assert len(bars["formula"]) == len(bars["count"])
    assert all(bars["formula"])
    assert np.isfinite(view.transfer.source.data["y"]).all()
    drawn = view.histogram.dots.data["x"]
    assert len(drawn) == (report.level_count if 0 < report.level_count <= 256 else 0)
    assert "NaN" not in view.texts["numbers"].text + view.texts["formula"].text


def test_what_the_formula_and_the_titles_say(view, workspace):
    workspace.change(format="nf4", granularity="block", block_size=64)
    assert "real = scale × number" in view.texts["formula"].text
    assert "16 levels a block" in view.texts["histogram"].text
    assert "a scale for each block" in view.texts["channels"].text
    workspace.change(format="q4_1")
    assert "real = scale × number + offset" in view.texts["formula"].text
    workspace.change(format="fp16", granularity="tensor")
    assert "the nearest number of the format" in view.texts["formula"].text
    assert "no scale" in view.texts["channels"].text
    workspace.change(format="kmeans3")
    assert "8 levels" in view.texts["histogram"].text
    workspace.change(format="int4")
    assert "scale × (code − zero-point)" in view.texts["formula"].text


def test_dragging_clips_values_of_formats_that_need_no_range(view, workspace):
    workspace.change(format="q8_0")
    free = workspace.report
    view._moved("hi", 0.25)
    assert workspace.report.asked[1] == 0.25
    assert workspace.report.hi < free.hi
