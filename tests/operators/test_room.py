"""Small values without elements ask for large results, or for long loops: they are refused before anything is made."""

import time
from typing import Any

import numpy as np
import pytest

from playground.errors import PlaygroundError, UnsupportedError
from playground.operators import operator
from playground.programs.call import Call
from playground.programs.room import Room

ROOM = Room(2**24, 2**28)
MANY = 2**30


def nothing(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


ASKED: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "determinants": (("Det", nothing(MANY, 0, 0)), {}),
    "norms": (("LpNormalization", nothing(MANY, 0)), {}),
    "pools": (("GlobalLpPool", nothing(MANY, 1, 0)), {}),
    "channels": (("LRN", nothing(0, MANY, 1, 1)), {"size": MANY}),
    "products": (("Attention", nothing(1, 1, 2**20, 0), nothing(1, 1, 2**20, 0), nothing(1, 1, 2**20, 0)), {}),
    "results": (("Attention", nothing(1, 1, 2**20, 0), nothing(1, 1, 0, 0), nothing(1, 1, 0, 2**20)), {}),
    "steps": (
        ("LinearAttention", nothing(1, MANY, 0), nothing(1, MANY, 0), nothing(1, MANY, 0)),
        {"q_num_heads": 1, "kv_num_heads": 1, "update_rule": "linear"},
    ),
    "axes": (("GridSample", nothing(0, 1, *[2] * 30), nothing(0, *[1] * 30, 30)), {"mode": "cubic"}),
    "groups": (
        ("DeformConv", nothing(0, 2**20, 1, 1), nothing(1, 2**20, 1, 1), nothing(0, 2**21, 1, 1)),
        {"offset_group": 2**20},
    ),
    "places": (("Einsum", nothing(MANY, 0), nothing(0, MANY)), {"equation": "ij,jk->ik"}),
}


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_too_large_is_refused(asked: str) -> None:
    (name, *inputs), attributes = ASKED[asked]
    entry = operator(name)
    call = Call({**entry.defaults, **attributes}, room=ROOM)
    start = time.monotonic()
    with pytest.raises(UnsupportedError, match="would"):
        entry.run(call, *inputs)
    assert time.monotonic() - start < 5


def test_a_long_window_is_refused() -> None:
    with pytest.raises(PlaygroundError, match="would take"):
        operator("HannWindow").run(Call({"output_datatype": 1, "periodic": 1}, room=ROOM), np.array(MANY))
