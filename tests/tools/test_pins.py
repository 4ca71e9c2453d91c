"""The locks themselves: complete, hashed, and bound to no index."""

import json
import re

import pytest

from tools.downloads import node_modules
from tools.paths import REQUIREMENTS
from tools.site import locked_versions


@pytest.mark.parametrize("name", ["site", "test", "oracles", "models", "tensorflow"])
def test_every_pin_has_a_hash_and_no_address(name):
    text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
    pins = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(pins) > 5
    assert [pin.splitlines()[0] for pin in pins if "==" not in pin.split()[0] or "--hash=sha256:" not in pin] == []
    assert "://" not in text


@pytest.mark.parametrize(("lower", "upper"), [("site", "test"), ("test", "oracles")])
def test_what_is_installed_later_does_not_change_what_was_installed_before(lower, upper):
    before, after = (locked_versions((REQUIREMENTS / f"{name}.txt").read_text("utf-8")) for name in (lower, upper))
    assert {name: after[name] for name in before.keys() & after.keys() if after[name] != before[name]} == {}


def test_the_oracles_bring_no_cuda():
    text = (REQUIREMENTS / "oracles.txt").read_text("utf-8")
    assert re.findall(r"^(?:nvidia|cuda|triton)\S*", text, re.MULTILINE) == []


def test_numpy_is_the_one_that_pyodide_has():
    wheels = json.loads((node_modules() / "pyodide" / "pyodide-lock.json").read_text("utf-8"))["packages"]
    pins = locked_versions((REQUIREMENTS / "site.txt").read_text("utf-8"))
    assert pins["numpy"] == wheels["numpy"]["version"]


def test_the_npm_lock_has_integrity_hashes_and_no_addresses():
    packages = json.loads((REQUIREMENTS / "package-lock.json").read_text("utf-8"))["packages"]
    packages.pop("")
    assert [name for name, entry in packages.items() if not entry["integrity"].startswith("sha512-")] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
