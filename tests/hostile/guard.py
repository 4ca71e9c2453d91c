"""Runs one hostile input under limits and says what became of it."""

from __future__ import annotations

import gc
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from playground.errors import PlaygroundError

SECONDS = 2.0
"""CPU time an input may take: the machine may be busy with other things."""

MEGABYTES = 256

_STATUS = Path("/proc/self/status")
_PEAK = Path("/proc/self/clear_refs")


class _TooLongError(BaseException):
    """Raised by the timer; nothing that catches exceptions keeps it."""


@dataclass(frozen=True)
class Outcome:
    """What became of an input.

    Attributes:
        kind: ``"accepted"``, ``"refused"``, or what is wrong: ``"foreign"``, ``"slow"``, ``"large"``.
        what: the error's type and message, with its place in the code if it is foreign.
        seconds: CPU time.
        megabytes: how far the memory of the process grew.
    """

    kind: str
    what: str
    seconds: float
    megabytes: float

    @property
    def fine(self) -> bool:
        return self.kind in ("accepted", "refused")


def guarded(
    call: Callable[[], Any], seconds: float = SECONDS, megabytes: float = MEGABYTES, *, collect: bool = True
) -> Outcome:
    """Call it. Memory is that of the whole process as Linux counts it, so that C++ (protobuf) is counted too.

    Args:
        call: what to run.
        seconds: of CPU time.
        megabytes: that the process may grow by.
        collect: whether to collect garbage first, which takes longer than most inputs.
    """
    if collect:
        gc.collect()
    before = _reset_peak()
    previous = signal.signal(signal.SIGPROF, _stop)
    began = time.process_time()
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        call()
        kind, what = "accepted", ""
    except PlaygroundError as error:
        kind, what = "refused", f"{type(error).__name__}: {error}"
    except _TooLongError:
        kind, what = "slow", ""
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        kind, what = "foreign", f"{type(error).__name__} at {at.filename}:{at.lineno}: {str(error)[:200]}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    took, grown = time.process_time() - began, _peak() - before
    if kind in ("accepted", "refused") and grown > megabytes:
        kind, what = "large", f"{grown:.0f} MB; {what}"
    return Outcome(kind, what, took, grown)


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _TooLongError


def _reset_peak() -> float:
    """Megabytes of the process now; from now on its peak is counted anew."""
    _PEAK.write_text("5")
    return _status("VmRSS")


def _peak() -> float:
    return _status("VmHWM")


def _status(field: str) -> float:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024
