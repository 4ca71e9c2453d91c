"""Windows of signal processing: a bell of a given number of places."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from playground.errors import InvalidInputError
from playground.operators._attributes import Attribute, flag
from playground.operators._operator import Operator, Run, Takes
from playground.operators._places import number_of, stored_type
from playground.programs.call import Array, Call


def _window(name: str, bell: Callable[[Array], Array]) -> Run:
    def run(call: Call, size: Array) -> Array:
        """So many values of the bell over one turn, of which a periodic window does not have the last one."""
        count = number_of(size, "size of a window")
        dtype = stored_type(call.get("output_datatype"), name)
        if count < 0:
            raise InvalidInputError(f"a window cannot have {count} places", hint="Use 0 or more")
        call.room.value((count,), np.float64)
        turn = 2 * np.pi * np.arange(count) / (count if call.get("periodic") else count - 1)
        return bell(turn).astype(dtype)

    return run


def _blackman(turn: Array) -> Array:
    return np.asarray(0.42 - 0.5 * np.cos(turn) + 0.08 * np.cos(2 * turn))


def _hamming(turn: Array) -> Array:
    return np.asarray(25 / 46 - 21 / 46 * np.cos(turn))


def _hann(turn: Array) -> Array:
    return np.asarray(0.5 - 0.5 * np.cos(turn))


OPERATORS = tuple(
    Operator(
        name=name,
        run=_window(name, bell),
        since=(17,),
        attributes=(Attribute("output_datatype", "int", 1), flag("periodic", True)),
        data=(),
        takes=(Takes.SIZES,),
    )
    for name, bell in (("BlackmanWindow", _blackman), ("HammingWindow", _hamming), ("HannWindow", _hann))
)
