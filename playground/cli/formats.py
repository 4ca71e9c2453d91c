"""``playground formats``: the number formats there are."""

from __future__ import annotations

import argparse

from playground.api import formats
from playground.cli._command import Command
from playground.cli._console import Console, Result
from playground.number_formats import FAMILIES, NumberFormat
from playground.quantization import Scheme


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--family", choices=FAMILIES, help="list only this family")


def run(args: argparse.Namespace, _: Console) -> Result:
    """List them."""
    listed = [fmt for fmt in formats().values() if args.family in (None, fmt.family)]
    return {"formats": [_about(fmt) for fmt in listed]}


def _about(number_format: NumberFormat) -> Result:
    element, scheme = number_format.element, Scheme(number_format.id)
    return {
        "id": number_format.id,
        "title": number_format.title,
        "family": number_format.family,
        "bits": number_format.bits,
        "smallest": element.smallest,
        "largest": element.largest,
        "block_size": scheme.block_size,
        "scales": _scales(scheme),
        "source": number_format.source,
    }


def _scales(scheme: Scheme) -> list[str]:
    """In which formats its scales are stored, from the values outwards."""
    found, inner = [], scheme.scale_scheme
    while inner is not None:
        found.append(inner.format)
        if inner.is_scaled and inner.scale_scheme is None:
            found.append("fp32")
        inner = inner.scale_scheme
    return found


def show(result: Result, console: Console) -> None:
    """A table."""
    rows = result["formats"]
    console.table(
        {
            "format": [row["id"] for row in rows],
            "family": [row["family"] for row in rows],
            "bits": [str(row["bits"]) for row in rows],
            "smallest": [_exactly(row["smallest"]) for row in rows],
            "largest": [_exactly(row["largest"]) for row in rows],
            "block": [str(row["block_size"] or "") for row in rows],
            "scales": [" × ".join(row["scales"]) for row in rows],
            "name": [row["title"] for row in rows],
        },
        right=("bits", "smallest", "largest", "block"),
    )


def _exactly(value: float) -> str:
    return f"{value:.6g}".replace("-", "−")


COMMAND = Command(configure, run, show)
