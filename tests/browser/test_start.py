"""The start: nothing from elsewhere, a readable failure, embeds, the bench page, no page too wide."""

import pytest

from tests.browser.conftest import new_context

SERVICE_WORKERS = "allow"


@pytest.fixture
def fresh(browser, site, visit):
    """A page of its own, not booted yet."""
    context = new_context(browser, viewport={"width": 900, "height": 800})
    yield type(visit)(context, site)
    context.close()


def test_nothing_leaves_the_origin_and_nothing_complains(visit):
    assert visit.foreign() == []
    assert [url for url in visit.requests if "bench" in url or "litert" in url] == []
    assert [text for text in visit.complaints if "favicon" not in text] == []
    times = visit.page.evaluate("() => playground.bootTimes")
    assert times["Navigation to the first view"] > 0


OPEN_FILES = """
import gc, io
[file.name for file in gc.get_objects() if isinstance(file, io.FileIO) and not file.closed]
"""


def test_the_snapshot_holds_no_open_file(visit):
    """A restored process has no descriptor for it: closing it would fail whenever Python comes to that."""
    worker = next(w for w in visit.page.workers if w.evaluate("() => !!self.pyodide"))
    names = worker.evaluate("(code) => self.pyodide.runPython(code).toJs()", OPEN_FILES)
    assert set(names) == {"<stdin>", "<stdout>", "<stderr>"}


def test_a_missing_file_gives_a_sentence_and_a_retry(fresh):
    fresh.context.route("**/python_stdlib.zip*", lambda route: route.fulfill(status=404, body="gone"))
    page = fresh.open()
    assert page.locator("#failure").is_visible()
    assert "python_stdlib.zip" in page.locator("#failure-text").inner_text()
    fresh.context.unroute("**/python_stdlib.zip*")
    page.locator("#retry").click()
    page.wait_for_function("() => window.playground.bootTimes", timeout=120_000)
    assert page.locator("#failure").is_hidden()


def test_embed_shows_the_tensor_view_of_its_query(fresh):
    page = fresh.open("/embed.html?v=1&format=uint4&symmetric=0&lo=-0.25&hi=0.25&theme=dark")
    assert page.evaluate("() => [playground.state.format, playground.state.lo, playground.state.hi]") == [
        "uint4",
        -0.25,
        0.25,
    ]
    assert page.locator("[role=tab]").count() == 0
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    assert page.locator("#slot-tensor-histogram canvas").count() > 0
    assert fresh.foreign() == []


def test_a_wrong_link_is_said_and_the_defaults_are_shown(fresh):
    page = fresh.open("/?v=1&format=int99&tensor=fc1.weight")
    assert page.evaluate("() => [playground.state.format, playground.state.tensor]") == ["int3", "fc1.weight"]
    assert "int99" in page.locator(".toast.bad span").first.inner_text()


def test_api_events_and_errors(page):
    heard = page.evaluate(
        """() => new Promise((resolve) => {
          playground.addEventListener('change', (event) => resolve(event.detail.format), {once: true});
          playground.setState({format: 'int7'});
        })"""
    )
    assert heard == "int7"
    error = page.evaluate("() => playground.load(new File([], 'none.onnx')).catch((error) => error)")
    assert error["kind"] == "bad_file"
    assert "empty" in error["message"]
    assert page.evaluate("() => playground.report()") is None


def test_bench_page_fills_its_results(fresh):
    page = fresh.page
    page.goto(fresh.site + "/bench.html?rounds=1")
    page.wait_for_function("() => window.benchResults", timeout=300_000)
    found = page.evaluate("() => window.benchResults")
    assert "error" not in found, found["error"]
    every, targets = found["results"], found["targets"]
    nets = [r for r in every if ", batch " in r["shape"]]
    same = [r for r in every if r["shape"].startswith("the same .tflite: ")]
    results = [r for r in every if r not in nets and r not in same]
    shapes = {
        "512 × 512 × 512", "384 × 1024 × 1024", "conv 3×3, 64→64, 56×56", "1 × 2048 × 2048, 64 blocks a column",
        "depthwise 3×3, 64 channels, 56×56, stride 1", "depthwise 3×3, 128 channels, 6×6, stride 1",
    }  # fmt: skip
    assert {r["shape"] for r in results} == shapes
    assert all(r["medianMs"] > 0 for r in results)
    theirs = [r for r in results if r["engine"].startswith("ONNX")]
    floats = [r for r in theirs if "accuracy level 4" in r["engine"]]  # which it multiplies as float32 all the same
    assert all(r["result"].startswith("differs by up to ") for r in floats) and floats
    exact = [r["result"] for r in theirs if r not in floats]
    assert set(exact) == {"equal", "equal within 0.00001"} and len(exact) == 12
    assert {r["engine"].partition(",")[0] for r in results} >= {"Ours (simd128)", "Multiplying alone (simd128)"}
    names = ("resnet8", "mobilenet", "dscnn", "autoencoder", "encoder", "digits-mlp", "digits-convnet")
    assert {r["shape"] for r in nets} == {f"{name}, batch {batch}" for name in names for batch in (1, 16)}
    litert = {r["shape"]: r["result"] for r in nets if r["engine"] == "LiteRT.js, int8"}
    assert (
        litert.keys() == {r["shape"] for r in nets if r["engine"] == "LiteRT.js, float"} == {r["shape"] for r in nets}
    )
    apart = {net: float(told.removeprefix("differs by up to ").replace("equal", "0")) for net, told in litert.items()}
    # XNNPACK takes other kernels on other processors: equal on some, some last digits of a float apart on others
    assert max(apart["digits-mlp, batch 1"], apart["digits-mlp, batch 16"]) < 1e-5
    assert max(apart.values()) < 0.2  # of a net with outputs up to 100
    # one file in both engines: within a code, floats within a share
    kinds = ("float", "int8", "ends", "tensor")
    shapes = [r["shape"] for r in same if r["engine"] == "LiteRT.js"]
    assert len(shapes) == 31 and {shape.rpartition(".")[2] for shape in shapes} == set(kinds)
    assert {r["shape"] for r in same if r["engine"].startswith("Ours")} == set(shapes)
    verdicts = {r["result"] for r in same if r["engine"] == "LiteRT.js"}
    assert verdicts <= {"equal", "equal within a code", "equal within 0.00001"} and "equal" in verdicts
    assert len([target for target in targets if "LiteRT.js" in target["what"]]) == len(litert) + 2 + len(shapes) + 2
    assert targets[-1]["what"] == "all networks: geometric mean"
    assert page.locator("#results tbody tr").count() == len(every)
    assert targets[-1]["what"] == "all networks: geometric mean" and targets[-1]["found"] > 1
    assert page.locator("#targets tbody tr").count() == len(targets) >= 41
    assert fresh.foreign() == []
    assert [url for url in fresh.requests if "litert_wasm_internal" in url]
    # LiteRT.js adds its loader by address, and no other address passes
    refused = page.evaluate(
        """() => ["theme.js", "https://example.org/a.js"].map((address) => {
          try { document.createElement("script").src = address; return ""; } catch (error) { return error.name; }
        })"""
    )
    assert refused == ["TypeError", "TypeError"]


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 1920, 3840])
def test_nothing_sticks_out_sideways(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    for view in ("tensor", "model", "run", "export"):
        page.locator(f"#tab-{view}").click()
        page.wait_for_timeout(300)
        assert (
            page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
        ), view
    page.set_viewport_size({"width": 1280, "height": 860})
