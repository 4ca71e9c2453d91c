"""What a text recogniser reads after quantizing with the defaults: characters, not decibels."""

import numpy as np
import pytest

import playground
from playground.model.recipe import ACTIVATIONS, Recipe
from tools.real_models import wheels
from tools.real_models.catalogue import CALIBRATION, MODELS
from tools.real_models.comparing import run_file
from tools.real_models.measures import data_of

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.timeout(600)]

RECOGNISER = MODELS["rapidocr-onnxruntime/rec"]


def texts(outputs):
    """Of each line the likeliest class a step, repeated ones once, without blanks (CTC, greedily)."""
    steps = [line.argmax(axis=-1) for found in outputs for line in next(iter(found.values()))]
    return [line[(line != 0) & (np.diff(line, prepend=-1) != 0)].tolist() for line in steps]


def changes(one, other):
    """How many characters are changed, left out or put in between two texts."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]


def test_texts_are_compared_as_people_would():
    step = np.eye(4, dtype=np.float32)
    assert texts([{"y": step[[0, 1, 1, 0, 1, 2, 2, 0, 3]][None]}]) == [[1, 1, 2, 3]]
    assert (changes("kitten", "sitting"), changes("", "ab"), changes("ab", "ab")) == (3, 2, 0)


@pytest.mark.parametrize("activations", ACTIVATIONS)
def test_the_recogniser_reads_what_it_read(activations):
    wheels.fetch([RECOGNISER.package])
    data = data_of(RECOGNISER)
    made = playground.quantize_model(
        playground.load(RECOGNISER.path),
        Recipe(activations=activations),
        RECOGNISER.feeds(CALIBRATION) if activations == "static" else None,
    )
    exact, found = texts(data.exact), texts(run_file(made.onnx, data.held_out))
    assert sum(map(len, exact)) > 200
    wrong = sum(changes(one, other) for one, other in zip(exact, found, strict=True))
    assert wrong / sum(map(len, exact)) < 0.08
