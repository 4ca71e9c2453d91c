"""The report's one sentence."""

import pytest

import playground
from playground import gallery
from playground.analysis.report_json import report_data, summary
from playground.model.recipe import Rule


def data(done, skipped, before, after):
    return {"tensors": [{}] * done, "skipped": [{}] * skipped, "bytes_before": before, "bytes_after": after}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (data(2, 0, 400_000, 100_000), "2 weight tensors quantized; 400 kB became 100 kB packed, ÷ 4.00."),
        (data(0, 3, 1_234_567, 1_234_567),
         "0 weight tensors quantized, 3 left in float; 1.23 MB became 1.23 MB packed, ÷ 1.00."),
        (data(1, 0, 999_700, 730), "1 weight tensor quantized; 1.00 MB became 730 B packed, ÷ 1369.45."),
    ],
)  # fmt: skip
def test_summary(given, expected):
    assert summary(given) == expected


def test_nothing_after_is_no_division_by_zero():
    assert summary(data(0, 0, 0, 0)).endswith("÷ 0.00.")


def test_report_of_a_model():
    model = gallery.open_model("digits-convnet")
    recipe = playground.Recipe(rules=(Rule("conv1.weight"),))
    result = playground.quantize_model(model, recipe, gallery.calibration("digits-convnet"))
    found = report_data(result)
    assert found["summary"] == summary(found)
    assert found == result.report.as_dict() | {"summary": found["summary"], "refused": ""}
