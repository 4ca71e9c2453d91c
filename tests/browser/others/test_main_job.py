"""The main job in Firefox and WebKit, as a person does it: look, drag, open a file, quantize it, run it, keep it."""

import base64

import numpy as np
import onnxruntime
import pytest

from playground import gallery

pytestmark = pytest.mark.heavy

SPOT = """(() => {
  const doc = Bokeh.documents.find((document) => document.get_model_by_name("histogram-bars"));
  const view = Bokeh.index.find_one_by_id(doc.get_model_by_name("histogram").id);
  const box = view.el.getBoundingClientRect();
  const at = (value) => box.left + view.frame.x_scale.compute(value);
  return { from: at(playground.state.hi), to: at(0.1), y: box.top + box.height / 2 };
})()"""
DEEP = """(root, selector) => {
  const found = [...root.querySelectorAll(selector)];
  for (const host of root.querySelectorAll("*")) if (host.shadowRoot) found.push(...deep(host.shadowRoot, selector));
  return found;
}"""
"""All elements that a selector fits, those within components too."""
FORMAT = """deep(document.getElementById("slot-tensor-controls"), "label")
  .find((label) => label.textContent === "Format").parentElement.querySelector("[role=combobox]")"""
WATCH_SAVED = """(() => {
  const real = URL.createObjectURL;
  URL.createObjectURL = (blob) => { window.saved = blob; return real.call(URL, blob); };
})()"""
SAVED = """new Promise((resolve) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.split(",")[1]);
  reader.readAsDataURL(window.saved);
})"""


def test_a_handle_is_dragged(other):
    other.evaluate("playground.setState({format: 'int4', lo: -0.5, hi: 0.5})")
    other.until("!document.querySelector('.stale')")
    spot = other.evaluate(SPOT)
    step = (spot["to"] - spot["from"]) / 10
    other.window.act([(spot["from"] + i * step, spot["y"]) for i in range(11)])
    other.until("Math.abs(playground.state.hi - 0.1) < 0.05")
    assert other.evaluate("playground.state.lo") == -0.5


def test_a_format_is_chosen_by_key(other):
    other.evaluate("playground.reset()")
    other.until("playground.state.format === 'int3'")
    other.evaluate(f"(window.deep = {DEEP}, null)")
    other.evaluate(f"(({FORMAT}).focus(), null)")
    other.window.press("\ue015")  # arrow down
    other.until("deep(document.body, '[role=listbox]').length > 0")
    other.window.press("\ue015")
    other.window.press("\ue007")  # enter
    other.until("playground.state.format !== 'int3'")


def test_a_file_is_opened_quantized_run_and_kept(other, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(gallery.model_bytes("digits-convnet"))
    other.window.give_file("#open", path)
    other.until("playground.state.model === 'upload'")
    other.click("#tab-model")
    other.click("#quantize")
    other.until("!document.getElementById('save-model').disabled", 120)
    other.click("#tab-run")
    other.click("#made-up")
    other.until("document.getElementById('pad-hint').textContent.includes('On made-up inputs')", 120)
    other.evaluate(WATCH_SAVED)
    other.click("#tab-export")
    other.click("#save-model")
    other.until("!!window.saved")
    session = onnxruntime.InferenceSession(base64.b64decode(other.evaluate(SAVED)))
    digits = gallery.digits()
    (logits,) = session.run(None, {session.get_inputs()[0].name: digits.images[:200]})
    assert np.mean(logits.argmax(1) == digits.labels[:200]) > 0.9
