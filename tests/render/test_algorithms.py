"""What algorithms did, in words and numbers."""

from playground.render.algorithms import applied_title, number_rows, remarks, treated

APPLIED = {
    "name": "GPTQ",
    "parameters": {"damping": 0.01, "ordered": 1},
    "before": {"output_error": 0.5, "share_of_zeros": 0.0},
    "after": {"output_error": 0.125, "share_of_zeros": 0.25},
    "tensors": {"fc1": {"error": (1.0, 0.5)}},
    "skipped": {"fc2": "it has no data"},
    "notes": ["A note."],
}


def test_numbers_before_and_after():
    assert number_rows(APPLIED) == [("output error", "0.500", "0.125"), ("share of zeros", "0", "0.250")]


def test_name_parameters_and_remarks():
    assert applied_title(APPLIED) == "GPTQ (damping 0.01, ordered 1)"
    assert applied_title({**APPLIED, "parameters": {}}) == "GPTQ"
    assert remarks(APPLIED) == ["A note.", "fc2: it has no data"]
    assert treated(APPLIED) == "1 layer changed"
    assert treated({**APPLIED, "tensors": {}}) == "nothing changed"
