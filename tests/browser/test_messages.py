"""Messages about what went wrong, and the strip of running work: when they come, leave and come again."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import FilePayload, Page, expect


def open_bad(page: Page, name: str = "a.onnx") -> None:
    page.set_input_files("#open", files=[FilePayload(name=name, mimeType="", buffer=b"not a model")])


def test_the_same_error_is_marked_and_counted_when_it_comes_again(page: Page) -> None:
    open_bad(page)
    toast = page.locator(".toast.bad")
    expect(toast).to_have_count(1)
    expect(toast.locator(".times")).to_have_count(0)
    page.evaluate("() => { window.before = document.querySelector('.toast.bad'); }")
    open_bad(page)
    expect(toast.locator(".times")).to_have_text("2 times")
    expect(toast).to_have_count(1)
    expect(toast).to_have_attribute("data-again", "")
    # an alert is spoken when it is put into the document
    assert page.evaluate("() => !window.before.isConnected")
    expect(toast).to_have_attribute("role", "alert")
    expect(toast).not_to_have_attribute("data-again", "", timeout=5000)
    open_bad(page)
    expect(toast.locator(".times")).to_have_text("3 times")


def test_the_mark_needs_no_motion(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    open_bad(page)
    expect(page.locator(".toast.bad")).to_have_count(1)
    open_bad(page)
    page.locator(".toast.bad[data-again]").wait_for()
    style = "getComputedStyle(document.querySelector('.toast.bad'))"
    assert page.evaluate(f"() => [{style}.outlineStyle, {style}.animationName]") == ["solid", "none"]
    page.emulate_media(reduced_motion="no-preference")


def test_errors_leave_when_their_cause_is_gone(page: Page, odd_model: Path) -> None:
    toast = page.locator(".toast.bad")
    open_bad(page)
    expect(toast).to_have_count(1)
    page.set_input_files("#open", odd_model)
    page.wait_for_function("() => playground.state.model === 'upload'")
    expect(toast).to_have_count(0)
    open_bad(page, "b.onnx")
    expect(toast).to_contain_text("b.onnx")
    page.evaluate("() => playground.setState({format: 'int4'})")
    expect(toast).to_have_count(1)
    page.evaluate("() => playground.reset()")
    expect(toast).to_have_count(0)


def test_a_phone_shows_three_messages_at_most(page: Page) -> None:
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 740})
    for name in ("a.onnx", "b.onnx", "c.onnx", "d.onnx"):
        open_bad(page, name)
        expect(page.locator(".toast.bad span", has_text=name)).to_be_visible()
    expect(page.locator(".toast:visible")).to_have_count(3)
    expect(page.locator(".toast span", has_text="a.onnx")).to_be_hidden()
    page.locator(".toast:visible").last.get_by_role("button", name="Close this message").click()
    expect(page.locator(".toast span", has_text="a.onnx")).to_be_visible()
    assert size
    page.set_viewport_size(size)


def test_nothing_moves_when_work_begins_and_ends(page: Page) -> None:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    size = page.viewport_size
    for width, height in ((1280, 800), (768, 900), (360, 740)):
        page.set_viewport_size({"width": width, "height": height})
        moved = page.evaluate(
            """() => {
              const job = document.getElementById("job");
              const places = () => JSON.stringify([document.documentElement.scrollHeight,
                ...[...document.querySelectorAll(".bar, main, .stage > *, .toasts")].map((e) => {
                  const { x, y, width, height } = e.getBoundingClientRect();
                  return [x, y, width, height];
                })]);
              const before = places();
              job.hidden = false;
              document.getElementById("job-stage").textContent = "All but a layer with a very long name quantized";
              document.getElementById("job-amount").textContent = "12 of 40, about 34 s left";
              const { height, left, right, top, bottom } = job.getBoundingClientRect();
              const columns = document.querySelector("#view-model .controls").getBoundingClientRect();
              const beside = top >= columns.bottom || left >= columns.right || bottom <= columns.top;
              const during = places();
              job.hidden = true;
              return [during === before, height, left >= 0 && right <= innerWidth, beside];
            }"""
        )
        assert moved == [True, 44, True, True], (width, moved)
    assert size
    page.set_viewport_size(size)


def test_each_card_has_the_button_of_its_measurement(page: Page) -> None:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    for button, slot in (
        ("sensitivity", "verdict"),
        ("improve", "remedies"),
        ("mixed", "front"),
        ("curve", "samples"),
    ):
        assert page.locator(f".card:has(#slot-model-{slot}) #{button}").count() == 1
        expect(page.locator(f"#{button}")).to_be_enabled()


def test_the_search_that_finds_nothing_says_so_and_is_cleared(page: Page) -> None:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    field = page.get_by_label("Search the layers")
    field.fill("whatever")
    none = page.locator("#inventory-none")
    expect(none).to_contain_text("No tensor fits 'whatever'.")
    rows = page.locator("#inventory .grid-body .grid-row")
    expect(rows).to_have_count(0)
    page.locator("#inventory-clear").click()
    expect(none).to_be_hidden()
    expect(field).to_have_value("")
    assert rows.count() > 0
    assert page.evaluate("() => document.getElementById('inventory').contains(document.activeElement)")


def test_a_cleared_pad_shows_no_answers(page: Page) -> None:
    page.locator("#tab-run").click()
    expect(page.locator("#pad-hint")).to_contain_text("say", timeout=20_000)
    page.locator("#pad-clear").click()
    expect(page.locator("#pad-hint")).to_contain_text("Draw a digit")
    expect(page.locator("#answers-none")).to_be_visible()
    expect(page.locator("#slot-run-answers")).to_be_hidden()
    page.wait_for_timeout(500)
    expect(page.locator("#pad-hint")).to_contain_text("Draw a digit")
    page.locator("#pad-next").click()
    expect(page.locator("#slot-run-answers")).to_be_visible()
    expect(page.locator("#answers-none")).to_be_hidden()


def test_the_keyboard_goes_to_the_work_that_the_card_begins(page: Page, big_model: Path) -> None:
    page.set_input_files("#open", big_model)
    expect(page.locator("#opened-quantize")).to_be_visible()
    page.locator("#opened-quantize").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#job")).to_be_hidden(timeout=20_000)
    expect(page.locator("#quantize")).to_be_focused()


def test_the_title_of_what_was_measured_is_in_sight(page: Page) -> None:
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    size = page.viewport_size
    for width, height in ((1280, 500), (360, 640)):
        page.set_viewport_size({"width": width, "height": height})
        page.locator("#sensitivity").click()
        expect(page.locator("#slot-model-verdict")).to_contain_text("measured on", timeout=60_000)
        expect(page.locator("#job")).to_be_hidden(timeout=60_000)
        page.wait_for_timeout(1000)
        top, bar, seen = page.evaluate(
            """() => [document.getElementById("slot-model-verdict").getBoundingClientRect().top,
              document.querySelector(".bar").getBoundingClientRect().bottom, innerHeight]"""
        )
        assert bar <= top < seen - 200, (width, top)
    assert size
    page.set_viewport_size(size)
