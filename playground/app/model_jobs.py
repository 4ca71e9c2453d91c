"""What the Model, Run and Export views ask for: quantize, answer, compare, keep. Long ones are pieces of work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.analysis.agreement import agreement, softmax
from playground.analysis.inventory import inventory_data
from playground.analysis.race import race_work
from playground.app.workspace import Workspace
from playground.core import Scheme
from playground.engines.feeds import checked_feeds
from playground.engines.running import run_work
from playground.errors import InvalidInputError, MissingError, UnsupportedError
from playground.host.sources import Source
from playground.model.graph import Graph, Model
from playground.model.loading import load
from playground.model.recipe import Recipe, Rule
from playground.model.writers.onnx import to_onnx
from playground.ptq.pipeline import QuantizedModel, quantize_model_work
from playground.render.numbers import percent
from playground.work import Progress, Work

Feeds = dict[str, NDArray[Any]]

RACE_BATCH = 16


@dataclass(frozen=True, slots=True)
class Answer:
    """Probabilities of the float and of the quantized model for one input, and a sentence about them."""

    original: tuple[float, ...]
    quantized: tuple[float, ...]
    sentence: str


def recipe_of(workspace: Workspace) -> Recipe:
    """The recipe that the Model view's controls describe."""
    settings = workspace.settings
    weights = Scheme(settings.weights, settings.weights_granularity)
    patterns = [part.strip() for part in settings.exclude.split(",") if part.strip()]
    return Recipe(tuple(Rule(pattern) for pattern in patterns), weights, settings.activations)


class ModelJobs:
    """Works on the model that is open in a workspace, and leaves its results there."""

    def __init__(self, workspace: Workspace) -> None:
        """``workspace`` holds the model and takes the results."""
        self._workspace = workspace
        self._calibration: Feeds | None = None
        self.calibration_name = ""
        workspace.param.watch(lambda *_: self._forget(), "model")

    def _forget(self) -> None:
        self._calibration, self.calibration_name = None, ""
        self._workspace.param.update(result=None, answer=None, compared=None, race=None)

    @property
    def calibration_sentence(self) -> str:
        """Where the calibration data comes from, for the page."""
        if self.calibration_name:
            return f"{self.calibration_name}: {self._samples(self._calibration or {})} samples."
        if self._workspace.settings.model in gallery.entries():
            return "64 training digits of the gallery."
        return "None given: random data will be generated, which is a smoke test, not a measurement."

    @staticmethod
    def _samples(feeds: Mapping[str, NDArray[Any]]) -> int:
        return max((len(x) for x in feeds.values() if x.ndim), default=0)

    def use_calibration(self, source: Source) -> dict[str, Any]:
        """Take calibration data from an ``.npz`` whose arrays are named as the model's inputs."""
        feeds = read_feeds(source, self._graph())
        self._calibration, self.calibration_name = feeds, source.name
        return {"name": source.name, "samples": self._samples(feeds)}

    def quantize_work(self) -> Work[QuantizedModel]:
        """Quantize the open model as the Model view says; the result is left in the workspace."""
        workspace = self._workspace
        model = workspace.model
        if model is None:
            raise MissingError("there is no model open", hint="Open one first")
        calibration = self._calibration
        if calibration is None and workspace.settings.model in gallery.entries():
            calibration = dict(gallery.calibration(workspace.settings.model))
        result = yield from quantize_model_work(model, recipe_of(workspace), calibration)
        yield Progress(1, 1, "Comparing with the float model")
        compared = yield from self._compare_work(result)
        workspace.param.update(result=result, compared=compared, race=None, answer=None)
        return result

    def quantized_name(self) -> str:
        """A file name for the quantized model."""
        model = self._workspace.model
        stem = (model.name if model else "model").removesuffix(".onnx")
        return f"{stem}-{self._workspace.settings.weights}.onnx"

    def sample_work(self, content: Mapping[str, Any]) -> Work[dict[str, Any]]:
        """Both models' answers to a drawn digit (``pixels``) or to a held-out one (``index``)."""
        digits = gallery.digits()
        graph = self._graph()
        if self._workspace.settings.model not in gallery.entries():
            raise UnsupportedError(
                "this model does not read the gallery's digits", hint="Give it an input of its own, as an .npz"
            )
        truth = ""
        if "pixels" in content:
            pixels = np.asarray(content["pixels"], np.float32).reshape(1, 1, 8, 8)
        else:
            index = int(content["index"]) % len(digits.labels)
            pixels, truth = digits.images[index : index + 1], f"Sample {index + 1} is a {digits.labels[index]}. "
        feeds = {graph.inputs[0].name: pixels}
        floats = yield from run_work(graph, feeds, "reference")
        quantized, engine = yield from self._quantized_work(feeds)
        answer = _answer(floats, quantized)
        self._workspace.answer = answer
        return {"pixels": pixels.reshape(-1), "sentence": f"{truth}{answer.sentence} ({engine})"}

    def run_inputs_work(self, inputs: Mapping[str, Any] | None, files: Sequence[Source]) -> Work[dict[str, Any]]:
        """Outputs of every engine for the visitor's own inputs, given as nested lists or as an ``.npz``."""
        graph = self._graph()
        feeds = read_feeds(files[0], graph) if files else as_feeds(inputs or {}, graph)
        floats = yield from _either_work(graph, feeds, ("reference", "onnxruntime"))
        quantized, engine = yield from self._quantized_work(feeds)
        outputs = {"float": floats[0], engine: quantized}
        largest = max(
            (float(np.abs(floats[0][name] - quantized[name]).max()) for name in quantized if quantized[name].size),
            default=0.0,
        )
        sentence = f"Float ran in {floats[1]}, quantized in {engine}; outputs differ by at most {largest:.3g}."
        return {"outputs": {key: _plain(value) for key, value in outputs.items()}, "sentence": sentence}

    def race_work(self) -> Work[dict[str, Any]]:
        """Run and time the engines side by side on one batch."""
        graph = self._graph()
        result = yield from self._ensure_work()
        feeds = self._race_feeds(graph)
        quantized = load(result.onnx, "quantized.onnx").graph
        if quantized is None:
            raise UnsupportedError("the quantized file has no graph")
        self._workspace.race = yield from race_work(quantized, result.onnx, to_onnx(graph), feeds)
        return {"notes": list(self._workspace.race.notes)}

    def _race_feeds(self, graph: Graph) -> Feeds:
        if self._workspace.settings.model in gallery.entries():
            return {graph.inputs[0].name: gallery.digits().images[:RACE_BATCH]}
        if self._calibration is not None:
            return {name: x[:RACE_BATCH] for name, x in self._calibration.items()}
        raise MissingError("there is no data to run", hint="Choose calibration data in the Model view first")

    def _graph(self) -> Graph:
        model: Model | None = self._workspace.model
        if model is None or model.graph is None:
            raise UnsupportedError(
                "this file holds tensors and no graph, so there is nothing to run", hint="Open an ONNX model"
            )
        return model.graph

    def _ensure_work(self) -> Work[QuantizedModel]:
        if self._workspace.result is None:
            yield from self.quantize_work()
        result: QuantizedModel = self._workspace.result
        return result

    def _quantized_work(self, feeds: Feeds) -> Work[tuple[Feeds, str]]:
        result = yield from self._ensure_work()
        return (yield from _either_work(_graph_of(result), feeds, ("wasm", "onnxruntime")))

    def _compare_work(self, result: QuantizedModel) -> Work[Any]:
        if self._workspace.evaluator is None:
            return None
        graph, digits = self._graph(), gallery.digits()
        feeds = {graph.inputs[0].name: digits.images}
        floats = yield from run_work(graph, feeds, "reference")
        quantized, engine = yield from _either_work(_graph_of(result), feeds, ("wasm", "onnxruntime"))
        output = graph.outputs[0].name
        return agreement(floats[output], quantized[output], digits.labels, engine)

    def exports(self) -> dict[str, Any]:
        """The permalink's query, the recipe as JSON, and Python that repeats the Tensor view's numbers."""
        settings = self._workspace.settings
        return {
            "query": settings.query(),
            "recipe": recipe_of(self._workspace).to_json(),
            "python": python_code(self._workspace),
        }

    def inventory(self) -> dict[str, Any]:
        """The open model's inventory, with a sentence about what it is."""
        model = self._workspace.model
        if model is None:
            raise MissingError("there is no model open", hint="Open one first")
        data = inventory_data(model)
        runs = "a graph of " + ", ".join(f"{n} {op}" for op, n in list(data["operators"].items())[:6])
        return data | {"summary": runs if data["operators"] else "tensors only, so it can be looked at but not run"}


ENGINE_TITLES = {"wasm": "our int8 kernels", "onnxruntime": "ONNX Runtime", "reference": "NumPy"}


def _either_work(graph: Graph, feeds: Feeds, engines: Sequence[str]) -> Work[tuple[Feeds, str]]:
    """Run on the first engine that takes the graph; the answer says which one it was."""
    *first, last = engines
    for engine in first:
        try:
            outputs = yield from run_work(graph, feeds, engine)
        except UnsupportedError:
            continue
        return outputs, ENGINE_TITLES[engine]
    outputs = yield from run_work(graph, feeds, last)
    return outputs, ENGINE_TITLES[last]


def _graph_of(result: QuantizedModel) -> Graph:
    graph: Graph | None = result.model.graph
    if graph is None:
        raise UnsupportedError("the quantized file has no graph")
    return graph


def _answer(floats: Feeds, quantized: Feeds) -> Answer:
    both = [softmax(next(iter(outputs.values()))[0]) for outputs in (floats, quantized)]
    tops = [int(p.argmax()) for p in both]
    shares = [percent(float(p.max())) for p in both]
    if tops[0] == tops[1]:
        sentence = f"Both say {tops[0]}: float {shares[0]}, quantized {shares[1]}"
    else:
        sentence = f"Float says {tops[0]} ({shares[0]}), quantized says {tops[1]} ({shares[1]})"
    return Answer(tuple(map(float, both[0])), tuple(map(float, both[1])), sentence)


def _plain(outputs: Feeds) -> dict[str, Any]:
    return {name: {"dims": list(x.shape), "dtype": x.dtype.name, "data": x.reshape(-1)} for name, x in outputs.items()}


def read_feeds(source: Source, graph: Graph) -> Feeds:
    """Arrays of an ``.npz`` named as a graph's inputs.

    Raises:
        BadFileError: it is no ``.npz``. InvalidInputError: names are missing, an array is empty or not finite.
    """
    tensors = load(source).tensors
    return as_feeds({name: tensor.numpy() for name, tensor in tensors.items()}, graph)


def as_feeds(given: Mapping[str, Any], graph: Graph) -> Feeds:
    """Checked feeds for a graph: what it asks for, not empty, finite. Arrays of other names are left out.

    Raises:
        InvalidInputError: naming the input and what is wrong with it.
    """
    names = {value.name for value in graph.inputs}
    chosen = {name: np.asarray(values) for name, values in given.items() if name in names}
    if not chosen and given:
        has, wants = ", ".join(map(str, given)), ", ".join(sorted(names))
        raise InvalidInputError(f"no array has the name of an input; it has {has}", hint=f"The model takes {wants}")
    feeds = checked_feeds(graph, chosen)
    for name, values in feeds.items():
        if not values.size:
            raise InvalidInputError("the array is empty", where=name)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise InvalidInputError("it has NaN or infinite values", where=name, hint="Remove those samples")
    return feeds


def python_code(workspace: Workspace) -> str:
    """Python that makes the numbers the Tensor view shows."""
    settings = workspace.settings
    report = workspace.report
    key = settings.model if settings.model in gallery.entries() else None
    opened = f"gallery.open_model({key!r})" if key else f"playground.load({workspace.model.name!r})"
    lines = ["import playground", *(["from playground import gallery"] if key else []), ""]
    lines += [f"model = {opened}", f"x = model.tensors[{settings.tensor!r}].numpy()"]
    scheme = [f"format={settings.format!r}", f"granularity={settings.granularity!r}", f"symmetric={settings.symmetric}"]
    if settings.granularity == "channel":
        scheme.append(f"axis={settings.axis}")
    if settings.narrow_range:
        scheme.append("narrow_range=True")
    scheme += [f"convention={settings.convention!r}", f"calibrator={settings.calibrator!r}"]
    if settings.calibrator == "percentile":
        scheme.append(f"calibrator_args=(('percentile', {settings.percentile!r}),)")
    lines.append(f"scheme = playground.Scheme({', '.join(scheme)})")
    extra = ""
    if report is not None and (settings.lo is not None or settings.hi is not None):
        extra += f", range=playground.Range({report.asked[0]!r}, {report.asked[1]!r})"
    if settings.zero_point is not None:
        extra += f", zero_point={settings.zero_point}"
    lines += [f"q = playground.quantize(x, scheme{extra})", "", "print(q.qparams, q.bits_per_weight)"]
    lines.append("print(playground.compare(x, q.dequantize()))")
    return "\n".join(lines)
