"""The notices of the built site: complete, from the packages, and as THIRD_PARTY.md says."""

import json
import re
import zipfile
from pathlib import Path

import pytest

from tools import budgets, components, downloads, fonts, notices, offline, release, scripts
from tools.components import Component
from tools.paths import DIST, TREE, site_packages
from tools.steps import BuildError


@pytest.fixture(scope="module")
def shipped() -> list[Component]:
    modules = downloads.node_modules()
    return notices.shipped(modules, downloads.numpy_wheel(modules))


@pytest.mark.slow
def test_the_table_is_that_of_this_build(shipped):
    assert notices.DOCUMENT.read_text("utf-8") == notices.table(shipped), "run python -m tools.notices after a build"


def test_the_sites_file_has_every_component_with_its_text(shipped):
    text = (DIST / notices.SITE_FILE).read_text("utf-8-sig")
    assert [part.name for part in shipped if f"{part.name} {part.version}".strip() not in text] == []
    assert [part.name for part in shipped if part.text not in text] == []


def test_a_browser_without_a_charset_reads_it_as_utf_8():
    assert (DIST / notices.SITE_FILE).read_bytes().startswith(b"\xef\xbb\xbf")


def test_what_people_would_ask_for_is_there(shipped):
    named = {part.name for part in shipped}
    assert named >= {"CPython", "pyodide", "numpy", "onnxruntime-web", "bokeh", "panel", "panel-material-ui", "param"}
    assert named >= {"Jinja2", "MarkupSafe", "PyYAML", "packaging", "typing_extensions", "pyodide-http", "protobuf"}
    assert named >= {"react", "react-dom", "@mui/material", "@emotion/react", "zstddec", "workbox-precaching"}
    assert named >= {"Roboto", "Material Icons", "jquery", "@bokeh/slickgrid", "sucrase", "SQLite", "Protocol Buffers"}


def test_what_only_the_build_uses_is_not_there(shipped):
    assert {"esbuild", "axe-core", "@babel/parser", "typescript", "ziglang"}.isdisjoint(part.name for part in shipped)


def test_every_component_states_a_licence_and_where_it_is(shipped):
    assert [part.name for part in shipped if not (part.licence and part.where and len(part.text) > 20)] == []


def test_every_legal_comment_of_the_shipped_scripts_is_quoted():
    text = (DIST / notices.SITE_FILE).read_text("utf-8-sig")
    comments = notices.legal_comments(TREE)
    assert any("jQuery Mousewheel" in comment for comment in comments)
    assert [comment for comment in comments if comment not in text] == []


def test_it_costs_the_first_interaction_nothing_and_is_kept_for_use_without_a_network():
    contents = {notices.SITE_FILE: b"text"}
    assert sum(budgets.group_sizes({notices.SITE_FILE: 10**9}).values()) == 0
    (kept,) = offline.kept_files(contents)
    assert kept["url"] == notices.SITE_FILE
    assert kept["revision"] == release.integrity(b"text")


def test_the_pages_link_to_it_without_fetching_it():
    for page in ("index.html", "embed.html"):
        text = (DIST / page).read_text("utf-8")
        (tag,) = re.findall(r'<link [^>]*href="third_party.txt"[^>]*>', text)
        assert tag == '<link rel="license" href="third_party.txt">'


def test_a_package_without_a_text_stops_the_build(tmp_path):
    (tmp_path / "left-pad").mkdir()
    (tmp_path / "left-pad" / "package.json").write_text(json.dumps({"version": "1.0.0", "license": "MIT"}), "utf-8")
    with pytest.raises(BuildError, match=r"left-pad is shipped and has no licence text. Add .*left-pad.txt"):
        components.from_npm(tmp_path, "left-pad", "the page")


def test_a_package_that_changed_its_licence_stops_the_build(tmp_path):
    (tmp_path / "pyodide").mkdir()
    (tmp_path / "pyodide" / "package.json").write_text(json.dumps({"version": "1", "license": "MIT"}), "utf-8")
    with pytest.raises(BuildError, match=r"pyodide is licensed under MIT. Replace .*pyodide.txt \(MPL-2.0\)"):
        components.from_npm(tmp_path, "pyodide", "the worker")


def test_a_package_that_a_lock_file_lacks_stops_the_build():
    with pytest.raises(BuildError, match="jquery is in bokeh, whose lock file does not name it"):
        components.from_lock({"packages": {}}, "jquery", "in bokeh")


def test_a_wheel_without_a_text_stops_the_build(tmp_path):
    wheel = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("x-1.dist-info/METADATA", "Metadata-Version: 2.4\nName: x\nVersion: 1\nLicense: MIT\n")
    with pytest.raises(BuildError, match="x is shipped and its wheel has no licence text"):
        components.from_wheel(wheel, "Python")


def test_a_module_that_nothing_installed_stops_the_build():
    with pytest.raises(BuildError, match="no_such: no installed distribution has it"):
        components.from_python(site_packages(), "no_such", "Python")


@pytest.mark.slow
def test_a_text_that_nothing_needs_stops_the_build(monkeypatch, tmp_path):
    for path in components.TEXTS.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "left-pad.txt").write_text("SPDX-License-Identifier: MIT\nText from: npm\n\ntext\n", "utf-8")
    monkeypatch.setattr(components, "TEXTS", tmp_path)
    modules = downloads.node_modules()
    with pytest.raises(BuildError, match=r"Nothing in the site needs .*left-pad\.txt"):
        notices.shipped(modules, downloads.numpy_wheel(modules))


def test_a_text_without_its_head_stops_the_build(monkeypatch, tmp_path):
    monkeypatch.setattr(components, "TEXTS", tmp_path)
    (tmp_path / "x.txt").write_text("MIT License\n", "utf-8")
    with pytest.raises(BuildError, match="it must begin with SPDX-License-Identifier"):
        components.kept_text("x")


@pytest.mark.parametrize(
    ("said", "text", "found"),
    [
        ("BSD", "Neither the name of", "BSD-3-Clause"),
        ("BSD License", "Redistribution", "BSD-2-Clause"),
        ("3-Clause BSD License", "", "BSD-3-Clause"),
        ("Apache-2.0 OR BSD-2-Clause", "", "Apache-2.0 OR BSD-2-Clause"),
    ],
)
def test_words_become_spdx_ids(said, text, found):
    assert components.spdx("x", said, text) == found


@pytest.mark.parametrize("said", ["", "See the file!", "Some License here"])
def test_unknown_words_stop_the_build(said):
    with pytest.raises(BuildError, match="is not a known licence"):
        components.spdx("x", said, "")


def test_only_packages_with_code_in_a_bundle_count(tmp_path):
    meta: Path = tmp_path / "meta.json"
    inputs = {
        "../n/node_modules/a/index.js": 10,
        "../n/node_modules/b/node_modules/@s/c/x.js": 1,
        "../n/node_modules/shaken-off/index.js": 0,
        "static/page.mjs": 5,
    }
    outputs = {"page.js": {"inputs": {path: {"bytesInOutput": size} for path, size in inputs.items()}}}
    meta.write_text(json.dumps({"outputs": outputs}), "utf-8")
    assert scripts.packages_in(meta) == ["@s/c", "a"]


def test_the_same_software_in_two_places_is_one_row():
    parts = [
        Component("b", "1", "MIT", "in y", "t"),
        Component("b", "1", "MIT", "in x", "t"),
        Component("A", "2", "MIT", "z", "t"),
    ]
    assert [(part.name, part.where) for part in components.merged(parts)] == [("A", "z"), ("b", "in y, in x")]


def test_a_font_says_what_it_is():
    (font,) = (site_packages() / "panel_material_ui" / "dist").glob("roboto-latin-400-normal-*.woff")
    said = fonts.names(font)
    assert said[fonts.FAMILY] == "Roboto"
    assert "openfontlicense" in said[fonts.LICENCE_ADDRESS]


def test_a_file_that_is_no_font_stops_the_build(tmp_path):
    (tmp_path / "x.woff").write_bytes(b"wOF2" + bytes(60))
    with pytest.raises(BuildError, match="is not a WOFF file"):
        fonts.names(tmp_path / "x.woff")
    (tmp_path / "y.woff").write_bytes(b"wOFF" + bytes(60))
    with pytest.raises(BuildError, match="does not say which font it is"):
        fonts.names(tmp_path / "y.woff")
