"""Sentences about two files compared."""

from typing import Any

import pytest

from playground.render.files_compared import of_pair, sentence

PAIR = {
    "name": "w", "other": "w", "shape": (2, 3), "dtypes": ("float32", "int8"), "bytes": (24, 10),
    "sqnr_db": 31.25, "mse": 0.1, "max_error": 0.5, "cosine": 1.0, "problem": "",
}  # fmt: skip
EQUAL = {**PAIR, "sqnr_db": float("inf"), "max_error": 0.0}
BROKEN = {**PAIR, "sqnr_db": None, "max_error": None, "problem": "1 of 6 values are NaN"}


def found(*pairs: Any, sizes: tuple[int, int] = (4000, 1000), **more: Any) -> dict[str, Any]:
    a, b = ({"file": f"{name}.npz", "bytes": size} for name, size in zip("ab", sizes, strict=True))
    return {"a": a, "b": b, "pairs": pairs, "other_shapes": (), "missing": (), "added": (), "proposal": (), **more}


@pytest.mark.parametrize(
    ("comparison", "expected"),
    [
        (
            found(PAIR),
            "1 tensor matches by name and shape; w differs most (SQNR 31.2 dB); 4.00 kB → 1.00 kB "
            "(4.00 times smaller).",
        ),
        (
            found(EQUAL, EQUAL, sizes=(10, 10), missing=("x",), added=("y", "z")),
            "2 tensors match by name and shape; they have equal values; 10 B → 10 B (equal in size); "
            "1 tensor only in A; 2 tensors only in B.",
        ),
        (
            found(BROKEN, PAIR, sizes=(10, 20)),
            "2 tensors match by name and shape, 1 could not be compared; w differs most (SQNR 31.2 dB); "
            "10 B → 20 B (2.00 times larger).",
        ),
        (found(BROKEN, sizes=(0, 20)), "1 tensor matches by name and shape, 1 could not be compared."),
        (
            found(other_shapes=({},), sizes=(0, 0)),
            "No tensor matches by name and shape; 1 tensor in both with another shape.",
        ),
        (
            found(missing=("m.w",), added=("w",)),
            "No tensor of a.npz has the name of one in b.npz: A has m.w, B w. Write below how names differ.",
        ),
        (
            found(missing=("m.w",), added=("w",), proposal=("^m\\.=",)),
            "No tensor of a.npz has the name of one in b.npz: A has m.w, B w. Below is how they match.",
        ),
    ],
)
def test_the_result(comparison: dict[str, Any], expected: str) -> None:
    assert sentence(comparison) == expected


def test_one_tensor() -> None:
    assert of_pair(PAIR) == "w: float32 → int8, 24 B → 10 B; SQNR 31.2 dB, largest difference 0.500."
    assert of_pair({**EQUAL, "other": "v"}) == "w beside v: float32 → int8, 24 B → 10 B; all values are equal."
    assert of_pair(BROKEN) == "w (float32 → int8, 24 B → 10 B) was not compared: 1 of 6 values are NaN."
