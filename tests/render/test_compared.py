"""The cards about a comparison: what stands on them with labels, without, and where outputs are no classes."""

from dataclasses import replace

from playground.analysis.agreement import Compared
from playground.analysis.answer_kinds import DECIBELS, NUMBER, SHARE, Measure
from playground.analysis.outputs import Measured
from playground.render.compared import all_numbers, one_number, read_as

FLOAT = Measured(200, float("inf"), 0.0, 1.0, 0.95, 0.2, "classes", "class scores")
AGREES = (Measure("Agreement", 0.93, SHARE, "14 of 200 changed"),)
QUANTIZED = replace(FLOAT, sqnr_db=17.36, agreement=0.93, accuracy=0.9, cross_entropy=0.31, measures=AGREES)
LABELLED = Compared(FLOAT, QUANTIZED, "our int8 kernels")


def without_labels(**changes):
    bare = {"accuracy": None, "cross_entropy": None}
    return Compared(replace(FLOAT, **bare), replace(QUANTIZED, **{**bare, **changes}), "as fake-quantized")


UNLABELLED = without_labels()
SQNR = (Measure("SQNR of y", 17.36, DECIBELS, "against float"),)
NO_CLASSES = without_labels(kind="values", answers="values", agreement=None, measures=SQNR)
SILENT = without_labels(agreement=None, silent="3 samples are too few to count equal answers")


def told(numbers):
    return {number.label: (number.value, number.remark) for number in numbers}


def test_with_labels_both_are_scored():
    found = told(all_numbers(LABELLED, "on 200 samples"))
    assert found["Accuracy, float"] == ("95.0 %", "on 200 samples")
    assert found["Accuracy, quantized"] == ("90.0 %", "our int8 kernels")
    assert found["Agreement"] == ("93.0 %", "14 of 200 changed")
    assert found["Cross-entropy"] == ("0.310", "float 0.200")
    assert list(told(one_number(LABELLED))) == ["Accuracy"]


def test_without_labels_they_are_held_against_each_other():
    assert told(all_numbers(UNLABELLED, "on 200 samples")) == {
        "Agreement": ("93.0 %", "14 of 200 changed"),
        "Output": ("17.4 dB", "SQNR on 200 samples, as fake-quantized"),
    }
    assert told(one_number(UNLABELLED)) == {"Agreement": ("93.0 %", "14 of 200 changed")}


def test_without_classes_the_output_is_compared():
    assert told(all_numbers(NO_CLASSES, "on 200 samples")) == {"SQNR of y": ("17.4 dB", "against float")}
    assert told(one_number(NO_CLASSES)) == {"SQNR of y": ("17.4 dB", "against float")}
    assert one_number(None) == []


def test_a_measure_without_information_is_no_number():
    why = "3 samples are too few to count equal answers"
    for found in (told(all_numbers(SILENT, "on 3 samples")), told(one_number(SILENT))):
        assert found["Agreement"] == ("—", why)
        assert found["Output"][0] == "17.4 dB"


def test_several_measures_each_have_a_card():
    measures = (Measure("Cosine", 0.98765, NUMBER, "mean"), Measure("Same nearest neighbour", 0.5, SHARE, "of 20"))
    found = told(all_numbers(without_labels(agreement=None, measures=measures), "on 20 samples"))
    assert found["Cosine"] == ("0.988", "mean")
    assert found["Same nearest neighbour"] == ("50.0 %", "of 20")


def test_what_was_taken_for_the_answers_is_said():
    measured = replace(QUANTIZED, why="output 'y' is a row of 10 scores for each sample")
    told_so = "Answers are read as class scores: output 'y' is a row of 10 scores for each sample."
    assert read_as(measured) == told_so
    assert read_as(replace(measured, explained="The answers stay.")) == f"{told_so} The answers stay."
