"""The unit tests of the page's JavaScript, run under Node; what they expect comes from the package (expected.py)."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.static.expected import everything
from tools import javascript
from tools.paths import KERNELS_FILE

FILES = sorted(Path(__file__).parent.glob("*.test.mjs"))


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    """The variables by which the tests find what they are held against."""
    path = tmp_path_factory.mktemp("javascript") / "expected.json"
    path.write_text(json.dumps(everything(), allow_nan=False), "utf-8")
    return {**os.environ, "PLAYGROUND_EXPECTED": str(path), "PLAYGROUND_KERNELS": str(KERNELS_FILE)}


def counts_of(output):
    """The closing counts of Node's test runner: name -> number."""
    return {name: int(number) for name, number in re.findall(r"^# (\w+) (\d+)$", output, re.MULTILINE)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_unit(path, environment):
    done = subprocess.run(
        javascript.test_command([path]), env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    counts = counts_of(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert counts["pass"] == counts["tests"] > 1, done.stdout


def test_a_test_that_fails_is_told(tmp_path):
    path = tmp_path / "wrong.test.mjs"
    path.write_text('import { test } from "node:test";\ntest("wrong", () => { throw new Error("wrong"); });\n', "utf-8")
    done = subprocess.run(javascript.test_command([path]), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert (counts_of(done.stdout)["pass"], counts_of(done.stdout)["fail"]) == (0, 1)
