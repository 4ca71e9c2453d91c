"""How ranges of static activations are found, as controls."""

import pytest

from playground import calibrators
from playground.app.calibrator_card import CalibratorCard
from playground.app.model_jobs import ModelJobs, recipe_of
from playground.app.workspace import Workspace
from playground.settings import Settings
from playground.tasks import run_sync


def visible(card):
    return [name for name, widget in card.widgets.items() if widget.visible]


def test_the_controls_follow_the_settings_and_change_them():
    workspace = Workspace(Settings())
    card = CalibratorCard(workspace)
    picker, percentile = card.widgets["activation_calibrator"], card.widgets["activation_percentile"]
    assert sorted(picker.options.values()) == sorted(calibrators())
    assert (picker.value, visible(card)) == ("minmax", ["activation_calibrator"])
    picker.value = "percentile"
    assert workspace.settings.activation_calibrator == "percentile"
    assert visible(card) == ["activation_calibrator", "activation_percentile"]
    percentile.value = 99.5
    assert recipe_of(workspace).activation_scheme.calibrator_args == (("percentile", 99.5),)
    workspace.change(activations="dynamic")
    assert visible(card) == []


def test_a_percentile_that_is_none_is_refused_and_said():
    workspace = Workspace(Settings(activation_calibrator="percentile"))
    card = CalibratorCard(workspace)
    card.widgets["activation_percentile"].value = None
    assert "activation_percentile" in workspace.problem
    assert card.widgets["activation_percentile"].value == workspace.settings.activation_percentile == 99.9


@pytest.mark.parametrize("calibrator", ["mse", "percentile"])
def test_ranges_come_from_it_and_an_older_model_is_out_of_date(calibrator):
    workspace = Workspace(Settings())
    jobs = ModelJobs(workspace)
    run_sync(jobs.quantize_task())
    before = workspace.result.quantization.activations
    workspace.change(activation_calibrator=calibrator, activation_percentile=90)
    assert workspace.result is None
    run_sync(jobs.quantize_task())
    after = workspace.result.quantization.activations
    assert all(after[name].scale_values <= before[name].scale_values for name in before)
    assert any(after[name].scale_values < before[name].scale_values for name in before)
