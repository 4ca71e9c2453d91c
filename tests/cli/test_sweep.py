"""``playground sweep`` and ``evaluate --sensitivity``: what is printed, and that what is written can be used."""

import json

import numpy as np
import pytest

from playground import gallery
from playground.cli import sweep
from playground.model.recipe import Recipe


@pytest.fixture
def coarse(tmp_path):
    """A recipe of 4 bits, one scale a tensor."""
    path = tmp_path / "coarse.json"
    path.write_text(json.dumps({"weights": {"format": "int4"}}))
    return path


@pytest.mark.slow
def test_a_budget_becomes_a_recipe_that_quantize_takes(playground_cli, coarse, tmp_path):
    chosen, model = tmp_path / "chosen.json", tmp_path / "small.onnx"
    sweep = ("sweep", "gallery:digits-convnet", "--recipe", coarse, "--max-bytes", 4200, "-o", chosen, "--json")
    found = playground_cli(*sweep).json
    assert found["samples"] == 360
    assert Recipe.from_json(chosen.read_text()) == Recipe.from_dict(found["recipe"])
    done = playground_cli("quantize", "gallery:digits-convnet", "--recipe", chosen, "-o", model, "--json").json
    assert done["bytes_after"] <= 4200
    scored = playground_cli("evaluate", model, "--json").json
    assert scored["model"]["accuracy"] > 0.97  # all layers at 4 bits get half of them right, in 3854 bytes


def test_text(playground_cli, coarse):
    ran = playground_cli(
        "sweep", "gallery:digits-convnet", "--recipe", coarse, "--widths", "8,4", "--max-error", "0.05"
    )
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[0] == "360 samples of the gallery's held-out digits"
    assert "the same format for all layers" in lines
    assert any(line.endswith("int4") and "53.6 %" in line for line in lines)
    assert lines[lines.index("chosen") + 1].startswith("conv1.weight")


@pytest.mark.slow
def test_greedy(playground_cli, coarse):
    ran = playground_cli(
        "sweep", "gallery:digits-convnet", "--recipe", coarse, "--max-bytes", 4200, "--greedy", "--json"
    )
    assert ran.json["recipe"]["overrides"]


@pytest.mark.slow
def test_reports(playground_cli, coarse, tmp_path):
    page = tmp_path / "report.html"
    ran = playground_cli("evaluate", "gallery:digits-convnet", "--sensitivity", "--recipe", coarse, "--report", page)
    assert "depthwise2 hurts most" in ran.out
    text = page.read_text(encoding="utf-8")
    assert "depthwise2 hurts most" in text
    assert "Bits for each layer" in text
    playground_cli("sweep", "gallery:digits-mlp", "--widths", "8,3", "--report", page)
    assert "int3 for all" in page.read_text(encoding="utf-8")


def test_sensitivity_of_a_model_with_data_of_ones_own(playground_cli, float_file, tmp_path):
    data = tmp_path / "data.npz"
    digits = gallery.digits()
    np.savez(data, image=digits.images[:40])
    ran = playground_cli("evaluate", float_file, "--sensitivity", "--data", data, "--calibration", data, "--json")
    found = ran.json["sensitivity"]
    assert found["samples"] == 40
    assert found["quantized"]["cross_entropy"] is None
    assert 0 < found["quantized"]["relative_error"] < 0.01
    text = playground_cli("evaluate", float_file, "--sensitivity", "--data", data, "--calibration", data).out
    assert "KL divergence, nats alone" in text


@pytest.mark.parametrize("text", ["2", "8", "8,2", "2,8,4,8"])
def test_widths_from_2_to_8_are_taken_each_once_and_the_widest_first(text):
    assert sweep._bits(text) == tuple(sorted(set(map(int, text.split(","))), reverse=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sweep", "gallery:digits-mlp", "-o", "r.json"), "a budget is needed"),
        (("sweep", "gallery:digits-mlp", "--greedy"), "needs a budget of bytes"),
        (("sweep", "gallery:digits-mlp", "--widths", "8,x"), "is not a list of whole numbers"),
        (("sweep", "gallery:digits-mlp", "--widths", "9"), "out of range"),
        (("sweep", "gallery:digits-mlp", "--widths", "1"), "out of range"),
        (("sweep", "gallery:digits-mlp", "--widths", "8,4,1"), "out of range"),
        (("sweep", "gallery:digits-mlp", "--max-bytes", "10"), "smallest combination takes"),
        (("sweep", "gallery:digits-mlp", "--report", "/nowhere/r.html"), "the folder does not exist"),
        (("evaluate", "gallery:digits-mlp", "--report", "r.html"), "needs --sensitivity"),
        (
            ("evaluate", "gallery:digits-mlp", "--sensitivity", "--engine", "wasm"),
            "cannot be combined with --compare or --engine",
        ),
        (("evaluate", "gallery:digits-mlp", "--sensitivity", "--recipe", "nowhere.json"), "the file does not exist"),
    ],
)
def test_refusals(playground_cli, arguments, message):
    ran = playground_cli(*arguments)
    assert ran.code != 0
    assert message in ran.err


@pytest.mark.parametrize(("command", "option"), [("sweep", "-o"), ("sweep", "--report"), ("evaluate", "--report")])
def test_they_do_not_overwrite_what_they_read(playground_cli, float_file, command, option):
    before = float_file.read_bytes()
    more = ("--max-bytes", 9000) if command == "sweep" else ("--sensitivity",)
    ran = playground_cli(command, float_file, option, float_file, *more)
    assert (ran.code, "this would overwrite the model" in ran.err) == (2, True)
    assert float_file.read_bytes() == before
