"""Two files compared in the page: files of other tools, by chooser, by drop and by keyboard alone."""

import csv
import io
import json

import numpy as np
import pytest
import safetensors.numpy
from onnxruntime.quantization import QuantType, quantize_dynamic
from playwright.sync_api import expect

import playground
from playground import Recipe, Scheme, gallery
from playground.cli import main
from playground.model.recipe import Rule
from playground.ptq.without_graph import quantize_tensors
from tests.browser.dropping import dropped
from tests.browser.test_faults import KILL, restarted

RNG = np.random.default_rng(11)
HELD = {
    "blk.0.attn_q.weight": RNG.normal(0, 0.02, (64, 64)).astype(np.float32),
    "blk.0.ffn_up.weight": RNG.standard_t(3, (128, 64)).astype(np.float32),
    "output_norm.weight": RNG.normal(1, 0.1, 64).astype(np.float32),
}
ONLY = {"rope.freqs": np.ones(8, np.float32)}
GRID = "#compared"
ROWS = f"{GRID} [role=rowheader]"


def of_gguf(path, rename=str):
    """The tensors as a ``.gguf`` of two formats; what ``gguf`` reads in such files is tested in tests/oracles."""
    model = playground.load({rename(name): values for name, values in HELD.items()})
    rule = Rule(rename("blk.0.ffn_up.weight"), Scheme("q4_0"))
    recipe = Recipe(weights=Scheme("q8_0"), runtime="gguf", activations="weight_only", rules=(rule,))
    quantize_tensors(model, recipe).save(path)
    return path


@pytest.fixture
def pair(tmp_path):
    """An fp32 ``.safetensors`` and a quantized ``.gguf`` of the same tensors."""
    path = tmp_path / "fp32.safetensors"
    safetensors.numpy.save_file({**HELD, **ONLY}, path)
    return path, of_gguf(tmp_path / "vendor.gguf")


@pytest.fixture
def choosers(page):
    """File choosers are taken from the beginning: Playwright does not wait until the browser has been told to."""
    page.on("filechooser", _taken)
    yield
    page.remove_listener("filechooser", _taken)


def _taken(_chooser):
    """The test that opens a chooser waits for it itself."""


def by_command(capsys, a, b, *options):
    capsys.readouterr()
    assert main(["compare", str(a), str(b), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def upload(page, path):
    page.set_input_files("#open", path)
    expect(page.locator("#opened-name")).to_have_text(path.name)


def compared(page, second):
    """Has the open model compared with a file."""
    page.set_input_files("#compare-file", second)
    expect(page.locator("#comparison")).to_be_visible()
    expect(page.locator("#comparison-b")).to_contain_text(second.name)
    expect(page.locator("#job")).to_be_hidden()


def saved(page):
    """The rows of the CSV file."""
    with page.expect_download() as download:
        page.locator("#comparison-save").click()
    return list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))


def assert_same_numbers(rows, told):
    """What the page shows is what the command prints, in the same order."""
    assert [row["name"] for row in rows] == [pair["name"] for pair in told["pairs"]]
    for row, pair in zip(rows, told["pairs"], strict=True):
        assert [row["name_in_b"], row["type_a"], row["type_b"]] == [pair["other"], *pair["dtypes"]]
        assert [int(row["bytes_a"]), int(row["bytes_b"])] == pair["bytes"]
        assert float(row["max_error"]) == pair["max_error"]
        # decibels are formed by the machine's own logarithm
        wanted = np.inf if pair["max_error"] == 0 else pair["sqnr_db"]
        assert float(row["sqnr_db"]) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.usefixtures("choosers")
def test_by_file_chooser(page, pair, capsys, toasts):
    a, b = pair
    upload(page, a)
    link = page.evaluate("() => location.search")
    page.locator("#tab-model").click()
    with page.expect_file_chooser() as chooser:
        page.locator("#compare").click()
    chooser.value.set_files(b)
    expect(page.locator("#comparison")).to_be_visible()
    expect(page.locator("#inventory-card")).to_be_hidden()
    told = by_command(capsys, a, b)
    assert_same_numbers(saved(page), told)
    sentence = page.locator("#comparison-sentence").inner_text()
    assert sentence.startswith("3 tensors match by name and shape; blk.0.ffn_up.weight differs most (SQNR ")
    assert "1 tensor only in A" in sentence
    expect(page.locator("#comparison-a")).to_contain_text("fp32.safetensors (safetensors, ")
    expect(page.locator(ROWS)).to_have_count(3)
    # what differs most is drawn; every value of both is counted
    expect(page.locator("#comparison-tensor")).to_contain_text("blk.0.ffn_up.weight: float32 → q4_0")
    assert page.locator("#comparison-plot path").count() == 2
    page.locator("#comparison-table").click()
    cells = page.locator("#plot-table-body tbody tr").evaluate_all(
        "(rows) => rows.map((row) => [...row.cells].map((c) => c.textContent))"
    )
    for column in (2, 3):
        assert sum(int(row[column].replace("\u202f", "")) for row in cells) == HELD["blk.0.ffn_up.weight"].size
    page.keyboard.press("Escape")
    # the second file is in no link, and no step of undo
    assert page.evaluate("() => location.search").replace("view=model", "").strip("?&") == link.strip("?&")
    assert page.evaluate("() => playground.state.model") == "upload"
    page.locator("#comparison-close").click()
    expect(page.locator("#inventory-card")).to_be_visible()
    assert toasts(page) == []


@pytest.mark.usefixtures("choosers")
def test_by_keyboard_alone(page, pair):
    a, b = pair
    upload(page, a)
    page.locator("#tab-model").click()
    page.locator("#compare").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(b)
    expect(page.locator("#comparison-title")).to_be_focused()
    for _ in range(4):  # Another file, Save as CSV, Close, then the grid
        page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('#compared') !== null")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#comparison-tensor")).to_contain_text("blk.0.attn_q.weight: float32 → q8_0")
    expect(page.locator(f"{GRID} [aria-selected=true] [role=rowheader]")).to_have_text("blk.0.attn_q.weight")
    for _ in range(2):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(page.locator("#comparison-close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#inventory-card")).to_be_visible()
    expect(page.locator("#compare")).to_be_focused()


def test_names_that_differ(page, pair, tmp_path, capsys):
    a, _ = pair
    b = of_gguf(tmp_path / "renamed.gguf", lambda name: f"model.{name.replace('blk', 'layers')}")
    upload(page, a)
    compared(page, b)
    expect(page.locator("#comparison-sentence")).to_contain_text("No tensor of fp32.safetensors has the name of one in")
    expect(page.locator("#comparison-parts")).to_be_hidden()
    field = page.locator("#comparison-rename")
    field.fill("(=x")
    page.locator("#comparison-match").click()
    expect(page.get_by_role("alert").filter(has_text="'(=x' is not a regular expression")).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("^=model.\nblk=layers")
    page.locator("#comparison-match").click()
    expect(page.locator("#comparison-fault")).to_be_hidden()
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.locator(f"{GRID} [role=columnheader]").nth(1)).to_have_text("Name in B")
    told = by_command(capsys, a, b, "--rename", "^=model.", "--rename", "blk=layers")
    assert_same_numbers(saved(page), told)
    assert told["missing"] == ["rope.freqs"]


def test_a_pattern_is_proposed_and_used(page, pair, tmp_path):
    a, _ = pair
    upload(page, a)
    compared(page, of_gguf(tmp_path / "longer.gguf", lambda name: f"model.{name}"))
    expect(page.locator("#comparison-sentence")).to_contain_text("Below is how they match.")
    expect(page.locator("#comparison-proposed")).to_have_text("^=model.")
    page.locator("#comparison-use").click()
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.locator("#comparison-rename")).to_have_value("^=model.")
    expect(page.locator("#comparison-proposal")).to_be_hidden()


COMPARE = """async ([name, data, rename]) => {
  const second = name ? new File([new Uint8Array(data)], name) : "quantized";
  return playground.compare(second, {rename}).catch((error) => ({error}));
}"""


def test_scripts_compare_too(page, pair, tmp_path, capsys):
    a, _ = pair
    b = of_gguf(tmp_path / "longer.gguf", lambda name: f"model.{name}")
    upload(page, a)
    found = page.evaluate(COMPARE, [b.name, list(b.read_bytes()), ["^=model."]])
    told = by_command(capsys, a, b, "--rename", "^=model.")
    assert [pair["sqnr_db"] for pair in found["pairs"]] == [pair["sqnr_db"] for pair in told["pairs"]]
    assert {key: found[key] for key in ("missing", "added", "proposal")} == {
        key: told[key] for key in ("missing", "added", "proposal")
    }
    expect(page.locator("#comparison-b")).to_contain_text("longer.gguf")
    assert page.evaluate(COMPARE, [b.name, list(b.read_bytes()), []])["proposal"] == ["^=model."]
    assert page.evaluate(COMPARE, [b.name, [1, 2, 3], []])["error"]["kind"] == "bad_file"
    assert page.evaluate(COMPARE, ["", [], []])["error"]["kind"] == "missing"


def test_a_bad_second_file_costs_nothing(page, pair, toasts):
    a, b = pair
    upload(page, a)
    compared(page, b)
    before = page.locator("#comparison-sentence").inner_text()
    bad = {"name": "<img src=x>.gguf", "mimeType": "", "buffer": b.read_bytes()[:200]}
    page.set_input_files("#open", bad)
    page.locator(".toast.bad").wait_for()
    (as_first,) = toasts(page)
    page.locator(".toast .close").click()
    page.set_input_files("#compare-file", bad)
    page.locator(".toast.bad").wait_for()
    assert toasts(page) == [as_first]
    assert page.locator("#comparison-sentence").inner_text() == before
    assert page.evaluate("() => playground.state.model") == "upload"
    page.locator(ROWS).first.click()
    expect(page.locator("#comparison-tensor")).to_contain_text("SQNR")


def test_names_of_a_stranger_are_text(page, tmp_path):
    name = "<img src=x onerror=alert(1)>"
    for side, values in (("a", HELD["output_norm.weight"]), ("b", HELD["output_norm.weight"] * 2)):
        safetensors.numpy.save_file({name: values, side + name: values}, tmp_path / f"{side}.safetensors")
    upload(page, tmp_path / "a.safetensors")
    compared(page, tmp_path / "b.safetensors")
    expect(page.locator(ROWS)).to_have_text([name])
    expect(page.locator("#comparison-rest-text")).to_contain_text(f"Only in A: a{name}")
    assert page.locator("#comparison img").count() == 0


def test_an_int8_model_of_another_tool_is_dropped_beside_the_gallerys(page, tmp_path, capsys):
    a, b = tmp_path / "fp32.onnx", tmp_path / "int8.onnx"
    a.write_bytes(gallery.model_bytes("digits-mlp"))
    quantize_dynamic(a, b, weight_type=QuantType.QInt8)
    dropped(page, "#drop-beside", b)
    expect(page.locator("#drop")).to_be_hidden()
    expect(page.locator("#comparison-b")).to_contain_text("int8.onnx (onnx, ")
    assert page.evaluate("() => playground.state.model") == "digits-mlp"
    assert_same_numbers(saved(page), by_command(capsys, "gallery:digits-mlp", b))
    # another model ends it
    page.evaluate("() => playground.setState({ model: 'digits-convnet' })")
    expect(page.locator("#comparison")).to_be_hidden()
    expect(page.locator("#inventory-card")).to_be_visible()


def test_before_and_after(page, capsys, tmp_path):
    page.locator("#tab-model").click()
    button = page.locator("#inventory-card [data-compare-quantized]")
    expect(button).to_be_hidden()
    page.locator("#quantize").click()
    button.click()
    expect(page.locator("#comparison-b")).to_contain_text("digits-mlp-int8.onnx")
    rows = saved(page)
    with page.expect_download() as download:
        page.evaluate("() => document.getElementById('save-model').click()")
    download.value.save_as(tmp_path / "quantized.onnx")
    assert_same_numbers(rows, by_command(capsys, "gallery:digits-mlp", tmp_path / "quantized.onnx"))
    expect(page.locator("#comparison-before")).to_be_hidden()
    page.evaluate("() => playground.setState({ weights: 'int4' })")
    expect(page.locator("#comparison-before")).to_be_visible()
    page.locator("#comparison-close").click()
    page.locator("#tab-export").click()
    page.get_by_role("button", name="Compare both files").click()
    expect(page.locator("#comparison-title")).to_be_focused()
    expect(page.locator("#comparison-before")).to_be_visible()
    page.locator("#comparison-close").click()


def test_a_python_that_starts_anew_compares_again(page, pair):
    a, b = pair
    upload(page, a)
    compared(page, b)
    page.evaluate(KILL)
    restarted(page, 1)
    expect(page.locator("#comparison-b")).to_contain_text("vendor.gguf")
    page.locator(ROWS).nth(1).click()
    expect(page.locator("#comparison-tensor")).to_contain_text("blk.0.attn_q.weight: float32 → q8_0")
