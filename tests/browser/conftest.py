"""The built site in Chromium: one server, one browser, every request recorded, one page a module."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

SITE = Path(__file__).parents[2] / "dist"
BOOTED = "() => window.playground?.bootTimes || !document.getElementById('failure').hidden"
BOOT_MS = 120_000


class Handler(http.server.SimpleHTTPRequestHandler):
    """Any plain static server has to do; this one only keeps quiet."""

    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of the served site."""
    if not (SITE / "index.html").is_file():
        pytest.fail(f"{SITE} has not been built: run `python build.py site`")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(SITE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("PLAYGROUND_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        # without a display the GPU's process only draws in software what the page draws itself, for a sixth of the time
        arguments = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-gpu"]
        yield playwright.chromium.launch(executable_path=path, args=arguments)


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """A visitor who has never been here.

    There is no service worker unless ``service_workers="allow"`` is among the options: its copy of the whole site costs
    each visitor more than the start does.
    """
    usual = {"viewport": {"width": 1280, "height": 860}, "accept_downloads": True, "service_workers": "block"}
    return browser.new_context(**(usual | options))


class Visit:
    """A page with what it asked for and what it complained about."""

    def __init__(self, context: BrowserContext, site: str) -> None:
        self.context, self.site = context, site
        self.requests: list[str] = []
        self.complaints: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page: Page = context.new_page()
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)

    def open(self, path: str = "/") -> Page:
        """Go there and wait until Python answers (or the start has failed)."""
        self.page.goto(self.site + path)
        self.page.wait_for_function(BOOTED, timeout=BOOT_MS)
        return self.page

    def foreign(self) -> list[str]:
        """Requests that left the origin."""
        own = (self.site, f"blob:{self.site}", "data:", "blob:null")
        return [url for url in self.requests if not url.startswith(own)]


@pytest.fixture(scope="module")
def visit(browser: Browser, site: str, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """One booted page for the tests of a module; each test resets what it needs.

    A module that defines ``SERVICE_WORKERS = "allow"`` has the service worker.
    """
    context = new_context(browser, service_workers=getattr(request.module, "SERVICE_WORKERS", "block"))
    visit = Visit(context, site)
    visit.open()
    assert visit.page.locator("#failure").is_hidden(), visit.page.locator("#failure-text").inner_text()
    yield visit
    assert visit.foreign() == []
    context.close()


@pytest.fixture
def page(visit: Visit) -> Page:
    """The module's page, on the Tensor view with the default settings."""
    visit.page.evaluate("() => { document.getElementById('toasts').replaceChildren(); }")
    visit.page.locator("#tab-tensor").click()
    visit.page.evaluate("() => playground.reset()")
    return visit.page


def _numbers(page: Page, view: str = "tensor") -> dict[str, str]:
    """The number cards of a view: label -> value."""
    return page.evaluate(
        """(view) => {
          const host = document.querySelector(`#slot-${view}-numbers`);
          const all = [];
          const walk = (node) => {
            if (node.matches?.('dl.cardlet')) all.push(node);
            for (const child of [...(node.shadowRoot?.children ?? []), ...(node.children ?? [])]) walk(child);
          };
          walk(host);
          const text = (dl, tag) => dl.querySelector(tag).firstChild.textContent;
          return Object.fromEntries(all.map((dl) => [text(dl, 'dt'), text(dl, 'dd')]));
        }""",
        view,
    )


def _source(page: Page, name: str) -> dict[str, list[float]]:
    """The data of a named Bokeh source, as the page has it."""
    return page.evaluate(
        """(name) => {
          const model = Bokeh.documents.map((doc) => doc.get_model_by_name(name)).find((found) => found);
          return Object.fromEntries(Object.entries(model.data).map(([key, values]) => [key, Array.from(values)]));
        }""",
        name,
    )


def _toasts(page: Page) -> list[str]:
    """What stands in the corner."""
    return page.locator(".toast span").all_inner_texts()


@pytest.fixture
def numbers() -> Callable[..., dict[str, str]]:
    return _numbers


@pytest.fixture
def source() -> Callable[[Page, str], dict[str, list[float]]]:
    return _source


@pytest.fixture
def toasts() -> Callable[[Page], list[str]]:
    return _toasts


@pytest.fixture
def big_model(tmp_path: Path) -> Path:
    """Eight products with 1024 x 1024 weights: enough work to be cancelled in the middle."""
    rng = np.random.default_rng(3)
    nodes, weights, last = [], [], "x"
    for i in range(8):
        weights.append(numpy_helper.from_array(rng.normal(0, 0.03, (1024, 1024)).astype(np.float32), f"w{i}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{i}"], [f"h{i}"], f"product{i}"))
        last = f"h{i}"
    return _saved(tmp_path / "big.onnx", nodes, weights, (1024, 1024), last)


@pytest.fixture
def odd_model(tmp_path: Path) -> Path:
    """An operator (QuickGelu) that neither our kernels nor the NumPy interpreter have."""
    w = numpy_helper.from_array(np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3), "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "product"),
        helper.make_node("QuickGelu", ["h"], ["y"], "gelu", domain="com.microsoft"),
    ]
    return _saved(tmp_path / "odd.onnx", nodes, [w], (4, 3), "y")


def _saved(path: Path, nodes: list[NodeProto], weights: list[TensorProto], sizes: tuple[int, int], out: str) -> Path:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", sizes[0]])
    y = helper.make_tensor_value_info(out, TensorProto.FLOAT, ["batch", sizes[1]])
    graph = helper.make_graph(nodes, path.stem, [x], [y], weights)
    sets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def _module(text: str) -> Callable[[Route], None]:
    """Answers a request with a module's text."""
    return lambda route: route.fulfill(body=text, content_type="text/javascript")


@pytest.fixture
def act(page: Page) -> Callable[..., Any]:
    """Calls a function of fast_path.mjs in the page; nothing is under way when the test begins."""
    address = "**/test-fast-path.mjs"
    page.context.unroute(address)
    page.context.route(address, _module(Path(__file__).with_name("fast_path.mjs").read_text(encoding="utf-8")))

    def call(name: str, *arguments: Any) -> Any:
        return page.evaluate(
            "async ([name, args]) => (await import('/test-fast-path.mjs'))[name](...args)", [name, list(arguments)]
        )

    call("idle")
    return call
