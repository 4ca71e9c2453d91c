"""What quantizing a model did, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from playground import notebook
from playground.calls import Public, public_class, public_part
from playground.errors import plural
from playground.ptq.other_names import ON_REPORT, PART_ATTRIBUTES, REPORT_ATTRIBUTES
from playground.units import size

if TYPE_CHECKING:
    from playground.ptq.verification import Verification


@public_part(PART_ATTRIBUTES, {"__getitem__": "Use tensor.name, tensor.sqnr_db"})
@dataclass(frozen=True, slots=True)
class QuantizedTensor:
    """One quantized constant.

    Attributes:
        name: its name in the model.
        node: the node it belongs to.
        op: that node's operator.
        shape: its shape.
        parameters: number of its values.
        bytes_before: as float.
        bytes_after: packed codes, scales and zero-points.
        bytes_stored: what they take in the file, where codes may be in a wider type.
        scheme: how, as plain data.
        sqnr_db: signal to quantization noise of the values, dB; infinite if all are exact.
    """

    name: str
    node: str
    op: str
    shape: tuple[int, ...]
    parameters: int
    bytes_before: int
    bytes_after: int
    bytes_stored: int
    scheme: dict[str, Any]
    sqnr_db: float


@dataclass(frozen=True, slots=True)
class QuantizedActivation:
    """One quantized activation: the range that calibration found, and what came of it."""

    name: str
    lo: float
    hi: float
    scale: float
    zero_point: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that stays in float: a tensor or a node, and why."""

    name: str
    node: str
    op: str
    reason: str


@dataclass(frozen=True, slots=True)
class AppliedAlgorithm:
    """What one algorithm did.

    Attributes:
        id: its id, as in the recipe.
        name: what people call it.
        stage: when it ran: on the ``"graph"``, in the place of rounding the ``"weights"``, or ``"after"``.
        parameters: all of them, those that the recipe left out included.
        before: numbers it is about, as they were.
        after: the same, as they are now.
        tensors: the same a tensor or layer: name -> {number's name: (before, after)}.
        skipped: tensor or node -> why it could not be treated.
        notes: sentences about what was approximated.
    """

    id: str
    name: str
    stage: str
    parameters: dict[str, float]
    before: dict[str, float]
    after: dict[str, float]
    tensors: dict[str, dict[str, tuple[float, float]]]
    skipped: dict[str, str]
    notes: tuple[str, ...]


@public_class(
    "quantize_model('model.onnx').report",
    attributes=REPORT_ATTRIBUTES,
    on_class=ON_REPORT,
    refused={
        "__getitem__": "Use report.tensors[0], or report.as_dict()['file_bytes']",
        "__iter__": "Use report.tensors, or report.as_dict()",
        "__len__": "Use len(report.tensors)",
        "keys": "Use report.as_dict()",
    },
)
@dataclass(frozen=True, slots=True)
class Report(metaclass=Public):
    """What was done.

    Attributes:
        model: its name.
        tensors: quantized constants, in graph order.
        activations: quantized activations with parameters of their own, in graph order.
        skipped: the constants and nodes that stay in float, each with the reason.
        float_operators: operators that stay in float and how many nodes of each (in ``weight_only``: those that have
            no quantized form at all).
        biases: how many biases became int32.
        bytes_before: all constants, as they were.
        bytes_after: all constants, with codes packed (a file may need more: see warnings).
        file_bytes_before: size of the file that was read; 0 if the model was in memory.
        file_bytes: size of the file that was written.
        kept: constants that the file has as they were -> bytes that they take there.
        not_smaller: why that is not less, in a sentence; empty if it is.
        calibration_samples: how many samples the ranges of activations come from; 0 if there was no need.
        recipe: the recipe, as plain data.
        warnings: sentences about what was approximated.
        algorithms: what the recipe's algorithms did, in the order in which they ran.
        verification: what came of opening and running the file; None if that was not asked for.
    """

    model: str
    tensors: tuple[QuantizedTensor, ...]
    activations: tuple[QuantizedActivation, ...]
    skipped: tuple[Skipped, ...]
    float_operators: dict[str, int]
    biases: int
    bytes_before: int
    bytes_after: int
    file_bytes_before: int
    file_bytes: int
    calibration_samples: int
    recipe: dict[str, Any]
    warnings: tuple[str, ...]
    algorithms: tuple[AppliedAlgorithm, ...] = ()
    verification: Verification | None = None
    kept: dict[str, int] = field(default_factory=dict)
    not_smaller: str = ""

    def __hash__(self) -> int:
        """Of what equal reports have in common."""
        return hash((self.model, self.bytes_after, self.file_bytes))

    def __repr__(self) -> str:
        """What was done and what it saves, on one line."""
        sizes = f"{size(self.bytes_before)} -> {size(self.bytes_after)}"
        counts = (plural(len(self.tensors), "tensor") + " quantized", f"{len(self.skipped)} left in float")
        return f"Report({self.model!r}, {', '.join(counts)}, {sizes}, {plural(len(self.warnings), 'warning')})"

    def _repr_html_(self) -> str:
        """What a notebook shows: sizes, warnings, and the quantized tensors, those that lost most first."""
        worst = sorted(self.tensors, key=lambda tensor: tensor.sqnr_db)
        facts = [
            ("constants", f"{size(self.bytes_before)} → {size(self.bytes_after)}"),
            ("file", f"{size(self.file_bytes_before)} → {size(self.file_bytes)}"),
            ("left in float", len(self.skipped)),
            *((("not smaller", self.not_smaller),) if self.not_smaller else ()),
            *(("warning", text) for text in self.warnings),
        ]
        rows = [(t.name, t.scheme["format"], f"{t.sqnr_db:.1f} dB", size(t.bytes_after)) for t in worst]
        levels = [max(0.0, min(tensor.sqnr_db, 100.0)) for tensor in worst[:64]]
        return notebook.card(
            f"Report on {self.model}",
            facts,
            notebook.bars(levels, "SQNR of the tensors in dB, lowest first"),
            notebook.table(("tensor", "format", "SQNR", "size"), rows),
        )

    def with_verification(self, found: Verification) -> Report:
        """The report with what came of opening and running the file; what is wrong is among the warnings."""
        refused = (f"{found.sentence} Choose another recipe, or report this as a mistake.",) if found.refused else ()
        return replace(self, verification=found, warnings=(*refused, *found.warnings, *self.warnings))

    def of_file(self, nbytes: int, stored: Mapping[str, int]) -> Report:
        """The report on another file with the same codes, which ONNX Runtime has not opened.

        Args:
            nbytes: its size.
            stored: bytes that quantized constants take in it, by name.
        """
        from playground.ptq.sizes import why_not_smaller

        tensors = tuple(replace(t, bytes_stored=stored.get(t.name, t.bytes_stored)) for t in self.tensors)
        told = why_not_smaller(self.file_bytes_before, nbytes, tensors, self.kept.values())
        return replace(self, tensors=tensors, file_bytes=nbytes, not_smaller=told, verification=None)

    def as_dict(self) -> dict[str, Any]:
        """The report as plain data that JSON can hold."""
        held = asdict(self)
        if self.verification is not None:
            held["verification"]["sentence"] = self.verification.sentence
        return held
