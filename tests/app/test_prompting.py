"""Texts that the character models go on with, against ONNX Runtime one character at a time."""

import re
from html import escape

import numpy as np
import onnxruntime
import pytest
from scipy.special import softmax

from playground import gallery
from playground.app.model_jobs import ModelJobs
from playground.app.prompting import FIRST, LENGTH
from playground.app.run_view import RunView
from playground.errors import CancelledError, InvalidInputError, UnsupportedError
from playground.tasks import Progress, run_sync

MODEL = "moby-dick-transformer"

pytestmark = pytest.mark.slow


def scores_by_onnxruntime(file, text, added):
    """The scores of what could follow a text, then the text with one character more, and so on."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    found = []
    for count in range(len(added)):
        seen = gallery.tokens_of(text + added[:count])[-128:]
        padded = np.full((1, 128), 7, np.int64)
        padded[0, : len(seen)] = seen
        found.append(session.run(None, {"tokens": padded})[0][0, len(seen) - 1])
    return np.array(found)


def below_the_likeliest(scores, added):
    """How far the scores of the added characters are below the best ones, at the most."""
    return (scores.max(axis=1) - scores[np.arange(len(added)), gallery.tokens_of(added)]).max()


@pytest.fixture
def jobs(workspace):
    workspace.change(model=MODEL, weights="int8", activations="weight_only")
    workspace._evaluators[MODEL] = None
    return ModelJobs(workspace)


@pytest.mark.parametrize("text", ["The whale was ", "Call me Ishmael. " * 20])
def test_the_float_models_characters_are_those_of_onnxruntime(workspace, jobs, text):
    answer = run_sync(jobs.prompt_task(text))
    found = workspace.continuation
    assert (answer["float"], answer["quantized"]) == (found.original.text, found.quantized.text)
    assert len(found.original.text) == len(found.quantized.text) == LENGTH
    assert found.read == text[-128:]
    scores = scores_by_onnxruntime(gallery.model_bytes(MODEL), text, found.original.text)
    assert below_the_likeliest(scores, found.original.text) < 1e-3
    shares = softmax(scores[0])
    order = np.argsort(-shares)[:FIRST]
    assert [character for character, _ in found.original.first] == [gallery.characters()[i] for i in order]
    np.testing.assert_allclose([share for _, share in found.original.first], shares[order], rtol=1e-3)
    scores = scores_by_onnxruntime(workspace.result.onnx, text, found.quantized.text)
    assert below_the_likeliest(scores, found.quantized.text) < 0.1  # it may sum in another order, or in integers
    same = np.array(list(found.original.text)) == np.array(list(found.quantized.text))
    if same.all():
        assert answer["sentence"] == f"Both add the same {LENGTH} characters."
    else:
        assert answer["sentence"] == f"They part at character {int(np.argmin(same)) + 1} of {LENGTH}."


def test_the_view_shows_both_side_by_side(workspace, jobs):
    view = RunView(workspace)
    assert "Type a text" in view.heading.text
    assert not view.plot.figure.visible
    run_sync(jobs.prompt_task("Tom & the "))
    found = workspace.continuation
    texts = [re.sub("<[^>]+>", "", mark) for mark in re.findall("<mark.*?</mark>", view.heading.text)]
    assert texts == [escape(found.original.text), escape(found.quantized.text)]
    assert "Tom &amp; the " in view.heading.text
    workspace.change(weights="int4")
    assert workspace.continuation is None
    assert "Before the last change" in view.heading.text


def test_it_can_be_given_up_between_two_characters(workspace, jobs):
    run_sync(jobs.ensure_task())

    def stop(progress: Progress):
        if progress.message == "Character 3 of both models":
            raise CancelledError("enough")

    with pytest.raises(CancelledError, match="enough"):
        run_sync(jobs.prompt_task("The "), stop)
    assert len(workspace.continuation.original.text) == 2  # what has come stays


def test_what_cannot_be_continued_is_said(workspace, jobs):
    with pytest.raises(InvalidInputError, match="the prompt is empty"):
        run_sync(jobs.prompt_task(""))
    with pytest.raises(InvalidInputError, match="the character '€' is not in"):
        run_sync(jobs.prompt_task("5 €"))
    workspace.change(model="digits-mlp")
    with pytest.raises(UnsupportedError, match="does not take text"):
        run_sync(jobs.prompt_task("The "))
