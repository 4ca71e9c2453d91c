"""A stranger's model opens, is quantized as well as the best tool does it, and runs alike everywhere."""

import math

import pytest

from playground.model.recipe import ACTIVATIONS
from tools.real_models.catalogue import MODELS
from tools.real_models.table import is_behind, means

SMALL = [name for name, model in MODELS.items() if model.small]
LARGE = [pytest.param(name, marks=pytest.mark.heavy) for name in MODELS if name not in SMALL]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUANTIZED_ALREADY = {"ddddocr/common_old"}

SAME_DB = 50.0
"""So near are two engines at least: sums in another order, and now and then a code at a tie that goes the other way.
Where the model itself makes more of one code than that, they are nearer to each other than to the float model."""


@pytest.mark.parametrize("name", SMALL + LARGE)
def test_it_opens_and_each_form_is_written_and_loaded(measured, name):
    found = measured(name)
    assert found.error == ""
    assert {form: made.error for form, made in found.ours.items()} == dict.fromkeys(ACTIVATIONS, "")
    if name not in QUANTIZED_ALREADY:
        assert [form for form, made in found.ours.items() if made.quantized == 0] == []


@pytest.mark.parametrize("name", SMALL + LARGE)
def test_the_float_file_means_the_same_here(measured, name):
    assert measured(name).float_error < 1e-3


@pytest.mark.parametrize("form", ["static", "dynamic"])
@pytest.mark.parametrize("name", SMALL + LARGE)
def test_it_is_not_over_1_db_worse_than_the_tool(measured, name, form):
    found = measured(name)
    assert not is_behind(found, form), f"{found.ours[form].first:.2f} dB, the tool {found.theirs[form].first:.2f} dB"


@pytest.mark.parametrize("form", ACTIVATIONS)
@pytest.mark.parametrize("name", SMALL + LARGE)
def test_the_numpy_engine_computes_what_onnxruntime_does(measured, name, form):
    made = measured(name).ours[form]
    assert made.reference_refusal == ""
    assert made.reference_db > min(SAME_DB, *made.sqnr_db.values())


@pytest.mark.parametrize("form", ["static", "dynamic"])
@pytest.mark.parametrize("names", [SMALL, pytest.param(list(MODELS), marks=pytest.mark.heavy)], ids=["small", "all"])
def test_it_is_better_in_the_mean(measured, names, form):
    ours, theirs, count = means([measured(name) for name in names], form)
    assert count > len(names) / 2
    assert ours > theirs
    assert not math.isnan(ours)
