"""What is printed and where: results on stdout, progress and errors for people on stderr."""

from __future__ import annotations

import codecs
import io
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO
from unicodedata import category

from playground.errors import OutputError, PlaygroundError
from playground.host.page import plain
from playground.tasks import Progress

GAP = "  "
STDOUT = "stdout"

_SHOWN_SPACES = "Zs"
"""The Unicode category of spaces: Python calls all but one of them unprintable."""

Result = dict[str, Any]
"""What a command found, as plain data; it is what ``--json`` prints and what ``show`` lays out."""


def printable(text: str) -> str:
    """A text with everything escaped by which it could command a terminal or pass for other text.

    Names come from strangers' files. Control characters (ESC among them), line breaks, bidirectional overrides and
    other invisible formatting, lone surrogates and unassigned characters are shown as Python writes them: ``\\x1b``.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() or category(sign) == _SHOWN_SPACES else sign.encode("unicode_escape").decode()
        for sign in text
    )


_SPELT = {"→": "->", "×": "x", "÷": "/", "−": "-", "—": "-", "…": "...", "\u202f": " ", "σ": "sigma", "±": "+-"}
"""Our own signs, for what cannot show them: files that Windows writes in its old encodings, terminals without UTF-8."""


def _spell(error: UnicodeError) -> tuple[str, int]:
    """What stands for characters that an encoding has not."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_SPELT.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error("playground.spelt", _spell)


class Console:
    """The two streams of one run of a command."""

    def __init__(self, *, as_json: bool) -> None:
        """Say whether stdout carries JSON. Where a sign cannot be shown it is spelt, or is ``?``."""
        self.as_json = as_json
        self._progress_width = 0
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="playground.spelt")

    def line(self, text: str = "") -> None:
        """Print one line of the result."""
        self._print(text)

    def paragraph(self, text: str) -> None:
        """Print an empty line and then one line of the result."""
        self._print()
        self._print(text)

    def _print(self, text: str = "", *, file: TextIO | None = None) -> None:
        """The one place that prints a line for people."""
        print(printable(text), file=file)

    def result(self, result: Result, show: Callable[[Result, Console], None]) -> None:
        """Print a result now, as ``show`` lays it out or as strict JSON (numbers that are not finite become null).

        Raises:
            OutputError: stdout leads to a file on a full disk, or the like.
        """
        try:
            if self.as_json:
                print(json.dumps(plain(result), indent=2, allow_nan=False))
            else:
                show(result, self)
            sys.stdout.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            what = f"the result could not be printed ({error.strerror or error})"
            raise OutputError(what, where=STDOUT, hint="Free disk space, or redirect the output elsewhere") from error

    def pairs(self, rows: Mapping[str, str]) -> None:
        """Print names and values in two columns; what has no value is left out."""
        shown = {printable(name): value for name, value in rows.items() if value}
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            self._print(f"{name:<{width}}{GAP}{value}")

    def table(self, columns: Mapping[str, Sequence[str]], *, right: Sequence[str] = ()) -> None:
        """Print named columns, those named in ``right`` aligned to the right."""
        shown = {name: [printable(cell) for cell in cells] for name, cells in columns.items()}
        widths = {name: max(map(len, (name, *cells))) for name, cells in shown.items()}
        for row in (tuple(shown), *zip(*shown.values(), strict=True)):
            cells = (
                f"{cell:>{width}}" if name in right else f"{cell:<{width}}"
                for (name, width), cell in zip(widths.items(), row, strict=True)
            )
            self._print(GAP.join(cells).rstrip())

    def progress(self, step: Progress) -> None:
        """Show on stderr how far the work is, on one line that overwrites itself; silent if that is no terminal."""
        if not sys.stderr.isatty():
            return
        share = step.done / step.total if step.total else 1.0
        text = printable(f"{share:4.0%}  {step.message}")
        print(f"\r{text:<{self._progress_width}}", end="", file=sys.stderr, flush=True)
        self._progress_width = max(self._progress_width, len(text))

    def end_progress(self) -> None:
        """Wipe the progress line."""
        if self._progress_width:
            print(f"\r{' ' * self._progress_width}\r", end="", file=sys.stderr, flush=True)
            self._progress_width = 0

    def error(self, error: PlaygroundError) -> None:
        """Print an error: as JSON on stdout or as one line on stderr."""
        if self.as_json and not (isinstance(error, OutputError) and error.where == STDOUT):
            print(json.dumps({**error.as_dict(), "message": error.for_terminal}, indent=2))
        else:
            self._print(f"playground: {error.for_terminal}", file=sys.stderr)

    def give_up_stdout(self) -> None:
        """Send what is left for stdout nowhere, so that the interpreter's end does not try and fail again."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
