"""What quantizing a model with a graph gives: the model, its files, and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from playground.calls import Public, public, public_class
from playground.errors import UnsupportedError
from playground.histograms import Histogram
from playground.host.output import write_file
from playground.model.graph import Graph, Model
from playground.model.recipe import Recipe
from playground.model.recipe.representations import OPERATORS
from playground.model.writers.onnx import require_graph_name
from playground.ptq.calibration_data import Shapes
from playground.ptq.other_names import ATTRIBUTES, ON_RESULT
from playground.ptq.qdq import Quantization
from playground.ptq.report import Report
from playground.ptq.stored_weights import stored_nbytes
from playground.tasks import run_sync

TFLITE = ".tflite"


@public_class(
    "quantize_model('model.onnx', 'int8')",
    attributes=ATTRIBUTES,
    on_class=ON_RESULT,
    refused={
        "__call__": "Use playground.run(result, {'image': array})",
        "__getitem__": "Use result.model['fc1.weight']",
        "__iter__": "Use result.model.tensors",
        "__len__": "Use len(result.model)",
    },
)
@dataclass(frozen=True, slots=True)
class QuantizedModel(metaclass=Public):
    """A quantized model.

    Attributes:
        model: it, as any other model.
        onnx: its ONNX file.
        tflite: its ``.tflite`` file, if the recipe's runtime reads such files; else empty, and :meth:`save` makes it.
        report: what was done.
        quantization: the codes, scales and placement it was written from.
        source: the float graph that was quantized: the given one, as preparation and algorithms changed it.
        histograms: what activations looked like while their ranges were found, by name.
        shapes: the sizes that were given for made-up inputs.
    """

    model: Model
    onnx: bytes
    report: Report
    quantization: Quantization
    source: Graph
    histograms: Mapping[str, Histogram] = field(default_factory=dict)
    shapes: Shapes | None = None
    tflite: bytes = b""

    def __hash__(self) -> int:
        """Of what equal results have in common."""
        return hash(self.onnx)

    def __bytes__(self) -> bytes:
        """What is written: ``file``."""
        return self.file

    def __repr__(self) -> str:
        """Its name, and the report's one line."""
        return f"QuantizedModel({self.model.name!r}, {self.report!r})"

    def _repr_html_(self) -> str:
        """What a notebook shows: the report."""
        return self.report._repr_html_()

    @property
    def file(self) -> bytes:
        """What is written for the recipe's runtime: the ``.tflite`` file, or the ONNX file."""
        return self.tflite or self.onnx

    @property
    def ending(self) -> str:
        """That of the file's name, with the dot."""
        return TFLITE if self.tflite else ".onnx"

    @public("result.save('small.onnx')")
    def save(self, path: str | Path) -> None:
        """Write the file, as a whole or not at all: a ``.tflite`` file where the path ends so, else the ONNX file.

        Raises:
            OutputError: it could not be written; what was there is unchanged.
            UnsupportedError: TFLite has no form of an operator.
            InvalidInputError: the name has the ending of another format.
        """
        require_graph_name(path)
        write_file(path, self.as_tflite().tflite if str(path).lower().endswith(TFLITE) else self.onnx)

    def as_onnx(self) -> QuantizedModel:
        """The same without a ``.tflite`` file: the report is on the ONNX file."""
        if not self.tflite:
            return self
        stored = {name: stored_nbytes(weight) for name, weight in self.quantization.weights.items()}
        return replace(self, tflite=b"", report=self.report.of_file(len(self.onnx), stored))

    def as_tflite(self) -> QuantizedModel:
        """The same with its ``.tflite`` file, whose size is in the report. Codes of uint8 become those of int8.

        Raises:
            UnsupportedError: TFLite has no form of an operator, the shapes of values are not known, or the recipe asks
                for a representation that TFLite has not.
        """
        if self.tflite:
            return self
        # few want such a file
        from playground.ptq.tflite_file import tflite_task

        recipe = Recipe.from_dict(self.report.recipe)
        if recipe.representation == OPERATORS:
            what = "a model in operators on codes (QOperator) is written as .onnx alone"
            raise UnsupportedError(what, where="representation", hint="Quantize it with representation='qdq'")
        return self.with_tflite(run_sync(tflite_task(self.model.required_graph(), recipe, self.shapes)))

    def with_tflite(self, file: bytes) -> QuantizedModel:
        """The same with a ``.tflite`` file, whose sizes are in the report."""
        from playground.ptq.tflite_file import stored_sizes

        return replace(self, tflite=file, report=self.report.of_file(len(file), stored_sizes(file)))
