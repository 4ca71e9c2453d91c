"""``build.py wheel``: one file that ``pip install`` takes, with the kernels and the built site in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tools import site
from tools.paths import PACKAGE, PYTHON, ROOT
from tools.steps import BuildError, Command, files_in, run, timed

FOLDER = ROOT / ".cache" / "wheel"
"""Where the wheel is put."""

LARGEST = 50_000_000
"""Bytes that the wheel may have."""

_COPIES = (".br", ".gz")
"""Copies that spare hosts compressing, and the snapshot for engines without zstd: `serve` needs neither."""

_LEFT_OUT = ("bench", "docs")
"""The pages that time kernels are for those who build them, and the documents are on a host."""


def build() -> Path:
    """Build the site, and the wheel with it in it; returns the wheel. Raises BuildError as :func:`packed`."""
    return packed(site.build())


def packed(dist: Path) -> Path:
    """Build the wheel from a copy of the package with a built site in it; returns the wheel.

    The copy lies in a folder of its own: in the checkout ``python -m build`` would run the project's ``build.py``.

    Raises:
        BuildError: a step failed, or the wheel is too large.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    with timed("Build the wheel"), tempfile.TemporaryDirectory() as made:
        source = Path(made)
        _copy(source, dist)
        command: Command = [
            PYTHON,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
        ]
        run([*command, "--wheel-dir", FOLDER, source], "The wheel could not be built; pip says why above.", cwd=source)
    wheel = next(FOLDER.glob("*.whl"))
    if wheel.stat().st_size > LARGEST:
        raise BuildError(f"{wheel.name} has {wheel.stat().st_size} bytes, more than {LARGEST}.")
    return wheel


def _copy(target: Path, dist: Path) -> None:
    """The package with its built kernels, what describes it, and the site."""
    pairs = [(ROOT / name, target / name) for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")]
    pairs += [(path, target / path.relative_to(ROOT)) for path in files_in(PACKAGE)]
    pairs += [(path, target / PACKAGE.name / "site" / path.relative_to(dist)) for path in site_files(dist)]
    for path, to in pairs:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)


def site_files(dist: Path) -> Iterator[Path]:
    """The files of the site that ``playground serve`` needs."""
    for path in files_in(dist):
        first = path.relative_to(dist).parts[0]
        if not first.startswith(_LEFT_OUT) and path.suffix not in _COPIES:
            yield path
