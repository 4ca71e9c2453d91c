"""Files that have tensors and no graph, opened by the file chooser: one, and several of one model together."""

import json

import numpy as np
import pytest
import safetensors.numpy
from playwright.sync_api import expect

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
