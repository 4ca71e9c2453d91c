"""The tests of the kernels once more, in Chromium: pytest runs in the page's worker, on Pyodide, on the built site."""

import base64
import hashlib
import importlib.util
import io
import json
import zipfile
from pathlib import Path

import pytest

from playground.host.kernel_module import read_module

ROOT = Path(__file__).parents[2]
PACKAGES = ("pytest", "py", "_pytest", "pluggy", "iniconfig", "packaging", "pygments")
RUNNER = "tests/browser/in_page/runner.py"
LEFT_OUT = (
    "test_module.py",
    "test_relaxed_dot.py",
    "test_sanitized.py",
)  # they look at modules by wasmtime; that they are the same is tested below
FILES = [
    *(path for path in sorted((ROOT / "tests" / "wasm_kernels").glob("test_*.py")) if path.name not in LEFT_OUT),
    ROOT / "tests" / "engines" / "test_plan.py",
    *(path for path in sorted((ROOT / "tests" / "browser" / "in_page").glob("*.py")) if path != ROOT / RUNNER),
]
FOLDER = "/home/pyodide/in_page"


def package_files():
    """Pytest's Python files and those of what it imports, with their names below the folder they are installed in."""
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.origin is not None, name
        start = Path(spec.origin)
        for path in sorted(start.parent.rglob("*.py")) if spec.submodule_search_locations else [start]:
            yield path, path.relative_to(start.parents[1] if spec.submodule_search_locations else start.parent)


def archive() -> bytes:
    """A zip of pytest, of what it needs, and of the test files, these under their paths in the repository."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for path, name in package_files():
            made.write(path, name)
        shared = (ROOT / "tests" / "wasm_kernels" / name for name in ("conftest.py", "convolutions.py"))
        for path in (ROOT / RUNNER, *shared, *FILES):
            made.write(path, path.relative_to(ROOT))
    return held.getvalue()


@pytest.fixture(scope="module")
def worker(visit):
    """The worker of a booted page, with the archive in its file system."""
    visit.page.evaluate("() => playground.report()")  # the packages are unpacked before that is answered
    found = next(worker for worker in visit.page.workers if worker.evaluate("() => 'pyodide' in self"))
    unpack = """([zip, folder]) => {
        pyodide.unpackArchive(Uint8Array.from(atob(zip), (c) => c.charCodeAt(0)), "zip", {extractDir: folder});
        pyodide.pyimport("sys").path.push(folder);
    }"""
    found.evaluate(unpack, [base64.b64encode(archive()).decode(), FOLDER])
    return found


@pytest.mark.parametrize("path", [path.relative_to(ROOT).as_posix() for path in FILES])
def test_in_the_page(worker, path):
    module = RUNNER.removesuffix(".py").replace("/", ".")
    result = json.loads(worker.evaluate("([module, path]) => pyodide.pyimport(module).run(path)", [module, path]))
    print(result["text"])  # what was timed
    assert result["code"] == 0, result["text"]
    assert set(result["counts"]) == {"passed"}, result["text"]


@pytest.mark.parametrize("dot", ["int16", "unsigned"])
def test_the_page_has_the_kernels_that_are_tested_here(worker, dot):
    read = """(dot) => {
        const bytes = pyodide.pyimport("playground.host.kernel_module").read_module(dot).toJs();
        return crypto.subtle.digest("SHA-256", bytes).then((hash) => Array.from(new Uint8Array(hash)));
    }"""
    assert bytes(worker.evaluate(read, dot)) == hashlib.sha256(read_module(dot)).digest()
