"""Which files the browser's Python gets besides NumPy and the standard library, without what it never reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.paths import PACKAGE
from tools.steps import BuildError, files_in

PACKAGES = {
    "bokeh": "plots and the document; its JavaScript is served beside",
    "panel": "the widgets and how they connect; its JavaScript is served beside",
    "panel_material_ui": "the widgets' looks",
    "param": "state, under Panel",
    "pyviz_comms": "imported by Panel",
    "jinja2": "templates of Bokeh and Panel, read at import",
    "markupsafe": "under jinja2; its pure-Python half",
    "yaml": "themes of Bokeh; its pure-Python half",
    "packaging": "version comparisons of Bokeh and Panel",
    "typing_extensions.py": "under Panel and Bokeh",
    "pyodide_http": "its presence keeps panel.io.pyodide from importing pandas",
    "pyfive": "follows HDF5 files, which Keras writes",
    "google/protobuf": "reads and writes ONNX; its pure-Python half",
}
"""What goes in, from the virtual environment, and why: found by opening every view in Pyodide.

Left out on purpose, since nothing we show needs them: the Markdown libraries (``panel.pane.Markdown``), xyzservices
(map tiles), tornado (a server), narwhals and pandas (data frames), requests, tqdm, nh3.
"""

METADATA = {"bokeh", "panel", "pyfive"}
"""Distributions that ask importlib.metadata for their own version or entry points."""

GALLERY_AT_START = {"digits-mlp.onnx", "digits-convnet.onnx", "digits.npz"}
"""What the first view shows; the gallery's other models and samples come when they are chosen."""

_NOT_PYTHON = {".partial", ".mjs", ".mts"}
"""Files of our own package that the build leaves there and Python never reads."""

_SKIPPED_FOLDERS = {"tests", "dist", "node_modules", "labextension", "server/static", "sphinxext", "sampledata"}
_SKIPPED_SUFFIXES = {".so", ".pyd", ".pyi", ".pyx", ".c", ".ts", ".map", ".pyc", ".exe"}
_SKIPPED_FILES = {"package-lock.json"}
_NEEDED_ANYWAY = {"pyviz_comms/labextension/package.json"}  # read at import


def members(packages: Path) -> Iterator[tuple[Path, str]]:
    """The files of the zip: where each is, and its name in the zip, in a fixed order.

    Args:
        packages: the virtual environment's ``site-packages``.

    Raises:
        BuildError: a package is not installed.
    """
    later = set(gallery_later())
    for path in files_in(PACKAGE):
        if path.suffix not in _NOT_PYTHON and path not in later:
            yield path, path.relative_to(PACKAGE.parent).as_posix()
    (bokeh,) = packages.glob("bokeh-*.dist-info")
    bokeh_version = bokeh.name.removesuffix(".dist-info").partition("-")[2]
    for name in PACKAGES:
        place = packages / name
        if not place.exists():
            raise BuildError(
                f"{place}: not installed, although requirements/site.txt names it. Delete .venv and build again."
            )
        for path in files_in(place) if place.is_dir() else [place]:
            inside = path.relative_to(packages).as_posix()
            if _is_needed(inside, bokeh_version):
                yield path, inside
    for name in sorted(METADATA):
        for path in sorted(packages.glob(f"{name}-*.dist-info/*")):
            if path.name in ("METADATA", "entry_points.txt"):
                yield path, path.relative_to(packages).as_posix()


def gallery_later() -> list[Path]:
    """The gallery's models and samples that come when they are chosen, in a fixed order."""
    found = [path for path in files_in(PACKAGE / "gallery") if path.suffix in (".onnx", ".npz")]
    return [path for path in found if path.name not in GALLERY_AT_START]


def _is_needed(inside: str, bokeh_version: str) -> bool:
    if inside in _NEEDED_ANYWAY:
        return True
    if any(f"/{folder}/" in f"/{inside}" for folder in _SKIPPED_FOLDERS):
        return False
    path = Path(inside)
    if inside.startswith("bokeh/_sri/"):  # Bokeh reads the hashes of its own version only, when it is imported
        return path.stem == bokeh_version
    return path.suffix not in _SKIPPED_SUFFIXES and path.name not in _SKIPPED_FILES
