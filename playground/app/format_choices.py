"""The number formats as the page offers them, in groups."""

from __future__ import annotations

from playground.api import formats
from playground.model.recipe import ONNX_FORMATS
from playground.number_formats import FORMATS, NumberFormat
from playground.settings import Settings

SIGNED, UNSIGNED = "int", "uint"
"""What stands for all widths of integers: how many bits they have is chosen beside it."""

WIDTHS = (2, 8)
"""Fewest and most bits of an integer that are offered."""

_GROUPS = {"float": "Floats", "codebook": "Codebooks", "block": "Blocks"}
_INTEGERS = {"Signed integer": SIGNED, "Unsigned integer": UNSIGNED}


def groups() -> dict[str, dict[str, str]]:
    """Title of a group -> label with the bits -> id. Formats of scales (without sign and zero) are left out."""
    found = {"Integers": dict(_INTEGERS)}
    for family, title in _GROUPS.items():
        found[title] = {_label(f): f.id for f in formats().values() if f.family == family and _for_weights(f)}
    others = {_label(f): f.id for f in formats().values() if f.family == "integer" and not _is_plain_integer(f)}
    found["Integers"] |= others
    return found


def _label(number_format: NumberFormat) -> str:
    bits = number_format.bits
    return f"{number_format.title} · {bits} bit{'s' * (bits != 1)}"


def choice_of(name: str) -> str:
    """What stands for a format in the picker."""
    if not _is_plain_integer(formats()[name]):
        return name
    return SIGNED if formats()[name].signed else UNSIGNED


def format_of(choice: str, bits: int) -> str:
    """The format that a choice and a number of bits stand for."""
    return f"{choice}{bits}" if choice in (SIGNED, UNSIGNED) else choice


def _is_plain_integer(number_format: NumberFormat) -> bool:
    return number_format.id in (f"{SIGNED}{number_format.bits}", f"{UNSIGNED}{number_format.bits}")


def offered(settings: Settings, chosen: str) -> list[str]:
    """Formats that a weight may have in the file for the chosen runtime, all where weights alone are quantized; and the
    one that is chosen."""
    from playground.model.runtimes import runtimes

    found = runtimes().get(settings.runtime)
    taken = found.weight_formats if found else ONNX_FORMATS
    others = FORMATS if settings.activations == "weight_only" and found is not None and found.file == "onnx" else ()
    return list(dict.fromkeys([*taken, *others, chosen]))


def _for_weights(number_format: NumberFormat) -> bool:
    return number_format.signed or number_format.family == "block"
