"""Names, versions and licences of the third-party software in the built site, from the packages themselves.

The build writes ``third_party.txt`` into the site, with every licence text. ``THIRD_PARTY.md`` is the table alone:
``python -m tools.notices`` writes it from what the last build found, and a test compares them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools import bundle, components, downloads, fonts, offline, scripts
from tools.components import Component, from_lock, from_npm, from_python, from_wheel, kept
from tools.paths import ROOT, TREE, site_packages
from tools.steps import BuildError, files_in

DOCUMENT = ROOT / "THIRD_PARTY.md"
SITE_FILE = "third_party.txt"
"""Its place in the site. A visit fetches it only when somebody asks for it; the service worker keeps it."""

LITERT_BUNDLE = "litert.mjs"
BUNDLES = {
    "page.js": "the page",
    "early.js": "the page",
    "theme.js": "the page",
    "fetcher.js": "the page",
    "bench.js": "the benchmark page",
    LITERT_BUNDLE: "the benchmark page",
    "worker.js": "the worker",
    "panel-material-ui.bundle.js": "the page's components",
}
"""What esbuild joins for the site -> the part of the site it is."""

PREBUILT = {"choices.js"}
"""The npm packages in Bokeh's JavaScript that are one file with their own dependencies inside."""

PYTHON, ORT, LITERT = "in pyodide", "in onnxruntime-web", "in @litertjs/core"
LINKED: dict[str, tuple[bytes, *tuple[str, ...]]] = {
    "zlib": (rb"inflate ([\d.]+) Copyright", PYTHON),
    "bzip2": (rb"bzip2/libbzip2", PYTHON),
    "Expat": (rb"expat_([\d.]+)", PYTHON),
    "HACL": (rb"Modules/_hacl/", PYTHON),
    "liblzma": (rb"liblzma", PYTHON),
    "libffi": (rb"ffi_prep_cif", PYTHON),
    "mpdecimal": (rb"libmpdec", PYTHON),
    "SQLite": (rb"SQLite format 3", PYTHON),
    "Zstandard": (rb"ZSTD_", PYTHON),
    "Abseil": (rb"absl::", ORT, LITERT),
    "Eigen": (rb"Eigen::|EigenForTFLite", ORT, LITERT),
    "FlatBuffers": (rb"flatbuffers|valid Flatbuffer", ORT, LITERT),
    "JSON for Modern C++": (rb"nlohmann", ORT),
    "Microsoft GSL": (rb"gsl::", ORT),
    "ONNX": (rb"onnx-src/onnx/", ORT),
    "Protocol Buffers": (rb"protobuf", ORT, LITERT),
    "RE2": (rb"re2-src/", ORT),
    "SafeInt": (rb"SafeInt", ORT),
    "TCMalloc": (rb"third_party/tcmalloc/", LITERT),
    "TensorFlow": (rb"third_party/tensorflow/", LITERT),
    "XNNPACK": (rb"XNNPACK", LITERT),
    "fft2d": (rb"lite/kernels/rfft2d", LITERT),
    "gemmlowp": (rb"gemmlowp", LITERT),
    "ruy": (rb"third_party/ruy/", LITERT),
}
"""Libraries linked into WebAssembly modules: what is in a module if they are (a group is the version), and in which."""

_BINARIES = {
    PYTHON: "pyodide/pyodide.asm.wasm",
    ORT: "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    LITERT: "@litertjs/core/wasm/litert_wasm_internal.wasm",
}
_BOKEH_MODULE = re.compile(r"/\* ([^*\n]+) \*/ function _\(require")
_LEGAL = re.compile(r"/\*[!*](?:(?!\*/).){20,3000}?\*/", re.DOTALL)
_FONT = re.compile(r"(.+)-[0-9A-Z]{8}\.woff2")


def shipped(modules: Path, wheel: Path) -> list[Component]:
    """All third-party software in the site.

    Args:
        modules: npm's packages.
        wheel: NumPy's wheel for Pyodide.

    Raises:
        BuildError: something has no licence text, or ``tools/licence_texts/`` has one that nothing needs.
    """
    found = components.merged([*_python(modules, wheel), *_javascript(modules), *_linked(modules), *_fonts()])
    named = {components.text_file(part.name) for part in found} | {components.text_file("Tabler Icons")}
    spare = [path.name for path in components.TEXTS.iterdir() if path.name not in named]
    if spare:
        raise BuildError(f"Nothing in the site needs tools/licence_texts/{sorted(spare)[0]}. Delete it.")
    return found


def _python(modules: Path, wheel: Path) -> Iterator[Component]:
    packages = site_packages()
    for place in bundle.PACKAGES:
        yield from_python(packages, place, "Python")
    yield from_wheel(wheel, "Python")
    lock = json.loads((modules / "pyodide" / "pyodide-lock.json").read_text("utf-8"))
    yield kept("CPython", lock["info"]["python"], "Python")
    yield from_npm(modules, "pyodide", "Python")


def _javascript(modules: Path) -> Iterator[Component]:
    packages = site_packages()
    yield from_npm(modules, "onnxruntime-web", "the worker, the benchmark page")
    for file, where in BUNDLES.items():
        for name in scripts.npm_packages(file):
            yield from_npm(modules, name, where)
    for name in offline.npm_packages():
        yield from_npm(modules, name, "the service worker")
    for place in ("bokeh", "panel", "panel_material_ui"):
        yield from_python(packages, place, "the page")
    lock = json.loads((packages / "panel" / "package-lock.json").read_text("utf-8"))
    for where, names in (("in bokeh", bokeh_packages(packages)), ("in panel", panel_packages(packages))):
        prebuilt = [lock["packages"][f"node_modules/{name}"] for name in names & PREBUILT]
        for name in sorted(names.union(*(entry["dependencies"] for entry in prebuilt))):
            yield from_lock(lock, name, where)
    icons = re.search(r"Tabler Icons ([\d.]+)", (TREE / "bokeh" / "bokeh.min.js").read_text("utf-8"))
    if icons:
        yield kept("Tabler Icons", icons[1], "in bokeh")


def bokeh_packages(packages: Path) -> set[str]:
    """The npm packages in Bokeh's JavaScript: the forms for developers name each module, the minified ones do not."""
    folder = packages / "bokeh" / "server" / "static" / "js"
    own = {path.name.partition(".")[0] for path in (folder / "lib").iterdir()}
    found = set()
    for path in sorted((TREE / "bokeh").glob("*.min.js")):
        readable = (folder / path.name.replace(".min.js", ".js")).read_text("utf-8")
        for module in _BOKEH_MODULE.findall(readable):
            parts = module.split("/")
            if parts[0].removesuffix(".js") not in own:
                found.add("/".join(parts[: 2 if parts[0].startswith("@") else 1]))
    return found


def panel_packages(packages: Path) -> set[str]:
    """The npm packages in Panel's JavaScript, from its source map."""
    sources = json.loads((packages / "panel" / "dist" / "panel.js.map").read_text("utf-8"))["sources"]
    return {names[-1] for source in sources if (names := scripts.NPM_PACKAGE.findall(source))}


def _linked(modules: Path) -> Iterator[Component]:
    binaries = {where: (modules / path).read_bytes() for where, path in _BINARIES.items()}
    for where in _BINARIES:
        yield kept("Emscripten", "", where)
    for name, (pattern, *places) in LINKED.items():
        for where in places:
            match = re.search(pattern, binaries[where])
            if match:
                yield kept(name, match[1].decode() if match.re.groups else "", where)


def _fonts() -> Iterator[Component]:
    """Fonts, from the WOFF form of each: the WOFF2 form, which the site has, is compressed by brotli."""
    folder = site_packages() / "panel_material_ui" / "dist"
    for path in sorted((TREE / "pmui").rglob("*.woff2")):
        form = _FONT.fullmatch(path.name)
        others = sorted(folder.glob(f"{form[1]}-????????.woff")) if form else []
        if not others:
            raise BuildError(f"{path.name}: it has no WOFF form to read the licence from. Add one.")
        said = fonts.names(others[0])
        family = said[fonts.FAMILY].removesuffix(" Outlined")
        stated = "OFL-1.1" if "openfontlicense" in said.get(fonts.LICENCE_ADDRESS, "") else ""
        yield kept(family, re.split(r"[;T]", said[fonts.VERSION].removeprefix("Version "))[0], "fonts", stated)


def legal_comments(folder: Path) -> list[str]:
    """Comments about copyright in the site's scripts and style sheets, each once, in the files' order."""
    found: dict[str, None] = {}
    for path in files_in(folder):
        if path.suffix in (".js", ".mjs", ".css"):
            for comment in _LEGAL.findall(path.read_text("utf-8")):
                if re.search(r"licen[cs]e|copyright", comment, re.IGNORECASE):
                    lines = (line.strip(" */!\t") for line in re.split(r"\\n|\n", comment))
                    found["\n".join(line for line in lines if line)] = None
    return list(found)


def table(found: Iterable[Component]) -> str:
    """``THIRD_PARTY.md``."""
    rows = "\n".join(f"| {p.name} | {p.version} | {p.licence} | {p.where} |" for p in found)
    return (
        "# Third-party software in the built site\n\n"
        "The build finds these in the packages it takes from, and writes their licence texts into\n"
        f"`dist/{SITE_FILE}`. `python -m tools.notices` rewrites this table after a build.\n"
        "An empty version means that the package around it does not say it; versions of what is in Bokeh and Panel\n"
        "are those of Panel's lock file.\n\n"
        f"| name | version | licence | where |\n|---|---|---|---|\n{rows}\n"
    )


def document(found: Iterable[Component], comments: Iterable[str]) -> str:
    """The site's file: the list, then every text once with the names it belongs to, then the files' own comments."""
    found = list(found)
    width = max(len(f"{part.name} {part.version}") for part in found)
    texts: dict[str, list[str]] = {}
    for part in found:
        texts.setdefault(part.text, []).append(f"{part.name} {part.version}".strip())
    lines = ["Third-party software in Quantization Playground", ""]
    lines += [f"{f'{part.name} {part.version}':<{width}}  {part.licence} ({part.where})" for part in found]
    for text, owners in texts.items():
        lines += ["", "=" * 80, ", ".join(owners), "=" * 80, "", text]
    lines += ["", "=" * 80, "Comments about copyright in the site's files", "=" * 80]
    for comment in comments:
        lines += ["", comment]
    return "\n".join(lines) + "\n"


def write(modules: Path, wheel: Path) -> None:
    """Write the site's file.

    Raises:
        BuildError: see :func:`shipped`.
    """
    text = document(shipped(modules, wheel), legal_comments(TREE))
    # The mark at the start says UTF-8 to browsers where a host names no charset for text.
    (TREE / SITE_FILE).write_text(text, "utf-8-sig")


def main() -> None:
    """Rewrite ``THIRD_PARTY.md``."""
    modules = downloads.node_modules()
    DOCUMENT.write_text(table(shipped(modules, downloads.numpy_wheel(modules))), "utf-8")


if __name__ == "__main__":
    main()
