import hashlib
import json
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools import downloads
from tools.steps import BuildError

NAME = "numpy-2.4.3-cp314-cp314-pyemscripten_2026_0_wasm32.whl"
CONTENT = b"a wheel"


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """node_modules with Pyodide's lock file, and an empty download cache."""
    monkeypatch.setattr(downloads, "DOWNLOADS", tmp_path / "cache")
    monkeypatch.delenv("PLAYGROUND_WHEELS", raising=False)
    entry = {"file_name": NAME, "sha256": hashlib.sha256(CONTENT).hexdigest()}
    (tmp_path / "modules" / "pyodide").mkdir(parents=True)
    lock = tmp_path / "modules" / "pyodide" / "pyodide-lock.json"
    lock.write_text(json.dumps({"packages": {"numpy": entry}}))
    return tmp_path / "modules"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / NAME).write_bytes(CONTENT)
    monkeypatch.setenv("PLAYGROUND_WHEELS", str(folder))
    return folder


def test_the_wheel_comes_from_the_mirror_and_is_kept(modules, mirror):
    wheel = downloads.numpy_wheel(modules)
    assert wheel.read_bytes() == CONTENT
    (mirror / NAME).unlink()
    assert downloads.numpy_wheel(modules) == wheel


def test_the_mirror_may_be_an_address(modules, mirror, monkeypatch):
    handler = partial(SimpleHTTPRequestHandler, directory=str(mirror))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PLAYGROUND_WHEELS", f"http://127.0.0.1:{server.server_port}/")
        assert downloads.numpy_wheel(modules).read_bytes() == CONTENT
        server.shutdown()


def test_a_wrong_hash_is_refused_and_leaves_nothing_behind(modules, mirror):
    (mirror / NAME).write_bytes(b"something else")
    with pytest.raises(BuildError, match=r"has sha256 [0-9a-f]{64}, but Pyodide's lock file says [0-9a-f]{64}"):
        downloads.numpy_wheel(modules)
    assert list((downloads.DOWNLOADS / "wheels").iterdir()) == []


def test_a_damaged_cache_is_fetched_again(modules, mirror):
    wheel = downloads.numpy_wheel(modules)
    wheel.write_bytes(b"damaged")
    assert downloads.numpy_wheel(modules).read_bytes() == CONTENT


def test_a_mirror_without_the_wheel_is_named(modules, mirror):
    (mirror / NAME).unlink()
    with pytest.raises(BuildError, match=r"could not be downloaded from .*mirror.*Correct PLAYGROUND_WHEELS"):
        downloads.numpy_wheel(modules)


def test_the_wheel_is_taken_out_of_the_carrier(modules, tmp_path, monkeypatch):
    def download(command, *_args, **_options):
        folder = command[command.index("-d") + 1]
        with zipfile.ZipFile(f"{folder}/open_webui-0.12.4-py3-none-any.whl", "w") as carrier:
            carrier.writestr(f"open_webui/frontend/pyodide/{NAME}", CONTENT)

    monkeypatch.setattr(downloads, "run", download)
    downloads.DOWNLOADS.mkdir()
    assert downloads.numpy_wheel(modules).read_bytes() == CONTENT
    assert [path.name for path in downloads.DOWNLOADS.rglob("*.whl")] == [NAME]


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_extract_refuses_what_is_no_wheel(tmp_path, content):
    archive = tmp_path / "carrier.whl"
    archive.write_bytes(content)
    with pytest.raises(BuildError, match=r"carrier\.whl does not hold inner"):
        downloads.extract(archive, "inner", tmp_path / "out")


def test_extract_names_the_missing_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "carrier.whl", "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(BuildError, match="does not hold inner"):
        downloads.extract(tmp_path / "carrier.whl", "inner", tmp_path / "out")
