"""``--code``: a script that makes the quantized file with another tool, written beside it."""

from __future__ import annotations

import argparse
from pathlib import Path

from playground.cli._calibration import CALIBRATION, Calibration
from playground.cli._files import ModelFile, target
from playground.host.output import write_file
from playground.model.recipe import Recipe
from playground.ptq.pipeline import QuantizedModel
from playground.ptq.scripts import Origin, script_of, scripts
from playground.ptq.without_graph import QuantizedTensors


def add_code(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument(
        "--code",
        choices=tuple(scripts()),
        help="also write a script that makes the same codes with this tool, as NAME.TOOL.py beside the file; refused "
        "where the tool makes others",
    )


class Code:
    """The script that is asked for, if one is: made before the file is written, and kept after it."""

    def __init__(self, args: argparse.Namespace, opened: ModelFile, output: Path, calibration: Calibration) -> None:
        """Raises MissingError, InvalidInputError: the script cannot be written there."""
        self._tool, self._opened, self._output = args.code, opened, output
        given = getattr(args, "calibration", None) if calibration.flag == CALIBRATION else getattr(args, "data", None)
        self._samples, self._calibration = given if calibration.flag else "", calibration
        self.path = target(str(output.with_suffix(f".{args.code}.py")), opened.name) if args.code else None
        self._text = ""

    def make(self, made: QuantizedModel | QuantizedTensors) -> None:
        """Make it. Raises UnsupportedError: the tool makes other codes."""
        if not self._tool:
            return
        gallery = self._opened.gallery_id or ""
        found = Origin(
            *(self._opened.model, Recipe.from_dict(made.report.recipe), made),
            file=f"{gallery}.onnx" if gallery else self._opened.name,
            output=str(self._output),
            gallery=gallery,
            calibration="" if self._calibration.images else self._samples or "",
            images=bool(self._calibration.images),
            shapes=self._calibration.shapes,
        )
        self._text = script_of(self._tool, found)

    def save(self) -> str | None:
        """Write it; its path, if there is one. Raises OutputError if it could not be written."""
        if self.path is None:
            return None
        write_file(self.path, self._text + "\n")
        return str(self.path)
