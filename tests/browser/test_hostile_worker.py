"""Python's worker in a stranger's hands: what it finds in its scope, and what becomes of what it sends to the page."""

import json
import re
from pathlib import Path

import pytest

CONFINE = Path(__file__).parents[2] / "static" / "engine" / "confine.mjs"

WAYS_OUT = [
    "fetch",
    "XMLHttpRequest",
    "WebSocket",
    "WebSocketStream",
    "WebSocketError",
    "EventSource",
    "WebTransport",
    "importScripts",
    "Worker",
    "SharedWorker",
    "ServiceWorkerRegistration",
    "RTCPeerConnection",
    "RTCDataChannel",
    "RTCEncodedVideoFrame",
    "RTCRtpScriptTransformer",
    "caches",
    "Cache",
    "CacheStorage",
    "indexedDB",
    "IDBFactory",
    "IDBDatabase",
    "BroadcastChannel",
    "StorageManager",
    "StorageBucketManager",
    "StorageBucket",
    "LockManager",
    "Lock",
    "NetworkInformation",
    "FileSystemDirectoryHandle",
    "FileSystemFileHandle",
    "FileSystemSyncAccessHandle",
    "webkitRequestFileSystem",
    "webkitRequestFileSystemSync",
    "webkitResolveLocalFileSystemURL",
    "webkitResolveLocalFileSystemSyncURL",
    "cookieStore",
    "CookieStore",
    "Notification",
    "PushManager",
    "BackgroundFetchManager",
    "SyncManager",
    "PeriodicSyncManager",
    "Request",
    "FontFace",
    "fonts",
    "GPU",
    "WGSLLanguageFeatures",
    "ML",
    "USB",
    "Serial",
    "HID",
    "Permissions",
    "PressureObserver",
    "ReportingObserver",
    "reportError",
    "postMessage",
    "onmessage",
    "close",
    "trustedTypes",
    "requestAnimationFrame",
    "createImageBitmap",
    "OffscreenCanvas",
    "ImageDecoder",
    "VideoDecoder",
    "WebGLRenderingContext",
    "navigation",
    "document",
    "window",
    "Window",
    "HTMLIFrameElement",
    "scheduler",
    "crossOriginIsolated",
]
"""All through which a worker reaches somebody or leaves something, in one browser or another."""

REACHABLE = """() => {
  const found = {self: [], navigator: []};
  for (const [what, start] of [["self", self], ["navigator", navigator]])
    for (let at = start; at && at !== Object.prototype && at !== EventTarget.prototype; at = Object.getPrototypeOf(at))
      found[what].push(...Object.getOwnPropertyNames(at));
  return found;
}"""


def engine_worker(page):
    return next(w for w in page.workers if w.evaluate("() => !!self.pyodide"))


@pytest.fixture
def apart(browser, visit):
    """A context of its own: what is done in it does not concern the other tests."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    apart = type(visit)(context, visit.site)
    yield apart
    context.close()


def listed(name):
    text = CONFINE.read_text("utf-8")
    return set(re.search(rf"const {name} = [`\"](.*?)[`\"];", text, re.DOTALL)[1].split())


def test_only_what_is_listed_is_left_in_the_workers_scope(page):
    found = engine_worker(page).evaluate(REACHABLE)
    constants = {"TEMPORARY", "PERSISTENT"}  # numbers that cannot be deleted
    ours = {"fetch", "pyodide", "playgroundHost", "_pyodide_core"}
    assert set(found["self"]) - listed("LANGUAGE") - listed("BROWSER") - constants <= ours
    assert set(found["navigator"]) <= listed("NAVIGATOR")
    assert listed("BROWSER") & set(WAYS_OUT) == set()


@pytest.mark.parametrize("name", [name for name in WAYS_OUT if name != "fetch"])
def test_no_way_out_is_found_by_scripts_or_by_python(page, name):
    worker = engine_worker(page)
    assert worker.evaluate("(name) => name in self || name in navigator", name) is False
    assert worker.evaluate("(name) => self.pyodide.runPython(`import js; hasattr(js, '${name}')`)", name) is False


@pytest.mark.parametrize("name", ["storage", "storageBuckets", "locks", "serviceWorker", "sendBeacon", "gpu", "usb", "hid",
                                  "serial", "connection", "permissions", "mediaCapabilities", "userAgentData"])  # fmt: skip
def test_the_workers_navigator_only_describes_the_machine(page, name):
    assert engine_worker(page).evaluate("(name) => name in navigator", name) is False


def test_nothing_comes_back_by_constructors_prototypes_or_texts(page):
    """What could make code or an address out of a text, or lead to a scope in which all is still there."""
    outcomes = engine_worker(page).evaluate(
        """async () => {
          const attempts = {
            Function: () => self.constructor.constructor("return fetch")(),
            eval: () => (0, eval)("1"),
            async: () => (async () => {}).constructor("return 1")(),
            timer: () => new Promise((resolve) => { self.hacked = resolve; setTimeout("self.hacked('ran')", 0); setTimeout(() => resolve(undefined), 50); }),
            address: () => URL.createObjectURL(new Blob([""])),
            dataImport: () => import("data:text/javascript,export default 1"),
            fetch: () => self.fetch("https://example.invalid/"),
            prototypes: () => Object.getPrototypeOf(self).fetch ?? Object.getPrototypeOf(Object.getPrototypeOf(self)).fetch,
            port: () => new MessageChannel().port1.postMessage("anyone"),
          };
          const found = {};
          await new Promise((resolve) => setTimeout(resolve, 20)); // the debugger may evaluate texts, but in this task only
          for (const [name, attempt] of Object.entries(attempts)) {
            try { found[name] = String(await attempt()); } catch (error) { found[name] = error.constructor.name; }
          }
          return found;
        }"""
    )
    assert outcomes == {
        "Function": "EvalError",
        "eval": "EvalError",
        "async": "EvalError",
        "timer": "undefined",
        "address": "TypeError",
        "dataImport": "TypeError",
        "fetch": "TypeError",
        "prototypes": "undefined",
        "port": "undefined",
    }


POISON = """
import js
await (await js.caches.open("x")).put("/index.html", js.Response.new("<title>EVIL</title>"))
"""


def test_python_cannot_write_into_the_caches(page):
    error = engine_worker(page).evaluate(
        "(code) => self.pyodide.runPythonAsync(code).then(() => '', (error) => error.message)", POISON
    )
    assert "AttributeError" in error and "caches" in error


# Whatever the page is sent as text, as HTML or as a name.
MARKUP = [
    "<img src=x onerror=\"window.hacked='img'\">",
    "<img src=/leak?img>",
    "<script>window.hacked='script'</script>",
    "<script src=/leak?script></script>",
    "<meta http-equiv=refresh content='0;url=/leak?refresh'>",
    "<form action=/leak?form method=post><button id=go>Go</button></form>",
    "<a href=\"javascript:window.hacked='a'\" id=link>x</a><a href=/leak?a ping=/leak?ping>y</a>",
    "<base href=https://evil.invalid/>",
    "<iframe src=/leak?frame></iframe><iframe srcdoc=\"<script>top.hacked='srcdoc'</script>\"></iframe>",
    "<iframe src=\"javascript:top.hacked='jsframe'\"></iframe>",
    "<object data=/leak?object></object><embed src=/leak?embed>",
    "<link rel=stylesheet href=/leak?link><link rel=prefetch href=/leak?prefetch><link rel=preload as=image href=/leak?pre>",
    "<style>body{background:url(/leak?style)}</style><style>@import '/leak?import';</style>",
    "<div style=\"background:url(/leak?inline)\">x</div>",
    "<div style=\"background:u\\72l(/leak?escaped)\">x</div>",
    "<div style=\"background:image-set('/leak?set' 1x)\">x</div>",
    "<svg onload=\"window.hacked='svg'\"><image href=/leak?image /><use href=/leak?use#x /></svg>",
    "<svg><animate attributeName=href values=\"javascript:window.hacked='animate'\" /><a><text>x</text></a></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=window.hacked=1&gt;\">",
    "<math href=\"javascript:window.hacked='math'\">x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=window.hacked='mutation'>",
    "<video poster=/leak?poster><source src=/leak?source onerror=\"window.hacked='video'\"></video><audio src=/leak?audio>",
    "<input autofocus onfocus=\"window.hacked='focus'\"><details open ontoggle=\"window.hacked='toggle'\">x</details>",
    "<table background=/leak?table><tr><td background=/leak?td>x</td></tr></table>",
    "<noscript><p title=\"</noscript><img src=x onerror=window.hacked='noscript'>\">",
    "<template><img src=x onerror=window.hacked='template'></template><div id=playground></div><b name=document>x</b>",
]  # fmt: skip


def tell(page, message):
    """Post a message to the page as Python's own code does."""
    engine_worker(page).evaluate(
        "([code, message]) => { self.pyodide.globals.set('MESSAGE', message); self.pyodide.runPython(code); }",
        [POSTING, json.dumps(message)],
    )


POSTING = """
import gc, json
from playground.host.page import Port
port = next(each for each in gc.get_objects() if type(each) is Port and each._post is not None)
port.send(json.loads(MESSAGE))
"""


def patch(page, name, attr, value, view="tensor"):
    """The message that sets a property of the model with a name."""
    model = page.evaluate(
        """(name) => { for (const doc of Bokeh.documents) for (const m of doc.all_models) if (m.name === name || m.type === name) return m.id; }""",
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
            patch(page, "HoverTool", "tooltips", f"<div>{text}</div>"),
        ):
            tell(page, message)
    page.mouse.move(700, 420)
    page.mouse.move(720, 430)
    quiet(page, visit.requests)
    page.evaluate("() => playground.setState({format: 'int5'})")
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    rows = page.evaluate(
        "() => { const doc = Bokeh.documents.find((d) => d.get_model_by_name('inventory')); return Object.keys(doc.get_model_by_name('inventory').data); }"
    )
    size = page.evaluate(
        "() => { const doc = Bokeh.documents.find((d) => d.get_model_by_name('inventory')); return Object.values(doc.get_model_by_name('inventory').data)[0].length; }"
    )
    for text in MARKUP:
        entries = [[name, [text] * size] for name in rows]
        tell(page, patch(page, "inventory", "data", {"type": "map", "entries": entries}, "model"))
        page.wait_for_timeout(50)
    quiet(page, visit.requests)


REFUSED = {
    "CustomJS": ("js_property_callbacks", {"type": "map", "entries": [["change:text", [{"type": "object", "name": "CustomJS", "id": "h1", "attributes": {"code": "window.hacked = 1"}}]]]}),
    "OpenURL": ("tags", [{"type": "object", "name": "OpenURL", "id": "h2", "attributes": {"url": "/leak?open"}}]),
    "Location": ("tags", [{"type": "object", "name": "panel.models.location.Location", "id": "h3", "attributes": {"href": "/leak?location"}}]),
    "component": ("tags", [{"type": "object", "name": "panel.models.esm.ReactComponent", "id": "h4", "attributes": {"esm": "window.hacked = 'esm'", "class_name": "X"}}]),
    "sheet": ("stylesheets", [{"type": "object", "name": "ImportedStyleSheet", "id": "h5", "attributes": {"url": "/leak?sheet"}}]),
    "inline": ("stylesheets", [":host { background: url(/leak?sheet) }"]),
    "import": ("stylesheets", ["@import '/leak?import';"]),
    "styles": ("styles", {"type": "map", "entries": [["background-image", "url(/leak?styles)"]]}),
    "html": ("tags", [{"type": "object", "name": "panel.models.reactive_html.ReactiveHTML", "id": "h6"}]),
}  # fmt: skip


@pytest.mark.parametrize("what", list(REFUSED))
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
    written = page.evaluate(
        "(parts) => playgroundStart.sanitiseReport(`<!doctype html><html><head><title>R</title><style>p{color:red}</style></head><body><h1>Shown</h1><svg viewBox='0 0 9 9'><rect width='5' height='5' fill='red'/></svg>${parts.join('')}</body></html>`)",
        MARKUP,
    )
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
    assert (
        saved.evaluate(
            "() => getComputedStyle(document.querySelector('p') ?? document.body.appendChild(document.createElement('p'))).color"
        )
        == "rgb(255, 0, 0)"
    )


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
