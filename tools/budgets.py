"""Limits of the bytes that a visit loads, from a host with compression. ``build.py check`` enforces them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools.paths import DIST
from tools.steps import BuildError, files_in

FONTS = r".*/(roboto-latin-[47]00-normal|material-icons-outlined)-\w+\.woff2"
GROUPS: dict[str, tuple[str, ...]] = {
    "Page and scripts": (
        r"index\.html",
        r"manifest-.*\.json",
        r"app\.webmanifest",
        r"app-.*",
        r"icons-.*/icon\.svg",
        r"styles-.*/(tokens|page)\.css",
    ),
    "Bokeh": (r"bokeh-.*",),
    "Panel": (r"pn-[0-9a-f]+/panel\.min\.js", r"pn-.*/(css|bundled)/.*"),
    "Material": (r"pmui-.*\.(js|css)", f"pmui-{FONTS}"),
    "First document": (r"python-[0-9a-f]+/(frozen\.json|subject\.bin|kernels-.*\.wasm)",),
    "Snapshot": (r"python-[0-9a-f]+/(snapshot\.bin|data\.zip)\.zst",),
    "Packages for the plain start": (r"python-[0-9a-f]+/(packages|python)\.zip.*", r"wheels-.*"),
    "ONNX Runtime Web": (r"python-[0-9a-f]+/ort[.-].*",),
    "ONNX Runtime Web, plain files": (r"ort-.*",),
    "Gallery": (r"python-[0-9a-f]+/[a-z-]+(\.[0-9a-f]+)?\.(onnx|npz).*",),
    "Python": (r"pyodide-.*", r"python-.*"),
}
"""Group -> patterns of addresses. A file belongs to the first group that fits; what fits none is in no budget."""


@dataclass(frozen=True)
class Budget:
    """A promise about some groups together."""

    title: str
    limit: int
    groups: tuple[str, ...]


_VIEW = ("Page and scripts", "Bokeh", "Panel", "Material", "First document")
BUDGETS = (
    Budget("First interaction", 2_000_000, _VIEW),
    Budget("Default view, plain start", 14_000_000, (*_VIEW, "Python", "Packages for the plain start")),
    Budget("Default view, from the snapshot", 24_000_000, (*_VIEW, "Python", "Snapshot")),
    Budget("Gallery, each when it is chosen", 3_500_000, ("Gallery",)),
    Budget("ONNX Runtime Web, on first use", 4_000_000, ("ONNX Runtime Web",)),
    Budget("The same as plain files", 4_000_000, ("ONNX Runtime Web, plain files",)),
)

_COPIES = (".br", ".gz")


def served_sizes(site: Path) -> dict[str, int]:
    """Address -> bytes on the wire: the smallest of a file and its compressed copies."""
    sizes = {path.relative_to(site).as_posix(): path.stat().st_size for path in files_in(site)}
    is_copy = {address for address in sizes if address.endswith(_COPIES) and address[:-3] in sizes}
    return {
        address: min(sizes.get(address + suffix, size) for suffix in ("", *_COPIES))
        for address, size in sizes.items()
        if address not in is_copy and not is_fallback(address, sizes)
    }


def is_fallback(address: str, sizes: Iterable[str]) -> bool:
    """Whether it is the gzip form of a file that also lies there as zstd: a browser fetches one of the two."""
    name = address.rpartition("/")[2]
    if not name.endswith(".gz"):
        return False
    better = name.removesuffix(".gz") + ".zst"
    return any(other.rpartition("/")[2] == better for other in sizes)


def group_sizes(sizes: dict[str, int]) -> dict[str, int]:
    """Group -> bytes on the wire."""
    totals = dict.fromkeys(GROUPS, 0)
    for address, size in sizes.items():
        for group, patterns in GROUPS.items():
            if any(re.fullmatch(pattern, address) for pattern in patterns):
                totals[group] += size
                break
    return totals


def check(site: Path = DIST) -> None:
    """Print what each group costs and each budget allows.

    Raises:
        BuildError: a budget is exceeded.
    """
    totals = group_sizes(served_sizes(site))
    for group, size in totals.items():
        print(f"    {group:<32}{size / 1e6:>9.3f} MB", flush=True)
    exceeded = []
    for budget in BUDGETS:
        spent = sum(totals[group] for group in budget.groups)
        verdict = "" if spent <= budget.limit else "  TOO MUCH"
        print(f"    {budget.title:<32}{spent / 1e6:>9.3f} of {budget.limit / 1e6:.0f} MB{verdict}", flush=True)
        if spent > budget.limit:
            exceeded.append(f"{budget.title}: {spent} bytes, {budget.limit} allowed")
    if exceeded:
        raise BuildError("; ".join(exceeded))
