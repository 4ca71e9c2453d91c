"""What one tensor gets whatever the others do."""

from glob import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.app.chosen_recipe import exclusions_of, exclusions_text, recipe_of
from playground.app.model_jobs import ModelJobs
from playground.app.model_view import ModelView
from playground.app.override_card import AS_OTHERS, FLOAT, override_of, overriding
from playground.settings import Settings
from playground.tasks import run_sync

NAMES = st.text(st.characters(exclude_categories=["Cs", "Z", "C"]), min_size=1, max_size=12)


@given(st.lists(NAMES, max_size=4))
def test_excluded_names_survive_their_text(names):
    assert exclusions_of(exclusions_text(names)) == names


@given(NAMES, st.sampled_from([AS_OTHERS, FLOAT, "int4", "uint3"]))
def test_a_choice_is_about_this_tensor_alone(name, choice):
    settings = Settings().with_(**overriding(Settings(exclude="pattern*", formats="other*=int5"), name, choice))
    assert override_of(settings, name) == choice
    decided = recipe_of(settings).rule_for(name) if choice != AS_OTHERS else None
    if decided is not None:
        assert decided.pattern == escape(name)
        assert (decided.scheme.format if decided.scheme else FLOAT) == choice
    assert overriding(settings, name, AS_OTHERS) == {"exclude": "pattern*", "formats": "other*=int5"}


def test_a_single_name_is_an_exception_from_a_pattern():
    recipe = recipe_of(Settings(exclude="fc*", formats="fc1.weight=int4"))
    assert recipe.rule_for("fc1.weight").scheme.format == "int4"
    assert recipe.rule_for("fc2.weight").scheme is None


@pytest.fixture
def view(workspace):
    return ModelView(workspace)


def test_it_sticks_and_is_seen_before_and_after_quantizing(view, workspace):
    workspace.change(tensor="fc1.weight")
    card = view.override
    assert card.choice.label == "fc1.weight is quantized"
    card.choice.value = "int4"
    assert workspace.settings.formats == "fc1.weight=int4"
    shown = dict(zip(view.source.data["name"], view.source.data["format"], strict=True))
    assert (shown["fc1.weight"], shown["fc2.weight"]) == ("→ int4", "")
    workspace.change(tensor="fc2.weight")
    assert card.choice.value == AS_OTHERS
    card.choice.value = FLOAT
    assert workspace.settings.exclude == "fc2.weight"
    report = run_sync(ModelJobs(workspace).quantize_task()).report
    assert {t.name: t.scheme["format"] for t in report.tensors} == {"fc1.weight": "int4", "fc3.weight": "int8"}
    shown = dict(zip(view.source.data["name"], view.source.data["format"], strict=True))
    assert (shown["fc1.weight"], shown["fc2.weight"]) == ("int4, channel", "skipped")


def test_formats_of_single_tensors_are_listed_and_all_given_up_at_once(workspace):
    card = ModelView(workspace).override
    assert not card.chosen.visible
    assert not card.clear.visible
    workspace.change(formats="fc1*=int4, fc2.weight=uint3", exclude="fc3.weight")
    assert card.clear.visible
    assert "fc1* int4, fc2.weight uint3" in card.chosen.text
    card.clear.param.trigger("clicks")
    assert (workspace.settings.formats, workspace.settings.exclude) == ("", "fc3.weight")
    assert not card.clear.visible
