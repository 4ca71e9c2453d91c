"""What is printed and where: results on stdout, progress and errors for people on stderr."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from playground.errors import PlaygroundError
from playground.host.page import plain
from playground.tasks import Progress

GAP = "  "

Result = dict[str, Any]
"""What a command found, as plain data; it is what ``--json`` prints and what ``show`` lays out."""


class Console:
    """The two streams of one run of a command."""

    def __init__(self, *, as_json: bool) -> None:
        """Say whether stdout carries JSON. A terminal that lacks a sign shows ``?`` instead of failing."""
        self.as_json = as_json
        self._progress_width = 0
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")

    def line(self, text: str = "") -> None:
        """Print one line of the result."""
        print(text)

    def result(self, result: Result, show: Callable[[Result, Console], None]) -> None:
        """Print a result now, as ``show`` lays it out or as strict JSON (numbers that are not finite become null)."""
        if self.as_json:
            print(json.dumps(plain(result), indent=2, allow_nan=False))
        else:
            show(result, self)
        sys.stdout.flush()

    def pairs(self, rows: Mapping[str, str]) -> None:
        """Print names and values in two columns; what has no value is left out."""
        shown = {name: value for name, value in rows.items() if value}
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            print(f"{name:<{width}}{GAP}{value}")

    def table(self, columns: Mapping[str, Sequence[str]], *, right: Sequence[str] = ()) -> None:
        """Print named columns, those named in ``right`` aligned to the right."""
        widths = {name: max(map(len, (name, *cells))) for name, cells in columns.items()}
        for row in (tuple(columns), *zip(*columns.values(), strict=True)):
            cells = (
                f"{cell:>{width}}" if name in right else f"{cell:<{width}}"
                for (name, width), cell in zip(widths.items(), row, strict=True)
            )
            print(GAP.join(cells).rstrip())

    def progress(self, step: Progress) -> None:
        """Show on stderr how far the work is, on one line that overwrites itself; silent where nobody watches."""
        if not sys.stderr.isatty():
            return
        share = step.done / step.total if step.total else 1.0
        text = f"{share:4.0%}  {step.message}"
        print(f"\r{text:<{self._progress_width}}", end="", file=sys.stderr, flush=True)
        self._progress_width = max(self._progress_width, len(text))

    def end_progress(self) -> None:
        """Wipe the progress line."""
        if self._progress_width:
            print(f"\r{' ' * self._progress_width}\r", end="", file=sys.stderr, flush=True)
            self._progress_width = 0

    def error(self, error: PlaygroundError) -> None:
        """Print an error: as JSON on stdout or as one line on stderr."""
        if self.as_json:
            print(json.dumps(error.as_dict(), indent=2))
        else:
            print(f"playground: {error}", file=sys.stderr)
