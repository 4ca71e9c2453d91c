"""Runs in Pyodide at build time: compiles the packages for the very interpreter that will import them.

``/build/source`` holds them as installed, ``/build/packages.zip`` is written: modules as ``.pyc`` in place of their
``.py`` (without docstrings and asserts, which halves them), everything else as it is, all of it stored, since the
whole file is compressed afterwards.
"""

import py_compile
import zipfile
from pathlib import Path

SOURCE = Path("/build/source")
SITE_PACKAGES = Path("/lib/python3.14/site-packages")


def content_of(path: Path) -> tuple[str, bytes]:
    """A file's name and bytes in the archive."""
    inside = path.relative_to(SOURCE)
    if path.suffix != ".py":
        return inside.as_posix(), path.read_bytes()
    compiled = Path("/build/one.pyc")
    py_compile.compile(
        str(path),
        cfile=str(compiled),
        dfile=str(SITE_PACKAGES / inside),
        doraise=True,
        optimize=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
    return inside.with_suffix(".pyc").as_posix(), compiled.read_bytes()


def write(target: str) -> None:
    """Write the archive; the same files give the same bytes."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(SOURCE.rglob("*")):
            if path.is_file():
                name, data = content_of(path)
                archive.writestr(zipfile.ZipInfo(name), data)


write("/build/packages.zip")
