"""Without a network, with a new release, with broken copies and with no room: the service worker in Chromium.

Each test has a server, a browser context and a copy of the site of its own, in a sub-path, as on GitHub Pages.
"""

import functools
import http.server
import os
import shutil
import threading
from contextlib import contextmanager

import numpy as np
import onnxruntime
import pytest
from playwright.sync_api import expect

from playground import gallery
from playground.serving import HASHED
from tools import publish
from tools.paths import DIST, TREE

BOOTED = "() => window.playground?.bootTimes || !document.getElementById('failure').hidden"
KEPT = "() => document.documentElement.dataset.offline"
BOOT_MS = 120_000
KEEP_MS = 60_000


class Host:
    """A plain static server of a folder, which can be taken away, with a log of the requests."""

    def __init__(self, folder):
        self.folder = folder
        self.log = []
        host = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

            def log_request(self, code="-", size="-"):
                host.log.append((self.path.split("?")[0], int(code)))

            def log_message(self, *_args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/below/a/path/"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def host(tmp_path):
    """A host of a copy of the built site, at ``/below/a/path/``."""
    place = tmp_path / "www" / "below" / "a"
    place.mkdir(parents=True)
    shutil.copytree(DIST, place / "path", ignore=shutil.ignore_patterns("*.br", "docs", "bench-*", "bench.html"))
    host = Host(tmp_path / "www")
    host.site = place / "path"
    yield host
    host.stop()


@contextmanager
def profile(browser, folder):
    """A visitor with a profile on disk: a private one caches no large file and can install nothing."""
    path = os.environ.get("PLAYGROUND_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    context = browser.browser_type.launch_persistent_context(
        folder, executable_path=path, args=["--no-sandbox"], viewport={"width": 1280, "height": 860}
    )
    yield context
    context.close()


@contextmanager
def visitor(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    yield context
    context.close()


def start(page, url):
    page.goto(url)
    booted(page)


def booted(page):
    page.wait_for_function(BOOTED, timeout=BOOT_MS)
    assert page.locator("#failure").is_hidden(), page.locator("#failure-text").inner_text()


def kept(page):
    """What became of keeping the site: ``ready`` or ``no``."""
    page.wait_for_function(KEPT, timeout=KEEP_MS)
    return page.evaluate(KEPT)


def test_the_second_visit_needs_no_network(browser, host, tmp_path, numbers):
    with profile(browser, tmp_path / "profile") as context:
        page = context.new_page()
        start(page, host.url)
        assert kept(page) == "ready"
        assert context.new_cdp_session(page).send("Page.getInstallabilityErrors") == {"installabilityErrors": []}
        asked = [path for path, code in host.log if code == 200]
        begun = next(i for i, path in enumerate(asked) if path.endswith("/sw.js"))
        first, again = asked[:begun], asked[begun:]
        assert any(path.endswith("/snapshot.bin.zst") for path in first), "keeping must not compete with the start"
        twice = [path for path in again if path in first and HASHED.search(path)]
        assert twice == [], "fetched twice"
        assert {code for _, code in host.log} <= {200, 304}

        context.set_offline(True)
        host.stop()
        count = len(host.log)
        start(page, f"{host.url}?v=1&format=int4")
        assert page.evaluate("() => playground.state.format") == "int4"
        (fetcher,) = (worker for worker in page.workers if "fetcher" in worker.url)
        fetched = fetcher.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
        assert [name for name in fetched if name.endswith(".zst")] == [], "it was kept as decoded"
        quantize_an_upload(page, tmp_path)
        page.locator("#tab-run").click()
        page.locator("#race").click()
        table = page.locator("#slot-run-engines table").first
        table.wait_for(timeout=60_000)
        expect(table).to_contain_text("ONNX Runtime, int8")
        assert len(host.log) == count


def quantize_an_upload(page, folder):
    """Upload, calibrate, quantize, export; the file is what native ONNX Runtime says it should be."""
    (folder / "mine.onnx").write_bytes(gallery.model_bytes("digits-convnet"))
    np.savez(folder / "calibration.npz", **gallery.calibration("digits-convnet"))
    page.set_input_files("#open", folder / "mine.onnx")
    page.wait_for_function("() => playground.state.model === 'upload'")
    page.locator("#tab-model").click()
    page.set_input_files("#calibration", folder / "calibration.npz")
    page.wait_for_function("() => document.getElementById('calibration-hint').textContent.includes('64 samples')")
    page.locator("#quantize").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled")
    page.locator("#tab-export").click()
    with page.expect_download() as download:
        page.locator("#save-model").click()
    session = onnxruntime.InferenceSession(download.value.path().read_bytes())
    digits = gallery.digits()
    answers = session.run(None, {"image": digits.images})[0].argmax(axis=1)
    assert (answers == digits.labels).mean() > 0.97


def deploy(host, tree, change):
    """Publish the site with one file changed, in place of what the host serves."""
    change(tree)
    publish.publish(tree, host.site, copies=False)


def hashed(log):
    return {path for path, _ in log if HASHED.search(path)}


def test_a_new_release_is_offered_and_two_never_mix(browser, host, tmp_path):
    """Two tabs, then a release with another script: one tab updates, the other goes on with what it has."""
    with visitor(browser) as context:
        one, two = context.new_page(), context.new_page()
        start(one, host.url)
        assert kept(one) == "ready"
        start(two, host.url)
        old, served = release_of(one), addresses(host)
        tree = shutil.copytree(TREE, tmp_path / "tree")
        mark = "\nwindow.playgroundMark = 'new';\n"
        deploy(host, tree, lambda tree: (tree / "page.js").open("a").write(mark))
        gone = served - addresses(host)
        assert gone, "the release changes addresses"
        host.log.clear()
        one.evaluate("async () => { await (await navigator.serviceWorker.ready).update(); }")
        expect(one.locator("#update")).to_be_visible(timeout=KEEP_MS)
        expect(two.locator("#update")).to_be_visible()
        assert {path for path in hashed(host.log) if "/app-" not in path} <= manifests(host), "unchanged files again"

        one.reload()  # without asking for the update: still the old release, whole, out of the cache
        booted(one)
        assert release_of(one) == old
        expect(one.locator("#update")).to_be_visible()
        take_update(one)
        assert release_of(one) != old
        assert release_of(two) == old
        two.evaluate("() => playground.restart()")  # asks for its worker again, an old file
        expect(two.locator("#update")).to_be_visible()
        assert [entry for entry in host.log if entry[1] == 404] == []
        assert not hashed(host.log) & gone, "the host got requests for files that it no longer has"
        take_update(two)
        assert_forgotten(two, gone)


def addresses(host):
    """What the host has, as it appears in its log."""
    return {f"/{path.relative_to(host.folder).as_posix()}" for path in host.site.rglob("*") if path.is_file()}


def manifests(host):
    return {path for path in addresses(host) if "/manifest-" in path}


def take_update(page):
    page.locator("#update-now").click()
    page.wait_for_function("() => window.playgroundMark === 'new'", timeout=KEEP_MS)
    booted(page)


def assert_forgotten(page, gone):
    """Nothing of the old release stays, now that no tab shows it."""
    page.wait_for_function(
        """async (old) => {
          const cache = await caches.open((await caches.keys())[0]);
          return !(await cache.keys()).some(({ url }) => old.some((path) => url.endsWith(path)));
        }""",
        arg=sorted(gone),
        timeout=KEEP_MS,
    )


def release_of(page):
    return page.evaluate("() => document.documentElement.dataset.release")


def test_broken_and_missing_copies_are_fetched_again(browser, host):
    with visitor(browser) as context:
        page = context.new_page()
        start(page, host.url)
        assert kept(page) == "ready"
        page.evaluate(
            """async () => {
              const cache = await caches.open((await caches.keys())[0]);
              for (const request of await cache.keys()) {
                const reply = await cache.match(request);
                const half = async () => (await reply.clone().arrayBuffer()).slice(0, 1000);
                const { url } = request;
                if (url.endsWith("/snapshot.bin.zst")) await cache.put(request, new Response(await half(), reply));
                if (request.url.includes("/index.html")) await cache.put(request, new Response("<p>broken", reply));
                if (request.url.endsWith("/bokeh.min.js") || request.url.includes("/ort-")) await cache.delete(request);
              }
              const decoded = await caches.open("playground-decoded");
              for (const request of await decoded.keys()) {
                const reply = await decoded.match(request);
                const bytes = new Uint8Array(await reply.clone().arrayBuffer());
                bytes[bytes.length >> 1] ^= 1; // one bit
                await decoded.put(request, new Response(bytes, reply));
              }
            }"""
        )
        page.close()
        page = context.new_page()
        start(page, host.url)
        page.wait_for_function(
            """async () => {
              const cache = await caches.open((await caches.keys())[0]);
              const keys = (await cache.keys()).map(({ url }) => url);
              const packed = await cache.match(keys.find((url) => url.endsWith("/snapshot.bin.zst")) ?? "");
              const { size } = await packed?.blob() ?? { size: 0 };
              const decoded = await (await caches.open("playground-decoded")).keys();
              return decoded.length === 7 && keys.some((url) => url.includes("/ort-"))
                && keys.some((url) => url.endsWith("/bokeh.min.js"))
                && keys.some((url) => url.includes("/index.html")) && size > 1e6;
            }""",
            timeout=KEEP_MS,
        )
        context.set_offline(True)
        host.stop()
        page.close()
        start(context.new_page(), host.url)


POISON = """async () => {
  const headers = { "content-type": "text/html", refresh: "0;url=/leak" };
  const evil = () => new Response("<title>EVIL</title>", { headers });
  const planted = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const { url } of await cache.keys())
      if (url.includes("/index.html") || url.endsWith(".js")) {
        await cache.put(url, evil());
        planted.push(url);
      }
    const [{ url }] = (await cache.keys()).filter(({ url }) => url.includes("/python-"));
    planted.push(new URL("planted.html", url).href);
    await cache.put(planted.at(-1), evil());
  }
  return planted;
}"""


def test_what_others_write_into_the_cache_is_never_shown(browser, host):
    """The service worker has read the page soundly before, and is the same one afterwards."""
    with visitor(browser) as context:
        page = context.new_page()
        start(page, host.url)
        assert kept(page) == "ready"
        page.reload()
        booted(page)
        planted = page.evaluate(POISON)
        assert sum("/index.html" in url for url in planted) == 1
        assert sum(url.endswith(".js") for url in planted) > 5
        start(page, host.url)
        assert page.title() == "Quantization Playground"
        assert page.evaluate("() => playground.setState({format: 'int5'}).then((s) => s.format)") == "int5"
        for url in (url for url in planted if url.endswith("planted.html")):
            page.goto(url)
            assert page.title() != "EVIL"
        assert not [path for path, _ in host.log if path == "/leak"]


def test_a_full_disk_leaves_a_page_that_works_and_says_so(browser, host):
    with visitor(browser) as context:
        page = context.new_page()
        origin = host.url.split("/below")[0]
        session = context.new_cdp_session(page)
        session.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 5_000_000})
        start(page, host.url)
        assert kept(page) == "no"
        expect(page.locator(".toast")).to_contain_text("no storage left to keep the playground")
        assert page.evaluate("async () => (await playground.setState({format: 'int5'})).format") == "int5"
        assert page.evaluate("() => caches.keys()") == []
        page.reload()
        booted(page)


def test_opened_as_a_file_it_says_what_to_do(browser):
    with visitor(browser) as context:
        page = context.new_page()
        page.goto((DIST / "index.html").as_uri())
        expect(page.locator("#failure-text")).to_contain_text("python -m http.server")
        expect(page.locator("#failure")).to_be_visible()
        expect(page.locator("button:visible")).to_have_count(0)  # none of them would answer


def test_in_a_sandboxed_frame_nothing_is_registered_and_nothing_thrown(browser, host):
    (host.site / "frame.html").write_text('<iframe sandbox="allow-scripts" src="index.html"></iframe>')
    with visitor(browser) as context:
        page = context.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{host.url}frame.html")
        page.wait_for_load_state("networkidle")
        assert errors == []
        assert not [path for path, _ in host.log if path.endswith("/sw.js")]
