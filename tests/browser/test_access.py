"""What would lock people out: every control by keyboard alone, names, what is spoken, and what the system asks for."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import new_context

DEEP = """() => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return at;
}"""
WITH_FOCUS = f"""() => {{
  const at = ({DEEP})();
  return {{ tag: at.tagName, role: at.getAttribute("role"), id: at.id, name: at.getAttribute("aria-label"),
    view: Boolean(at.closest(".grid")) }};
}}"""
LIVE = """() => {
  const found = [];
  const walk = (node) => {
    if (node.matches?.("[aria-live], [role=status], [role=alert], [role=log], output")) found.push(node);
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) walk(child);
  };
  walk(document.documentElement);
  const whole = (node) => [node, ...[...(node.shadowRoot?.children ?? []), ...node.children].flatMap(whole)];
  window.spoken = 0;
  const observer = new MutationObserver((records) => { window.spoken += records.length; });
  for (const node of new Set(found.flatMap(whole))) {
    for (const root of [node, node.shadowRoot].filter(Boolean))
      observer.observe(root, { childList: true, characterData: true, attributes: true, subtree: true });
  }
}"""
SETTLED = "() => !window.playgroundStart.fastPath().ahead"


def focus(page):
    """The element that has the keyboard, within however many shadow roots."""
    return page.evaluate(WITH_FOCUS)


def box(page, label):
    return page.locator("#slot-tensor-controls").get_by_role("combobox", name=label, exact=True)


@pytest.mark.parametrize("key", ["Enter", "Space", "ArrowDown"])
@pytest.mark.parametrize("label", ["As", "Format", "Calibration", "Tensor"])
def test_every_list_opens_by_key(page, label, key):
    box(page, label).focus()
    page.keyboard.press(key)
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(box(page, label)).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Space", "ArrowDown"])
def test_a_list_opens_and_is_chosen_from_by_key(page, key):
    calibration = box(page, "Calibration")
    calibration.focus()
    page.keyboard.press(key)
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("End")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_function("() => playground.state.calibrator !== 'minmax'")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(calibration).to_be_focused()


@pytest.mark.parametrize("label", ["As", "Format", "Calibration", "Tensor"])
def test_escape_closes_a_list_and_the_keyboard_stays(page, label):
    before = page.evaluate("() => playground.state")
    box(page, label).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("listbox")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_have_count(0)
    expect(box(page, label)).to_be_focused()
    assert page.evaluate("() => playground.state") == before


def test_a_list_holds_options_and_nothing_else(page):
    box(page, "Format").focus()
    page.keyboard.press("ArrowDown")
    listed = page.get_by_role("listbox")
    expect(listed.get_by_role("option", name="NF4, normal float")).to_be_visible()
    expect(listed.get_by_role("menuitem")).to_have_count(0)
    expect(listed.get_by_role("textbox")).to_have_count(0)
    page.keyboard.press("Escape")


def test_a_tensor_is_found_by_typing(page):
    picker = box(page, "Tensor")
    picker.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")  # what a field holds is selected by Tab, and typed over
    page.keyboard.type("fc1.weight")
    offered = page.get_by_role("listbox").get_by_role("option")
    expect(offered.first).to_be_visible()
    assert all("fc1.weight" in text for text in offered.all_inner_texts())
    page.keyboard.press("Enter")
    page.wait_for_function("() => playground.state.tensor === 'fc1.weight'")
    expect(picker).to_have_value(re.compile("fc1.weight"))


@pytest.mark.parametrize("key", ["PageDown", "Shift+ArrowLeft"])
def test_a_large_step_is_a_tenth_of_the_range(page, key):
    page.evaluate("() => playground.setState({format: 'int6'})")
    bits = page.get_by_role("slider", name="Bits")
    bits.focus()
    page.keyboard.press(key)
    expect(bits).to_have_attribute("aria-valuenow", "5")
    upper = page.get_by_role("slider", name="Clip, upper end")
    low, high, before = (float(upper.get_attribute(f"aria-value{part}")) for part in ("min", "max", "now"))
    upper.focus()
    page.keyboard.press(key)
    page.wait_for_function("() => playground.state.hi !== null")
    assert before - float(upper.get_attribute("aria-valuenow")) == pytest.approx((high - low) / 10, rel=0.02)


def test_both_ends_of_the_clip_range_have_names_of_their_own(page):
    clip = page.locator("#slot-tensor-controls").get_by_role("slider", name="Clip")
    names = [thumb.get_attribute("aria-label") for thumb in clip.all()]
    assert names == ["Clip, lower end", "Clip, upper end"]


def test_the_inventory_is_one_tab_stop_and_enter_chooses(page):
    page.locator("#tab-model").click()
    page.locator("#inventory [role=row]").nth(3).wait_for()
    page.get_by_role("columnheader", name="Tensor").focus()
    tensor = page.evaluate("() => playground.state.tensor")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "End", "Home", "PageDown", "Control+Home", "ArrowDown"):
        page.keyboard.press(key)
        assert focus(page)["view"], key
    assert page.evaluate("() => playground.state.tensor") == tensor, "moving about chooses nothing"
    page.keyboard.press("Enter")
    wanted = focus(page)["name"]
    page.wait_for_function("(name) => playground.state.tensor === name", arg=wanted)
    expect(page.locator("#inventory [aria-selected=true] [role=rowheader]")).to_have_attribute("aria-label", wanted)
    assert focus(page)["name"] == wanted
    page.keyboard.press("Tab")
    assert not focus(page)["view"], "one Tab leaves the grid"
    page.keyboard.press("Shift+Tab")
    assert focus(page)["name"] == wanted, "and comes back to the same cell"


def test_the_inventory_sorts_by_a_title(page, source):
    page.locator("#tab-model").click()
    title = page.get_by_role("columnheader", name="Parameters")
    title.focus()
    page.keyboard.press("Enter")
    expect(title).to_have_attribute("aria-sort", "descending")
    first = page.locator("#inventory [aria-rowindex='2'] [role=gridcell]").nth(3)
    largest = max(source(page, "inventory")["parameters"])
    expect(first).to_have_text(f"{largest:,}".replace(",", "\u202f"))
    assert focus(page)["role"] == "columnheader"
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(title).to_have_attribute("aria-sort", "none")


def test_a_drag_is_spoken_once(page):
    page.evaluate(LIVE)
    bits = page.get_by_role("slider", name="Bits")
    bits.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowLeft")
        page.wait_for_timeout(20)
    page.keyboard.press("ArrowRight")
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(1500)
    page.wait_for_function("() => window.spoken > 0")
    assert page.evaluate("() => window.spoken") <= 3
    expect(page.locator("#announced")).to_contain_text(re.compile("Accuracy [0-9.]+ %"))


@pytest.mark.parametrize(("width", "height"), [(320, 568), (360, 740), (1280, 800)])
def test_everything_that_can_be_pressed_has_a_name(page, width, height):
    size = page.viewport_size
    page.set_viewport_size({"width": width, "height": height})
    try:
        expect(page.locator("#open")).to_have_accessible_name("Open a model")
        page.locator("#menu-button").click()
        expect(page.locator("#share")).to_have_accessible_name(re.compile("Share"))
        for part in page.locator("button:visible, select:visible, a:visible").all():
            expect(part).to_have_accessible_name(re.compile("."))
        page.keyboard.press("Escape")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    finally:
        page.set_viewport_size(size)


def test_the_menu_opens_and_closes_by_key(page):
    button = page.locator("#menu-button")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    assert focus(page)["id"] == "menu-compare"
    page.keyboard.press("Escape")
    expect(page.locator("#menu")).to_be_hidden()
    expect(button).to_be_focused()


def test_what_went_wrong_stays_until_it_is_closed(page):
    page.evaluate("""() => {
      const real = window.setTimeout;
      window.setTimeout = (work, ms, ...rest) => real(work, ms / 50, ...rest);
    }""")
    for kind in ("int98", "int99"):
        page.evaluate("(format) => playground.setState({format}).catch(() => {})", kind)
    page.set_input_files("#open", files=[{"name": "a.onnx", "mimeType": "", "buffer": b"not a model"}])
    toast = page.locator(".toast.bad")
    expect(toast).to_have_count(1)
    page.wait_for_timeout(1500)
    expect(toast).to_have_count(1)
    expect(toast).to_have_attribute("role", "alert")
    size = page.viewport_size
    for width, height in ((1280, 860), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        for view in ("tensor", "model", "run", "export"):
            page.locator(f"#tab-{view}").click()
            for button in page.locator(f"#view-{view} button:visible:enabled").all():
                button.click(trial=True, timeout=3000)
    page.set_viewport_size(size)
    toast.get_by_role("button", name="Close this message").focus()
    page.keyboard.press("Enter")
    expect(toast).to_have_count(0)
    assert focus(page)["tag"] != "BODY"
    page.reload()
    page.wait_for_function("() => window.playground?.bootTimes")


def test_each_plot_is_one_tab_stop_with_its_numbers_and_a_table(page):
    stops = """() => {
      const found = [];
      const walk = (node) => {
        if (node.matches("details.save")) return; // its menu is a button beside the plot
        if (node.tabIndex >= 0 && node.offsetParent !== null) found.push(node.className || node.tagName);
        for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) walk(child);
      };
      for (const card of document.querySelectorAll("#view-tensor .stage .card")) walk(card);
      return found;
    }"""
    assert page.evaluate(stops) == ["as-table"] * 4
    table = page.locator("#view-tensor .big .as-table")
    before = table.get_attribute("aria-label")
    assert "65\u202f536 values" in before
    page.evaluate("() => playground.setState({tensor: 'fc1.weight'})")
    page.wait_for_function("(text) => document.querySelector('.big .as-table').ariaLabel !== text", arg=before)
    table.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("columnheader").first).to_have_text("From")
    assert dialog.get_by_role("row").count() > 20
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(table).to_be_focused()


MOVING = """() => {
  const found = [];
  const long = (text) => text.split(", ").some((one) => parseFloat(one) > 0.001);
  const walk = (node) => {
    const { transitionDuration, animationName, animationDuration } = getComputedStyle(node);
    if (long(transitionDuration)) found.push(`${node.className} ${transitionDuration}`);
    const seen = animationName !== "none" && !animationName.startsWith("mui-auto-fill"); // that one moves nothing
    if (seen && long(animationDuration)) found.push(`${node.className} ${animationName}`);
    for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) walk(child);
  };
  walk(document.body);
  return found;
}"""
LOOK = """(element) => {
  const { backgroundColor, borderColor, outline } = getComputedStyle(element);
  return [backgroundColor, borderColor, outline];
}"""


@pytest.fixture
def asked(browser, site, visit):
    """A page of a visitor whose system asks for something: reduced motion, or colours of its own."""
    contexts = []

    def open_page(**system):
        context = new_context(browser, **system)
        contexts.append(context)
        return type(visit)(context, site).open()

    yield open_page
    for context in contexts:
        context.close()


def test_nothing_moves_by_itself_where_that_is_asked(asked):
    page = asked(reduced_motion="reduce")
    assert page.evaluate(MOVING) == []
    page.get_by_role("combobox", name="Format", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("listbox").wait_for()
    assert page.evaluate(MOVING) == []


def test_forced_colours_still_tell_what_is_chosen(asked):
    page = asked(forced_colors="active", color_scheme="dark")
    controls = page.locator("#slot-tensor-controls")
    for chosen, other in (("Tensor", "Channel"), ("Asymmetric", "Symmetric")):
        looks = [controls.get_by_role("button", name=name, exact=True).evaluate(LOOK) for name in (chosen, other)]
        assert looks[0] != looks[1]
    tabs = [page.get_by_role("tab", name=name).evaluate(LOOK) for name in ("Tensor", "Model")]
    assert tabs[0] != tabs[1]
    rail = controls.locator(".MuiSlider-rail").first
    assert rail.evaluate("(rail) => getComputedStyle(rail).borderStyle") == "solid"
    label = page.evaluate("""() => { const doc = Bokeh.documents.find((d) => d.get_model_by_name('histogram'));
      return doc.get_model_by_name('histogram').below[0].major_label_text_color; }""")
    assert re.fullmatch(r"rgba?\(.*\)", label), "plots wear the system's colours too"


def test_on_a_phone_controls_are_a_sheet_below_the_numbers_and_the_plot(asked):
    page = asked(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    sheet = page.locator("#view-tensor .sheet")
    expect(sheet.get_by_role("slider", name="Bits")).to_have_count(0)
    page.locator("#view-tensor .chips").tap()
    expect(sheet.get_by_role("slider", name="Bits")).to_be_visible()
    page.wait_for_timeout(300)
    top = sheet.bounding_box()["y"]
    accuracy = page.locator("#slot-tensor-numbers [data-card=accuracy]").bounding_box()
    plot = page.locator("#slot-tensor-histogram canvas").first.bounding_box()
    assert accuracy["y"] >= 48 and accuracy["y"] + accuracy["height"] <= top
    assert plot["height"] >= 150 and plot["y"] + plot["height"] <= top + 12
    sheet.get_by_role("button", name="Channel", exact=True).tap()
    page.wait_for_function("() => playground.state.granularity === 'channel'")
    expect(page.locator("#view-tensor .chips")).to_contain_text("a scale per channel")
    page.locator("#tab-model").tap()
    expect(page.locator("[data-advice=model]")).to_be_visible()  # no sheet is open in this view
    page.locator("#tab-tensor").tap()
    expect(page.locator("[data-advice=tensor]")).to_be_hidden()
    page.locator("#view-tensor .chips").tap()
    expect(sheet.get_by_role("slider", name="Bits")).to_have_count(0)
    for view in ("model", "run", "export", "tensor"):
        page.locator(f"#tab-{view}").tap()
        expect(page.locator(f"#view-{view}")).to_be_visible()


def test_on_a_tablet_controls_are_a_row_of_chips(asked):
    page = asked(viewport={"width": 768, "height": 1024}, has_touch=True)
    row = page.locator("#view-tensor .chips")
    assert row.bounding_box()["height"] < 60
    expect(row).to_contain_text("int3")
    row.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="Tensor", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(row).to_be_focused()
    expect(row).to_have_attribute("aria-expanded", "false")
