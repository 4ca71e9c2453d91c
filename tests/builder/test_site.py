import json

from builder.downloads import sha256_of
from builder.paths import TREE
from builder.site import locked_versions


def test_locked_versions_takes_pins_and_not_comments_or_hashes():
    lock = (
        "# via ==9\nbokeh==3.9.2 \\\n    --hash=sha256:ab==\n"
        "contourpy==1.3.3 ; python_full_version < '3.12' \\\ncontourpy==1.4.0 ; python_full_version >= '3.12' \\\n"
    )
    assert locked_versions(lock) == {"bokeh": "3.9.2", "contourpy": "1.3.3"}


def test_the_manifest_states_what_the_worker_fetches():
    manifest = json.loads((TREE / "manifest.json").read_text("utf-8"))
    for entry in manifest["boot"]:
        file = TREE / entry["path"]
        assert (file.stat().st_size, sha256_of(file)) == (entry["size"], entry["sha256"])
    paths = {entry["path"] for entry in manifest["boot"]}
    assert {manifest["python"], "pyodide/pyodide.asm.wasm", "pyodide/python_stdlib.zip"} < paths


def test_numpy_is_the_file_that_pyodides_own_lock_states():
    entry = json.loads((TREE / "pyodide" / "pyodide-lock.json").read_text("utf-8"))["packages"]["numpy"]
    assert sha256_of(TREE / "wheels" / entry["file_name"]) == entry["sha256"]


def test_no_file_of_the_site_is_empty_or_a_cache():
    files = [path for path in TREE.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix in {".pyc", ".partial"} or path.name.startswith(".")] == []
    assert [
        path.name
        for path in files
        if path.suffix in {".mjs", ".js", ".wasm", ".zip", ".html"}
        if not path.stat().st_size
    ] == []
