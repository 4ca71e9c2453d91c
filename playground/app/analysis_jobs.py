"""Jobs of the Model view besides quantizing: sensitivity, formats for each layer, the report as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from playground.analysis.improve import improve_task
from playground.analysis.mixed_precision import mixed_precision_task
from playground.analysis.model_report import ModelReport, model_report
from playground.analysis.samples_curve import samples_curve_task
from playground.analysis.sensitivity import sensitivity_task
from playground.app.calibration_upload import count_of
from playground.app.input_sizes import require_sizes
from playground.app.inputs import Feeds
from playground.app.model_jobs import ModelJobs
from playground.app.workspace import Workspace
from playground.errors import CancelledError, MissingError
from playground.model.recipe import Recipe
from playground.render.report_page import report_html
from playground.render.samples_told import about, sentence
from playground.render.verdict import verdict
from playground.tasks import Task

if TYPE_CHECKING:
    from playground.ptq.pipeline import QuantizedModel


class AnalysisJobs:
    """Works on the quantized model of a workspace, and leaves its results there."""

    def __init__(self, workspace: Workspace, models: ModelJobs) -> None:
        """``models`` quantizes, and knows what there is to measure on."""
        self._workspace, self._models = workspace, models

    def sensitivity_task(self) -> Task[dict[str, Any]]:
        """Measure every layer of the quantized model; quantizes first if need be."""
        result = yield from self._models.ensure_task()
        samples, labels = self._measured_on(result)
        choice = self._workspace.settings.answer
        found = yield from sensitivity_task(
            result.source, result.quantization, samples, labels, shapes=result.shapes, choice=choice
        )
        if self._workspace.result is not result:
            raise _changed()
        self._workspace.sensitivity = found
        return {"verdict": verdict(found), "sensitivity": found.as_dict()}

    def mixed_task(self) -> Task[dict[str, Any]]:
        """Find formats for each layer; quantizes first if need be."""
        result = yield from self._models.ensure_task()
        samples, labels = self._measured_on(result)
        mixed = yield from mixed_precision_task(result, samples, labels, choice=self._workspace.settings.answer)
        if self._workspace.result is not result:
            raise _changed()
        self._workspace.mixed = mixed
        return mixed.as_dict()

    def improve_task(self) -> Task[dict[str, Any]]:
        """Try what may reduce the error of the quantized model; quantizes first if need be."""
        result, workspace = (yield from self._models.ensure_task()), self._workspace
        samples, labels = self._measured_on(result)
        calibration = self._models.calibration_feeds()
        found = yield from improve_task(
            workspace.required_model(),
            Recipe.from_dict(result.report.recipe),
            calibration,
            None if calibration is samples else samples,
            labels,
            choice=workspace.settings.answer,
            shapes=result.shapes,
            found=workspace.sensitivity,
        )
        if workspace.result is not result:
            raise _changed()
        workspace.improvement = found
        return {"improvement": found.as_dict()}

    def curve_task(self) -> Task[dict[str, Any]]:
        """Measure the error against the number of calibration samples; quantizes first if need be.

        Raises:
            MissingError: there is no calibration data.
        """
        calibration = self._models.calibration_feeds()
        if calibration is None:
            raise MissingError(
                "there is no calibration data whose number could matter",
                where="calibration",
                hint="Choose calibration data first",
            )
        result = yield from self._models.ensure_task()
        held_out, labels = self._models.measured_on()
        other = held_out if held_out is not self._models.calibration.feeds else None
        choice = self._workspace.settings.answer
        found = yield from samples_curve_task(result, calibration, other, choice=choice, labelled=labels is not None)
        if self._workspace.result is not result or self._workspace.settings.answer != choice:
            raise _changed()
        self._workspace.curve = found
        return {**found.as_dict(), "sentence": sentence(found), "told": about(found)}

    def _measured_on(self, result: QuantizedModel) -> tuple[Feeds | None, NDArray[Any] | None]:
        """Samples and labels; None where samples are made up, for which the model's sizes are known then."""
        samples, labels = self._models.measured_on()
        if samples is None:
            require_sizes(result.source, result.shapes)
        return samples, labels

    def report(self) -> ModelReport:
        """Everything that has been measured of the quantized model so far.

        Raises:
            MissingError: there is none. UnsupportedError: it has no graph.
        """
        workspace = self._workspace
        self._models.graph()
        if workspace.result is None:
            raise MissingError("no model has been quantized", where="report", hint="Quantize the model first")
        self._models.require_measured()
        samples, labels = self._models.measured_on()
        count = count_of(workspace.result.source, samples) if samples is not None else 0
        data = f"{count} samples, {'labelled' if labels is not None else 'without labels'}" if count else ""
        return model_report(
            workspace.result,
            data=data,
            sensitivity=workspace.sensitivity,
            mixed=workspace.mixed,
            race=workspace.race,
            samples=workspace.curve,
            improvement=workspace.improvement,
        )

    def page(self) -> bytes:
        """The report as an HTML file."""
        return report_html(self.report()).encode()


def _changed() -> CancelledError:
    return CancelledError(
        "the model or its recipe changed during the analysis", where="analysis", hint="Start the analysis again"
    )
