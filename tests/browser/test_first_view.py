"""The first view: what is painted before Python is there is what it stays, to the pixel, and nothing moves."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.conftest import new_context

FIRST_VIEW = "() => performance.getEntriesByName('first view').length > 0"
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map(({node, previousRect: a, currentRect: b}) =>
      `${node?.id || node?.className || node?.nodeName}: ${a.y}+${a.height} -> ${b.y}+${b.height}`);
    shifts.push({value: entry.value, at: entry.startTime, moved});
  }
}).observe({type: 'layout-shift', buffered: true});
"""


@pytest.fixture
def opened(browser, site, visit):
    contexts = []

    def open_page(width):
        context = new_context(browser, viewport={"width": width, "height": 860})
        contexts.append(context)
        return type(visit)(context, site)

    yield open_page
    for context in contexts:
        context.close()


def picture(page):
    """What is painted of the views, at rest, without the note in the corner."""
    page.add_style_tag(content="#boot, .toasts { visibility: hidden } * { caret-color: transparent !important }")
    page.wait_for_function("() => document.fonts.ready.then(() => true)")
    page.wait_for_timeout(1000)
    box = page.locator("#views").bounding_box()
    clip = {"x": 0, "y": box["y"], "width": 1280, "height": 860 - box["y"]}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"), np.int16)


def test_the_view_without_python_is_the_view_with_it(opened):
    blocked = opened(1280)
    blocked.context.route("**/worker.js*", lambda _route: None)  # asked for, and never answered
    blocked.page.goto(blocked.site)
    blocked.page.wait_for_function(FIRST_VIEW)
    before = picture(blocked.page)
    assert blocked.page.evaluate("() => window.playground.bootTimes") is None
    after = picture(opened(1280).open())
    assert before.std() > 10, "something is painted"
    difference = np.abs(before - after).max(axis=2)
    assert difference.max() <= 1, f"{(difference > 1).sum()} pixels differ, first at {np.argwhere(difference > 1)[:1]}"
    assert (difference > 0).sum() < 300, "one step of 255, where the browser rounds the cards' corners"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves(opened, width):
    visit = opened(width)
    visit.page.add_init_script(SHIFTS)
    page = visit.open()
    page.wait_for_timeout(2000)
    shifts = page.evaluate("() => window.shifts")
    assert sum(shift["value"] for shift in shifts) <= 0.02, shifts


SENTENCE = "[data-advice=tensor]"


def test_the_first_sentence_is_there_before_any_script(browser, site, visit):
    context = new_context(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(site)
    written = page.locator(SENTENCE).inner_text()
    context.close()
    assert written.startswith("3 bits, one scale: ")
    assert visit.page.locator(SENTENCE).inner_text().startswith(written + " Try ")


def test_a_link_with_other_settings_does_not_show_that_sentence(opened):
    blocked = opened(1280)
    blocked.context.route("**/worker*.js*", lambda _route: None)  # Python never comes
    blocked.context.route("**/page*.js", lambda _route: None)  # nor does the page's script
    blocked.page.goto(f"{blocked.site}/?v=1&format=int8", wait_until="commit")
    sentence = blocked.page.locator(SENTENCE)
    sentence.wait_for(state="attached")
    assert sentence.is_hidden()
    other = opened(1280)
    other.context.route("**/worker*.js*", lambda _route: None)
    other.page.goto(f"{other.site}/?v=1&format=int8")
    other.page.wait_for_function(FIRST_VIEW)
    assert other.page.locator(SENTENCE).inner_text() == ""


OUT_OF_SIGHT = """() => {
  const found = [];
  const walk = (node, figure) => {
    const own = node.classList?.contains('bk-Figure') ? node : figure;
    if (own && node.classList?.contains('bk-below')) {
      const [axis, plot] = [node.getBoundingClientRect(), own.getBoundingClientRect()];
      found.push(Math.round(axis.bottom - plot.bottom));
    }
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) walk(child, own);
  };
  walk(document.querySelector('#view-tensor .stage'), null);
  return found;
}"""


@pytest.mark.parametrize("width", [768, 1280, 3840])
def test_no_plot_is_higher_than_the_room_that_its_title_leaves(opened, width):
    page = opened(width).open()
    below = page.evaluate(OUT_OF_SIGHT)
    assert len(below) >= 4
    assert max(below) <= 1, below
