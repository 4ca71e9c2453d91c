"""The gallery's picker: a model's files are fetched when it is chosen, once, and links open such models."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import new_context

OPENED = "(id) => playground.state?.model === id"


def is_gallery_file(request):
    return any(name in request.url for name in ("/breast-cancer", "/digits-resnet", "/moby-dick"))


def choose(page, model_id):
    page.wait_for_function("() => !document.getElementById('gallery').disabled")
    page.select_option("#gallery", model_id)
    page.wait_for_function(OPENED, arg=model_id)


def test_models_are_fetched_when_they_are_chosen_and_made_ones_say_so(page, numbers, toasts):
    fetched = []  # by the page itself; its service worker keeps all of them anyway
    page.on("request", lambda request: fetched.append(request.url) if is_gallery_file(request) else None)
    choose(page, "breast-cancer-mlp")
    assert "Accuracy" in numbers(page)
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("on 190 tumours")
    assert len(fetched) == 2
    assert page.evaluate("() => playground.state.tensor") == "fc1.weight"
    assert any("Raw columns" in text for text in toasts(page))
    choose(page, "digits-depthwise")
    assert any("Made from digits-convnet" in text for text in toasts(page))
    choose(page, "breast-cancer-mlp")
    assert len(fetched) == 2


def test_the_picker_follows_what_is_open(page):
    choose(page, "digits-convnet")
    page.evaluate("() => playground.reset()")
    page.wait_for_function("() => document.getElementById('gallery').value === 'digits-mlp'")


def test_the_drawing_pad_is_there_for_digits_alone(page):
    choose(page, "breast-cancer-mlp")
    assert page.evaluate("() => document.getElementById('pad').hidden")
    choose(page, "digits-convnet")
    assert not page.evaluate("() => document.getElementById('pad').hidden")


def test_another_models_answer_takes_the_place_of_the_last_ones(page):
    page.evaluate("() => playground.reset()")
    page.locator("#tab-run").click()
    text = "document.getElementById('pad-hint').textContent"
    says = f"(old) => /say/.test({text}) && {text} !== old && {text}"
    first = page.wait_for_function(says, arg="").json_value()
    choose(page, "digits-convnet")
    page.wait_for_function(says, arg=first)
    choose(page, "breast-cancer-mlp")
    assert "say" not in page.locator("#pad-hint").inner_text()
    assert page.locator("#slot-run-answers").get_by_text("Choose an .npz").is_visible()


def test_both_models_go_on_with_a_text(page):
    choose(page, "breast-cancer-mlp")
    page.locator("#tab-run").click()
    expect(page.locator("#prompt")).to_be_hidden()
    choose(page, "moby-dick-transformer")
    page.evaluate("() => playground.setState({weights: 'int8', activations: 'weight_only'})")
    page.locator("#prompt").fill("Call me €")
    page.locator("#prompt-go").click()
    expect(page.locator("#toasts")).to_contain_text("the character '€' is not in")
    page.locator("#prompt").fill("Call me Ishmael. The ")
    page.locator("#prompt-go").click()
    page.locator("#prompt-cancel").click()
    expect(page.locator("#prompt-hint")).to_have_text("Cancelled.", timeout=30_000)
    page.locator("#prompt-go").click()
    expect(page.locator("#prompt-hint")).to_contain_text("haracter", timeout=120_000)
    answers = page.locator("#slot-run-answers")
    expect(answers.locator("mark")).to_have_count(2, timeout=120_000)
    added = [len(text) for text in answers.locator("mark").all_text_contents()]
    assert added == [16, 16]
    expect(answers.locator("tbody tr")).to_have_count(5)


def test_a_gallery_model_quantizes_with_its_own_samples(page):
    choose(page, "digits-depthwise")
    report = page.evaluate("() => playground.quantize().then(({report}) => report)")
    assert report["calibration_samples"] == 64
    assert not [warning for warning in report["warnings"] if "No calibration data" in warning]


@pytest.mark.parametrize("options", ["", pytest.param("&snapshot=0", marks=pytest.mark.heavy)])
def test_a_link_opens_a_model_that_has_to_be_fetched(visit, options):
    page = visit.context.new_page()
    page.goto(f"{visit.site}/?v=1&model=moby-dick-outliers&format=int8&runtime=tflite{options}")
    page.wait_for_function(OPENED, arg="moby-dick-outliers", timeout=120_000)
    state = page.evaluate("() => playground.state")
    assert (state["tensor"], state["format"]) == ("blocks.0.up.weight", "int8")
    assert "model=moby-dick-outliers" in page.url
    page.close()


@pytest.mark.parametrize("query", [pytest.param("", marks=pytest.mark.heavy), "?v=1&model=digits-convnet"])
def test_another_model_does_not_wait_to_be_chosen(browser, site, query):
    """Its operators are in files that are not in the snapshot: they have to be there when the model is."""
    context = new_context(browser)
    page = context.new_page()
    page.goto(site + query)
    page.evaluate("() => playground.ready.then(() => playground.setState({ model: 'digits-convnet' }))")
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("Accuracy")
    expect(page.locator("#slot-tensor-numbers")).to_contain_text("on 360 digits")
    assert page.locator("#toasts").inner_text() == ""
    context.close()
