"""Files that have tensors and no graph, opened by the file chooser: one, and several of one model together."""

import json
import re

import numpy as np
import pytest
import safetensors.numpy
from playwright.sync_api import expect

from playground import gallery, load
from playground.cli import main
from tests.hostile.make_gguf import TEXT, entry, gguf, info
from tests.hostile.make_torch import checkpoint, storage, tensor

X = np.linspace(-1, 1, 64, dtype=np.float32).reshape(2, 32)


def blocks():
    """X in blocks of Q8_0."""
    scales = (np.abs(X).max(axis=1, keepdims=True) / 127).astype("<f2")
    codes = np.rint(X / scales.astype(np.float32)).astype(np.int8)
    return np.concatenate([scales.view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()


def npy():
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 32), }"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + X.tobytes()


SHARDS = {f"m-0000{i}-of-00002.safetensors": safetensors.numpy.save({f"w{i}": X}) for i in (1, 2)}
INDEX = json.dumps({"weight_map": {f"w{i}": name for i, name in enumerate(SHARDS, 1)}}).encode()
FILES = {
    "gguf": {"m.gguf": gguf([entry("general.name", TEXT, "small")], [info("w", (2, 32), 8, 0)], blocks())},
    "pt": {"m.pt": checkpoint({"fc": {"w": tensor(storage("0", 64), (2, 32), (32, 1))}}, {"0": X.tobytes()})},
    "npy": {"m.npy": npy()},
    "safetensors": {"m.safetensors.index.json": INDEX, **SHARDS},
}


@pytest.mark.parametrize("kind", FILES)
def test_tensors_are_shown(page, source, tmp_path, kind):
    for name, data in FILES[kind].items():
        (tmp_path / name).write_bytes(data)
    page.set_input_files("#open", [tmp_path / name for name in FILES[kind]])
    page.wait_for_function("() => playground.state.model === 'upload'")
    expect(page.locator("#opened-about")).to_contain_text("tensors only")
    expect(page.locator("#opened-quantize")).to_be_visible()
    expect(page.locator("#opened-calibration")).to_be_hidden()
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    names = {"gguf": ["w"], "pt": ["fc.w"], "npy": ["m"], "safetensors": ["w1", "w2"]}[kind]
    assert source(page, "inventory")["name"] == names
    told = page.locator("#view-model").get_by_text("Metadata of the file")
    assert told.count() == (kind == "gguf")


def test_weights_are_quantized_and_downloaded(page, tmp_path):
    (tmp_path / "m.npy").write_bytes(npy())
    page.set_input_files("#open", tmp_path / "m.npy")
    page.wait_for_function("() => playground.state.model === 'upload'")
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled")
    page.locator("#tab-export").click()
    expect(page.locator("#save-model")).to_have_text("Download .npz")
    expect(page.locator("#save-page")).to_be_disabled()
    with page.expect_download() as download:
        page.locator("#save-model").click()
    assert download.value.suggested_filename == "m-int8.npz"
    held = np.load(download.value.path())
    np.testing.assert_allclose(held["m.codes"] * held["m.scale"], X, atol=0.005)


def download(page, button):
    with page.expect_download() as found:
        page.locator(button).click()
    return found.value.path().read_bytes()


def quantized(page, path, samples=None, **changes):
    """A file, quantized in the page, and the recipe that the page exports."""
    page.set_input_files("#open", path)
    expect(page.locator("#opened-name")).to_have_text(path.name)
    if samples is not None:
        page.set_input_files("#calibration", samples)
        expect(page.locator("#calibration-name")).to_have_text(samples.name)
    page.evaluate("(changes) => playground.setState(changes)", changes)
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    page.locator("#tab-export").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled")
    expect(page.locator("#export-model-text")).to_contain_text("quantized")
    return download(page, "#save-model"), download(page, "#save-recipe")


def by_command(tmp_path, path, recipe, ending, *options):
    (tmp_path / "recipe.json").write_bytes(recipe)
    output = tmp_path / f"out{ending}"
    given = ["quantize", str(path), "--recipe", str(tmp_path / "recipe.json"), "-o", str(output), "--no-verify"]
    assert main([*given, *options]) == 0
    return output.read_bytes()


KINDS = {
    ".npz": {"runtime": "onnxruntime", "weights": "int4"},
    ".gguf": {"runtime": "gguf", "weights": "q4_k"},
    ".safetensors": {"runtime": "bitsandbytes", "weights": "nf4"},
}


@pytest.mark.parametrize("ending", KINDS)
def test_the_command_line_writes_the_same_bytes(page, tmp_path, ending):
    rng = np.random.default_rng(4)
    tensors = {"fc.weight": rng.normal(0, 1, (16, 512)).astype(np.float32), "fc.bias": np.ones(16, np.float16)}
    path = tmp_path / f"for{ending}.safetensors"
    path.write_bytes(safetensors.numpy.save(tensors))
    ours, recipe = quantized(page, path, **KINDS[ending])
    assert ours == by_command(tmp_path, path, recipe, ending)
    expect(page.locator("#save-model")).to_have_text(f"Download {ending}")
    expect(page.locator("[data-tool=torch]")).to_be_disabled()
    expect(page.locator("#code-missing")).to_contain_text("No script for PyTorch makes the same")
    expect(page.locator("[data-tool=playground]")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#code")).to_contain_text("quantize_tensors(model, recipe")


@pytest.mark.parametrize("activations", ["weight_only", "dynamic", "static"])
def test_the_command_line_writes_the_same_bytes_of_a_graph(page, tmp_path, activations):
    path, samples = tmp_path / f"{activations}.onnx", tmp_path / f"{activations}.npz"
    path.write_bytes(gallery.model_bytes("digits-mlp"))
    np.savez(samples, **gallery.calibration("digits-mlp"))
    given = samples if activations == "static" else None
    changes = {"runtime": "onnxruntime", "weights": "int8", "activations": activations}
    ours, recipe = quantized(page, path, given, **changes)
    options = ("--calibration", str(samples)) if given else ()
    theirs = by_command(tmp_path, path, recipe, ".onnx", *options)
    if given:
        # NumPy adds up products in another order in a browser, so ranges differ in their last places
        assert_as_close_as_sums(ours, theirs)
    else:
        assert ours == theirs
    if activations != "weight_only":
        page.locator("[data-tool=onnxruntime]").click()
        expect(page.locator("#code")).to_contain_text(f"quantize_{activations}(")


def assert_as_close_as_sums(ours, theirs):
    """All constants are equal, but for the scales that come of ranges, and biases in steps of them."""
    assert len(ours) == len(theirs)
    found, wanted = load(ours, "ours.onnx").tensors, load(theirs, "theirs.onnx").tensors
    assert list(found) == list(wanted)
    for name in found:
        values, others = found[name].numpy(), wanted[name].numpy()
        if values.dtype == np.float32:
            np.testing.assert_allclose(values, others, rtol=1e-6, err_msg=name)
        else:
            assert np.abs(values.astype(np.int64) - others).max() <= (values.dtype == np.int32), name


@pytest.mark.parametrize("ending", KINDS)
def test_the_weights_of_a_graph_are_written_as_by_the_command_line(page, tmp_path, ending):
    path = tmp_path / f"graph{ending}.onnx"
    path.write_bytes(gallery.model_bytes("digits-mlp"))
    # the search of the K-quants adds up products, in another order in a browser
    others = {".npz": {"runtime": "npz"}, ".gguf": {"weights": "q5_1"}}
    changes = {**KINDS[ending], **others.get(ending, {}), "activations": "weight_only"}
    ours, recipe = quantized(page, path, **changes)
    assert ours == by_command(tmp_path, path, recipe, ending)
    assert load(ours, f"x{ending}").graph is None
    expect(page.locator("#save-model")).to_have_text(f"Download {ending}")
    expect(page.locator("#save-page")).to_be_disabled()
    page.locator("#tab-model").click()
    expect(page.locator("#slot-model-report")).to_contain_text("not its graph")
    for button in ("#sensitivity", "#improve", "#mixed", "#curve"):
        expect(page.locator(button)).to_be_disabled()
    expect(page.locator("#sensitivity")).to_have_attribute("title", re.compile("weights without a graph"))
    page.evaluate("() => playground.setState({runtime: 'onnxruntime', weights: 'int8'})")
    expect(page.locator("#sensitivity")).to_be_enabled()
