"""The Run view's samples: those whose answer changed first, each of which can be loaded."""

import numpy as np
import pytest

from playground import gallery
from playground.app.answer_grid import FEW, MOST


def test_digits_that_changed_come_first_with_their_pixels(page):
    assert page.ask("answers")["samples"] == []
    page.set(weights="int4", weights_granularity="tensor")
    page.ask("quantize")
    found = page.ask("answers")
    changed = page.workspace.compared.flipped
    assert found["title"] == f"{changed} of 360 answers changed"
    assert FEW < changed == len(found["samples"]) < MOST
    first = found["samples"][0]
    assert not any(sample["same"] for sample in found["samples"])
    image = gallery.digits().images[first["index"]].reshape(-1)
    np.testing.assert_allclose(first["pixels"], image, atol=1e-3)
    page.set(weights="int8")
    page.ask("quantize")
    few = page.ask("answers")["samples"]
    assert len(few) == FEW
    assert [sample["same"] for sample in few] == sorted(sample["same"] for sample in few)
    page.set(weights="int4")
    told = page.ask("sample", index=first["index"])["sentence"]
    assert f"Float says {first['original'].split()[0]}" in told
    assert f"quantized says {first['quantized'].split()[0]}" in told


def test_own_samples_can_be_loaded_by_their_number(page, files, refused):
    page.ask("load", [files.linear_model()])
    x = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
    with pytest.raises(refused, match="there are no samples"):
        page.ask("run", sample=0)
    page.ask("calibration", [files.npz(x=x)])
    page.ask("quantize")
    found = page.ask("answers")
    assert found["title"] == "No answer changed"
    assert len(found["samples"]) == 9
    assert found["samples"][0]["pixels"] == []
    outputs = page.ask("run", sample=4)["outputs"]
    expected = page.ask("run", inputs={"x": x[4:5].tolist()})["outputs"]
    assert outputs == expected
    for wrong in (9, -1, "first", True):
        with pytest.raises(refused, match="there is no sample"):
            page.ask("run", sample=wrong)


@pytest.mark.slow
def test_texts_tell_how_many_tokens_are_the_same(page):
    page.set(model="moby-dick-transformer", weights="int3")
    page.ask("quantize")
    found = page.ask("answers")
    assert found["title"] == "10 of 10 texts changed"
    assert found["samples"][0]["original"] == "128 tokens"


def test_the_state_says_when_there_are_other_answers(page):
    assert page.ask("state")["comparison"] == 0
    page.ask("quantize")
    first = page.ask("state")["comparison"]
    page.set(weights="int4")
    assert page.ask("state")["comparison"] == first
    page.ask("quantize")
    assert page.ask("state")["comparison"] not in (0, first)
