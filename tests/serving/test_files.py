import gzip
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
    (folder / "index.html.gz").write_bytes(gzip.compress(b"<!doctype html>"))
    hashed = folder / "app-0123456789"
    hashed.mkdir()
    (hashed / "b.mjs").write_bytes(b"plain")
    (hashed / "b.mjs.br").write_bytes(b"as brotli")
    (hashed / "b.mjs.gz").write_bytes(b"as gzip")
    (folder / "manifest-0123456789.json").write_bytes(b"{}")
    (folder / "c.wasm.gz").write_bytes(b"no plain file beside it")
    return folder


def fetch(address, accept=None):
    headers = {"Accept-Encoding": accept} if accept else {}
    with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as reply:
        return reply.headers, reply.read()


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


@pytest.mark.parametrize(
    ("accept", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", b"as brotli"),
        ("gzip", "gzip", b"as gzip"),
        ("br;q=0, gzip;q=0.5", "gzip", b"as gzip"),
        ("br; q=0.0, gzip;q=0", None, b"plain"),
        ("identity", None, b"plain"),
        (None, None, b"plain"),
    ],
)
def test_the_best_accepted_copy_is_sent(url, accept, encoding, body):
    headers, content = fetch(url + "app-0123456789/b.mjs?x=1", accept)
    assert content == body
    assert headers["Content-Encoding"] == encoding
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert headers["Content-Length"] == str(len(body))
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_folders_page_is_compressed_too_and_a_lone_copy_is_a_file_like_others(url):
    headers, content = fetch(url + "?v=1", "gzip")
    assert (headers["Content-Encoding"], headers["Content-Type"]) == ("gzip", "text/html; charset=utf-8")
    assert gzip.decompress(content) == b"<!doctype html>"
    headers, content = fetch(url + "c.wasm.gz", "gzip, br")
    assert (headers["Content-Encoding"], headers["Content-Type"]) == (None, "application/gzip")
    assert content == b"no plain file beside it"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("app-0123456789/b.mjs", "public, max-age=31536000, immutable"),
        ("manifest-0123456789.json", "public, max-age=31536000, immutable"),
        ("index.html", "no-cache"),
        ("a.wasm", "no-cache"),
    ],
)
def test_only_what_has_its_hash_in_its_address_is_kept(url, name, expected):
    assert fetch(url + name)[0]["Cache-Control"] == expected


def test_a_missing_file_is_not_kept_and_has_no_encoding(url):
    request = urllib.request.Request(url + "app-0123456789/gone.mjs", headers={"Accept-Encoding": "br"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    assert caught.value.code == 404
    assert caught.value.headers["Cache-Control"] == "no-cache"
    assert caught.value.headers["Content-Encoding"] is None


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
        with pytest.raises(InvalidInputError, match=f"port {port}: another program uses the port. Choose another port"):
            make_server(site, port)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none_is_refused(site, port):
    with pytest.raises(InvalidInputError, match=f"{port} is not a port number"):
        make_server(site, port)


def test_a_folder_without_a_site_is_refused(tmp_path):
    with pytest.raises(MissingError, match=r"the folder has no built site. Run `python build\.py site` first"):
        make_server(tmp_path, 0)


def test_what_the_build_wrote_into_headers_is_sent(tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html>")
    (tmp_path / "app-0123456789").mkdir()
    (tmp_path / "app-0123456789" / "a.mjs").write_text("1")
    (tmp_path / "_headers").write_text(
        "/*\n  Access-Control-Allow-Origin: *\n  Referrer-Policy: no-referrer\n"
        "/app-0123456789/*\n  Cache-Control: public, max-age=1\n"
        "/\n  Content-Security-Policy: default-src 'self'; base-uri 'none'\n"
    )
    with make_server(tmp_path, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page, script = fetch(server.url)[0], fetch(server.url + "app-0123456789/a.mjs")[0]
        server.shutdown()
    assert page["Content-Security-Policy"] == "default-src 'self'; base-uri 'none'"
    assert page["Access-Control-Allow-Origin"] == script["Access-Control-Allow-Origin"] == "*"
    assert page.get_all("X-Content-Type-Options") == ["nosniff"]
    assert script["Cache-Control"] == "public, max-age=31536000, immutable"
    assert script["Content-Security-Policy"] is None
