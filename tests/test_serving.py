import threading
import urllib.error
import urllib.request
from email.utils import formatdate

import pytest

from playground.errors import InvalidInputError, MissingError
from playground.serving import make_server


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text("<!doctype html>")
    for name in ("a.mjs", "a.wasm", "a.whl", "a.zip", "a.onnx", "a.css", "a.unknown"):
        (folder / name).write_bytes(b"x")
    (folder / "folder").mkdir()
    return folder


@pytest.fixture(scope="module")
def url(site):
    with make_server(site, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", "text/html; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.whl", "application/zip"),
        ("a.zip", "application/zip"),
        ("a.onnx", "application/octet-stream"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.unknown", "application/octet-stream"),
    ],
)
def test_types_and_cache_headers(url, name, expected):
    with urllib.request.urlopen(url + name) as reply:
        assert reply.headers["Content-Type"] == expected
        assert reply.headers["Cache-Control"] == "no-cache"
        assert reply.headers["Last-Modified"]


def test_an_unchanged_file_is_not_sent_again(url):
    request = urllib.request.Request(url + "a.wasm", headers={"If-Modified-Since": formatdate(usegmt=True)})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 304


@pytest.mark.parametrize("path", ["folder/", "gone.txt", "../pyproject.toml"])
def test_nothing_else_is_served(url, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url + path)
    assert caught.value.code == 404


def test_it_listens_on_this_machine_only(site):
    with make_server(site, 0) as server:
        assert server.server_address[0] == "127.0.0.1"


def test_a_taken_port_is_one_sentence(site):
    with make_server(site, 0) as server:
        port = server.server_address[1]
        with pytest.raises(InvalidInputError, match=f"port {port}: another program already uses it. Choose another"):
            make_server(site, port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(site, port):
    with pytest.raises(InvalidInputError, match=f"{port} is not a port number"):
        make_server(site, port)


def test_a_folder_without_a_site_is_refused(tmp_path):
    with pytest.raises(MissingError, match=r"no built site here. Run `python build\.py site` first"):
        make_server(tmp_path, 0)
