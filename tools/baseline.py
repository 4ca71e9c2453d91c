"""The site that ``build.py bench --cold`` compares with: the same, but its packages are ``.py`` files."""

from __future__ import annotations

import re
import shutil
import zipfile
from pathlib import Path

from tools.browser_python import WORK, BrowserFile, squeeze
from tools.site import link
from tools.steps import BuildError, files_in

_LINK = re.compile(r'<link rel="playground-file"[^>]*\bdata-name="packages\.zip"[^>]*>')


def build(site: Path, target: Path) -> Path:
    """Copy a built site, and give its plain start packages that are not compiled.

    Args:
        site: the finished ``dist/``.
        target: a folder that is replaced.

    Returns:
        ``target``.

    Raises:
        BuildError: the page does not name its packages as expected.
    """
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(site, target)
    archive = target / "packages.zip"
    _write_sources(archive)
    packed = target / "packages.zip.zst"
    file = BrowserFile("packages.zip", archive, "plain")
    squeeze(file, packed)
    page = target / "index.html"
    for suffix in (".br", ".gz"):
        Path(f"{page}{suffix}").unlink(missing_ok=True)
    text, replaced = _LINK.subn(link(file, packed, packed.name), page.read_text("utf-8"))
    if replaced != 1:
        raise BuildError(f"{page} names packages.zip {replaced} times instead of once.")
    page.write_text(text, "utf-8")
    return target


def _write_sources(target: Path) -> None:
    source = WORK / "source"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in files_in(source):
            archive.write(path, path.relative_to(source).as_posix())
