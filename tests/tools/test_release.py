import gzip
import hashlib
import json
import re
import shutil
from base64 import b64encode

import pytest

from playground.serving import HASHED
from tools import publish, release
from tools.paths import DIST, TREE
from tools.steps import BuildError, files_in

PAGE = """<!doctype html>
<html lang="en"><head>
<link rel="icon" href="icons/i.svg">
<link rel="stylesheet" href="styles/s.css">
<link rel="preload" as="fetch" crossorigin="anonymous" id="manifest" href="manifest.json">
<script src="plain.js" data-unchecked></script>
<script src="bokeh/b.js" defer></script>
<script src="page.mjs" type="module"></script>
</head><body><iframe src="frame.html"></iframe><a href="bench.html">a</a><a href="https://x.example/y">b</a></body></html>
"""
MODULE = """import { a } from "./other.mjs";
import"./ort/o.mjs";
const later = () => import("./ort/o.mjs");
const root = new URL("./ort/", import.meta.url), here = new URL("./", import.meta.url);
const text = "./ort/o.mjs";
"""
FILES = {
    "index.html": PAGE,
    "app.webmanifest": '{"start_url": "./", "icons": [{"src": "icons/i.svg"}]}',
    "page.mjs": MODULE,
    "other.mjs": "export const a = 1;",
    "plain.js": "",
    "frame.html": "",
    "sw.mjs": "",
    "icons/i.svg": "<svg/>",
    "styles/s.css": "a{}",
    "bokeh/b.js": "b",
    "ort/o.mjs": 'import "./p.mjs";',
    "ort/p.mjs": "p",
    "python/one.zip": "1",
    "python/two.zip": "2",
    "manifest.json": '{"boot": [{"path": "python/one.zip", "size": 1}], "roots": {"ort": "ort/"}, "x": ["1"]}',
}


@pytest.fixture
def tree(tmp_path):
    folder = tmp_path / "tree"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def snapshot(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_file_but_the_entry_points_has_an_address_that_the_servers_may_keep(tree):
    planned = release.plan(tree)
    named = {address for address in planned.contents if not HASHED.search(f"/{address}")}
    assert named == {"index.html", "app.webmanifest"}
    assert set(FILES) - set(planned.addresses) == {"index.html", "app.webmanifest", "sw.mjs"}


SCRIPTS = {"page.mjs", "other.mjs", "plain.js", "frame.html"}
MOVED = {
    "index.html": set(),
    "app.webmanifest": set(),
    "other.mjs": SCRIPTS,
    "icons/i.svg": {"icons/i.svg"},
    "bokeh/b.js": {"bokeh/b.js"},
    "ort/p.mjs": {"ort/o.mjs", "ort/p.mjs", "manifest.json"} | SCRIPTS,  # one of the scripts names the group, and so on
    "python/one.zip": {"python/one.zip", "manifest.json"},
    "python/two.zip": {"python/two.zip"},
}


@pytest.mark.parametrize("changed", MOVED)
def test_a_changed_file_changes_its_address_and_those_that_name_it_and_no_others(tree, changed):
    before = release.plan(tree)
    (tree / changed).write_text(FILES[changed] + " ")
    after = release.plan(tree)
    assert {path for path in after.addresses if before.addresses[path] != after.addresses[path]} == MOVED[changed]
    assert before.name != after.name


def test_references_lead_to_the_files_they_meant(tree):
    planned = release.plan(tree)
    contents, where = planned.contents, planned.addresses
    module = contents[where["page.mjs"]].decode()
    ort = where["ort/o.mjs"]
    assert f'import"../{ort}"' in module
    assert f'import("../{ort}")' in module
    assert f'new URL("../{ort.removesuffix("o.mjs")}", import.meta.url)' in module
    assert 'from "./other.mjs"' in module  # moves along
    assert 'new URL("./", import.meta.url)' in module
    assert 'const text = "./ort/o.mjs"' in module  # no reference, just text
    manifest = json.loads(contents[where["manifest.json"]])
    assert manifest["boot"][0]["path"] == where["python/one.zip"]
    assert manifest["roots"]["ort"] == ort.removesuffix("o.mjs")
    assert manifest["x"] == ["1"]
    assert json.loads(contents["app.webmanifest"])["icons"][0]["src"] == where["icons/i.svg"]


def test_pages_name_addresses_and_state_integrity(tree):
    planned = release.plan(tree)
    page = planned.contents["index.html"].decode()
    for name in ("icons/i.svg", "styles/s.css", "manifest.json", "plain.js", "bokeh/b.js", "page.mjs", "frame.html"):
        assert f'"{planned.addresses[name]}"' in page
    stated = dict(re.findall(r'(?:src|href)="([^"]+)"[^>]* integrity="([^"]+)"', page))
    assert set(stated) == {planned.addresses[name] for name in ("styles/s.css", "bokeh/b.js", "page.mjs")}
    for address, check in stated.items():
        assert check == "sha384-" + b64encode(hashlib.sha384(planned.contents[address]).digest()).decode()
    assert f'data-release="{planned.name}"' in page
    assert 'href="bench.html"' in page
    assert "data-unchecked" not in page


@pytest.mark.parametrize(
    ("name", "text"),
    [("index.html", '<html lang="en"><script src="gone.js"></script>'), ("page.mjs", 'import "./gone/x.mjs";')],
)
def test_a_reference_that_leads_nowhere_stops_the_build(tree, name, text):
    (tree / name).write_text(text)
    with pytest.raises(BuildError, match=rf"{re.escape(name)} refers to .*gone.*, which is not part of the site"):
        release.plan(tree)


def test_writing_again_changes_nothing_and_a_new_release_leaves_nothing_of_the_old(tree, tmp_path):
    target = tmp_path / "dist"
    release.write(release.plan(tree).contents, target)
    first = snapshot(target)
    (target / "docs").mkdir()
    (target / "docs" / "index.html").write_text("kept")
    (target / "stale-0123456789").mkdir()
    (target / "stale-0123456789" / "x").write_text("")
    bokeh = next(target.glob("bokeh-*"))
    (bokeh / "b.js").write_text("half a fi")
    release.write(release.plan(tree).contents, target)
    assert snapshot(target) == first | {"docs/index.html": b"kept"}
    (tree / "bokeh" / "b.js").write_text("new")
    planned = release.plan(tree)
    release.write(planned.contents, target)
    assert snapshot(target) == dict(planned.contents) | {"docs/index.html": b"kept"}


@pytest.mark.slow
def test_the_built_site_is_what_its_tree_gives_again(tmp_path):
    publish.publish(TREE, tmp_path / "again")
    found = snapshot(DIST)
    assert snapshot(tmp_path / "again") == {name: found[name] for name in found if not name.startswith("docs/")}


@pytest.mark.slow
def test_copies_hold_what_they_are_copies_of_and_are_smaller():
    zipped = [path for path in files_in(DIST) if path.suffix == ".gz" and path.with_suffix("").is_file()]
    assert {path.with_suffix("").name for path in zipped} >= {"index.html", "sw.js", "bokeh.min.js", "panel.min.js"}
    for path in zipped:
        original = path.with_suffix("")
        assert gzip.decompress(path.read_bytes()) == original.read_bytes()
        assert path.stat().st_size < original.stat().st_size
        assert original.with_name(original.name + ".br").is_file()


@pytest.mark.slow
def test_hosts_settings_name_every_hashed_place_and_the_pages_policies():
    lines = (DIST / "_headers").read_text("utf-8").splitlines()
    places = {line for line in lines if line.startswith("/")}
    for path in files_in(DIST):
        address = path.relative_to(DIST).as_posix()
        if HASHED.search(f"/{address}"):
            place = address.split("/")[0]
            assert f"/{place}/*" in places or f"/{place}" in places or place.endswith((".br", ".gz"))
    page = (DIST / "index.html").read_text("utf-8")
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)[1]
    assert lines[lines.index("/index.html") + 1] == f"  Content-Security-Policy: {policy}"
    assert len(lines) < 200
    assert (DIST / ".nojekyll").is_file()


def test_a_release_needs_no_manifest(tree):
    (tree / "manifest.json").unlink()
    (tree / "index.html").write_text('<html lang="en"></html>')
    one = release.plan(tree)
    shutil.rmtree(tree / "bokeh")
    assert release.plan(tree).name != one.name
