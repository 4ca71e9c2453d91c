import json
import re

import pytest

from playground.serving import HASHED
from tools import offline, release
from tools.paths import DIST, TREE


def test_what_is_kept_is_everything_but_the_benchmark_and_fallbacks():
    contents = {
        "index.html": b"<html>",
        "bench.html": b"",
        "bench-0123456789/m.onnx": b"",
        "app-0123456789/page.js": b"1",
        "python-0123456789/p.wasm.zst": b"22",
        "python-0123456789/p.wasm.gz": b"333",
    }
    files = offline.kept_files(contents)
    assert [file["url"] for file in files] == ["app-0123456789/page.js", "python-0123456789/p.wasm.zst", "index.html"]
    assert [file["revision"] for file in files[:2]] == [None, None]
    assert files[2]["revision"] == files[2]["integrity"] == release.integrity(b"<html>")


@pytest.mark.slow
def test_the_service_worker_holds_the_list_of_the_built_site():
    """The bundle is a script; its list is found by the form that esbuild gives an object from JSON."""
    text = (DIST / "sw.js").read_text("utf-8")
    listed = dict(re.findall(r'url:"([^"]+)",revision:[^,]+,integrity:"([^"]+)"', text))
    planned = release.plan(TREE)
    expected = {str(file["url"]): file["integrity"] for file in offline.kept_files(planned.contents)}
    assert listed == expected
    assert f'release:"{planned.name}"' in text or json.dumps(planned.name) in text
    for address, check in listed.items():
        assert release.integrity((DIST / address).read_bytes()) == check
    kept_names = {address for address in listed if not HASHED.search(f"/{address}")}
    assert kept_names == {"index.html", "embed.html", "app.webmanifest", "third_party.txt"}
    assert "process.env" not in text
