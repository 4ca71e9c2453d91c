"""The Tensor view: what is moved, and what follows."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

import playground
from playground import gallery

SETTLED = "() => !window.playgroundStart.fastPath().ahead"
"""Python has answered all that the fast path has drawn."""


def percent(text):
    return float(re.match(r"([\d.]+) %", text).group(1))


def as_number(text):
    return float(text.split()[0].replace("−", "-").replace("\u202f", ""))


def test_opens_at_three_bits_with_something_to_see(page, numbers):
    shown = numbers(page)
    assert percent(shown["Accuracy"]) < 90
    assert shown["Bits per weight"] == "3.00"
    assert page.evaluate("() => playground.state.format") == "int3"


def test_numbers_are_those_of_the_python_package(act, page, numbers):
    page.evaluate("() => playground.setState({format: 'int4', symmetric: true, lo: -0.25, hi: 0.25})")
    x = gallery.open_model("digits-mlp").tensors["fc2.weight"].numpy()
    scheme = playground.Scheme("int4", symmetric=True)
    q = playground.quantize(x, scheme, range=playground.Range(-0.25, 0.25))
    expected = playground.compare(x, q.dequantize())
    shown = numbers(page)
    assert as_number(shown["SQNR"]) == pytest.approx(expected["sqnr_db"], rel=5e-3)
    assert as_number(shown["Max error"]) == pytest.approx(expected["max_error"], rel=5e-3)
    np.testing.assert_allclose(act("picture")["levels"], np.unique(q.qparams.scale * np.arange(-8, 8)), rtol=1e-6)


def test_bits_slider_by_keyboard_moves_plots_and_numbers(act, page, numbers):
    before, levels = numbers(page), act("picture")["levels"]
    page.get_by_role("slider", name="Bits").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("4.00")
    page.wait_for_function(SETTLED)
    after = numbers(page)
    assert len(act("picture")["levels"]) == 2 * len(levels)
    assert as_number(after["Cross-entropy"]) < as_number(before["Cross-entropy"])
    assert after["Size"] != before["Size"]


def test_the_keyboard_is_seen_where_it_is(page):
    page.get_by_role("button", name="Tensor", exact=True).focus()
    page.keyboard.press("ArrowRight")
    channel = page.get_by_role("button", name="Channel", exact=True)
    expect(channel).to_be_focused()
    assert channel.evaluate("(button) => getComputedStyle(button).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_function("() => playground.state.granularity === 'channel'")


@pytest.mark.parametrize(
    ("change", "scales"),
    [({"granularity": "channel"}, 128), ({"granularity": "channel", "axis": 1}, 512), ({"granularity": "tensor"}, 1)],
)
def test_granularity(page, change, scales):
    page.evaluate("(change) => playground.setState(change)", change)
    remark = page.locator("#slot-tensor-numbers").get_by_text(re.compile("as stored")).inner_text()
    assert int(re.search(r"(\d+) scale", remark).group(1)) == scales


def test_widgets_follow_the_settings(page):
    page.evaluate("() => playground.setState({granularity: 'channel', calibrator: 'percentile', format: 'uint6'})")
    controls = page.locator("#slot-tensor-controls")
    expect(controls.get_by_role("button", name="Channel", exact=True)).to_have_attribute("aria-pressed", "true")
    expect(controls.get_by_role("slider", name="Bits")).to_have_attribute("aria-valuenow", "6")
    expect(controls.get_by_role("combobox", name="Calibration")).to_contain_text("Percentile")
    expect(controls.get_by_role("slider", name="Zero-point")).to_have_count(0)


def test_a_refused_setting_leaves_everything_as_it_was(page, numbers):
    before, state = numbers(page), page.evaluate("() => playground.state")
    refusal = page.evaluate("() => playground.setState({format: 'int99'}).catch((error) => error)")
    assert refusal["kind"] == "invalid_input"
    assert "int99" in refusal["message"]
    assert "such as int9" in refusal["message"]
    assert numbers(page) == before
    assert page.evaluate("() => playground.state") == state


def test_the_address_is_the_permalink(visit, page):
    page.evaluate("() => playground.setState({format: 'uint5', lo: -0.125, convention: 'pytorch'})")
    assert "format=uint5" in page.url
    assert "lo=-0.125" in page.url
    assert "convention=pytorch" in page.url


def test_theme_reaches_the_plots(page):
    colour = "() => getComputedStyle(document.body).color"
    before = page.evaluate(colour)
    label = """() => { const doc = Bokeh.documents.find((d) => d.get_model_by_name('histogram'));
      return doc.get_model_by_name('histogram').below[0].major_label_text_color; }"""
    light = page.evaluate(label)
    page.locator("#menu-button").click()
    page.locator("#theme").click()
    dark = page.evaluate(label)
    page.locator("#menu-button").click()
    page.locator("#theme").click()
    assert light != dark
    assert page.evaluate(colour) == before


def test_sliders_never_queue(page):
    page.get_by_role("slider", name="Bits").focus()
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("End")
    page.wait_for_function("() => playground.state.format === 'int8'", timeout=3000)
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("8.00")
