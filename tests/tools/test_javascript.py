import json
import subprocess
from pathlib import Path

import pytest

from tools import javascript
from tools.paths import ROOT, STATIC
from tools.site import is_served
from tools.steps import BuildError


@pytest.fixture
def project(tmp_path):
    """A folder that is checked as ours is."""
    (tmp_path / "biome.json").write_text((ROOT / "biome.json").read_text("utf-8"), "utf-8")
    settings = {"extends": (STATIC / "tsconfig.json").as_posix(), "include": ["static/*.mjs"], "exclude": []}
    (tmp_path / "tsconfig.json").write_text(json.dumps(settings), "utf-8")
    (tmp_path / "static").mkdir()

    def write(text):
        (tmp_path / "static" / "page.mjs").write_text(text, "utf-8")
        return tmp_path

    return write


def test_what_is_well_formed_passes(project):
    javascript.check_form(project("export const one = 1;\n"))


@pytest.mark.parametrize(
    "text",
    ["export const one = 1\n", "export const one = 'a';\n", "const unused = 1;\n", "export let one = 1;\none = one;\n"],
    ids=["format", "quotes", "unused", "lint"],
)
def test_what_is_badly_formed_is_refused(project, text, capfd):
    with pytest.raises(BuildError, match="Biome complains"):
        javascript.check_form(project(text))
    assert "page.mjs" in capfd.readouterr().out


def test_what_fits_its_types_passes(project):
    javascript.check_types([project("/** @param {number} n */\nexport const twice = (n) => 2 * n;\n")])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("export const twice = (n) => 2 * n;\n", "TS7006"),
        ("/** @type {number} */\nexport const one = 'one';\n", "TS2322"),
        ("document.getElementById('a').hidden = true;\n", "TS2531"),
        ("export const x = (;\n", "TS1109"),
    ],
    ids=["no type", "another type", "null", "syntax"],
)
def test_what_does_not_fit_its_types_is_refused(project, text, code, capfd):
    with pytest.raises(BuildError, match=r"types in .* are wrong"):
        javascript.check_types([project(text)])
    assert code in capfd.readouterr().out


def test_every_module_belongs_to_a_project():
    """What git tracks is compiled by TypeScript; expressions that pages and workers evaluate are not."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "*.mjs", "*.js"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    checked: set[Path] = set()
    for project in javascript.PROJECTS:
        checked |= javascript.files_of(project)
    assert {ROOT / name for name in listed.split("\0") if name} - checked == {
        ROOT / "tests" / "browser" / name for name in ("in_sight.js", "leaks.js")
    }


def test_types_are_not_served():
    names = [path.name for path in STATIC.rglob("*") if path.is_file() and is_served(path)]
    assert [name for name in names if name.endswith((".mjs", ".ts")) or name == "tsconfig.json"] == []
    assert {"index.html", "page.css", "unsupported.js"} < set(names)
