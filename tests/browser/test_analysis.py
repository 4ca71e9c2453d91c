"""Which layer hurts, and formats for each layer: in the page, with progress, cancelled, and chosen by a click."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import new_context

CONVNET = "{model: 'digits-convnet', weights: 'int4', weights_granularity: 'tensor', formats: ''}"


@pytest.fixture
def convnet(page):
    """The Model view with the convolutional net at 4 bits, quantized."""
    page.evaluate(f"() => playground.setState({CONVNET})")
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    page.locator("#quantize").click()
    page.wait_for_function("() => playground.report().then((report) => report !== null)", timeout=60_000)
    expect(page.locator("#job")).to_be_hidden()
    return page


def run(page, button):
    """Press a button (an id or a selector) and wait for its work; the stages, the bar and the time left as they
    were shown."""
    page.evaluate(
        """() => {
          window.seen = [];
          const note = () => window.seen.push([document.getElementById('job-stage').textContent,
            document.getElementById('job-bar').value, document.getElementById('job-amount').textContent]);
          window.watcher?.disconnect();
          window.watcher = new MutationObserver(note);
          window.watcher.observe(document.getElementById("job"), { subtree: true, childList: true });
        }"""
    )
    page.locator(button if "[" in button else f"#{button}").click()
    page.wait_for_function("() => !document.getElementById('job').hidden")
    page.wait_for_function("() => document.getElementById('job').hidden", timeout=60_000)
    return page.evaluate("() => window.seen")


def test_sensitivity_of_the_convnet_on_360_digits(convnet, source):
    seen = run(convnet, "sensitivity")
    stages = {stage for stage, _, _ in seen}
    layer = re.compile(r"Which layer hurts\? Layer \d+ of \d+: (only|all but) .* quantized")
    assert any(layer.fullmatch(stage) for stage in stages), stages
    assert len(stages) >= 5, "it is said which layer is looked at"
    bars = [value for _, value, _ in seen]
    assert bars == sorted(bars)
    assert len(set(bars)) >= 5
    assert 0.5 < bars[-1] <= 1
    assert any("left" in left for _, _, left in seen)
    expect(convnet.locator("#slot-model-verdict")).to_contain_text("hurts most: with it in float accuracy rises from")
    bars = source(convnet, "layer-harm-bars")
    assert bars["layer"][bars["upper"].index(max(bars["upper"]))] == "depthwise2"
    shown = source(convnet, "inventory")
    assert dict(zip(shown["name"], shown["share"], strict=True))["pointwise1.weight"] > 30


def test_the_keyboard_keeps_its_place_while_a_button_works(convnet):
    convnet.locator("#sensitivity").focus()
    convnet.evaluate(
        """() => {
          window.places = [];
          document.addEventListener("focusin", ({ target }) => window.places.push(target.id));
        }"""
    )
    convnet.keyboard.press("Enter")
    convnet.wait_for_function("() => window.places.length === 2", timeout=60_000)
    expect(convnet.locator("#job")).to_be_hidden()
    assert convnet.evaluate("() => window.places") == ["cancel", "sensitivity"]
    assert convnet.evaluate("() => document.activeElement.id") == "sensitivity"


def test_a_cancelled_run_leaves_nothing_behind(convnet, toasts):
    convnet.evaluate("() => playground.setState({formats: 'fc.weight=int8'})")  # what was measured is out of date
    expect(convnet.locator("#slot-model-verdict")).to_contain_text("The result is shown here")
    before = convnet.evaluate("() => playground.state")
    convnet.locator("#mixed").click()
    convnet.wait_for_function("() => document.getElementById('job-stage').textContent.includes(' as int')")
    convnet.locator("#cancel").click()
    expect(convnet.locator("#job")).to_be_hidden()
    assert any("Nothing was changed" in text for text in toasts(convnet))
    assert convnet.evaluate("() => playground.state") == before
    expect(convnet.locator("#slot-model-front")).to_contain_text("Measures every layer")
    convnet.locator("#mixed").click()  # and it can be started again
    expect(convnet.locator("#slot-model-choice")).to_contain_text("Sizes and formats", timeout=60_000)


def test_a_click_on_a_point_makes_it_the_recipe(convnet, source):
    run(convnet, "mixed")
    points = source(convnet, "front-points")
    at = len(points["size"]) // 2
    place = convnet.evaluate(
        """(at) => {
          const doc = Bokeh.documents.find((d) => d.get_model_by_name('front-plot'));
          const view = Bokeh.index.find_one_by_id(doc.get_model_by_name('front-plot').id);
          const { size, error } = doc.get_model_by_name('front-points').data;
          view.el.scrollIntoView({ block: 'center' });
          const box = view.canvas_view.el.getBoundingClientRect();
          return [box.x + view.frame.x_scale.compute(size[at]), box.y + view.frame.y_scale.compute(error[at])];
        }""",
        at,
    )
    convnet.mouse.click(*place)
    convnet.wait_for_function("() => playground.state.formats !== ''")
    formats = convnet.evaluate("() => playground.state.formats")
    chosen = dict(part.split("=") for part in formats.split(", "))
    assert list(chosen.values()) == points["formats"][at].split(" ")
    expect(convnet.locator("#slot-model-front")).to_contain_text("Quantize the model to apply it.")
    run(convnet, "quantize")
    report = convnet.evaluate("() => playground.report()")
    assert {t["name"]: t["scheme"]["format"] for t in report["tensors"]} == chosen
    assert report["bytes_after"] == pytest.approx(1000 * points["size"][at])


def test_the_report_as_a_page(convnet, browser, tmp_path):
    run(convnet, "sensitivity")
    convnet.locator("#tab-export").click()
    with convnet.expect_download() as download:
        convnet.locator("#save-page").click()
    path = tmp_path / "report.html"
    download.value.save_as(path)
    context = new_context(browser, java_script_enabled=False)
    page = context.new_page()
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_have_text("digits-convnet.onnx")
    expect(page.locator(".lead")).to_contain_text("hurts most")
    assert page.locator("svg rect").count() > 10
    context.close()


def test_what_helps_is_tried_and_one_click_makes_it_the_recipe(convnet):
    proposed = convnet.locator("[data-proposal=changes]")
    run(convnet, "sensitivity")
    expect(convnet.locator("[data-proposal=improve]")).to_have_text("Fix it")
    expect(proposed).to_be_hidden()
    seen = run(convnet, "[data-proposal=improve]")
    expect(convnet.locator("[data-proposal=improve]")).to_be_hidden()
    expect(proposed).to_have_text("Use the best")
    assert any("one scale for each channel" in stage for stage, _, _ in seen)
    bars = [value for _, value, _ in seen]
    assert bars == sorted(bars)
    card = convnet.locator("#slot-model-remedies")
    expect(card).to_contain_text("remedies tried, best is")
    trials = convnet.locator("#slot-model-trials tbody tr")
    expect(trials.first).to_contain_text(re.search("best is (.+?):", card.locator(".lead").inner_text())[1])
    expect(trials.filter(has_text="one scale for each channel").first).to_be_visible()
    expect(convnet.locator("#slot-model-verdict")).to_contain_text("remedies tried, best is")
    convnet.locator("#slot-model-remedy").get_by_role("combobox").click()
    convnet.locator(".MuiMenuItem-root").get_by_text("one scale for each channel", exact=True).click()
    expect(card).to_contain_text("Chosen: one scale for each channel. Quantize the model to apply it.")
    expect(convnet.locator("#slot-model-remedy").get_by_role("combobox")).to_have_text("one scale for each channel")
    expect(proposed).to_be_hidden()
    run(convnet, "quantize")
    report = convnet.evaluate("() => playground.report()")
    assert {tensor["scheme"]["granularity"] for tensor in report["tensors"]} == {"channel"}
    expect(card).to_contain_text("one scale for each channel")
