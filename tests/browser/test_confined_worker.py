"""What is left in the scope of Python's worker: nothing through which it could leave anything or reach anybody."""

import re
from pathlib import Path

import pytest

CONFINE = Path(__file__).parents[2] / "static" / "engine" / "confine.mjs"

# fmt: off
WAYS_OUT = [
    "fetch", "XMLHttpRequest", "WebSocket", "WebSocketStream", "WebSocketError", "EventSource", "WebTransport",
    "importScripts", "Worker", "SharedWorker", "ServiceWorkerRegistration", "RTCPeerConnection", "RTCDataChannel",
    "RTCEncodedVideoFrame", "RTCRtpScriptTransformer", "caches", "Cache", "CacheStorage", "indexedDB",
    "IDBFactory", "IDBDatabase", "BroadcastChannel", "StorageManager", "StorageBucketManager", "StorageBucket",
    "LockManager", "Lock", "NetworkInformation", "FileSystemDirectoryHandle", "FileSystemFileHandle",
    "FileSystemSyncAccessHandle", "webkitRequestFileSystem", "webkitRequestFileSystemSync",
    "webkitResolveLocalFileSystemURL", "webkitResolveLocalFileSystemSyncURL", "cookieStore", "CookieStore",
    "Notification", "PushManager", "BackgroundFetchManager", "SyncManager", "PeriodicSyncManager", "Request",
    "FontFace", "fonts", "GPU", "WGSLLanguageFeatures", "ML", "USB", "Serial", "HID", "Permissions",
    "PressureObserver", "ReportingObserver", "reportError", "postMessage", "onmessage", "close", "trustedTypes",
    "requestAnimationFrame", "createImageBitmap", "OffscreenCanvas", "ImageDecoder", "VideoDecoder",
    "WebGLRenderingContext", "navigation", "document", "window", "Window", "HTMLIFrameElement", "scheduler",
    "crossOriginIsolated",
]
# fmt: on
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


OF_NAVIGATOR = ("storage", "storageBuckets", "locks", "serviceWorker", "sendBeacon", "gpu", "usb", "hid", "serial")


@pytest.mark.parametrize("name", [*OF_NAVIGATOR, "connection", "permissions", "mediaCapabilities", "userAgentData"])
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
            timer: () =>
              new Promise((resolve) => {
                self.hacked = resolve;
                setTimeout("self.hacked('ran')", 0);
                setTimeout(() => resolve(undefined), 50);
              }),
            address: () => URL.createObjectURL(new Blob([""])),
            dataImport: () => import("data:text/javascript,export default 1"),
            fetch: () => self.fetch("https://example.invalid/"),
            prototypes: () => [1, 2].reduce((at) => Object.getPrototypeOf(at), self).fetch,
            port: () => new MessageChannel().port1.postMessage("anyone"),
          };
          const found = {};
          await new Promise((resolve) => setTimeout(resolve, 20)); // in this task the debugger may evaluate texts
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
        "timer": "TypeError",
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
