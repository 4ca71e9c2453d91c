"""What is found out about a model, as plain values."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Form:
    """One form of one model, or why there is none.

    Attributes:
        error: the refusal, or what ONNX Runtime said to the file.
        file_bytes: size of the file.
        quantized: tensors that became codes.
        skipped: what stays in float with a reason.
        sqnr_db: output -> dB against float; of whole numbers the share of feeds whose answers are equal.
        reference_error: largest difference between our NumPy engine's outputs and ONNX Runtime's (with its graph
            optimizations or without, whichever is nearer), relative to the output's largest value.
        reference_db: the same as SQNR, of the output in which it is lowest.
        parting_db: by how much the fidelities of the two differ, at most.
        reference_refusal: why our NumPy engine does not run the file.
        warnings: of the report.
        seconds: to quantize.
    """

    error: str = ""
    file_bytes: int = 0
    quantized: int = 0
    skipped: int = 0
    sqnr_db: dict[str, float] = field(default_factory=dict)
    reference_error: float = math.nan
    reference_db: float = math.nan
    parting_db: float = math.nan
    reference_refusal: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0

    @property
    def first(self) -> float:
        """Of the first output."""
        return next(iter(self.sqnr_db.values()), math.nan)


@dataclass(slots=True)
class Measured:
    """All of one model.

    Attributes:
        id: its id in the catalogue.
        about: what it does.
        file_bytes: of the float file.
        opset: its operator set.
        error: why it does not open.
        opset_read: the operator set of what was read.
        nodes: how many nodes were read.
        parameters: how many numbers its constants have.
        float_error: largest difference between the float model in our NumPy engine and in ONNX Runtime, relative.
        float_refusal: why our NumPy engine does not run it.
        ours: form -> what we made.
        theirs: form -> what ONNX Runtime's tool made.
    """

    id: str
    about: str
    file_bytes: int
    opset: int
    error: str = ""
    opset_read: int = 0
    nodes: int = 0
    parameters: int = 0
    float_error: float = math.nan
    float_refusal: str = ""
    ours: dict[str, Form] = field(default_factory=dict)
    theirs: dict[str, Form] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def said(error: Exception) -> str:
    """The first line of what an error says, with its kind."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:400]
