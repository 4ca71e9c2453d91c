"""The report as HTML: it stands alone, says everything, and lets no name become markup."""

from html import escape
from html.parser import HTMLParser

import pytest

from playground import gallery
from playground.analysis.divergence import divergences
from playground.analysis.improve import improve
from playground.analysis.improvement import Improvement
from playground.analysis.mixed_precision import mixed_precision
from playground.analysis.model_report import ModelReport, model_report
from playground.analysis.race import race_task
from playground.analysis.sensitivity import sensitivity
from playground.model.graph import Model
from playground.model.recipe import AlgorithmCall, Recipe, Rule
from playground.model.writers.onnx import to_onnx
from playground.ptq.pipeline import quantize_model
from playground.quantization import Scheme
from playground.render.numbers import digits, size
from playground.render.report_page import report_html
from playground.render.verdict import tried, verdict
from playground.tasks import run_sync


class Page(HTMLParser):
    """Tags with their attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "line", "circle", "rect", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle", "rect", "polyline"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def made(model: Model, **measured: object) -> ModelReport:
    recipe = Recipe((Rule("fc*"),), Scheme("int4"))
    quantized = quantize_model(model, recipe, gallery.calibration("digits-convnet"))
    digits = gallery.digits()
    feeds = {"image": digits.images[:50]}
    if measured:
        return model_report(quantized)
    race = run_sync(race_task(quantized.model.graph, quantized.onnx, to_onnx(model.graph), feeds))
    return model_report(
        quantized,
        data="50 digits",
        sensitivity=sensitivity(model.graph, quantized.quantization, feeds, digits.labels[:50]),
        mixed=mixed_precision(quantized, feeds, digits.labels[:50], (8, 4)),
        divergences=divergences(quantized.model.graph, feeds),
        race=race,
    )


@pytest.fixture(scope="module")
def report() -> ModelReport:
    return made(gallery.open_model("digits-convnet"))


def test_it_says_everything(report: ModelReport) -> None:
    page = Page(report_html(report))
    assert page.open == []
    for title in ("Which layers hurt", "Bits for each layer", "What was quantized", "What stayed in float, and why"):
        assert title in page.text
    assert "hurts most" in page.text
    assert "the recipe's rule 'fc*' leaves it in float" in page.text
    assert "Measured on 50 digits." in page.text
    assert "Our int8 kernels" in page.text
    assert "agree in every code" in page.text
    assert '"pattern": "fc*"' in page.text
    for name in ("playground 0", "numpy ", "onnxruntime "):
        assert name in page.text
    for tensor in report.quantization["tensors"]:
        assert tensor["name"] in page.text
    assert sum(tag == "svg" for tag, _ in page.tags) == 3
    assert all("aria-label" in attributes for tag, attributes in page.tags if tag == "svg")


def test_it_stands_alone(report: ModelReport) -> None:
    text = report_html(report)
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not any(key in attributes for _, attributes in page.tags for key in ("src", "href", "onclick", "style"))
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert len(text) < 100_000


def test_names_are_no_markup(report: ModelReport) -> None:
    evil = '<img src=x onerror="alert(1)">'
    model = gallery.open_model("digits-convnet")
    renamed = Model("onnx", evil, model.tensors, model.graph)
    page = Page(report_html(made(renamed, bare=True)))
    assert "img" not in {tag for tag, _ in page.tags}
    assert evil in page.text


def test_without_measurements_there_are_no_empty_sections(report: ModelReport) -> None:
    text = report_html(made(gallery.open_model("digits-convnet"), bare=True))
    assert "Which layers hurt" not in text
    assert "What was quantized" in text


@pytest.fixture(scope="module")
def improved() -> Improvement:
    model = gallery.open_model("digits-mlp")
    data, samples = gallery.calibration("digits-mlp"), gallery.held_out("digits-mlp")
    return improve(model, Recipe(weights=Scheme("int4")), data, samples.feeds, samples.labels, verify=False)


def test_remedies_are_there_with_what_they_do_gain_and_cost(improved: Improvement) -> None:
    best = improved.best
    assert best is not None
    text = Page(report_html(model_report(improved.quantized, improvement=improved))).text
    assert "Fix it: remedies that were tried" in text
    assert tried(improved) in text
    for trial in {trial.name: trial for trial in (*improved.listed, best)}.values():
        here = " (in this model)" if trial is best or trial.recipe == best.recipe else ""
        more = f"{'−' if trial.bytes < 0 else ''}{size(abs(trial.bytes))}"
        does = " ".join(remedy.summary for remedy in trial.remedies)
        assert f"{trial.name}{here}{does}{digits(trial.measured.loss)}{digits(trial.gain)}{more}" in text
    assert "Gives each channel of a weight a scale of its own." in text
    assert f"cross-entropy, nats: {digits(improved.before.loss)} without a remedy" in text
    assert all(name in text for name in improved.useless)
    for name, reason in improved.failed.items():
        assert f"Not possible: {name}: {reason}." in text
    data = model_report(improved.quantized, improvement=improved).as_dict()["improvement"]
    assert data["best"]["name"] == best.name


def test_the_verdict_advises_remedies_only_of_the_model_that_they_were_tried_for(improved: Improvement) -> None:
    digits_, labels = gallery.held_out("digits-mlp").feeds, gallery.held_out("digits-mlp").labels
    model = gallery.open_model("digits-mlp")
    plain = quantize_model(model, improved.recipe, gallery.calibration("digits-mlp"), verify=False)
    for made_, same in ((plain, True), (improved.quantized, False)):
        found = sensitivity(made_.source, made_.quantization, digits_, labels)
        report = model_report(made_, sensitivity=found, improvement=improved)
        assert (report.tried is improved) == same
        assert f'<p class="lead">{escape(verdict(found, improved if same else None))}' in report_html(report)


def test_algorithms_are_there_with_their_numbers() -> None:
    recipe = Recipe(weights=Scheme("int4"), algorithms=(AlgorithmCall("equalize"),))
    model = gallery.open_model("digits-convnet")
    quantized = quantize_model(model, recipe, gallery.calibration("digits-convnet"))
    text = Page(report_html(model_report(quantized))).text
    (applied,) = quantized.report.algorithms
    assert "Cross-layer equalisation (sweeps 20, absorb 1)" in text
    assert f"widest to median channel{digits(applied.before['widest_to_median_channel'])}" in text
