"""Links and files of strangers: the page starts with any link, says what it ignored, and goes on after a refusal."""

import time

import pytest

from playground.model.onnx_proto import ModelProto
from playground.settings import Settings
from tests.browser.conftest import Visit, new_context
from tests.hostile.builders import chain, onnx_of, safetensors_of
from tests.hostile.test_given import LINKS

HEAP = "() => pyodide._module.HEAP8.length"


USUAL = {"lo", "parameters"}
"""A number and a text; all of them are tried natively and in Node in every run."""


@pytest.mark.parametrize(
    "query",
    [pytest.param(link, marks=() if name in USUAL else pytest.mark.heavy, id=name) for link, name in LINKS.items()],
)
def test_the_page_starts_and_says_which_value_was_ignored(browser, site, query):
    context = new_context(browser)
    visit = Visit(context, site)
    page = visit.open(f"/{query}&format=int4")
    assert page.locator("#failure").is_hidden(), page.locator("#failure-text").inner_text()
    state = page.evaluate("() => playground.state")
    default = Settings(format="int4").as_dict()
    assert {name: state[name] for name in ("format", LINKS[query])} == {
        name: default[name] for name in ("format", LINKS[query])
    }
    toast = page.locator(".toast.bad span").first
    toast.wait_for()
    assert toast.inner_text().startswith(f"{LINKS[query]}: ")
    assert visit.complaints == []
    context.close()


def test_what_is_wrong_only_with_others_is_left_out_alone(browser, site):
    context = new_context(browser)
    page = Visit(context, site).open("/?v=1&format=int4&zero_point=70&symmetric=0")
    settings = page.evaluate("() => playground.state")
    assert (settings["format"], settings["zero_point"]) == ("int4", None)
    assert "zero_point" in page.locator(".toast.bad span").first.inner_text()
    context.close()


FILES = {
    "many.onnx": lambda: onnx_of(b"\x0a\0" * 3_000_000),
    "many.safetensors": lambda: safetensors_of(
        {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(200_000)}
    ),
}


def test_memory_is_given_back_after_a_refusal(page, tmp_path):
    (worker,) = [one for one in page.workers if one.evaluate("() => typeof pyodide !== 'undefined'")]
    sizes = []
    for _ in range(2):
        for name, make in FILES.items():
            path = tmp_path / name
            path.write_bytes(make())
            page.evaluate("() => document.getElementById('toasts').replaceChildren()")
            page.set_input_files("#open", path)
            page.locator(".toast.bad span").first.wait_for(timeout=30_000)
        sizes.append(worker.evaluate(HEAP))
    assert sizes[1] == sizes[0], sizes
    assert page.evaluate("() => playground.setState({format: 'int5'}).then(({format}) => format)") == "int5"


def test_thirty_thousand_operators_open(page, tmp_path, record_property):
    model = ModelProto.FromString(chain(30_000))
    model.graph.initializer.add(name="w", data_type=1, dims=[4], raw_data=bytes(range(16)))
    path = tmp_path / "chain.onnx"
    path.write_bytes(model.SerializeToString())
    began = time.perf_counter()
    page.set_input_files("#open", path)
    page.wait_for_function("() => playground.state.model === 'upload'", timeout=60_000)
    took = time.perf_counter() - began
    record_property("seconds", took)
    print(f"\n30,000 operators in {took:.2f} s")
    assert page.evaluate("() => playground.state.tensor") == "w"
