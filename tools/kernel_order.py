"""Check the order of instructions in the tiles of ``wasm_kernels/gemm_s8.c``.

The speed of the relaxed build hangs on it (why is said there), and only a CPU with AVX-VNNI shows a slow one. So the
compiler's own text is checked instead, on any machine.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tools.kernels import TARGETS, compile_module
from tools.paths import KERNELS_FILE, RELAXED_KERNELS_FILE, WASM_KERNELS
from tools.steps import BuildError

TILE_ROWS = {KERNELS_FILE: 4, RELAXED_KERNELS_FILE: 6}
"""How many rows the largest tile of a build has: ``TILE_ROWS`` of ``wasm_kernels/gemm.h``."""

_TILE = re.compile(r"^(multiply_(?:lines_)?)(\d+):(.*?)^\tend_function$", re.M | re.S)
_KINDS = ("multiply_", "multiply_lines_")
"""Tiles of rows in one piece, and of rows in several."""

_INNERMOST = re.compile(r"^\tloop\b((?:(?!^\tloop\b).)*?)^\tend_loop$", re.M | re.S)
_MEANS = {
    "v128.load32_splat": "values",
    "v128.load": "weights",
    "i32x4.dot_i16x8_s": "product",
    "i32x4.relaxed_dot_i8x16_i7x16_add_s": "product",
    "v128.store": "store",
}
"""Instructions that count: those that read or write vectors, and those that multiply."""


def check_kernels() -> None:
    """Compile the tiles of every build to text and check it.

    Raises:
        BuildError: the compiler or :func:`check_tiles` complained.
    """
    for path, cpu in TARGETS.items():
        check_tiles(assembly(WASM_KERNELS / "gemm_s8.c", cpu), TILE_ROWS[path])


def assembly(source: Path, cpu: str) -> str:
    """The text of what one file is compiled to, with the flags of the build.

    Raises:
        BuildError: the compiler complained.
    """
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder, "text.s")
        # Nothing is linked, so -Werror would have it that the linker's flags are unused.
        compile_module(to, f"-mcpu={cpu}", "-S", "-Wno-unused-command-line-argument", sources=[source])
        return to.read_text("utf-8")


def check_tiles(text: str, rows: int) -> None:
    """Check that there are tiles of 1 to ``rows`` rows, and that each multiplies in the order that V8 needs.

    Args:
        text: of ``gemm_s8.c``, as the compiler writes it.
        rows: of the largest tile.

    Raises:
        BuildError: a tile is missing or one too many, or the innermost loop of one does not read: the load of a row's
            values and two products, once for each row, beside two loads of weights.
    """
    tiles = {(kind, int(number)): body for kind, number, body in _TILE.findall(text)}
    for kind in _KINDS:
        numbers = sorted(number for of, number in tiles if of == kind)
        if numbers != list(range(1, rows + 1)):
            found = ", ".join(str(number) for number in numbers) or "none"
            raise BuildError(
                f"gemm_s8.c must have tiles {kind}1 to {kind}{rows} as functions of their own; found: {found}."
            )
    for (kind, number), body in tiles.items():
        order = inner_order(body)
        meant = ["values", "product", "product"] * number
        if [each for each in order if each != "weights"] != meant or order.count("weights") != 2:
            found = " ".join(order) or "nothing, since no loop multiplies or several do"
            raise BuildError(
                f"The inner loop of {kind}{number} in gemm_s8.c reads: {found}. It must read: values product "
                f"product, for each of {number} rows, with two loads of weights. See IN_ORDER."
            )


def inner_order(body: str) -> list[str]:
    """What the innermost loop of a function does, as values of ``_MEANS``; empty unless exactly one loop multiplies."""
    loops = [
        [_MEANS[word] for word in re.findall(r"^\t(\S+)", loop, re.M) if word in _MEANS]
        for loop in _INNERMOST.findall(body)
    ]
    multiplying = [loop for loop in loops if "product" in loop]
    return multiplying[0] if len(multiplying) == 1 else []
