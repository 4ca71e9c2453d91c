"""The cards about a comparison: what stands on them with labels, without, and where outputs are no classes."""

import dataclasses

from playground.analysis.accuracy import Score
from playground.analysis.agreement import Compared
from playground.render.compared import all_numbers, one_number

LABELLED = Compared(200, Score(0.95, 0.2), Score(0.9, 0.31), 0.93, 14, "our int8 kernels")
UNLABELLED = Compared(200, None, None, 0.93, 14, "as fake-quantized", 17.36)
NO_CLASSES = Compared(200, None, None, None, None, "as fake-quantized", 17.36)


def told(numbers):
    return {number.label: (number.value, number.remark) for number in numbers}


def test_with_labels_both_are_scored():
    found = told(all_numbers(LABELLED, "on 200 samples"))
    assert found["Accuracy, float"] == ("95.0 %", "on 200 samples")
    assert found["Accuracy, quantized"] == ("90.0 %", "our int8 kernels")
    assert found["Agreement"] == ("93.0 %", "14 answers changed")
    assert found["Cross-entropy"] == ("0.310", "float 0.200")
    assert list(told(one_number(LABELLED))) == ["Accuracy, quantized"]


def test_without_labels_they_are_held_against_each_other():
    assert told(all_numbers(UNLABELLED, "on 200 samples")) == {
        "Agreement": ("93.0 %", "14 answers changed on 200 samples"),
        "Output": ("17.4 dB", "SQNR, as fake-quantized"),
    }
    assert told(one_number(UNLABELLED)) == {"Agreement": ("93.0 %", "same top class as float, on 200")}


def test_without_classes_the_output_is_compared():
    assert list(told(all_numbers(NO_CLASSES, "on 200 samples"))) == ["Output"]
    assert told(one_number(NO_CLASSES)) == {"Output": ("17.4 dB", "SQNR against the float model")}
    assert one_number(None) == []
    assert one_number(dataclasses.replace(NO_CLASSES, sqnr_db=3.0))[0].value == "3.00 dB"
