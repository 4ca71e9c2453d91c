import re
import socket
import subprocess
import sys

import pytest

import build
from playground.serving import SiteServer
from tools.paths import ROOT
from tools.steps import BuildError


@pytest.fixture
def built(monkeypatch, tmp_path):
    """A site that is there already: building has tests of its own."""
    (tmp_path / "index.html").write_text("<!doctype html>")
    monkeypatch.setattr(build.site, "build", lambda: tmp_path)


def test_a_taken_port_ends_with_one_line_and_code_1(built, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert build.main(["serve", "--port", str(port)]) == 1
    assert capsys.readouterr().err == (
        f"build.py: port {port}: another program uses the port. Choose another port with --port\n"
    )


def test_a_failed_step_ends_with_one_line_and_code_1(monkeypatch, capsys):
    def fails():
        raise BuildError("the download failed")

    monkeypatch.setattr(build.site, "build", fails)
    assert build.main(["site"]) == 1
    assert capsys.readouterr().err == "build.py: the download failed\n"


def test_serve_prints_the_address_last(built, monkeypatch, capsys):
    def stop(_self):
        raise KeyboardInterrupt

    monkeypatch.setattr(SiteServer, "serve_forever", stop)
    assert build.main(["serve", "--port", "0"]) == 0
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", capsys.readouterr().out.splitlines()[-1])


def test_unknown_arguments_are_refused_except_for_pytest(monkeypatch):
    given = []
    monkeypatch.setattr(build.testing, "run_tests", lambda rest, *, selection: given.append((rest, selection)))
    assert build.main(["test", "-k", "minmax", "-x"]) == 0
    for selection in ("quick", "all", "oracles"):
        assert build.main(["test", f"--{selection}", "tests/cli", "-q"]) == 0
    assert given == [
        (["-k", "minmax", "-x"], "usual"),
        *((["tests/cli", "-q"], selection) for selection in ("quick", "all", "oracles")),
    ]
    for refused in (["site", "--fast"], ["test", "--quick", "--all"]):
        with pytest.raises(SystemExit):
            build.main(refused)


def test_models_are_measured_by_name_and_as_json(monkeypatch):
    given = []
    monkeypatch.setattr(build.real_models, "run_models", lambda only, *, as_json: given.append((only, as_json)))
    assert build.main(["models"]) == build.main(["models", "--only", "cls", "--json"]) == 0
    assert given == [(None, False), ("cls", True)]


def test_clean_deletes_what_was_built_and_keeps_downloads(monkeypatch, tmp_path):
    places = {name: tmp_path / name for name in ("DIST", "TREE", "STAMPS", "VENV", "LOCAL_CACHE", "DOWNLOADS")}
    places["KERNELS_FILE"] = tmp_path / "kernels" / "kernels.wasm"
    for name, path in places.items():
        monkeypatch.setattr(build, name, path)
        (path.parent if path.suffix else path).mkdir()
    assert build.main(["clean"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"VENV", "LOCAL_CACHE", "DOWNLOADS"}
    assert build.main(["clean", "--all"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"DOWNLOADS"}


def test_it_needs_the_standard_library_only():
    code = "import sys, build; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    result = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    foreign = set(result.stdout.split()) - set(sys.stdlib_module_names) - {"__main__", "build", "tools", "playground"}
    assert {name for name in foreign if not name.startswith("_")} == set()
