"""``playground quantize --improve``: the file is the best measured one, and the table says what it gains."""

import numpy as np
import onnxruntime
import pytest

from playground import gallery
from playground.analysis.accuracy import score
from playground.cli._console import Console
from playground.cli._improve import show_improvement

COARSE = ("--format", "int4", "--granularity", "tensor")


def test_the_best_combination_is_written(playground_cli, tmp_path):
    path = tmp_path / "improved.onnx"
    page = tmp_path / "report.html"
    ran = playground_cli("quantize", "gallery:digits-mlp", *COARSE, "--improve", "-o", path, "--json", "--report", page)
    assert ran.code == 0, ran.err
    told = page.read_text()
    assert "Fix it: remedies that were tried" in told
    assert f"{ran.json['improvement']['best']['name']} (in this model)" in told
    found = ran.json["improvement"]
    assert found["samples"] == 360
    assert ran.json["recipe"] == found["best"]["recipe"]
    assert path.stat().st_size == ran.json["file_bytes"] == found["file_bytes"] + found["best"]["bytes"]
    held_out = gallery.held_out("digits-mlp")
    wanted = score(onnxruntime.InferenceSession(path).run(None, dict(held_out.feeds))[0], held_out.labels)
    assert found["best"]["loss"] == pytest.approx(wanted.cross_entropy, rel=0.02)
    assert found["best"]["gain"] == pytest.approx(found["loss"] - wanted.cross_entropy, rel=0.02, abs=1e-3)
    plain = tmp_path / "plain.onnx"
    playground_cli("quantize", "gallery:digits-mlp", *COARSE, "-o", plain)
    before = score(onnxruntime.InferenceSession(plain).run(None, dict(held_out.feeds))[0], held_out.labels)
    assert found["loss"] == pytest.approx(before.cross_entropy, rel=0.02)
    assert all(trial["gain"] > 0 for trial in found["listed"])


def test_the_table_says_what_was_tried(playground_cli, tmp_path):
    """Without other samples those of --data are divided; without labels the measure is the distance of the answers."""
    np.savez(tmp_path / "data.npz", image=gallery.digits().images[:100])
    options = ("--data", tmp_path / "data.npz", "--improve", "-o", tmp_path / "out.onnx")
    (tmp_path / "float.onnx").write_bytes(gallery.model_bytes("digits-mlp"))
    ran = playground_cli("quantize", tmp_path / "float.onnx", *COARSE, *options)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    told = "ranges come from the first 75 samples of 100, the rest is measured on"
    assert f"remedies, measured on 25 samples: {told}" in lines
    header = next(line for line in lines if line.startswith("remedy "))
    assert header.split() == ["remedy", "loss", "gain", "size", "gain", "per", "kB"]
    assert any(line.startswith("one scale for each channel ") for line in lines)
    assert any(line.startswith("applied: ") for line in lines)


def test_without_samples_it_says_which_option_to_give(playground_cli, tmp_path):
    (tmp_path / "float.onnx").write_bytes(gallery.model_bytes("digits-mlp"))
    ran = playground_cli("quantize", tmp_path / "float.onnx", "--improve", "-o", tmp_path / "out.onnx")
    assert ran.code == 2
    assert "made-up inputs cannot tell what helps. Give samples as --data or --calibration" in ran.err
    assert not (tmp_path / "out.onnx").exists()


def test_interrupted_it_leaves_nothing(playground_cli, tmp_path, monkeypatch):
    def interrupt(_, step):
        if ", Bias correction" in step.message:
            raise KeyboardInterrupt

    monkeypatch.setattr(Console, "progress", interrupt)
    ran = playground_cli("quantize", "gallery:digits-mlp", *COARSE, "--improve", "-o", tmp_path / "out.onnx")
    assert ran.code == 130
    assert list(tmp_path.iterdir()) == []


def trial(*names: str) -> dict:
    """What ``Trial.as_dict`` gives, as far as it is shown."""
    remedies = [{"name": name} for name in names]
    return {
        "name": " + ".join(names),
        "remedies": remedies,
        "loss": 0.5,
        "gain": 0.25,
        "bytes": 10,
        "gain_per_kb": None,
    }


@pytest.mark.parametrize(
    ("best", "applied"),
    [(("a",), "a"), (("a", "b"), "a + b"), (("a", "b", "c"), "a + b + c"), ((), "none, since ")],
    ids=len,
)
def test_a_combination_has_a_row_of_its_own(best, applied, capsys):
    """A single remedy is in the table already."""
    found = {"listed": [trial("a"), trial("b"), trial("c")], "best": trial(*best) if best else None, "samples": 1}
    found |= {"told": "", "loss": 0.75, "loss_name": "cross-entropy", "useless": [], "failed": {}}
    show_improvement(found, Console(as_json=False))
    lines = capsys.readouterr().out.splitlines()
    at = next(place for place, line in enumerate(lines) if line.startswith("remedy "))
    end = next(place for place, line in enumerate(lines) if line.startswith("applied: "))
    rows = [line.split("  ")[0] for line in lines[at + 1 : end]]
    assert rows == ["a", "b", "c", *([applied] if len(best) > 1 else [])]
    assert lines[end].startswith(f"applied: {applied}")
