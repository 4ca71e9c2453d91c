"""The calibrators as the Tensor view offers them."""

import pytest

from playground import Scheme
from playground.api import calibrators, formats
from playground.app import calibrator_choices
from playground.calibration import calibrate
from playground.errors import PlaygroundError
from playground.settings import Settings

VALUES = [-3.0, -1.0, 0.5, 0.25, 2.0]


def test_every_calibrator_is_in_one_group_and_has_one_line():
    found = [name for group in calibrator_choices.groups().values() for name in group.values()]
    assert sorted(found) == sorted(calibrators())
    assert (
        "Min-max: The smallest and the largest value: nothing is clipped."
        in calibrator_choices.groups()["Keep every value"]
    )


@pytest.mark.parametrize("name", formats())
def test_refused_are_those_that_fail(name):
    refused = calibrator_choices.refusals(name, formats()[name].family != "integer")
    for calibrator in calibrators():
        scheme = Scheme(name, symmetric=formats()[name].family != "integer", calibrator=calibrator)
        try:
            if scheme.needs_range:
                calibrate(VALUES, scheme)
        except PlaygroundError as error:
            assert refused[calibrator] == error.what
        else:
            assert calibrator not in refused


def test_parameters_reach_the_scheme():
    settings = Settings(calibrator="mse", calibrator_parameters="mse.steps=40, hqq.p=0.5")
    assert settings.scheme.calibrator_args == (("steps", 40),)
    settings = Settings(calibrator="percentile", percentile=98, calibrator_parameters="percentile.exact=0")
    assert dict(settings.scheme.calibrator_args) == {"percentile": 98, "exact": 0}


def test_no_calibrator_has_more_parameters_than_there_are_fields():
    for name, facts in calibrator_choices.facts().items():
        own = {p.name for p in calibrators()[name].parameters} - {"percentile"}
        assert {p["name"] for p in facts["parameters"]} == own
