import html
import json
import re

from tools.browser_python import BrowserFile
from tools.downloads import integrity_of
from tools.paths import TREE
from tools.site import PAGES, locked_versions


def listed(page):
    """The attributes of each file that a page names for Python."""
    links = re.findall(r'<link rel="playground-file" ([^>]*)>', (TREE / page).read_text("utf-8"))
    return [{key: html.unescape(value) for key, value in re.findall(r'([\w-]+)="([^"]*)"', link)} for link in links]


def test_locked_versions_takes_pins_and_not_comments_or_hashes():
    lock = (
        "# via ==9\nbokeh==3.9.2 \\\n    --hash=sha256:ab==\n"
        "contourpy==1.3.3 ; python_full_version < '3.12' \\\ncontourpy==1.4.0 ; python_full_version >= '3.12' \\\n"
    )
    assert locked_versions(lock) == {"bokeh": "3.9.2", "contourpy": "1.3.3"}


def test_the_pages_state_what_python_needs():
    for page in PAGES:
        files = {file["data-name"]: file for file in listed(page)}
        for file in files.values():
            path = TREE / file["href"]
            assert (path.stat().st_size, integrity_of(path)) == (int(file["data-bytes"]), file["integrity"])
        assert {name for name, file in files.items() if file["data-when"] == "snapshot"} == {"snapshot", "data.zip"}
        assert {"worker.js", "pyodide.asm.wasm", "python_stdlib.zip", "packages.zip", "ort.wasm"} < set(files)
        assert int(files["snapshot"]["data-image"]) % 4096 == 0


def test_the_setup_in_the_pages_is_json():
    (content,) = re.findall(
        r'<meta name="playground-setup" content="([^"]*)">', (TREE / "index.html").read_text("utf-8")
    )
    setup = json.loads(html.unescape(content))
    assert setup["lock"]["info"]["python"].startswith("3.14")
    assert setup["env"]["PANEL_CDN_ROOT"].startswith("./")


def test_the_frozen_first_view_names_its_document():
    frozen = json.loads((TREE / "python" / "frozen.json").read_text("utf-8"))
    assert frozen["view"] == "tensor"
    assert set(frozen["document"]["roots"]) == {
        f"tensor-{n}" for n in ("controls", "numbers", "histogram", "error", "transfer", "channels")
    }
    assert re.fullmatch("[0-9a-f]{16}", frozen["key"])


def test_a_compressed_file_has_its_codings_suffix(tmp_path):
    assert BrowserFile("a", tmp_path / "a.bin", "start").target.name == "a.bin.zst"
    assert BrowserFile("a", tmp_path / "a.bin", "start", "gzip").target.name == "a.bin.gz"


def test_no_file_of_the_site_is_empty_or_a_cache():
    files = [path for path in TREE.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix in {".pyc", ".partial"} or path.name.startswith(".")] == []
    ours = {".mjs", ".js", ".wasm", ".zst", ".gz", ".html"}  # Panel ships an empty style sheet
    assert [path.name for path in files if path.suffix in ours and not path.stat().st_size] == []
