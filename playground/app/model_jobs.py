"""Requests of the Model, Run and Export views: quantize, run, compare, download. Long ones are tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from playground import gallery
from playground.analysis.agreement import Batch, compared, softmax
from playground.analysis.inventory import inventory_data
from playground.analysis.race import race_task
from playground.app import chosen_recipe
from playground.app.calibration_upload import CalibrationUpload
from playground.app.first_supporting_engine import first_supporting_engine_task
from playground.app.image_upload import ImageUpload
from playground.app.input_sizes import chosen_shapes, described, require_sizes
from playground.app.inputs import Feeds, as_feeds, digit_of, read_feeds
from playground.app.page_words import in_page
from playground.app.ran import ran
from playground.app.results import NO_RESULTS
from playground.app.workspace import Workspace
from playground.engines.fitting import fitted
from playground.engines.run import run_task
from playground.errors import CancelledError, MissingError, PlaygroundError, UnsupportedError, plural
from playground.host.sources import Source
from playground.model.graph import Graph
from playground.model.recipe import Recipe
from playground.model.writers.onnx import to_onnx
from playground.opening import load
from playground.render.numbers import percent
from playground.tasks import Progress, Task, as_step

if TYPE_CHECKING:
    from playground.analysis.sample_answers import SampleAnswer
    from playground.ptq.pipeline import QuantizedModel
    from playground.ptq.without_graph import QuantizedTensors

RACE_BATCH = 16

MADE_UP = "The inputs are made up: times are real, and what the answers are says nothing about accuracy."


@dataclass(frozen=True, slots=True)
class Answer:
    """Probabilities of the float and of the quantized model for one input, and a sentence about them."""

    original: tuple[float, ...]
    quantized: tuple[float, ...]
    sentence: str


def recipe_of(workspace: Workspace) -> Recipe:
    """The recipe of a workspace's Model view. Raises PlaygroundError as :func:`chosen_recipe.recipe_of`."""
    return chosen_recipe.recipe_of(workspace.settings, workspace.recipe)


class ModelJobs:
    """Works on the model that is open in a workspace, and leaves its results there."""

    def __init__(self, workspace: Workspace) -> None:
        """``workspace`` holds the model and takes the results."""
        self._workspace = workspace
        self.calibration = CalibrationUpload(workspace)
        self._images = ImageUpload(workspace)
        self._read: tuple[Feeds, str] | None = None

    def use_recipe(self, source: Source | None, *, keep: bool = False) -> dict[str, Any]:
        """Follow a recipe file, or no longer any; ``keep``: the controls stay as they are, as after a restart."""
        workspace = self._workspace
        if source is None:
            workspace.follow(None, "")
            return {"name": "", "brings": ""}
        recipe = chosen_recipe.read_recipe(source, workspace.settings)
        workspace.follow(recipe, source.name, **({} if keep else chosen_recipe.changes_of(recipe)))
        return {"name": source.name, "brings": chosen_recipe.described(recipe)}

    def quantize_task(self) -> Task[QuantizedModel | QuantizedTensors]:
        """Quantize the open model as the Model view says; the result is left in the workspace."""
        if self._workspace.required_model().graph is None or self.unmeasured:
            from playground.app.tensor_jobs import tensors_task  # the first view does without

            return (yield from tensors_task(self))
        from playground.app.comparing import compared_task  # the first view does without
        from playground.ptq.pipeline import quantize_model_task

        workspace = self._workspace
        model = workspace.required_model()
        recipe, given, opened = workspace.settings.recipe, self.calibration.feeds, workspace.recipe
        calibration = self.calibration_feeds()

        def require_unchanged() -> None:
            now = workspace.settings.recipe
            same = workspace.model is model and self.calibration.feeds is given and workspace.recipe is opened
            if not same or now != recipe:
                raise CancelledError(
                    "the model or its recipe changed during quantization", where="model", hint="Quantize it again"
                )

        made, shapes = recipe_of(workspace), self.shapes()
        if calibration is None and made.activations == "static":
            require_sizes(self.graph(), shapes)
        result = yield from quantize_model_task(model, made, calibration, shapes=shapes)
        require_unchanged()
        yield Progress(1, 1, "Comparing with the float model")
        compared, error_payload = None, ""
        try:
            compared = yield from compared_task(self, workspace.settings.model, result, workspace.settings.answer)
        except CancelledError:
            raise
        except PlaygroundError as error:  # the quantized model is there all the same
            error_payload = in_page(str(error))
        require_unchanged()
        workspace.param.update(**{**NO_RESULTS, "result": result, "compared": compared})
        workspace.problem = error_payload
        return result

    def calibration_feeds(self) -> Feeds | None:
        """The visitor's calibration data, or the gallery's for its models; None where there is none."""
        if self.calibration.feeds is None and self._workspace.settings.model in gallery.entries():
            return dict(gallery.calibration(self._workspace.settings.model))
        return self.calibration.feeds

    def quantized_name(self) -> str:
        """A file name for the quantized model."""
        model, earlier = self._workspace.model, self._workspace.earlier
        stem, result = (model.name if model else "model.onnx").rsplit(".", 1)[0], self._workspace.shown("result")
        # of tensors alone the file's kind follows from the runtime
        ending = getattr(result, "ending", ".onnx")
        made = earlier.settings if earlier is not None and self._workspace.is_before else self._workspace.settings
        return f"{stem}-{made.weights}{ending}"

    def sample_task(self, content: Mapping[str, Any]) -> Task[dict[str, Any]]:
        """Both models' answers to a drawn digit (``pixels``) or to a held-out one (``index``)."""
        graph = self.graph()
        model = self._workspace.settings.model
        if model not in gallery.entries() or gallery.entry(model).data.id != "digits":
            raise UnsupportedError(
                "this model does not take the digits of the gallery",
                where=graph.name,
                hint="Open an .npz file with its inputs",
            )
        pixels, truth = digit_of(content)
        feeds = {graph.inputs[0].name: pixels}
        result, codes = yield from self.quantized_task()
        floats = yield from run_task(graph, feeds, "reference")
        quantized, engine = yield from first_supporting_engine_task(codes, feeds)
        answer = _answer(floats, quantized)
        if self._workspace.result is result:
            self._workspace.answer = answer
        return {"pixels": pixels.reshape(-1), "sentence": f"{truth}{answer.sentence} ({engine})"}

    def prompt_task(self, text: str) -> Task[dict[str, Any]]:
        """Both models' continuations of a text."""
        from playground.app.prompting import prompt_task  # no first view needs it

        def show(part: Any) -> None:
            if self._workspace.result is not None:
                self._workspace.continuation = part

        found = yield from prompt_task(self, self._workspace.settings.model, text, show)
        if self._workspace.result is None:
            raise CancelledError(
                "the model or its recipe changed while the text was written", where="prompt", hint="Start again"
            )
        self._workspace.continuation = found
        return {"sentence": found.sentence, "float": found.original.text, "quantized": found.quantized.text}

    def add_image(self, content: Mapping[str, Any], source: Source) -> dict[str, Any]:
        """Take one of several images to run on; with the last they can be. See :meth:`ImageUpload.add`."""
        described, feeds = self._images.add(content, source)
        self._read = None if feeds is None else (feeds, described)
        return {"described": described}

    def run_images_task(self) -> Task[dict[str, Any]]:
        """Both models' outputs for the images that were given last. MissingError: none were."""
        if self._read is None:
            raise MissingError("there are no images to run on", where="run", hint="Choose images first")
        (feeds, described), self._read = self._read, None
        found = yield from self.run_inputs_task(feeds, ())
        return found | {"sentence": f"{found['sentence']} {described}"}

    def run_inputs_task(self, inputs: Mapping[str, Any] | None, files: Sequence[Source]) -> Task[dict[str, Any]]:
        """Outputs of every engine for the visitor's own inputs, given as nested lists or an ``.npz``; None: made up."""
        graph = self.graph()
        given = self.made_up() if inputs is None else read_feeds(files[0], graph) if files else as_feeds(inputs, graph)
        held, axes = fitted(graph, given)
        feeds = axes.first(held, axes.count(held))
        result, codes = yield from self.quantized_task()
        floats, float_engine = yield from first_supporting_engine_task(graph, feeds)
        quantized, engine = yield from first_supporting_engine_task(codes, feeds)
        outputs = {"float": floats, engine: quantized}
        made_up = "On made-up inputs. " if inputs is None else ""
        about = f"{made_up}Float ran in {float_engine}, quantized in {engine}"
        answers = () if inputs is None else self._answers(Batch(floats, quantized, None, axes.count(held)))
        found = ran(floats, quantized, about, answers)
        if self._workspace.result is result:
            self._workspace.ran = found
        return {"outputs": {key: _plain(value) for key, value in outputs.items()}, "sentence": found.sentence}

    def _answers(self, batch: Batch) -> tuple[SampleAnswer, ...]:
        """What both models say to each sample; nothing where that cannot be read from the outputs."""
        # no first view needs these
        from playground.analysis.sample_answers import sample_answers
        from playground.operators import view_of

        try:
            return sample_answers(compared(view_of(self.graph()), [batch], "", self._workspace.settings.answer))
        except PlaygroundError:
            return ()

    def race_task(self) -> Task[dict[str, Any]]:
        """Run and time the engines side by side on one batch."""
        graph = self.graph()
        result = yield from self.ensure_task()
        samples, feeds = self._race_feeds(graph)
        quantized = load(result.onnx, "quantized.onnx").required_graph()
        choice = self._workspace.settings.answer
        race = yield from race_task(quantized, result.onnx, to_onnx(graph), feeds, samples, choice=choice)
        parted = yield from as_step(_partings(quantized, feeds), Progress(1, 1, "Where their values differ"))
        race = replace(race, notes=(*race.notes, *parted, *self._about_inputs()))
        if self._workspace.result is result:
            self._workspace.race = race
        return {"notes": list(race.notes)}

    def _race_feeds(self, graph: Graph) -> tuple[Feeds, Feeds]:
        """All samples there are, on which the answers are compared, and the batch that is timed."""
        samples = self.calibration.feeds
        if self._workspace.settings.model in gallery.entries():
            key = self._workspace.settings.model
            samples = gallery.held_out(key, gallery.entry(key).data.live or None).feeds
        held, axes = fitted(graph, self.made_up() if samples is None else samples)
        batch = axes.first(held, RACE_BATCH)
        return (batch if axes.size else held), batch

    def _about_inputs(self) -> tuple[str, ...]:
        return () if self.has_samples else (MADE_UP,)

    @property
    def has_samples(self) -> bool:
        """Whether there are samples to measure the open model on: else inputs are made up."""
        return self.calibration.feeds is not None or self._workspace.settings.model in gallery.entries()

    def made_up(self) -> Feeds:
        """Inputs where the visitor gives none, of the sizes that are chosen in the Model view.

        Raises:
            InvalidInputError: sizes are open that are not chosen.
        """
        from playground.ptq.made_up import made_up_feeds  # no first view needs it

        graph, shapes = self.graph(), self.shapes()
        require_sizes(graph, shapes)
        return made_up_feeds(graph, shapes)

    def sizes_task(self) -> Task[list[str]]:
        """Try sizes that the open model's inputs may have; those that it runs with are left in the workspace."""
        from playground.analysis.size_suggestions import size_suggestions_task  # no first view needs it

        model = self._workspace.required_model()
        try:
            found = yield from size_suggestions_task(model)
        except CancelledError:
            raise
        except PlaygroundError:  # a model that cannot run is said to be one when it is quantized
            found = ()
        if self._workspace.model is model:
            self._workspace.suggestions = found
        return [described(entry) for entry in found]

    def shapes(self) -> dict[str, tuple[int, ...]] | None:
        """The sizes that are chosen in the Model view for inputs that leave some open; None: there are none."""
        return chosen_shapes(self.graph(), self._workspace.settings.sizes)

    def graph(self) -> Graph:
        """The open model's graph. Raises MissingError, UnsupportedError: there is no model, or it has none."""
        return self._workspace.required_model().required_graph()

    def measured_on(self) -> tuple[Feeds | None, NDArray[Any] | None]:
        """Samples to measure the open model on, and their labels: None where there are none."""
        if self._workspace.settings.model in gallery.entries():
            key = self._workspace.settings.model
            samples = gallery.held_out(key, gallery.entry(key).data.live or None)
            return samples.feeds, samples.labels
        return self.calibration.feeds, self.calibration.labels

    @property
    def workspace(self) -> Workspace:
        """Where the open model is."""
        return self._workspace

    @property
    def unmeasured(self) -> str:
        """Why layers and engines cannot be measured though the open model has a graph; empty if they can."""
        from playground.model.runtimes import runtimes  # the first view does without

        model, target = self._workspace.model, runtimes().get(self._workspace.settings.runtime)
        if model is None or model.graph is None or target is None or target.reads_graphs:
            return ""
        return f"{target.name} is written as weights without a graph, which no engine runs"

    def require_measured(self) -> None:
        """Raise UnsupportedError: layers and engines cannot be measured with the runtime that is chosen."""
        if why_not := self.unmeasured:
            raise UnsupportedError(why_not, where="runtime", hint="Choose an ONNX runtime or TensorFlow Lite")

    def ensure_task(self) -> Task[QuantizedModel]:
        """The quantized model; quantizes first if there is none. Raises UnsupportedError if it has no graph."""
        self.graph()
        self.require_measured()
        if self._workspace.result is None:
            yield from self.quantize_task()
        result: QuantizedModel = self._workspace.result
        return result

    def quantized_task(self) -> Task[tuple[QuantizedModel | QuantizedTensors, Graph]]:
        """What was quantized and the graph that computes with it; quantizes first if there is none.

        Raises:
            UnsupportedError: the open model has no graph.
        """
        from playground.analysis.answers import graphs_of  # the first view does without

        self.graph()
        if self._workspace.result is None:
            yield from self.quantize_task()
        result = self._workspace.result
        return result, graphs_of(result)[1]

    def inventory(self) -> dict[str, Any]:
        """The open model's inventory, with a sentence about what it is."""
        model = self._workspace.required_model()
        data = inventory_data(model)
        return data | {"summary": _summary(data["operators"])}


def _summary(operators: Mapping[str, int]) -> str:
    """What a model with these operators is, in words: the first six kinds, and how many more there are."""
    if not operators:
        return "tensors only: weights can be quantized, and nothing be run"
    counted = list(operators.items())
    named, rest = ", ".join(f"{n} {op}" for op, n in counted[:6]), sum(n for _, n in counted[6:])
    return f"a graph of {named}" + (f" and {plural(rest, 'more operator')}" if rest else "")


def _partings(quantized: Graph, feeds: Feeds) -> Task[tuple[str, ...]]:
    """Where the engines part on a batch, in words; nothing where NumPy lacks an operator to compare them with."""
    from playground.analysis.divergence import divergences_task  # no first view needs it

    try:
        found = yield from divergences_task(quantized, feeds)
    except UnsupportedError:
        return ()
    return tuple(divergence.sentence for divergence in found)


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
