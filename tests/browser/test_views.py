"""Views open at once: drawn from what the build froze, whether Python is there or not, and nothing moves then."""

import pytest

from tests.browser.conftest import new_context
from tools.views_bench import OPENING

OPEN = "(name) => viewOpening.open(name)"


@pytest.fixture
def opened(browser, site, visit):
    contexts = []

    def make(width=1280, height=860):
        context = new_context(browser, viewport={"width": width, "height": height})
        contexts.append(context)
        made = type(visit)(context, site)
        made.page.add_init_script(path=OPENING)
        return made

    yield make
    for context in contexts:
        context.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_every_view_is_drawn_without_python_and_nothing_moves(opened, width):
    visit = opened(width)
    visit.context.route("**/worker*.js*", lambda _route: None)  # asked for, and never answered
    page = visit.page
    page.goto(visit.site)
    page.wait_for_function("() => performance.getEntriesByName('first view').length")
    page.wait_for_timeout(1000)
    for view in ("model", "run", "export", "tensor"):
        found = page.evaluate(OPEN, view)
        page.wait_for_timeout(700)
        assert "complete" in found, view
        moved = page.evaluate("() => viewOpening.shifts")
        assert sum(shift["value"] for shift in moved) <= 0.02, (view, moved)
    assert page.locator("#inventory [role=row]").count() > 3
    assert page.evaluate("() => window.playground.bootTimes") is None


def test_a_tab_that_is_clicked_before_the_page_is_there_is_the_one_that_opens(opened):
    visit = opened()
    page = visit.page
    page.add_init_script(
        """addEventListener("DOMContentLoaded", () => document.getElementById("tab-model").click(), { once: true });"""
    )
    visit.open()
    page.wait_for_function("() => playground.state.view === 'model'")
    assert page.locator("#view-model").is_visible()
    assert page.locator("#inventory [role=row]").count() > 3
    page.locator("#tab-tensor").click()
    page.wait_for_function("() => document.querySelector('#slot-tensor-histogram').childElementCount")
    page.get_by_role("slider", name="Bits").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => playground.state.format === 'int4'")


def test_a_view_that_was_not_looked_at_follows_the_model(opened):
    page = opened().open()
    page.evaluate("() => playground.setState({model: 'digits-convnet', weights: 'int4'})")
    page.evaluate(OPEN, "model")
    names = page.evaluate(
        "() => Array.from(Bokeh.documents.map((d) => d.get_model_by_name('inventory')).find(Boolean).data.name)"
    )
    assert names[0].startswith("conv1")
    assert page.locator("#inventory [role=rowheader]").first.get_attribute("aria-label") == names[0]
    page.get_by_role("combobox", name="Weights").get_by_text("int4").wait_for()
