"""Assemble the whole site as static files in ``.cache/tree``, then publish it to ``dist/``."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from builder import bundle, downloads, environment, kernels, publish
from builder.paths import (
    DIST,
    KERNELS_FILE,
    PACKAGE,
    PYTHON,
    REQUIREMENTS,
    ROOT,
    STATIC,
    TREE,
    WASM_KERNELS,
    site_packages,
)
from builder.steps import files_in, run, step

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")
ORT = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
BOKEH = ("bokeh.min.js", "bokeh-widgets.min.js", "bokeh-tables.min.js")
PANEL_FOLDERS = ("css", "bundled/theme", "images", "assets")
"""Of Panel's ``dist/``, what its components name in their style sheets."""

_LOCK = REQUIREMENTS / "site.txt"
_NPM_LOCK = REQUIREMENTS / "package-lock.json"
_BENCH_MODELS = ROOT / "tests" / "benchmarks" / "gemm_models.py"
_MADE_HERE = ("pyodide", "wheels", "ort", "bokeh", "pn", "pmui", "kernels", "bench", "python.zip", "manifest.json")
"""What of the tree does not come from ``static/``."""

_RECIPE = Path(__file__).parent
"""This code decides the outputs too, so every step below depends on it."""


def build() -> Path:
    """Do whatever is not up to date, and return ``dist/``.

    Raises:
        BuildError: a step failed.
    """
    environment.ensure("site")
    modules = downloads.node_modules()
    wheel = downloads.numpy_wheel(modules)
    step("Build the kernels", [_RECIPE / "kernels.py", WASM_KERNELS, _LOCK], [KERNELS_FILE], kernels.compile_kernels)
    TREE.mkdir(parents=True, exist_ok=True)
    versions = locked_versions(_LOCK.read_text("utf-8"))
    runtime: list[Path | str] = [_RECIPE / "site.py", _NPM_LOCK, _LOCK, wheel.name]
    folders = [TREE / name for name in ("pyodide", "wheels", "ort", "bokeh", "pn", "pmui")]
    step("Copy the browser runtime", runtime, folders, lambda: _copy_runtime(modules, wheel, versions))
    step(
        "Pack the Python packages",
        [_RECIPE / "bundle.py", _LOCK, PACKAGE],
        [TREE / "python.zip"],
        lambda: bundle.write(TREE / "python.zip", site_packages()),
    )
    step("Write the bench models", [_BENCH_MODELS, PACKAGE / "model", _LOCK], [TREE / "bench"], _write_bench)
    step(
        "Copy static/",
        [_RECIPE / "site.py", STATIC, KERNELS_FILE],
        [TREE / "index.html", TREE / "kernels"],
        _copy_static,
    )
    parts: list[Path | str] = [_RECIPE / "site.py", *_boot_files(wheel), json.dumps(versions)]
    step("Write the manifest", parts, [TREE / "manifest.json"], lambda: _write_manifest(wheel, versions))
    step(
        "Publish to dist/",
        [
            *(_RECIPE / f"{name}.py" for name in ("publish", "release", "offline", "budgets", "compression")),
            _NPM_LOCK,
            STATIC / "sw.mjs",
            TREE,
        ],
        [DIST / "index.html", DIST / "sw.js"],
        lambda: publish.publish(TREE, DIST),
    )
    return DIST


def locked_versions(lock: str) -> dict[str, str]:
    """Package name -> version, from the text of a lock file (the first where platforms differ)."""
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", lock, re.MULTILINE):
        found.setdefault(name, version)
    return found


def _copy_runtime(modules: Path, wheel: Path, versions: dict[str, str]) -> None:
    packages = site_packages()
    panel = packages / "panel" / "dist"
    panel_home = Path("pn", versions["panel"], "dist")
    copies = [(modules / "pyodide" / name, Path("pyodide", name)) for name in PYODIDE]
    copies += [(modules / "onnxruntime-web" / "dist" / name, Path("ort", name)) for name in ORT]
    copies += [(packages / "bokeh" / "server" / "static" / "js" / name, Path("bokeh", name)) for name in BOKEH]
    copies += [(wheel, Path("wheels", wheel.name))]
    copies += [(panel / "panel.min.js", Path("pn", "panel.min.js"))]
    for folder in PANEL_FOLDERS:
        copies += [(path, panel_home / path.relative_to(panel)) for path in files_in(panel / folder)]
    material = packages / "panel_material_ui" / "dist"
    for path in files_in(material):
        if path.suffix != ".woff":  # every browser that runs WebAssembly SIMD takes the .woff2 beside it
            copies.append((path, Path("pmui", f"v{versions['panel-material-ui']}", path.relative_to(material))))
    for folder in ("pyodide", "wheels", "ort", "bokeh", "pn", "pmui"):
        shutil.rmtree(TREE / folder, ignore_errors=True)
    for source, target in copies:
        _copy(source, TREE / target)


def _copy_static() -> None:
    """Copy ``static/`` and the kernels; delete what came from ``static/`` once and is no longer there."""
    wanted = {path.relative_to(STATIC) for path in files_in(STATIC)}
    for path in list(files_in(TREE)):
        inside = path.relative_to(TREE)
        if inside.parts[0] not in _MADE_HERE and inside not in wanted:
            path.unlink()
    for inside in sorted(wanted):
        _copy(STATIC / inside, TREE / inside)
    _copy(KERNELS_FILE, TREE / "kernels" / KERNELS_FILE.name)


def _write_bench() -> None:
    shutil.rmtree(TREE / "bench", ignore_errors=True)
    run([PYTHON, _BENCH_MODELS, TREE / "bench"], "The bench page's models could not be written.")


def _boot_files(wheel: Path) -> Iterator[Path]:
    """What the worker fetches before it can answer; modules (.mjs) are imported by the browser and not counted."""
    yield from (TREE / "pyodide" / name for name in PYODIDE if not name.endswith(".mjs"))
    yield TREE / "wheels" / wheel.name
    yield TREE / "python.zip"


def _write_manifest(wheel: Path, versions: dict[str, str]) -> None:
    """``manifest.json``: the boot files with sizes (for honest progress) and sha256, and what the site is made of."""
    npm = json.loads(_NPM_LOCK.read_text("utf-8"))["packages"]
    shown = {name: versions[name] for name in ("bokeh", "panel", "panel-material-ui", "protobuf")}
    shown |= {name: npm[f"node_modules/{name}"]["version"] for name in ("pyodide", "onnxruntime-web")}
    shown["numpy"] = wheel.name.split("-")[1]
    boot = [
        {
            "path": path.relative_to(TREE).as_posix(),
            "size": path.stat().st_size,
            "sha256": downloads.sha256_of(path),
        }
        for path in _boot_files(wheel)
    ]
    roots = {name: f"{name}/" for name in ("pyodide", "wheels", "pn", "pmui")}
    content = {"versions": shown, "python": "python.zip", "roots": roots, "boot": boot}
    (TREE / "manifest.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
