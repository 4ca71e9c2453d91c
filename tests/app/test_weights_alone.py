"""A model with a graph, quantized in the page for a runtime whose files have none: its weights alone are written."""

import io

import numpy as np
import pytest

import playground
from playground.app.chosen_recipe import obstacles


@pytest.mark.parametrize(
    ("runtime", "weights", "name"),
    [("gguf", "q8_0", "digits-mlp-q8_0.gguf"), ("bitsandbytes", "nf4", "digits-mlp-nf4.safetensors"),
     ("npz", "int4", "digits-mlp-int4.npz")],
)  # fmt: skip
def test_the_weights_are_written_and_the_answers_measured(page, runtime, weights, name):
    page.set(runtime=runtime, weights=weights, activations="weight_only")
    made = page.ask("quantize")
    assert made["name"] == name
    assert [tensor["op"] for tensor in made["report"]["tensors"]] == ["Gemm", "Gemm", "Gemm"]
    assert any("not its graph" in warning for warning in made["report"]["warnings"])
    (data,) = page.said("answer")[-1]["buffers"]
    if runtime == "npz":
        assert "fc2.weight.codes" in np.load(io.BytesIO(data))
    else:
        assert playground.load(data, name).tensors["fc2.weight"].quantized
    compared = page.workspace.compared
    assert compared.quantized.accuracy > 0.9
    assert compared.quantized.sqnr_db < 60
    file = page.ask("export")["file"]
    assert (file["name"], file["page"]) == (name, False)
    assert page.ask("sample", index=0)["sentence"]
    assert page.ask("compare", second="quantized")["comparison"]["pairs"]
    assert page.ask("report")["tensors"]


def test_what_needs_the_graph_is_said_before_it_is_asked_for(page, refused):
    page.set(runtime="gguf", weights="q4_0", activations="weight_only")
    told = page.ask("state")["unmeasured"]
    assert "weights without a graph" in told
    assert page.ask("quantize")["report"]["tensors"]
    assert page.ask("advice", view="model")["press"] == "save-model"
    assert page.ask("advice", view="run")["press"] in ("", "answers")
    for kind in ("sensitivity", "mixed", "improve", "curve", "race", "report_page"):
        with pytest.raises(refused, match="weights without a graph") as refusal:
            page.ask(kind)
        assert refusal.value.kind == "unsupported"
    page.set(runtime="onnxruntime", weights="int8")
    assert page.ask("state")["unmeasured"] == ""


def test_a_text_model_goes_on_with_weights_of_a_gguf(page):
    page.set(model="moby-dick-transformer", runtime="gguf", weights="q8_0", activations="weight_only")
    found = page.ask("prompt", text="Call me ")
    assert found["float"] == found["quantized"]


def test_a_chosen_algorithm_is_an_obstacle(page, refused):
    page.set(runtime="npz", algorithms="hqq", activations="weight_only")
    (told,) = obstacles(page.workspace.settings, page.workspace.model)
    assert told.startswith("algorithms: weights without a graph are rounded")
    with pytest.raises(refused, match="rounded, and not chosen by 'hqq'"):
        page.ask("quantize")


def test_a_file_of_the_visitors_too(page, files):
    page.ask("load", [files.gallery_file()])
    page.set(runtime="npz", activations="weight_only")
    assert page.ask("quantize")["name"] == "mine-int8.npz"
    assert page.workspace.compared is None
