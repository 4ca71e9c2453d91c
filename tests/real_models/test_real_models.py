"""A stranger's model opens, is quantized as well as the best tool does it, and runs alike everywhere."""

import math

import pytest

from playground.model.recipe import ACTIVATIONS
from tools.real_models.catalogue import MODELS
from tools.real_models.table import is_behind, means

SMALL = [name for name, model in MODELS.items() if model.small]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

QUANTIZED_ALREADY = ["ddddocr/common_old"]
FLOAT = [pytest.param(name, marks=() if MODELS[name].small else pytest.mark.heavy) for name in MODELS]
FLOAT = [param for param in FLOAT if param.values[0] not in QUANTIZED_ALREADY]

BEHIND = {
    ("openwakeword/alexa", "dynamic"): "one answer a sample: how the roundings of all weights add up is luck. Ours per "
    "tensor is the tool's file; per channel is better by 6 dB in silence",
    ("openwakeword/hey_jarvis", "dynamic"): "the same; the file has half the tool's size",
    ("speechmos/plcmos_v2", "dynamic"): "47 dB: weights of GRU are codes too, which saves 40 % of the file; the tool "
    "leaves them in float",
    ("speechmos/bak_ovr", "static"): "49 and 53 dB on four samples",
}
"""Where ours is the worse one by over 1 dB, and why that stays."""

SAME_DB = 50.0
"""So near are two engines at least: sums in another order, and now and then a code at a tie that goes the other way.
Where the model itself makes more of one code than that, they are nearer to each other than to the float model."""


@pytest.mark.parametrize("name", FLOAT)
def test_it_opens_and_each_form_is_written_and_loaded(measured, name):
    found = measured(name)
    assert found.error == ""
    assert {form: made.error for form, made in found.ours.items()} == dict.fromkeys(ACTIVATIONS, "")
    assert [form for form, made in found.ours.items() if made.quantized == 0] == []


@pytest.mark.heavy
@pytest.mark.parametrize("name", QUANTIZED_ALREADY)
def test_what_is_quantized_already_is_refused_in_these_words(measured, name):
    found = measured(name)
    assert found.error == ""
    assert [form for form, made in found.ours.items() if "the model is already quantized" not in made.error] == []


@pytest.mark.parametrize("name", FLOAT)
def test_the_float_file_means_the_same_here(measured, name):
    assert measured(name).float_error < 1e-3


@pytest.mark.parametrize("form", ["static", "dynamic"])
@pytest.mark.parametrize("name", FLOAT)
def test_it_is_not_over_1_db_worse_than_the_tool(measured, name, form):
    found = measured(name)
    if (name, form) not in BEHIND:
        told = f"{found.ours[form].first:.2f} dB, the tool {found.theirs[form].first:.2f} dB"
        assert not is_behind(found, form), told
    else:
        assert not is_behind(found, form, 8.0), BEHIND[name, form]


@pytest.mark.parametrize("form", ACTIVATIONS)
@pytest.mark.parametrize("name", FLOAT)
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
