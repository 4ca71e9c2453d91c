"""Python's worker in a stranger's hands: what becomes of what it sends to the page."""

import json
from pathlib import Path

import pytest

from tests.browser.conftest import new_context

# Whatever the page is sent as text, as HTML or as a name.
MARKUP = Path(__file__).with_name("hostile_markup.txt").read_text("utf-8").splitlines()

NO_PICTURE = {"picture": None, "answers": None, "refused": {}}
"""What Python tells of the Tensor view where there is nothing to draw."""


def engine_worker(page):
    return next(w for w in page.workers if w.evaluate("() => !!self.pyodide"))


@pytest.fixture
def apart(browser, visit):
    """A context of its own: what is done in it does not concern the other tests."""
    context = new_context(browser)
    apart = type(visit)(context, visit.site)
    yield apart
    context.close()


def tell(page, message):
    """Post a message to the page as Python's own code does."""
    engine_worker(page).evaluate(
        "([code, message]) => { self.pyodide.globals.set('MESSAGE', message); self.pyodide.runPython(code); }",
        [POSTING, json.dumps(message)],
    )


POSTING = """
import gc, json
from playground.host.page import Port
if "port" not in globals():
    port = next(each for each in gc.get_objects() if type(each) is Port and each._post is not None)
port.send(json.loads(MESSAGE))
"""


def patch(page, name, attr, value, view="tensor"):
    """The message that sets a property of the model with a name."""
    model = page.evaluate(
        """(name) => Bokeh.documents.flatMap((doc) => [...doc.all_models])
          .find((model) => model.name === name || model.type === name)?.id""",
        name,
    )
    assert model, name
    event = {"kind": "ModelChanged", "model": {"id": model}, "attr": attr, "new": value}
    return {"kind": "patch", "view": view, "patch": {"events": [event]}}


def quiet(page, requests):
    """Nothing has run, been asked for or been left."""
    page.wait_for_timeout(400)
    assert page.evaluate("() => window.hacked ?? null") is None
    asked = [url for url in requests if "leak" in url or "evil.invalid" in url or url.endswith("/x")]
    assert asked == []
    assert page.evaluate("() => typeof playground.setState") == "function"


@pytest.fixture
def hostile(apart):
    """A page of its own, with what it asks for from now on."""
    page = apart.open()
    apart.requests.clear()
    return page, apart


def texts(page):
    return page.evaluate(
        """() => [...document.querySelectorAll('*')].length && Bokeh.documents.flatMap((doc) => [...doc.all_models])
          .filter((model) => model.type === 'Div').map((model) => model.id)"""
    )


def test_markup_in_patches_is_inert(hostile):
    page, visit = hostile
    first = texts(page)[0]
    for text in MARKUP:
        event = {"kind": "ModelChanged", "model": {"id": first}, "attr": "text", "new": f"<b>shown</b>{text}"}
        tell(page, {"kind": "patch", "view": "tensor", "patch": {"events": [event]}})
        page.wait_for_timeout(50)
    page.keyboard.press("Tab")
    quiet(page, visit.requests)
    assert page.evaluate("(id) => Bokeh.index.find_one_by_id(id).el.shadowRoot.textContent.includes('shown')", first)
    assert (
        page.evaluate(
            """(id) => Bokeh.index.find_one_by_id(id).el.shadowRoot.querySelectorAll(
          'a, img, form, iframe, script, meta, base, svg, math, input, object, embed, video, audio').length""",
            first,
        )
        == 0
    )


def test_markup_in_names_texts_and_progress_is_inert(hostile):
    page, visit = hostile
    for text in MARKUP:
        for message in (
            {"kind": "problem", "message": text},
            {"kind": "progress", "id": 1, "message": text, "done": 1, "total": 2, "seconds_left": None},
            {"kind": "boot", "stage": text},
            patch(page, "Title", "text", text),
            patch(page, "LinearAxis", "axis_label", text),
            {"kind": "picture", "content": NO_PICTURE | {"problem": text, "tensors": {text: text}}},
        ):
            tell(page, message)
    page.mouse.move(700, 420)
    page.mouse.move(720, 430)
    quiet(page, visit.requests)
    page.evaluate("() => playground.setState({format: 'int5'})")
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    rows, size = page.evaluate(
        """() => {
          const { data } = Bokeh.documents.map((doc) => doc.get_model_by_name('inventory')).find((found) => found);
          return [Object.keys(data), Object.values(data)[0].length];
        }"""
    )
    for text in MARKUP:
        entries = [[name, [text] * size] for name in rows]
        tell(page, patch(page, "inventory", "data", {"type": "map", "entries": entries}, "model"))
        page.wait_for_timeout(50)
    quiet(page, visit.requests)


def _model(name, **attributes):
    """A model as a patch has it."""
    return {"type": "object", "name": name, "id": "hostile", "attributes": attributes}


_SCRIPT = _model("CustomJS", code="window.hacked = 1")
REFUSED = {
    "CustomJS": ("js_property_callbacks", {"type": "map", "entries": [["change:text", [_SCRIPT]]]}),
    "OpenURL": ("tags", [_model("OpenURL", url="/leak?open")]),
    "Location": ("tags", [_model("panel.models.location.Location", href="/leak?location")]),
    "component": ("tags", [_model("panel.models.esm.ReactComponent", esm="window.hacked = 'esm'", class_name="X")]),
    "html": ("tags", [_model("panel.models.reactive_html.ReactiveHTML")]),
    "sheet": ("stylesheets", [_model("ImportedStyleSheet", url="/leak?sheet")]),
    "inline": ("stylesheets", [":host { background: url(/leak?sheet) }"]),
    "import": ("stylesheets", ["@import '/leak?import';"]),
    "styles": ("styles", {"type": "map", "entries": [["background-image", "url(/leak?styles)"]]}),
}


USUAL = {"CustomJS", "component", "inline"}
"""A model that runs something, one that brings code along, and a text that loads something."""


@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=() if what in USUAL else pytest.mark.heavy) for what in REFUSED]
)
def test_models_that_run_or_load_something_end_the_worker(hostile, what):
    page, visit = hostile
    attr, value = REFUSED[what]
    restarts = "() => performance.getEntriesByName('restart').length"
    before = page.evaluate(restarts)
    tell(page, patch(page, "Div", attr, value))
    page.wait_for_function(f"(before) => ({restarts})() > before", arg=before, timeout=60_000)
    assert "does not show" in page.evaluate("() => document.getElementById('toasts').textContent")
    asked = [url for url in visit.requests if "leak" in url]
    assert asked == []
    assert page.evaluate("() => window.hacked ?? null") is None


def test_a_component_cannot_be_given_other_code(hostile):
    page, visit = hostile
    for attr, value in (
        ("esm", "window.hacked = 'esm'"),
        ("bundle", '")\nwindow.hacked = 1\n("'),
        ("css_bundle", "/leak?css"),
    ):
        message = patch(page, "panel.models.esm.ReactComponent", attr, value)
        worker = engine_worker(page)
        tell(page, message)
        page.wait_for_timeout(200)
        assert worker not in page.workers
        page.wait_for_function("() => document.body.dataset.python === undefined", timeout=60_000)
    quiet(page, visit.requests)


def test_messages_that_are_none_and_events_of_the_page_itself_are_not_heard(hostile):
    page, visit = hostile
    for kind in ("failed", "stopped", "playground-booted", "update"):
        tell(page, {"kind": kind, "detail": "x", "message": MARKUP[0]})
    assert page.evaluate("() => playground.setState({format: 'int6'}).then((s) => s.format)") == "int6"
    quiet(page, visit.requests)


def test_a_report_that_is_saved_runs_and_fetches_nothing(apart, tmp_path):
    page = apart.open()
    report = (
        "<!doctype html><html><head><title>R</title><style>p{color:red}</style></head><body><h1>Shown</h1><p>red</p>"
        f"<svg viewBox='0 0 9 9'><rect width='5' height='5' fill='red'/></svg>{''.join(MARKUP)}</body></html>"
    )
    written = page.evaluate("(report) => playgroundStart.sanitiseReport(report)", report)
    path = tmp_path / "report.html"
    path.write_text(written)
    asked = []
    saved = apart.context.new_page()
    saved.on("request", lambda request: asked.append(request.url))
    saved.goto(path.as_uri())
    saved.wait_for_timeout(500)
    assert asked == [path.as_uri()]
    assert saved.url == path.as_uri()
    assert saved.evaluate("() => window.hacked ?? null") is None
    assert saved.locator("h1").inner_text() == "Shown"
    assert saved.locator("svg rect").count() == 1
    colour = saved.evaluate("() => getComputedStyle(document.querySelector('p')).color")
    assert colour == "rgb(255, 0, 0)"


def test_the_saved_report_of_a_quantized_model_keeps_its_looks(page, tmp_path):
    page.locator("#tab-model").click()
    page.evaluate("() => playground.quantize()")
    page.locator("#tab-export").click()
    with page.expect_download() as download:
        page.locator("#save-page").click()
    text = download.value.path().read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "<style>" in text and "<h1>" in text and "Content-Security-Policy" in text


def test_the_addresses_a_script_may_have_are_few(page):
    outcomes = page.evaluate(
        """async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          const attempts = {
            worker: () => new Worker(URL.createObjectURL(new Blob(['1']))),
            script: () => Object.assign(document.createElement('script'), {src: '/leak'}),
            text: () => Object.assign(document.createElement('script'), {text: '1'}),
            eval: () => eval('1'),
            frame: () => Object.assign(document.createElement('iframe'), {srcdoc: '<p>x<script>1</script>'}).srcdoc,
            policy: () => trustedTypes.createPolicy('other', {createHTML: (html) => html}),
            again: () => trustedTypes.createPolicy('default', {createHTML: (html) => html}),
          };
          return Object.fromEntries(Object.entries(attempts).map(([name, attempt]) => {
            try { return [name, String(attempt())]; } catch (error) { return [name, error.constructor.name]; }
          }));
        }"""
    )
    assert outcomes == {"worker": "TypeError", "script": "TypeError", "text": "TypeError", "eval": "EvalError",
                        "frame": "<p>x</p>", "policy": "TypeError", "again": "TypeError"}  # fmt: skip
