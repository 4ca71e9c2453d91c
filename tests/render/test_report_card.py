"""The report's card in the Model view."""

from playground import gallery
from playground.analysis.report_json import report_data
from playground.model.recipe import Recipe
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from playground.render.report_card import report_card, skipped_by_reason


def test_a_reason_is_given_once_with_all_names_it_holds_for():
    skipped = [
        {"name": "norm.weight", "reason": "a parameter"},
        {"name": "head", "reason": "excluded"},
        {"name": "norm.bias", "reason": "a parameter"},
    ]
    assert skipped_by_reason(skipped) == ["norm.weight, norm.bias: a parameter", "head: excluded"]


def test_the_card_has_every_skipped_tensor_and_nothing_as_markup():
    recipe = Recipe(weights=Scheme("int8"), activations="weight_only")
    result = quantize_model(gallery.open_model("moby-dick-transformer"), recipe)
    report = report_data(result)
    assert len(report["skipped"]) > 10, "the gallery's transformer has normalisations"
    text = report_card(report)
    assert all(entry["name"] in text for entry in report["skipped"])
    assert text.count("<li>") < len(report["skipped"])
    evil = {**report, "skipped": [{"name": "<img src=x>", "reason": "b"}]}
    assert "<img" not in report_card(evil)
    assert "Quantize the model" in report_card(None)
