"""Answers the page's messages about the model: quantize it, analyse it, run it, keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from playground.analysis.report_json import report_data
from playground.app import messages
from playground.app.jobs import Jobs
from playground.app.messages import Answer, Handler
from playground.app.model_jobs import ModelJobs
from playground.app.next_step import next_step_task
from playground.app.workspace import Workspace
from playground.errors import MissingError
from playground.host.sources import Source
from playground.tasks import Task, titled


class ModelRequests:
    """What the page asks of the model that is open in a workspace."""

    def __init__(self, workspace: Workspace, models: ModelJobs, jobs: Jobs) -> None:
        """``models`` works on the open model; ``jobs`` runs what takes long."""
        self.workspace, self.models, self.jobs = workspace, models, jobs
        self._analysis: Any = None
        self._comparison: Any = None
        self.handlers: Mapping[str, Handler] = {
            "sizes": self._sizes,
            "quantize": self._quantize,
            "sensitivity": self._sensitivity,
            "mixed": self._mixed,
            "improve": self._improve,
            "curve": self._curve,
            "compare": self._compare,
            "compared_tensor": self._compared_tensor,
            "end_comparison": lambda _id, _content, _files: (self.comparison.close(), ()),
            "report_page": self._report_page,
            "report": lambda _id, _content, _files: (self._report(), ()),
            "answers": self._answers,
            "file": self._file,
            "advice": self._advice,
            "run": self._run,
            "race": self._race,
            "sample": self._sample,
            "prompt": self._prompt,
            "export": self._export,
        }

    def _report(self) -> dict[str, Any] | None:
        """The last quantization's report; None before the first."""
        result = self.workspace.result
        return report_data(result) if result else None

    def _file(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        """The last quantized model, made with the present settings or before."""
        result = self.workspace.shown("result")
        if result is None:
            raise MissingError("no model has been quantized", where="file", hint="Quantize the model first")
        return {"name": self.models.quantized_name(), "report": report_data(result)}, (result.file,)

    def _export(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        from playground.app.exporting import exports  # no first view needs it

        return exports(self.workspace, self.models), ()

    def _answers(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        from playground.app.answer_grid import answers_shown  # no first view needs it

        return answers_shown(self.workspace), ()

    async def _advice(self, request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        found = next_step_task(self.workspace, self.models, str(content.get("view")))
        return await self.jobs.run(request, found), ()

    async def _sizes(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self.jobs.run(request, self.models.sizes_task()), ()

    async def _quantize(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        result = await self.jobs.run(request, self.models.quantize_task())
        return {"report": report_data(result), "name": self.models.quantized_name()}, (result.file,)

    @property
    def analysis(self) -> Any:
        """The jobs of the Model view's analysis, imported when they are first asked for: no first view needs them."""
        if self._analysis is None:
            from playground.app.analysis_jobs import AnalysisJobs

            self._analysis = AnalysisJobs(self.workspace, self.models)
        return self._analysis

    async def _sensitivity(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self._analysed(request, self.analysis.sensitivity_task(), "Which layer hurts?")

    async def _mixed(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self._analysed(request, self.analysis.mixed_task(), "Bits for each layer:")

    async def _improve(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self._analysed(request, self.analysis.improve_task(), "Fix it:")

    async def _curve(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self._analysed(request, self.analysis.curve_task(), "Are the samples enough?")

    async def _analysed(self, request: int, work: Task[Mapping[str, Any]], title: str) -> Answer:
        """Run an analysis, whose progress begins with the title; it leaves a quantized model as well."""
        return self._with_model(await self.jobs.run(request, titled(work, title)))

    @property
    def comparison(self) -> Any:
        """Compares the open model with a second file; imported when it is first asked for."""
        if self._comparison is None:
            from playground.app.file_comparison import FileComparison

            self._comparison = FileComparison(self.workspace, self.models)
        return self._comparison

    async def _compare(self, request: int, content: Mapping[str, Any], files: Sequence[Source]) -> Answer:
        return await self.jobs.run(request, self.comparison.compare_task(content, files)), ()

    async def _compared_tensor(self, request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self.jobs.run(request, self.comparison.tensor_task(str(content.get("name")))), ()

    def _with_model(self, found: Mapping[str, Any]) -> Answer:
        """An answer about the quantized model, and the model itself: it may have been made for it."""
        result = self.workspace.result
        return {**found, "report": report_data(result), "name": self.models.quantized_name()}, (result.file,)

    def _report_page(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return {"name": "report.html"}, (self.analysis.page(),)

    async def _run(self, request: int, content: Mapping[str, Any], files: Sequence[Source]) -> Answer:
        if content.get("images") is True:
            return await self.jobs.run(request, self.models.run_images_task()), ()
        stated = {} if content.get("inputs") is None else messages.mapping(content, "inputs")
        inputs = None if content.get("made_up") is True else stated
        if "sample" in content:
            from playground.app.answer_grid import sample_feeds  # no first view needs it

            inputs = sample_feeds(self.models, content["sample"])
        return await self.jobs.run(request, self.models.run_inputs_task(inputs, files)), ()

    async def _race(self, request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self.jobs.run(request, titled(self.models.race_task(), "Comparing the engines:")), ()

    async def _sample(self, request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self.jobs.run(request, self.models.sample_task(content)), ()

    async def _prompt(self, request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return await self.jobs.run(request, self.models.prompt_task(str(content.get("text") or ""))), ()
