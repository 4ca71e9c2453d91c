"""An embed in ``<iframe sandbox="allow-scripts">`` is of no origin: it starts if its host lets it, or says why not."""

import functools
import http.server
import threading

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import new_context
from tools.paths import DIST

BOOT_MS = 120_000


class Embedder(http.server.SimpleHTTPRequestHandler):
    """The site and one page that embeds it; with or without the header that lets others read the site's files."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}
    shared = True
    page = ""

    def do_GET(self):
        if self.path != "/embedder":
            super().do_GET()
            return
        body = self.page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self):
        if self.shared:
            self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def embedded(browser):
    """Opens the embedded page: ``embedded(query, shared=True)`` gives the outer page and the frame."""
    servers, contexts = [], []

    def opened(query="", *, shared=True, sandbox="allow-scripts"):
        page = f'<!doctype html><iframe sandbox="{sandbox}" src="/embed.html{query}" width=1000 height=700></iframe>'
        handler = type("Handler", (Embedder,), {"shared": shared, "page": page})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(DIST)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        context = new_context(browser, viewport={"width": 1020, "height": 720})
        contexts.append(context)
        outer = context.new_page()
        outer.goto(f"http://127.0.0.1:{server.server_port}/embedder")
        return outer, next(frame for frame in outer.frames if "embed.html" in frame.url)

    yield opened
    for context in contexts:
        context.close()
    for server in servers:
        server.shutdown()


def booted(frame):
    frame.wait_for_function("() => window.playground?.bootTimes", timeout=BOOT_MS)
    assert frame.locator("#failure").is_hidden()


def engine_worker(page):
    return next(w for w in page.workers if w.evaluate("() => !!self.pyodide"))


def test_a_sandboxed_embed_starts_from_the_snapshot_and_quantizes(embedded):
    outer, frame = embedded("?v=1&format=uint4&symmetric=0")
    booted(frame)
    assert frame.evaluate("() => [self.origin, playground.bootTimes['From the snapshot']]") == ["null", 1]
    assert frame.evaluate("() => playground.state.format") == "uint4"
    assert frame.locator("#slot-tensor-histogram canvas").count() > 0
    changed = frame.evaluate("() => playground.setState({format: 'int5', granularity: 'channel'})")
    assert (changed["format"], changed["granularity"]) == ("int5", "channel")
    assert frame.evaluate("() => playground.quantize().then(({ model }) => model.length)") > 50_000
    worker = engine_worker(outer)
    assert worker.evaluate("() => [self.origin, typeof WebSocket, 'caches' in self]") == ["null", "undefined", False]


def test_without_locks_a_worker_that_has_ended_is_noticed_by_its_silence(embedded):
    outer, frame = embedded()
    booted(frame)
    (inner,) = (f for f in outer.frames if f.url == "about:srcdoc")
    frame.evaluate("() => playground.setState({format: 'int6'})")
    inner.evaluate("() => playgroundWorker.terminate()")
    frame.evaluate("() => { window.unanswered = playground.setState({format: 'int7'}).catch(() => 'refused'); }")
    frame.get_by_role("button", name="Restart Python").click(timeout=30_000)
    frame.wait_for_function("() => performance.getEntriesByName('restart').length > 0", timeout=BOOT_MS)
    assert frame.evaluate("() => unanswered") == "refused"
    assert frame.evaluate("() => playground.ready.then(() => playground.state.format)") == "int6"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_without_its_hosts_permission_it_says_why_and_offers_a_retry(embedded, theme):
    _, frame = embedded(f"?theme={theme}", shared=False)
    expect(frame.locator("#failure")).to_be_visible()
    expect(frame.locator("#failure-text")).to_contain_text("sandboxed frame")
    expect(frame.locator("#failure-text")).to_contain_text("Access-Control-Allow-Origin")
    expect(frame.locator("#retry")).to_be_visible()
    colours = frame.evaluate(
        """() => [getComputedStyle(document.documentElement).backgroundColor,
          getComputedStyle(document.getElementById('failure')).color]"""
    )
    dark = ["rgb(22, 27, 34)", "rgb(230, 237, 243)"]
    assert (colours == dark) is (theme == "dark")


def test_a_frame_without_scripts_says_what_it_needs_where_it_is_seen(embedded):
    _, frame = embedded(sandbox="")
    said = frame.locator("noscript p")  # whose text Playwright's other locators skip
    expect(said).to_be_visible()
    assert "A sandboxed frame has to allow it" in said.inner_text()
    assert said.bounding_box()["y"] < 100
    hit = "said => said.contains(document.elementFromPoint(innerWidth / 2, said.getBoundingClientRect().top + 20))"
    assert said.evaluate(hit), "something lies over it"


@pytest.mark.parametrize("name", ["early.js", "bokeh.min.js", pytest.param("page.js", marks=pytest.mark.heavy)])
def test_a_script_that_cannot_be_loaded_is_said(browser, site, visit, name):
    context = new_context(browser)
    context.route(f"**/{name}", lambda route: route.fulfill(status=404, body="gone"))
    page = context.new_page()
    page.goto(site)
    expect(page.locator("#failure-text")).to_contain_text(f"{name} could not be loaded")
    expect(page.locator("#failure")).to_be_visible()
    context.unroute(f"**/{name}")
    page.locator("#retry").click()
    page.wait_for_function("() => window.playground?.bootTimes", timeout=BOOT_MS)
    context.close()
