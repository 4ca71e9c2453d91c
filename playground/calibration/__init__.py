"""Finding the clip range. One file here is one calibrator; :data:`CALIBRATORS` finds them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from numpy.typing import ArrayLike

from playground.calibration._calibrator import Calibrator, Parameter, State
from playground.errors import InvalidInputError, one_of
from playground.quantization import Range, Scheme
from playground.registry import discover

CALIBRATORS: Mapping[str, Calibrator] = discover(sys.modules[__name__], "CALIBRATOR", Calibrator)
"""Calibrator id -> calibrator, read-only."""

__all__ = ["CALIBRATORS", "Calibrator", "Parameter", "State", "calibrate", "start"]


def start(scheme: Scheme) -> State:
    """A fresh state of the scheme's calibrator, with the scheme's parameters for it.

    Raises:
        InvalidInputError: there is no such calibrator, or it has no such parameter, or a value is out of its bounds.
    """
    if scheme.calibrator not in CALIBRATORS:
        raise InvalidInputError(
            f"{scheme.calibrator!r} is not a calibrator",
            where="calibrator",
            hint=one_of(scheme.calibrator, CALIBRATORS),
        )
    calibrator = CALIBRATORS[scheme.calibrator]
    known = {p.name: p for p in calibrator.parameters}
    for name, value in scheme.calibrator_args:
        if name not in known:
            accepted = one_of(name, known) if known else "Leave it out: this calibrator has no parameters"
            raise InvalidInputError(
                f"{calibrator.id} has no parameter {name!r}", where="calibrator_args", hint=accepted
            )
        known[name].require(value)
    return calibrator.start(scheme, **dict(scheme.calibrator_args))


def calibrate(x: ArrayLike, scheme: Scheme) -> Range:
    """The range that the scheme's calibrator finds for one array.

    Raises:
        InvalidInputError: as :func:`start` and ``update``.
    """
    state = start(scheme)
    state.update(x)
    return state.range()
