"""Assemble the whole site as static files in ``.cache/tree``, then publish it to ``dist/``."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools import (
    browser_python,
    components,
    downloads,
    environment,
    kernels,
    material,
    notices,
    publish,
    release,
    scripts,
)
from tools.browser_python import BrowserFile
from tools.paths import DIST, PACKAGE, PYTHON, REQUIREMENTS, ROOT, STATIC, TREE, WASM_KERNELS, site_packages
from tools.steps import files_in, run, step

ORT = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
BOKEH = ("bokeh.min.js", "bokeh-widgets.min.js", "bokeh-tables.min.js")
PANEL_FOLDERS = ("css", "bundled/theme", "images", "assets")
"""Of Panel's ``dist/``, what its components name in their style sheets."""

_LOCK = REQUIREMENTS / "site.txt"
_NPM_LOCK = REQUIREMENTS / "package-lock.json"
_BENCHMARKS = ROOT / "tests" / "benchmarks"
_BENCH_WRITERS = ("operator_models", "net_programs", "litert_nets", "same_files", "depthwise")
_READ_NETS = ROOT / "tests" / "model" / "readers"
_BENCH_RECIPE = (
    *(_BENCHMARKS / name for name in ("nets.py", "litert_nets.zip")),
    *(_READ_NETS / name for name in ("tflite_nets.py", "tflite_nets.zip")),
)
_LIMIT = _BENCHMARKS / "limit.c"
SCRIPTS = {"early": "iife", "fetcher": "iife", "page": "esm", "theme": "iife", "bench": "esm"}
"""What is bundled into one file: module in ``static/`` -> form. The engine's part is bundled with Python's files."""

LITERT = ("litert_wasm_internal.js", "litert_wasm_internal.wasm")
"""LiteRT.js for browsers with relaxed SIMD, on one thread; the package's own script is bundled."""

PAGES = ("index.html", "embed.html")
"""Pages that start Python; the list of its files is written into them."""

_MARK, _SENTENCE_MARK = "<!-- playground-files -->", "<!-- first sentence -->"
_MADE_HERE = ("python", "ort", "bokeh", "pn", "pmui", "kernels", "bench", "manifest.json", notices.SITE_FILE)
"""Folders and files of ``dist/`` that do not come from ``static/``."""

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
    build_kernels()
    TREE.mkdir(parents=True, exist_ok=True)
    versions = locked_versions(_LOCK.read_text("utf-8"))
    _runtime_step(modules, versions)
    env = python_environment()  # the addresses change with what that step has copied
    browser_python.build(modules, wheel, env)
    browser_python.sweep(modules)
    _bench_step(modules)
    _pages_step(modules, env)
    parts: list[Path | str] = [_RECIPE / "site.py", wheel.name, json.dumps(versions)]
    step("Write the manifest", parts, [TREE / "manifest.json"], lambda: _write_manifest(wheel, versions))
    _write_notices(modules, wheel)
    _publish_step()
    return DIST


def _runtime_step(modules: Path, versions: Mapping[str, str]) -> None:
    recipe: list[Path | str] = [_RECIPE / name for name in ("site.py", "material.py", "scripts.py")]
    recipe += [_NPM_LOCK, _LOCK, material.PROJECT, material.OURS, *material.names()]
    folders = [TREE / name for name in ("ort", "bokeh", "pn", "pmui")] + [scripts.record(material.BUNDLE)]
    step("Copy the browser runtime", recipe, folders, lambda: _copy_runtime(modules, versions))


def _bench_step(modules: Path) -> None:
    packages = [PACKAGE / part for part in ("model", "programs", "operators", "engines", "ptq", "gallery")]
    recipe: list[Path | str] = [*(_BENCHMARKS / f"{name}.py" for name in _BENCH_WRITERS), *_BENCH_RECIPE, _LIMIT]
    recipe += [*(_RECIPE / name for name in ("kernels.py", "scripts.py")), *packages, _LOCK, _NPM_LOCK]
    made = [TREE / "bench", scripts.record(notices.LITERT_BUNDLE)]
    step("Write the bench models", recipe, made, lambda: _write_bench(modules))


def _pages_step(modules: Path, env: Mapping[str, str]) -> None:
    recipe: list[Path | str] = [_RECIPE / name for name in ("site.py", "scripts.py", "browser_python.py")]
    recipe += [browser_python.PYTHON, json.dumps(env), STATIC, *kernels.BUILT]
    pages = [TREE / "index.html", TREE / "kernels", *(scripts.record(f"{name}.js") for name in SCRIPTS)]
    step("Write the pages", recipe, pages, lambda: _write_pages(modules, env))


def _publish_step() -> None:
    recipe: list[Path | str] = [
        _RECIPE / f"{name}.py" for name in ("publish", "release", "offline", "budgets", "compression")
    ]
    recipe += [_NPM_LOCK, STATIC / "sw.mjs", TREE]
    published = [DIST / "index.html", DIST / "sw.js"]
    step("Publish to dist/", recipe, published, lambda: publish.publish(TREE, DIST))


def _write_notices(modules: Path, wheel: Path) -> None:
    """The step that lists what is licensed to us, once everything but the service worker is in the tree."""
    recipe: list[Path | str] = [
        _RECIPE / f"{name}.py" for name in ("notices", "components", "fonts", "bundle", "offline")
    ]
    recipe += [components.TEXTS, scripts.RECORDS, STATIC / "sw.mjs", _NPM_LOCK, _LOCK, wheel.name]
    recipe += [TREE / name for name in ("ort", "bokeh", "pn", "pmui")]
    made = [TREE / notices.SITE_FILE]
    step("Collect the licences of what is shipped", recipe, made, lambda: notices.write(modules, wheel))


def build_kernels() -> None:
    """Compile the kernels unless they are up to date; ``requirements/site.txt`` has to be installed.

    Raises:
        BuildError: the compiler failed.
    """
    sources = [*(_RECIPE / name for name in ("kernels.py", "kernel_structs.py")), WASM_KERNELS, _LOCK]
    step("Build the kernels", sources, kernels.BUILT, kernels.compile_kernels)


def locked_versions(lock: str) -> dict[str, str]:
    """Package name -> version, from the text of a lock file (the first where platforms differ)."""
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", lock, re.MULTILINE):
        found.setdefault(name, version)
    return found


def python_environment() -> dict[str, str]:
    """Where Python's widgets find their files in the page: relative, so that any path will do."""
    panel, material = (release.folder_address(TREE / name) for name in ("pn", "pmui"))
    return {"PANEL_CDN_ROOT": f"./{panel}/", "PANEL_MATERIAL_UI_CDN_ROOT": f"./{material}/v"}


def _copy_runtime(modules: Path, versions: Mapping[str, str]) -> None:
    packages = site_packages()
    panel = packages / "panel" / "dist"
    panel_home = Path("pn", versions["panel"], "dist")
    copies = [(modules / "onnxruntime-web" / "dist" / name, Path("ort", name)) for name in ORT]
    copies += [(packages / "bokeh" / "server" / "static" / "js" / name, Path("bokeh", name)) for name in BOKEH]
    copies += [(panel / "panel.min.js", Path("pn", "panel.min.js"))]
    for folder in PANEL_FOLDERS:
        copies += [(path, panel_home / path.relative_to(panel)) for path in files_in(panel / folder)]
    styles = packages / "panel_material_ui" / "dist"
    material_home = Path("pmui", f"v{versions['panel-material-ui']}")
    for path in files_in(styles):
        if path.suffix in {".css", ".woff2"}:  # every browser that runs WebAssembly SIMD takes woff2
            copies.append((path, material_home / path.relative_to(styles)))
    for folder in ("ort", "bokeh", "pn", "pmui"):
        shutil.rmtree(TREE / folder, ignore_errors=True)
    for source, target in copies:
        _copy(source, TREE / target)
    material.bundle(modules, TREE / material_home / material.BUNDLE)
    scripts.hint_eager(TREE / "bokeh" / BOKEH[0])


def _write_pages(modules: Path, env: Mapping[str, str]) -> None:
    """Copy ``static/``, its modules bundled; delete what came from there once and is no longer there."""
    wanted = {path.relative_to(STATIC) for path in files_in(STATIC) if is_served(path)}
    wanted |= {Path(f"{name}.js") for name in SCRIPTS}
    for path in list(files_in(TREE)):
        inside = path.relative_to(TREE)
        if inside.parts[0] not in _MADE_HERE and inside not in wanted:
            path.unlink()
    for inside in sorted(wanted):
        if (STATIC / inside).exists():
            _copy(STATIC / inside, TREE / inside)
    for name, form in SCRIPTS.items():
        scripts.bundle(modules, STATIC / f"{name}.mjs", TREE / f"{name}.js", form=form)
    links = "\n  ".join(_links(modules, env))
    for page in PAGES:
        text = (STATIC / page).read_text("utf-8")
        (TREE / page).write_text(text.replace(_MARK, links).replace(_SENTENCE_MARK, _first_sentence()), "utf-8")
    for path in kernels.TARGETS:
        _copy(path, TREE / "kernels" / path.name)


def _first_sentence() -> str:
    """What stands on top of the first view, as the build froze it: part of the page, so that it is read before a script
    has run."""
    return html.escape(browser_python.first_sentence())


def is_served(path: Path) -> bool:
    """Whether a file of ``static/`` is copied as it is: modules are bundled, and types are for the checks."""
    return path.suffix not in {".mjs", ".ts"} and path.name != "tsconfig.json"


def _links(modules: Path, env: Mapping[str, str]) -> Iterator[str]:
    """The elements that tell early.mjs what Python needs and where it is, and the components' module, needed soon."""
    for path in sorted((TREE / "pmui").glob("*/panel-material-ui.bundle.js")):
        yield f'<link rel="modulepreload" href="{path.relative_to(TREE).as_posix()}">'
    setup = json.dumps(browser_python.setup(modules, env))
    yield f'<meta name="playground-setup" content="{html.escape(setup)}">'
    for file in browser_python.files(modules):
        yield link(file, file.target, file.target.relative_to(TREE).as_posix())


def link(file: BrowserFile, packed: Path, address: str) -> str:
    """The element that lists a file for early.mjs, which is at ``address`` as ``packed``."""
    data = {"name": file.name, "when": file.when, "coding": file.coding}
    sizes: dict[str, str | int] = {"bytes": packed.stat().st_size, "size": file.source.stat().st_size}
    if file.coding:
        sizes["content"] = downloads.integrity_of(file.source)
    if file.source.name == "snapshot.bin":
        sizes["image"] = browser_python.image_size()
    attributes = " ".join(f'data-{key}="{html.escape(str(value))}"' for key, value in {**data, **sizes}.items())
    integrity = downloads.integrity_of(packed)
    return f'<link rel="playground-file" href="{address}" integrity="{integrity}" {attributes}>'


def _write_bench(modules: Path) -> None:
    """Models, programs and LiteRT.js: all in one folder, which no other page asks for and no budget counts."""
    shutil.rmtree(TREE / "bench", ignore_errors=True)
    for name in _BENCH_WRITERS:
        run([PYTHON, _BENCHMARKS / f"{name}.py", TREE / "bench"], "The bench page's models could not be written.")
    kernels.compile_limits(_LIMIT, TREE / "bench")
    package, folder = modules / "@litertjs" / "core", TREE / "bench" / "litert"
    for name in LITERT:
        _copy(package / "wasm" / name, folder / name)
    scripts.bundle(modules, package / "dist" / "index.js", folder / notices.LITERT_BUNDLE)


def _write_manifest(wheel: Path, versions: Mapping[str, str]) -> None:
    """``manifest.json``: what the site is made of."""
    npm = json.loads(_NPM_LOCK.read_text("utf-8"))["packages"]
    shown = {name: versions[name] for name in ("bokeh", "panel", "panel-material-ui", "protobuf")}
    shown |= {name: npm[f"node_modules/{name}"]["version"] for name in ("pyodide", "onnxruntime-web")}
    shown["numpy"] = wheel.name.split("-")[1]
    (TREE / "manifest.json").write_text(json.dumps({"versions": shown}, indent=1) + "\n", "utf-8")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
