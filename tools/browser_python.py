"""The browser's Python: packages compiled by the interpreter that imports them, and the snapshot it starts from.

Everything lands compressed in the tree's ``python/``, since plain static hosts do not encode; :func:`files` says what
the page fetches when.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tools import bundle, downloads, kernels, scripts
from tools.paths import KERNELS_FILE, LOCAL_CACHE, PACKAGE, ROOT, STATIC, TREE, site_packages
from tools.steps import Command, Ingredient, files_in, run, step

HERE = Path(__file__).parent
BROWSER = HERE / "browser"
WORK = LOCAL_CACHE / "python"
PYTHON = TREE / "python"
LIBRARIES = ("_multiarray_umath", "_umath_linalg")
"""NumPy's compiled parts that are loaded before Python starts, as in static/engine/runtime.mjs."""

_SUFFIX = ".cpython-314-wasm32-emscripten.so"
_NUMPY_SKIPPED = ("/tests/", "numpy/f2py/", "numpy/_pyinstaller/", "numpy/random/_examples/")


@dataclass(frozen=True, slots=True)
class BrowserFile:
    """A file that the page fetches for the worker.

    Attributes:
        name: what the worker calls it.
        source: the file before compression.
        when: ``"page"`` (the page itself needs it), ``"start"`` (Python does), ``"snapshot"`` or ``"plain"`` (with that
            way of starting), ``"later"`` (on first use).
        coding: ``"zstd"``, ``"gzip"`` or ``""``.
    """

    name: str
    source: Path
    when: str
    coding: str = "zstd"

    @property
    def target(self) -> Path:
        """Where it lies in the site."""
        suffix = {"zstd": ".zst", "gzip": ".gz", "": ""}[self.coding]
        return PYTHON / f"{self.source.name}{suffix}"


def files(modules: Path) -> tuple[BrowserFile, ...]:
    """All of them; ``modules`` is where npm's packages are."""
    pyodide, ort = modules / "pyodide", modules / "onnxruntime-web" / "dist"
    return (
        BrowserFile("worker.js", WORK / "worker.js", "page", ""),
        BrowserFile("frozen.json", WORK / "frozen.json", "page", ""),
        BrowserFile("subject.bin", WORK / "subject.bin", "page", ""),
        BrowserFile("kernels.wasm", KERNELS_FILE, "page", ""),
        BrowserFile("pyodide.asm.wasm", pyodide / "pyodide.asm.wasm", "start"),
        BrowserFile("pyodide.asm.mjs", pyodide / "pyodide.asm.mjs", "start"),
        *(BrowserFile(name + _SUFFIX, WORK / "libraries" / (name + _SUFFIX), "start") for name in LIBRARIES),
        BrowserFile("python_stdlib.zip", WORK / "python_stdlib.zip", "start"),
        BrowserFile("snapshot", WORK / "snapshot.bin", "snapshot"),
        BrowserFile("data.zip", WORK / "data.zip", "snapshot"),
        BrowserFile("packages.zip", WORK / "packages.zip", "plain"),
        BrowserFile("snapshot-gzip", WORK / "snapshot.bin", "later", "gzip"),
        BrowserFile("ort.mjs", ort / "ort.wasm.bundle.min.mjs", "later"),
        BrowserFile("ort.wasm", ort / "ort-wasm-simd-threaded.wasm", "later"),
        *(BrowserFile(path.name, path, "later", _gallery_coding(path)) for path in bundle.gallery_later()),
    )


def _gallery_coding(path: Path) -> str:
    return "" if path.suffix == ".npz" else "zstd"  # which is compressed already


def build(modules: Path, wheel: Path, env: Mapping[str, str]) -> None:
    """Do whatever is not up to date.

    Args:
        modules: npm's packages.
        wheel: NumPy's wheel for Pyodide.
        env: environment variables of the browser's Python.

    Raises:
        BuildError: a step failed.
    """
    lock = ROOT / "requirements" / "site.txt"
    versions: list[Ingredient] = [ROOT / "requirements" / "package-lock.json", lock, wheel.name, json.dumps(dict(env))]
    runtime: list[Ingredient] = [STATIC / "engine", BROWSER, HERE / "scripts.py", HERE / "browser_python.py", *versions]
    packages: list[Ingredient] = [HERE / "bundle.py", PACKAGE, *kernels.BUILT]
    places = _places(modules, env)
    WORK.mkdir(parents=True, exist_ok=True)
    worker = [WORK / "worker.js", scripts.record("worker.js")]
    step("Bundle the worker", runtime, worker, lambda: _bundle_scripts(modules))
    made = [WORK / "packages.zip", WORK / "data.zip", WORK / "libraries", WORK / "python_stdlib.zip"]
    step("Compile the Python packages in Pyodide", runtime + packages, made, lambda: _compile(modules, wheel, places))
    frozen = [WORK / name for name in ("snapshot.bin", "frozen.json", "subject.bin", "snapshot.json")]
    step("Make the snapshot and check it", runtime + packages, frozen, lambda: _freeze(places))
    # Each is compressed by a process of its own, on one core: the largest begin.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(_squeeze_step, sorted(files(modules), key=lambda file: -file.source.stat().st_size)))


def _squeeze_step(file: BrowserFile) -> None:
    work = partial(squeeze, file, file.target)
    step(f"Compress {file.name}", [BROWSER / "squeeze.mjs", file.source], [file.target], work)


def setup(modules: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """What the worker has to know before it starts: ``env`` and what Pyodide's lock file says of the interpreter."""
    lock = json.loads((modules / "pyodide" / "pyodide-lock.json").read_text("utf-8"))
    return {"env": dict(env), "lock": {"info": lock["info"]}}


def first_sentence() -> str:
    """The sentence on top of the first view, as it was frozen."""
    return str(json.loads((WORK / "frozen.json").read_text("utf-8"))["advice"]["text"])


def image_size() -> int:
    """Bytes of the memory that the snapshot holds."""
    return int(json.loads((WORK / "snapshot.json").read_text("utf-8"))["image"])


def _places(modules: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """Where the Node scripts find and leave things."""
    return {
        "pyodide": f"{modules / 'pyodide'}/",
        "libraries": str(WORK / "libraries"),
        "env": dict(env),
        "source": str(WORK / "source"),
        "packages": str(WORK / "packages.zip"),
        "data": str(WORK / "data.zip"),
        "frozen": str(WORK / "frozen.json"),
        "subject": str(WORK / "subject.bin"),
        "snapshot": str(WORK / "snapshot.bin"),
        "info": str(WORK / "snapshot.json"),
        "check": str(BROWSER / "check_restored.py"),
    }


def _bundle_scripts(modules: Path) -> None:
    # A classic script: in a sandboxed frame Chromium makes no module worker from a blob.
    scripts.bundle(modules, STATIC / "engine" / "worker.mjs", WORK / "worker.js", form="iife")
    for name in ("compile", "snapshot"):
        scripts.bundle(modules, BROWSER / f"{name}.mjs", WORK / f"{name}.mjs", platform="node")


def _run_node(name: str, script: str, places: Mapping[str, Any]) -> None:
    told = WORK / f"{name}.json"
    told.write_text(json.dumps({**places, "script": str(BROWSER / script)}), "utf-8")
    run([*downloads.node("node"), WORK / f"{name}.mjs", told], f"{name}.mjs failed; see above.")


def _compile(modules: Path, wheel: Path, places: Mapping[str, Any]) -> None:
    shutil.rmtree(WORK / "source", ignore_errors=True)
    for path, inside in bundle.members(site_packages()):
        target = WORK / "source" / inside
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    _unpack_numpy(wheel)
    _run_node("compile", "compile_packages.py", places)
    _write_stored(WORK / "data.zip", WORK / "packages.zip", _is_data)
    _write_stored(WORK / "python_stdlib.zip", modules / "pyodide" / "python_stdlib.zip", lambda _: True)


def _unpack_numpy(wheel: Path) -> None:
    """NumPy's files go to the packages; of libraries that are loaded early only the names, so that they are found."""
    libraries = WORK / "libraries"
    shutil.rmtree(libraries, ignore_errors=True)
    libraries.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(("/", ".pyi", ".h", ".a", ".c")) or any(part in name for part in _NUMPY_SKIPPED):
                continue
            target = WORK / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            early = target.name.removesuffix(_SUFFIX) in LIBRARIES
            target.write_bytes(b"" if early else archive.read(name))
            if early:
                (libraries / target.name).write_bytes(archive.read(name))


def _is_data(name: str) -> bool:
    """What our own package reads at run time: the gallery, kernels, style sheets."""
    return name.startswith("playground/") and not name.endswith(".pyc")


def _write_stored(target: Path, source: Path, wanted: Any) -> None:
    """A zip with some of another one's files, stored: it is compressed as a whole afterwards, which is smaller."""
    with zipfile.ZipFile(source) as given, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for entry in given.infolist():
            if wanted(entry.filename):
                archive.writestr(zipfile.ZipInfo(entry.filename, entry.date_time), given.read(entry))


def _freeze(places: Mapping[str, Any]) -> None:
    _run_node("snapshot", "freeze.py", places)


def squeeze(file: BrowserFile, target: Path) -> None:
    """Write a file as the site has it: compressed, if it has a coding.

    Raises:
        BuildError: it could not be compressed.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not file.coding:
        shutil.copyfile(file.source, target)
        return
    command: Command = [*downloads.node("node"), BROWSER / "squeeze.mjs", file.coding, file.source, target]
    run(command, f"{file.name} could not be compressed.")


def sweep(modules: Path) -> None:
    """Delete what ``dist/python/`` once held and no longer does."""
    wanted = {file.target for file in files(modules)}
    for path in list(files_in(PYTHON)):
        if path not in wanted:
            path.unlink()
