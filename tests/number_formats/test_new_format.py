"""A new number format is one new file: the contract tests, the command line and the page's picker find it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow

SOURCE = '''
"""A table that no registry knows."""

from playground.number_formats._codebook import CodebookFormat

FORMATS = CodebookFormat(
    id="fibonacci4",
    title="Fibonacci, 4 bit",
    bits=4,
    values=tuple(sign * f / 34 for sign in (1, -1) for f in (0, 1, 2, 3, 8, 13, 21, 34)),
    source="this test",
)
'''


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A copy of the package and the contract tests with one file more."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("playground", "tests/contract"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "playground/number_formats/fibonacci.py").write_text(SOURCE)
    return folder


def run(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_the_contract_tests_run_on_it(elsewhere):
    files = ("tests/contract/test_number_formats.py", "tests/contract/test_every_format.py")
    code, printed = run(elsewhere, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "fibonacci4", *files)
    assert code == 0, printed[-3000:]
    assert int(printed.rpartition(" passed")[0].split()[-1]) >= 20


def test_the_command_line_lists_it(elsewhere):
    code, printed = run(elsewhere, "-m", "playground", "formats", "--json")
    assert code == 0, printed
    (found,) = [fmt for fmt in json.loads(printed)["formats"] if fmt["id"] == "fibonacci4"]
    assert (found["family"], found["bits"], found["largest"]) == ("codebook", 4, 1.0)


def test_the_page_offers_it(elsewhere):
    program = "import json; from playground.app.format_choices import groups; print(json.dumps(groups()))"
    code, printed = run(elsewhere, "-c", program)
    assert code == 0, printed
    assert json.loads(printed)["Codebooks"]["Fibonacci, 4 bit · 4 bits"] == "fibonacci4"
