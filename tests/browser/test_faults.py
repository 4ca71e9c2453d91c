"""Python's worker dies, hangs or has no memory; files are missing or broken: the page says so and work goes on."""

import random
import statistics

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from playwright.sync_api import expect

from tests.browser.conftest import new_context

KILL = "() => document.getElementById('engine').contentWindow.playgroundWorker.terminate()"
READY_MS = 60_000
SETTINGS = {"format": "uint5", "granularity": "channel", "symmetric": False, "zoom": True}
PLOTTED = """() => Object.fromEntries(Bokeh.documents.flatMap((doc) => [...doc.all_models])
  .filter((model) => model.name && model.data && document.getElementById('view-tensor'))
  .map((model) => [model.name, Object.fromEntries(Object.entries(model.data).map(([k, v]) => [k, Array.from(v)]))]))"""


@pytest.fixture
def model(tmp_path):
    """Two products: small, but with enough steps to be killed in between."""
    rng = np.random.default_rng(5)
    w = [numpy_helper.from_array(rng.normal(0, 0.1, (256, 256)).astype(np.float32), f"w{i}") for i in range(2)]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 256])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 256])
    nodes = [helper.make_node("MatMul", [a, f"w{i}"], [b]) for i, (a, b) in enumerate((("x", "h"), ("h", "y")))]
    graph = helper.make_graph(nodes, "mine", [x], [y], w)
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "mine.onnx"
    path.write_bytes(content.SerializeToString())
    return path


def upload(page, path):
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'")


def restarted(page, count):
    """Wait for the restart number ``count`` to have come to its end."""
    page.wait_for_function(
        "(count) => performance.getEntriesByName('restart').length >= count", arg=count, timeout=READY_MS
    )
    page.evaluate("() => playground.ready")
    assert page.locator("#failure").is_hidden(), page.locator("#failure-text").inner_text()


def restarts(page):
    return page.evaluate("() => performance.getEntriesByName('restart').map((entry) => entry.duration)")


def while_idle(page, rng):
    page.wait_for_timeout(rng.uniform(0, 300))
    return page.evaluate(f"async () => {{ ({KILL})(); return ['worker']; }}")


def while_sliders_move(page, rng):
    """Requests without a pause; the kinds of the errors of those that were refused."""
    return page.evaluate(
        f"""async (wait) => {{
          const asked = [];
          const {{ client }} = playgroundStart;
          const timer = setInterval(() => asked.push(client.request('set', {{changes: {{lo: -Math.random() / 4}}}})
            .then(() => null, (error) => error.kind)), 2);
          await new Promise((resolve) => setTimeout(resolve, wait));
          clearInterval(timer);
          ({KILL})();
          return (await Promise.all(asked)).filter((kind) => kind);
        }}""",
        rng.uniform(20, 300),
    )


def while_quantizing(page, rng):
    return page.evaluate(
        f"""async (wait) => {{
          const asked = playgroundStart.client.request('quantize').then(() => null, (error) => error.kind);
          await new Promise((resolve) => setTimeout(resolve, wait));
          ({KILL})();
          const kind = await asked;
          return kind ? [kind] : [];
        }}""",
        rng.uniform(0, 120),
    )


@pytest.mark.parametrize("count", [3, pytest.param(20, marks=pytest.mark.heavy)])
def test_killed_at_random_moments(page, model, browser, visit, numbers, count):
    """Settings and model are there after each, refused requests say so, and the numbers are those of a fresh page."""
    upload(page, model)
    rng = random.Random(20)
    moments = ([while_sliders_move, while_quantizing, while_idle] * count)[:count]
    rng.shuffle(moments)
    done, refused = len(restarts(page)), 0
    for i, moment in enumerate(moments):
        page.evaluate("() => { document.getElementById('toasts').replaceChildren(); }")
        page.evaluate("(settings) => playground.setState(settings)", SETTINGS)
        kinds = moment(page, rng)
        refused += len(kinds)
        assert set(kinds) <= {"worker"}
        expect(page.locator(".toast span", has_text="is starting again")).to_be_visible()
        restarted(page, done + i + 1)
        state = page.evaluate("() => playground.state")
        assert {key: state[key] for key in SETTINGS} == SETTINGS
        assert (state["model"], state["tensor"]) == ("upload", "w0")
        assert page.evaluate("() => playground.setState({format: 'int6'}).then((s) => s.format)") == "int6"
    assert refused >= max(1, count // 4), "some requests were in flight"
    print(f"restarts: median {statistics.median(restarts(page)):.0f} ms, longest {max(restarts(page)):.0f} ms")
    assert statistics.median(restarts(page)) < 20_000
    page.evaluate("() => playground.setState({format: 'int6', lo: null, hi: null})")
    settled(page)
    after, cards = page.evaluate(PLOTTED), numbers(page)
    context = new_context(browser)
    fresh = type(visit)(context, visit.site).open()
    upload(fresh, model)
    fresh.evaluate("(state) => playground.setState(state)", {**SETTINGS, "format": "int6"})
    settled(fresh)
    assert numbers(fresh) == cards
    assert fresh.evaluate(PLOTTED) == after
    context.close()


def settled(page):
    page.wait_for_function(
        "() => !document.querySelector('.stale') && !document.getElementById('boot').checkVisibility()"
    )
    page.wait_for_timeout(600)


@pytest.fixture
def python(page):
    """Runs Python where the page runs it."""

    def run(code):
        worker = next(w for w in page.workers if w.evaluate("() => !!self.pyodide"))
        return worker.evaluate(
            "(code) => { const it = self.pyodide.runPython(code); return it?.toJs?.() ?? it; }", code
        )

    return run


@pytest.mark.parametrize(
    "starved",
    ["[np.empty(2**31 - 2**20, np.uint8) for _ in range(3)]", "raise_memory_error()"],
    ids=["huge", "injected"],
)
def test_no_memory_is_an_error_with_a_kind_and_changes_nothing(page, python, starved):
    """Where the tensor is quantized, more is asked for than there is, or the allocation fails as if it were so."""
    state = page.evaluate("() => playground.setState({format: 'int5'})")
    python(
        "import numpy as np\nimport playground.app.workspace as module\n"
        "def raise_memory_error():\n    raise MemoryError\n"
        "real = module.picture_of\n"
        f"module.picture_of = lambda *args, **kwargs: {starved}"
    )
    error = page.evaluate("() => playground.setState({format: 'int2'}).catch((error) => error)")
    python("module.picture_of = real")
    assert error["kind"] == "memory"
    assert "memory" in error["message"]
    assert page.evaluate("() => playground.state") == state
    assert page.evaluate("() => playground.setState({format: 'int4'}).then((s) => s.format)") == "int4"


def test_python_that_hangs_can_be_restarted(page):
    page.evaluate("() => playground.setState({format: 'uint3', symmetric: false})")
    done = len(restarts(page))
    worker = next(w for w in page.workers if w.evaluate("() => !!self.pyodide"))
    worker.evaluate("() => { setTimeout(() => self.pyodide.runPython('while True: pass')); }")
    page.wait_for_timeout(100)
    page.evaluate("() => { playground.setState({format: 'int7'}).catch((error) => { window.refusal = error.kind; }); }")
    button = page.locator(".toast .button", has_text="Restart Python")
    button.click(timeout=20_000)
    restarted(page, done + 1)
    assert page.evaluate("() => window.refusal") == "worker"
    assert page.evaluate("() => [playground.state.format, playground.state.symmetric]") == ["uint3", False]
    assert page.evaluate("() => playground.setState({format: 'int4'}).then((s) => s.format)") == "int4"


@pytest.fixture
def spoiled(browser, site, visit):
    """Opens a page of its own whose files are spoiled: {pattern: what the host answers}."""
    context = new_context(browser)

    def spoil(files):
        for pattern, answer in files.items():
            context.route(pattern, answer)
        return type(visit)(context, site)

    yield spoil
    context.close()


def half(route):
    body = route.fetch().body()
    route.fulfill(body=body[: len(body) // 2])


def scrambled(route):
    body = bytearray(route.fetch().body())
    body[len(body) // 3 : len(body) // 3 + 64] = b"\0" * 64
    route.fulfill(body=bytes(body))


def gone(route):
    route.fulfill(status=404, body="gone")


@pytest.mark.parametrize(
    "spoil",
    [half, pytest.param(scrambled, marks=pytest.mark.heavy), pytest.param(gone, marks=pytest.mark.heavy)],
    ids=lambda f: f.__name__,
)
def test_without_a_good_snapshot_the_page_starts_plainly(spoiled, spoil):
    page = spoiled({"**/snapshot.bin*": spoil}).open()
    assert page.locator("#failure").is_hidden(), page.locator("#failure-text").inner_text()
    assert page.evaluate("() => playground.bootTimes['From the snapshot']") == 0
    assert page.evaluate("() => playground.setState({format: 'int4'}).then((s) => s.format)") == "int4"


@pytest.mark.parametrize(
    ("pattern", "spoil", "said"),
    [
        ("**/pyodide.asm.wasm*", gone, "pyodide.asm.wasm"),
        pytest.param("**/worker.js*", gone, "worker.js", marks=pytest.mark.heavy),
        ("**/worker.js*", half, "worker.js"),
        pytest.param("**/frozen.json*", gone, "frozen.json", marks=pytest.mark.heavy),
        ("**/frozen.json*", scrambled, "frozen.json"),
        ("**/fetcher.js*", gone, "fetcher.js"),
    ],
)
def test_a_spoiled_file_is_named_and_retry_works(spoiled, pattern, spoil, said):
    visit = spoiled({pattern: spoil})
    page = visit.open()
    assert page.locator("#failure").is_visible()
    assert said in page.locator("#failure-text").inner_text()
    visit.context.unroute(pattern)
    page.locator("#retry").click()
    page.wait_for_function("() => playground.bootTimes", timeout=READY_MS)
    assert page.locator("#failure").is_hidden()
    assert page.evaluate("() => playground.setState({format: 'int4'}).then((s) => s.format)") == "int4"


def test_missing_packages_are_said_when_they_are_needed_and_fetched_later(spoiled):
    visit = spoiled({"**/packages.zip*": gone})
    page = visit.open()
    assert page.evaluate("() => playground.setState({format: 'int4'}).then((s) => s.format)") == "int4"
    # What the page sends of moves made before Python is there: all settings, the model's name among them
    all_settings = "() => (({version, ...all}) => playground.setState({...all, format: 'int5'}))(playground.state)"
    assert page.evaluate(all_settings)["format"] == "int5"
    page.locator("#tab-model").click()
    page.locator("#quantize").click()
    expect(page.locator(".toast.bad span").first).to_contain_text("packages.zip", timeout=READY_MS)
    visit.context.unroute("**/packages.zip*")
    page.locator("#quantize").click()
    page.wait_for_function("() => !document.getElementById('save-model').disabled", timeout=READY_MS)
