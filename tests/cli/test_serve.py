"""``playground serve`` as a real process."""

import contextlib
import functools
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest


@pytest.fixture
def site(tmp_path):
    (tmp_path / "index.html").write_text("<title>here</title>")
    return tmp_path


@contextlib.contextmanager
def started(command):
    """A child that hears Ctrl-C even where the tests run with it ignored, and that never outlives its test."""
    hearing = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen(command, **pipes, text=True, preexec_fn=hearing)  # noqa: PLW1509
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for another process")
@pytest.mark.parametrize("as_json", [False, True])
def test_it_prints_an_address_that_answers_and_ctrl_c_ends_it(site, as_json):
    command = [sys.executable, "-m", "playground", "serve", "--site", site, "--port", "0", *(["--json"] * as_json)]
    with started(command) as process:
        lines = [process.stdout.readline() for _ in range(3 if as_json else 1)]
        url = json.loads("".join(lines))["url"] if as_json else lines[0].split()[0]
        with urllib.request.urlopen(url, timeout=10) as reply:
            assert reply.read() == b"<title>here</title>"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")


def test_the_site_of_the_working_folder_comes_first(site, monkeypatch, playground_cli):
    (site / "dist").mkdir()
    monkeypatch.chdir(site)
    ran = playground_cli("serve")
    assert (ran.code, ran.err) == (
        2,
        "playground: dist: the folder has no built site. Run `python build.py site` first\n",
    )


def test_a_folder_without_a_site_is_refused(tmp_path, playground_cli):
    ran = playground_cli("serve", "--site", tmp_path, "--json")
    assert (ran.code, ran.json["kind"]) == (2, "missing")


def test_a_port_that_is_taken_is_named(site, playground_cli):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        ran = playground_cli("serve", "--site", site, "--port", port)
    assert ran.code == 2
    assert ran.err.startswith(f"playground: port {port}: another program uses the port")


@pytest.mark.parametrize("port", ["http", "99999"])
def test_what_is_no_port_is_refused(site, playground_cli, port):
    ran = playground_cli("serve", "--site", site, "--port", port)
    assert (ran.code, port in ran.err) == (2, True)
