"""The script for PyTorch is run: torch.ao, torchao and bitsandbytes make the codes and scales that we have written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import playground
from playground import Recipe, Scheme
from playground.errors import UnsupportedError
from playground.model.recipe import Override, Rule
from playground.ptq.scripts import Origin, script_of, scripts
from playground.ptq.without_graph import quantize_tensors

torch = pytest.importorskip("torch")
pytest.importorskip("bitsandbytes")
pytest.importorskip("torchao")
from safetensors.torch import load_file, save_file  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def tensors() -> dict[str, Any]:
    made = torch.Generator().manual_seed(5)
    return {
        "a.weight": torch.randn((12, 128), generator=made),
        "b.weight": torch.randn((6, 64), generator=made).half(),
        "b.bias": torch.randn(6, generator=made).bfloat16(),
        "steps": torch.arange(3),
    }


def saved(ending: str, folder: Path) -> Path:
    path = folder / f"m{ending}"
    if ending == ".npz":
        np.savez(path, **{name: values.float().numpy() for name, values in tensors().items()})
    elif ending == ".safetensors":
        save_file(tensors(), path)
    else:
        held = tensors()
        torch.save({"step": 3, "model": {"a": {"weight": held.pop("a.weight")}, **held}}, path)
    return path


def both(recipe: Recipe, ending: str, output: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run the script; our file is beside what it writes."""
    path = saved(ending, folder)
    model = playground.load(path)
    made = quantize_tensors(model, recipe)
    made.save(folder / f"ours-{output}")
    script = script_of("torch", Origin(model, recipe, made, path.name, output))
    monkeypatch.chdir(folder)
    exec(compile(script, "script", "exec"), {})  # noqa: S102
    return folder / output


INTEGERS = [
    Scheme(name, granularity, axis, symmetric=symmetric, convention="pytorch")
    for name in ("int8", "uint8")
    for granularity, axis in (("tensor", None), ("channel", 0), ("channel", -1))
    for symmetric in (True, False)
]
FLOATS = [Scheme(name, convention="torchao_mx") for name in ("mxfp8_e4m3", "mxfp8_e5m2", "mxfp4", "nvfp4")]


def assert_same_arrays(ours: Path, theirs: Path) -> None:
    held, found = np.load(ours), np.load(theirs)
    assert set(held) == set(found)
    assert sum(name.endswith(".codes") for name in held) == 2
    for name in held:
        assert (held[name].dtype, held[name].shape) == (found[name].dtype, found[name].shape), name
        np.testing.assert_array_equal(held[name], found[name], name)


@pytest.mark.parametrize("scheme", [*INTEGERS, *FLOATS], ids=repr)
def test_codes_and_scales_of_arrays(scheme: Scheme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = both(Recipe(weights=scheme, runtime="npz"), ".safetensors", "o.npz", tmp_path, monkeypatch)
    assert_same_arrays(tmp_path / "ours-o.npz", theirs)


@pytest.mark.parametrize("ending", [".npz", ".pt"])
def test_other_files_and_several_schemes(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint has dictionaries within dictionaries."""
    recipe = Recipe((Rule("*b.weight", INTEGERS[0]),), weights=INTEGERS[2], runtime="npz")
    theirs = both(recipe, ending, "o.npz", tmp_path, monkeypatch)
    assert_same_arrays(tmp_path / "ours-o.npz", theirs)


NESTED = Scheme("bnb_dynamic8", "block", -1, 256, convention="bitsandbytes", centre=True)
BITSANDBYTES = [
    Scheme("nf4", "block", -1, 64, convention="bitsandbytes"),
    Scheme("bnb_fp4", "block", -1, 32, convention="bitsandbytes"),
    Scheme("nf4", "block", -1, 64, convention="bitsandbytes", scale_scheme=NESTED),
    Scheme("int8", "channel", 0, convention="bitsandbytes"),
]


@pytest.mark.parametrize("scheme", BITSANDBYTES, ids=repr)
def test_files_of_bitsandbytes(scheme: Scheme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(weights=scheme, runtime="bitsandbytes")
    theirs = load_file(both(recipe, ".safetensors", "o.safetensors", tmp_path, monkeypatch))
    ours = load_file(tmp_path / "ours-o.safetensors")
    assert set(ours) == set(theirs)
    for name, values in ours.items():
        assert values.dtype == theirs[name].dtype, name
        if scheme.scale_scheme is not None and "quant_state" in name:
            # PyTorch adds up the mean of the scales in parts of its own
            found, told = (json.loads(bytes(state[name].numpy())) for state in (ours, theirs))
            assert found.pop("nested_offset") == pytest.approx(told.pop("nested_offset"), rel=1e-6)
            assert found == told
        elif scheme.scale_scheme is not None and "absmax" in name:
            np.testing.assert_allclose(values.float().numpy(), theirs[name].float().numpy(), rtol=1e-6, atol=1)
        else:
            assert torch.equal(values, theirs[name]), name


REFUSED = {
    "convention": (Scheme("int8", "channel", 0), "the convention 'pytorch'"),
    "narrow": (Scheme("int8", "channel", 0, convention="pytorch", narrow_range=True), "no other option"),
    "bits": (Scheme("int4", "channel", 0, convention="pytorch"), "have no int4"),
    "mx": (Scheme("mxfp4"), "the convention 'torchao_mx'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_pytorch_would_make_otherwise_has_no_script(case: str, tmp_path: Path) -> None:
    scheme, reason = REFUSED[case]
    model = playground.load(saved(".safetensors", tmp_path))
    recipe = Recipe(weights=scheme, runtime="npz")
    origin = Origin(model, recipe, quantize_tensors(model, recipe), "m.safetensors", "o.npz")
    with pytest.raises(UnsupportedError, match=f"no script for PyTorch makes the same: .*{reason}"):
        script_of("torch", origin)


def test_other_files_have_no_script(tmp_path: Path) -> None:
    why_not = scripts()["torch"].why_not
    model = playground.load(saved(".safetensors", tmp_path))
    blocks = Recipe(weights=Scheme("q8_0"), runtime="gguf")
    assert "ggml's blocks" in why_not(Origin(model, blocks, quantize_tensors(model, blocks), "m.npz", "o.gguf"))
    recipe = Recipe(weights=INTEGERS[0], runtime="npz")
    made = quantize_tensors(model, recipe)
    assert "the script opens" in why_not(Origin(model, recipe, made, "m.gguf", "o.npz"))
    clipped = Recipe(weights=INTEGERS[0], runtime="npz", overrides=(Override("a.weight", range=(-1, 1)),))
    assert "ranges of single tensors" in why_not(Origin(model, clipped, made, "m.npz", "o.npz"))
    assert "a graph" in why_not(Origin(model, recipe, None, "m.onnx", "o.onnx"))  # type: ignore[arg-type]
