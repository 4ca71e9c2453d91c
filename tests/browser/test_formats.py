"""Number formats in the page: picked from the list, and computed as the package computes them."""

import pytest
from playwright.sync_api import expect

import playground
from playground import gallery
from playground.app.format_choices import groups


def pick(page, label, choice):
    """Choose from a list."""
    page.locator("#slot-tensor-controls").get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=choice, exact=True).click()


def test_a_table_and_its_blocks_are_picked_from_the_lists(page, numbers):
    controls = page.locator("#slot-tensor-controls")
    pick(page, "Format", "NF4, normal float · 4 bits")
    expect(page.locator("#slot-tensor-histogram")).to_contain_text("16 levels")
    assert page.evaluate("() => playground.state.format") == "nf4"
    expect(controls.get_by_role("slider", name="Bits")).to_have_count(0)
    controls.get_by_role("button", name="Block").click()
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("5.00")
    pick(page, "Values in a block", "128")
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("4.25")
    expect(page.locator("#slot-tensor-histogram")).to_contain_text("16 levels a block")
    pick(page, "Format", "Signed integer")
    expect(controls.get_by_role("slider", name="Bits")).to_have_count(1)
    assert page.evaluate("() => playground.state.format") == "int4"


def test_the_list_has_every_group(page):
    page.locator("#slot-tensor-controls").get_by_role("combobox", name="Format", exact=True).click()
    offered = page.get_by_role("option").all_inner_texts()
    for group in groups().values():
        assert set(group) <= set(offered)
    page.keyboard.press("Escape")


@pytest.mark.parametrize("name", ["fp8_e4m3", "kmeans3", "mxfp4", "nvfp4", "q4_0", "q4_k"])
def test_numbers_are_those_of_the_python_package(page, numbers, name):
    page.evaluate("(format) => playground.setState({format, granularity: 'tensor'})", name)
    x = gallery.open_model("digits-mlp").tensors["fc2.weight"].numpy()
    q = playground.quantize(x, playground.Scheme(name))
    shown = numbers(page)
    sqnr = float(shown["SQNR"].split()[0])
    assert sqnr == pytest.approx(playground.compare(x, q.dequantize())["sqnr_db"], rel=5e-3)
    assert float(shown["Bits per weight"]) == pytest.approx(q.bits_per_weight, rel=5e-3)
