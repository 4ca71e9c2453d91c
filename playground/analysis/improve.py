"""``improve``: tries what may reduce a quantized model's error, ranks it by what a kB gives, and combines the best.

Every number is measured: each remedy, and each combination, is a model quantized anew and run on samples that its
ranges do not come from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from numpy.typing import NDArray

from playground.analysis.answer_kinds import AUTO
from playground.analysis.held_out import Split, held_out
from playground.analysis.improvement import FREE, Improvement, Trial, gains, is_harmless, lost, undone
from playground.analysis.outputs import AnswerReader, Measured, OutputTally
from playground.analysis.remedies import Remedy, matching
from playground.analysis.runs import Variant, batches_task, labels_of, runs_task
from playground.analysis.sensitivity import Sensitivity, sensitivity_task
from playground.errors import EngineError, InvalidInputError, PlaygroundError, UnsupportedError
from playground.model.graph import Model
from playground.model.recipe import Recipe
from playground.model.writers._writer import RECIPE
from playground.opening import working
from playground.operators import view_of
from playground.ptq.calibration_data import Feeds, Given, Shapes, calibration_data
from playground.ptq.pipeline import QuantizedModel, quantize_model_task
from playground.ptq.range_cache import Cache
from playground.tasks import Progress, Task, as_part, run_sync, typed_task

STEPS = 3
"""Remedies that are combined at the most."""

COMBINATIONS = 6
"""Combinations that are tried at the most."""

WORTH = 0.1
"""Only remedies that gain this share of what the best one gains are combined."""

MOST = 512
"""Samples that are measured on at the most."""


@typed_task(EngineError, "the remedies cannot be tried", where="model", hint="Check the model and the samples")
def improve_task(
    model: Model,
    recipe: Recipe | None = None,
    calibration: Given | None = None,
    samples: Given | None = None,
    labels: NDArray[Any] | None = None,
    *,
    choice: str = AUTO,
    shapes: Shapes | None = None,
    cache: Cache | None = None,
    found: Sensitivity | None = None,
    verify: bool = True,
) -> Task[Improvement]:
    """The work of :func:`improve`. ``found``: the layers' sensitivity, where it has been measured already."""
    split = _split(model, calibration, samples, labels)
    kept: Cache = {} if cache is None else cache
    search = _Search(model, recipe or Recipe(), split, choice=choice, shapes=shapes, cache=kept, verify=verify)
    return (yield from search.run(found))


def improve(
    model: Model,
    recipe: Recipe | None = None,
    calibration: Given | None = None,
    samples: Given | None = None,
    labels: NDArray[Any] | None = None,
    *,
    progress: Callable[[Progress], None] | None = None,
    choice: str = AUTO,
    shapes: Shapes | None = None,
    cache: Cache | None = None,
    verify: bool = True,
) -> Improvement:
    """Try the remedies that match a model and its recipe, and combine the best.

    Args:
        model: a float ONNX model.
        recipe: how it is quantized without them.
        calibration: as for ``quantize_model``.
        samples: what is measured on; left out: the last quarter of the calibration data, and ranges come from the rest.
        labels: the right classes of ``samples``, or where these are left out, of the calibration data.
        progress: is told of every step.
        choice: the kind of answer that is measured (docs/answers.md), ``"auto"``: as the outputs look.
        shapes: as for ``quantize_model``.
        cache: likewise; the trials share their ranges in any case.
        verify: whether ONNX Runtime, where it is installed, opens each file: a remedy that it undoes is none.

    Raises:
        InvalidInputError: there are no samples, or they do not fit.
        UnsupportedError, EngineError: as ``quantize_model`` does without remedies; or nothing is quantized.
    """
    known: dict[str, Any] = {"choice": choice, "shapes": shapes, "cache": cache, "verify": verify}
    return run_sync(improve_task(model, recipe, calibration, samples, labels, **known), progress)


def _split(model: Model, calibration: Given | None, samples: Given | None, labels: NDArray[Any] | None) -> Split:
    if samples is not None and calibration is not None:
        return Split(calibration, samples, labels, "other samples are measured on than the ranges come from")
    given = calibration if samples is None else samples
    if given is None:
        raise InvalidInputError(
            "made-up inputs cannot tell what helps",
            where=model.name,
            hint="Give samples",
            at_terminal="Give samples as --data or --calibration",
        )
    return held_out(working(model.required_graph())[0], given, labels)


MOST_STEPS = 22
"""Of the progress: the model as it is, its sensitivity, about a dozen remedies, combinations, and the best."""


class _Search:
    """One search: the model as it is, each remedy, then combinations."""

    def __init__(
        self,
        model: Model,
        recipe: Recipe,
        split: Split,
        *,
        choice: str,
        shapes: Shapes | None,
        cache: Cache,
        verify: bool,
    ) -> None:
        graph = working(model.required_graph())[0]
        self._model, self._graph, self._recipe, self._split = model, graph, recipe, split
        self._choice, self._shapes, self._cache, self._verify = choice, shapes, cache, verify
        self._data = calibration_data(graph, split.measured, MOST, partial=split.labels is None)
        self._labels = None if split.labels is None else split.labels[:MOST]
        self._reader = AnswerReader(view_of(graph), choice, labelled=self._labels is not None)
        self._batches: list[Feeds] = []
        self._before: Measured
        self._original: Measured
        self._base: QuantizedModel
        self._bytes = 0
        self._done, self._total = 0, MOST_STEPS
        self._failed: dict[str, str] = {}

    def run(self, found: Sensitivity | None) -> Task[Improvement]:
        """Everything, one after the other."""
        self._batches = yield from as_part(batches_task(self._graph, self._data), 0, self._total, "Samples")
        base = yield from self._step(self._quantized_task(self._recipe), "As it is")
        self._original, self._before = yield from self._measured_task(base, "As it is")
        self._base, self._bytes = base, base.report.file_bytes
        if found is None:
            given = self._data.feeds if self._data.stream is None else self._split.measured
            known: dict[str, Any] = {"shapes": self._shapes, "choice": self._choice}
            work = sensitivity_task(base.source, base.quantization, given, self._labels, **known)  # type: ignore[arg-type]
            found = yield from self._step(work, "Which layer hurts")
        remedies = matching(base, self._recipe, found)
        trials = []
        for at, remedy in enumerate(remedies):
            trial = yield from self._trial_task((remedy,), f"Remedy {at + 1} of {len(remedies)}")
            if trial is not None:
                trials.append(trial)
        helpful = [trial for trial in trials if gains(self._before, trial.measured, self._original)]
        listed = sorted(helpful, key=lambda trial: trial.rank, reverse=True)
        best = yield from self._combined_task(listed)
        self._done = self._total - 1
        if best is not None:
            base = yield from self._step(self._quantized_task(best.recipe), "The best")
        return Improvement(
            original=self._original,
            recipe=self._recipe,
            before=self._before,
            file_bytes=self._bytes,
            listed=tuple(listed),
            useless=tuple(trial.name for trial in trials if trial not in helpful),
            idle=tuple(trial for trial in trials if trial not in helpful),
            failed=self._failed,
            best=best,
            samples=self._data.samples,
            told=self._split.told,
            quantized=base,
        )

    def _step(self, task: Task[Any], about: str) -> Task[Any]:
        self._done += 1
        return as_part(task, min(self._done, self._total) - 1, self._total, about)

    def _quantized_task(self, recipe: Recipe) -> Task[QuantizedModel]:
        given = self._split.calibration
        return quantize_model_task(self._model, recipe, given, self._cache, self._shapes, verify=self._verify)

    def _measured_task(self, quantized: QuantizedModel, about: str) -> Task[tuple[Measured, Measured]]:
        """The float model and a quantized one on the samples that are measured on."""
        names = self._reader.names
        variants = [
            Variant(self._graph, names, keep=True, about="running the float model"),
            Variant(quantized.model.required_graph(), names, about="running the quantized model"),
        ]
        tallies = [OutputTally(self._reader, f"output {names[0]!r} ({about})") for _ in variants]
        labels = labels_of(self._labels, self._data, self._batches)

        def take(batch: int, index: int, first: Feeds, values: Feeds) -> None:
            tallies[index].update(first, values, labels[batch], self._data.count(self._batches[batch]))

        yield from as_part(runs_task(self._batches, variants, take), self._done - 1, self._total, about)
        return tallies[0].measured(), tallies[1].measured()

    def _trial_task(self, remedies: tuple[Remedy, ...], counted: str) -> Task[Trial | None]:
        """Quantize with these remedies and measure; None, with the reason kept, where that cannot be done."""
        name = " + ".join(remedy.name for remedy in remedies)
        about, recipe = f"{counted}, {name}", self._recipe
        try:
            for remedy in remedies:
                recipe = remedy.applied(recipe)
            quantized = yield from self._step(self._quantized_task(recipe), about)
            reason = undone(self._base, quantized)
            if reason:
                raise UnsupportedError(reason, where=name, hint="Leave it out")
            _, measured = yield from self._measured_task(quantized, about)
        except PlaygroundError as error:
            self._failed[name] = error.what
            return None
        more = quantized.report.file_bytes - self._bytes
        gain = self._before.loss - measured.loss
        # the files' metadata have the recipes, whose texts differ in length
        free = more - _recipe_bytes(quantized) + _recipe_bytes(self._base) <= FREE * self._bytes
        return Trial(remedies, recipe, measured, gain, more, free)

    def _combined_task(self, listed: Sequence[Trial]) -> Task[Trial | None]:
        """The best combination: of what is cheapest, or where that leaves twice as much undone, of what gains most."""
        if not listed:
            return None
        top = max(listed, key=lambda trial: trial.gain)
        worth = [trial for trial in listed if trial.gain >= WORTH * top.gain]
        best = yield from self._chain_task(worth)
        if best is None or is_harmless(best.measured):
            return best
        if lost(top.measured, self._original) < lost(best.measured, self._original) / 2:
            return (yield from self._chain_task([top, *(trial for trial in worth if trial is not top)]))
        return best

    def _chain_task(self, listed: Sequence[Trial]) -> Task[Trial | None]:
        """One after the other, each kept if with those before it more is gained; bytes only while something is lost."""
        best: Trial | None = None
        tried = 0
        for trial in listed:
            taken = best.remedies if best else ()
            now = best.measured if best else self._before
            if len(taken) == STEPS or tried == COMBINATIONS:
                break
            if is_harmless(now) and not trial.free:
                continue
            if any(remedy.group == other.group for remedy in taken for other in trial.remedies):
                continue
            if best is None:
                best = trial
                continue
            tried += 1
            both = yield from self._trial_task((*taken, *trial.remedies), f"Combination {tried}")
            if both is not None and gains(now, both.measured, self._original):
                best = both
        return best


def _recipe_bytes(quantized: QuantizedModel) -> int:
    """Bytes of the recipe's text in a quantized model's file; a ``.tflite`` file has none."""
    return 0 if quantized.tflite else len(quantized.model.metadata[RECIPE].encode())
