"""axe finds nothing to complain about, of any level: every view, both themes, lists, the menu and the dialog open."""

import numpy as np
import pytest
from playwright.sync_api import expect

from tools import downloads

RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${target.flat(2).join(" ")}: ${failureSummary.replaceAll("\\n", " ")}`));
}"""

OTHERS = [("light", 360), ("dark", 1280)]
"""Themes and widths: colours hardly depend on the width, nor names on the theme."""

SETTLED = "() => [...document.querySelectorAll('.stale')].every((pale) => !pale.checkVisibility())"


@pytest.fixture
def axe(page):
    """Runs axe on what is on screen, and returns its complaints."""
    source = (downloads.node_modules() / "axe-core" / "axe.min.js").read_text("utf-8")
    page.evaluate(source)  # the policy forbids a script of another text; the debugger may

    def run():
        page.wait_for_timeout(400)
        return page.evaluate(RUN)

    yield run
    page.set_viewport_size({"width": 1280, "height": 860})
    page.evaluate("() => { document.documentElement.dataset.theme = 'light'; }")


@pytest.mark.parametrize(
    ("theme", "width"),
    [("light", 1280), ("dark", 360), *(pytest.param(*pair, marks=pytest.mark.heavy) for pair in OTHERS)],
)
@pytest.mark.parametrize("view", ["tensor", "model", "run", "export"])
def test_a_view(page, axe, view, theme, width):
    page.set_viewport_size({"width": width, "height": 860})
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    page.locator(f"#tab-{view}").click()
    page.wait_for_timeout(600)
    page.evaluate("() => { for (const fold of document.querySelectorAll('details')) fold.open = true; }")
    page.wait_for_function(SETTLED)  # what is being worked out is pale
    assert axe() == []


@pytest.mark.parametrize(
    ("theme", "width"),
    [("dark", 1280), ("light", 360), pytest.param("light", 1280, marks=pytest.mark.heavy)],
)
def test_two_files_compared(page, axe, tmp_path, theme, width):
    page.set_viewport_size({"width": width, "height": 860})
    page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
    values = np.linspace(-1, 1, 64, dtype=np.float32)
    np.savez(
        tmp_path / "b.npz", **{"fc1.weight": np.zeros((512, 64), np.float32), "fc1.bias": np.float32([1]), "w": values}
    )
    page.set_input_files("#compare-file", tmp_path / "b.npz")
    expect(page.locator("#comparison-plot path")).to_have_count(2)
    page.evaluate("() => { for (const fold of document.querySelectorAll('#comparison details')) fold.open = true; }")
    page.locator("#comparison-rename").fill("(=x")
    page.locator("#comparison-match").click()
    expect(page.locator("#comparison-fault")).to_be_visible()
    assert axe() == []
    page.locator("#comparison-close").click()


@pytest.mark.parametrize("label", ["Format", "Tensor"])
def test_an_open_list(page, axe, label):
    page.locator("#slot-tensor-controls").get_by_role("combobox", name=label, exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("listbox").wait_for()
    assert axe() == []
    page.keyboard.press("Escape")


def test_the_menu_and_the_messages(page, axe):
    page.locator("#menu-button").click()
    page.set_input_files("#open", files=[{"name": "a.onnx", "mimeType": "", "buffer": b"not a model"}])
    expect(page.locator(".toast.bad")).to_be_visible()
    assert axe() == []
    page.keyboard.press("Escape")


def test_the_table_of_a_plot(page, axe):
    page.locator("#view-tensor .big .as-table").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").wait_for()
    assert axe() == []
    page.keyboard.press("Escape")


def test_the_open_sheet_of_a_phone(page, axe):
    page.set_viewport_size({"width": 360, "height": 740})
    page.locator("#view-tensor .chips").click()
    assert axe() == []
    page.locator("#view-tensor .chips").click()
