"""Whether the samples are enough, in the Model view."""

from html import escape

import numpy as np
import pytest

from playground.app.samples_card import UNMEASURED


@pytest.mark.slow
def test_the_curve_of_a_gallery_model(page):
    page.ask("view", view="model")
    card = page.backend._views["model"].samples
    assert not card.plot.figure.visible
    assert UNMEASURED in card.heading.text
    found = page.ask("curve")
    assert [point["samples"] for point in found["points"]][:3] == [1, 2, 4]
    assert found["held_out"] == 64
    assert found["report"]["calibration_samples"] == found["points"][-1]["samples"]
    assert card.plot.figure.visible
    assert list(card.plot.source.data["samples"]) == [str(point["samples"]) for point in found["points"]]
    assert card.plot.figure.x_range.factors[:3] == ["1", "2", "4"]
    assert found["sentence"] in card.heading.text
    assert escape(found["told"]) in card.heading.text
    assert found["measure"] == "Agreement"
    assert card.plot.figure.yaxis[0].axis_label == "Agreement, %"
    page.ask("report_page")
    assert found["sentence"] in page.buffers[0].decode()
    page.set(answer="values")
    assert page.workspace.curve is None
    found = page.ask("curve")
    assert (found["measure"], card.plot.figure.yaxis[0].axis_label) == ("SQNR of the output", "SQNR of the output, dB")
    page.set(weights="int4")
    assert page.workspace.curve is None
    assert "Before the last change" in card.heading.text
    assert card.plot.figure.visible


def test_the_curve_of_an_uploaded_model_needs_its_data(page, files, refused):
    page.ask("load", [files.linear_model()])
    with pytest.raises(refused, match=r"no calibration data whose number could matter.*Choose calibration data"):
        page.ask("curve")
    page.ask("calibration", [files.npz("mine.npz", x=np.random.default_rng(0).normal(size=(40, 4)))])
    found = page.ask("curve")
    assert (found["held_out"], found["points"][-1]["samples"]) == (10, 30)
