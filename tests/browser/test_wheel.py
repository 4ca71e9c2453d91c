"""The wheel in a fresh environment, without checkout, compiler or Node.js: the documents' examples, and the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import SITE, Visit, new_context
from tools import wheel
from tools.paths import DIST

ROOT = Path(__file__).parents[2]
PYTHON_BLOCK = re.compile(r"^```python\n((?:.*\n)*?)```$", re.MULTILINE)


@pytest.fixture(scope="module")
def built() -> Path:
    assert DIST == SITE
    return wheel.packed(SITE)


class Installed:
    """An environment with the wheel and ONNX Runtime, and a folder in which nothing else is."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.venv = folder / "empty", folder / "venv"
        self.folder.mkdir()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PLAYGROUND"))}
        self.environment = {**inherited, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"}

    def program(self, name: str) -> str:
        return str(self.venv / ("Scripts" if os.name == "nt" else "bin") / name)

    def run(self, name: str, *arguments: str) -> str:
        ran = subprocess.run(
            [self.program(name), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("wheel"))
    subprocess.run([sys.executable, "-m", "venv", made.venv], check=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    made.run("python", "-m", "pip", "install", *quiet, f"{built}[onnxruntime]")
    return made


def test_it_holds_the_kernels_and_the_site_and_not_the_bench(built: Path) -> None:
    names = zipfile.ZipFile(built).namelist()
    for needed in ("kernels/kernels-simd128.wasm", "site/index.html", "site/embed.html", "site/sw.js", "py.typed"):
        assert f"playground/{needed}" in names
    assert not [name for name in names if name.endswith((".br", ".gz")) or name.startswith("playground/site/bench")]
    assert built.stat().st_size < wheel.LARGEST


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_the_examples_run(installed: Installed, document: str, tmp_path: Path) -> None:
    script = tmp_path / "examples.py"
    script.write_text("\n".join(PYTHON_BLOCK.findall((ROOT / document).read_text("utf-8"))), encoding="utf-8")
    assert installed.run("python", "-I", str(script))


def test_a_model_is_quantized_and_evaluated_in_our_kernels_at_the_terminal(installed: Installed) -> None:
    told = installed.run("playground", "quantize", "gallery:digits-convnet", "-o", "small.onnx")
    assert re.search(r"written +small\.onnx", told)
    measured = installed.run("playground", "evaluate", "small.onnx", "--compare", "gallery:digits-convnet")
    assert re.search(r"small\.onnx .* wasm +99\.\d %", measured)
    assert installed.run("playground", "--version").startswith("playground ")


def test_nothing_of_the_page_is_needed_at_the_terminal(installed: Installed) -> None:
    found = "import importlib.util as u; print([name for name in ('bokeh', 'panel', 'onnx') if u.find_spec(name)])"
    assert installed.run("python", "-c", found).strip() == "[]"
    installed.run("playground", "quantize", "gallery:digits-mlp", "-o", "mlp.onnx", "--report", "report.html")
    assert "fc2.weight" in (installed.folder / "report.html").read_text("utf-8")


@pytest.fixture
def address(installed: Installed) -> Iterator[str]:
    command = [installed.program("playground"), "serve", "--port", "0"]
    serving: Any = subprocess.Popen(
        command, cwd=installed.folder, env=installed.environment, stdout=subprocess.PIPE, encoding="utf-8"
    )
    yield serving.stdout.readline().split()[0].rstrip("/")
    serving.terminate()
    serving.wait()


def test_it_serves_the_page(browser: Browser, address: str) -> None:
    context = new_context(browser)
    visit = Visit(context, address)
    page = visit.open()
    assert page.locator("#failure").is_hidden()
    assert page.evaluate("() => playground.setState({format: 'int4'}).then((state) => state.format)") == "int4"
    assert visit.foreign() == []
    context.close()
