"""What calibration saw of an activation, and the range it got."""

import numpy as np
import pytest

from playground import gallery
from playground.app.activation_card import clipped_share
from playground.app.model_jobs import ModelJobs
from playground.app.model_view import ModelView
from playground.engines.run import run
from playground.histograms import histogram
from playground.tasks import run_sync


@pytest.fixture
def view(workspace):
    return ModelView(workspace)


def test_before_and_after_quantizing(view, workspace):
    card = view.activation
    assert "to see here" in card.text.text
    assert not card.plot.figure.visible
    result = run_sync(ModelJobs(workspace).quantize_task())
    names = [activation.name for activation in result.report.activations]
    assert card.choice.options == names
    assert card.plot.figure.visible
    card.choice.value = names[-1]
    last = result.report.activations[-1]
    outputs = run(gallery.open_model("digits-mlp").graph, gallery.calibration("digits-mlp"), "reference")[last.name]
    drawn = card.plot.source.data
    assert sum(drawn["count"]) == outputs.size
    assert drawn["left"][0] == pytest.approx(outputs.min(), abs=float(np.ptp(outputs)) / 50)
    assert [end.location for end in card.plot.ends] == [last.lo, last.hi]
    assert f"zero-point {last.zero_point}" in card.text.text
    assert "no value is clipped" in card.text.text
    assert "Before the last change" not in card.text.text
    workspace.change(activations="weight_only")
    assert card.choice.options == names
    assert "Before the last change" in card.text.text
    run_sync(ModelJobs(workspace).quantize_task())
    assert card.choice.options == []
    assert "to see here" in card.text.text


def test_the_share_that_is_clipped():
    values = np.linspace(0, 10, 1001)
    counted = histogram(values, 100)
    assert clipped_share(counted, 0, 10) == 0
    assert clipped_share(counted, 1, 9) == pytest.approx(np.mean((values < 1) | (values > 9)), abs=0.01)
    assert clipped_share(histogram(values, 100, 0, 5), 0, 5) == pytest.approx(0.5, abs=0.01)
