"""What the command line prints and writes, whatever names and disks are like."""

import ast
import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground import gallery
from playground.cli._console import Console, printable
from playground.errors import BadFileError
from playground.host import output
from playground.tasks import Progress

HOSTILE = Path(__file__).parents[1] / "hostile"
PACKAGE = Path(output.__file__).parents[1]


def is_harmless(text):
    """No control character but line feeds, nothing invisible or bidirectional, nothing that is no character."""
    return all(c == "\n" or c.isprintable() or unicodedata.category(c) == "Zs" for c in text)


COMMANDS = (
    ("inspect", "MODEL"),
    ("inspect", "MODEL", "--ranges"),
    ("quantize", "MODEL", "-o", "OUT", "--activations", "dynamic"),
    ("quantize", "MODEL", "-o", "OUT", "--exclude", "no\x1b[31m"),
    ("evaluate", "MODEL", "--compare", "MODEL", "--data", "DATA"),
    ("evaluate", "MODEL", "--sensitivity", "--data", "DATA", "--report", "OUT"),
    ("sweep", "MODEL", "--data", "DATA", "--max-error", "1"),
)


@pytest.mark.parametrize("name", ["terminal_escape.onnx", "evil_names.onnx"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("as_json", [False, True])
def test_names_from_files_do_not_command_the_terminal(playground_cli, tmp_path, name, command, as_json):
    places = {"MODEL": HOSTILE / name, "OUT": tmp_path / "out", "DATA": tmp_path / "samples.npz"}
    np.savez(places["DATA"], x=np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6))
    ran = playground_cli(*(places.get(part, part) for part in command), *(["--json"] * as_json))
    assert is_harmless(ran.out)
    assert is_harmless(ran.err)
    assert ran.code == (2 if "--exclude" in command else 0)


def test_a_name_is_still_told(playground_cli):
    ran = playground_cli("inspect", HOSTILE / "terminal_escape.onnx")
    assert ran.code == 0
    assert r"w\x1b]0;owned\x07\x1b[2J\x1b[31mfake: 0 problems\x1b[0m\r" in ran.out
    (name,) = (
        tensor["name"]
        for tensor in playground_cli("inspect", HOSTILE / "terminal_escape.onnx", "--json").json["tensors"]
    )
    assert name == "w\x1b]0;owned\x07\x1b[2J\x1b[31mfake: 0 problems\x1b[0m\r"


def test_a_name_cannot_add_lines(playground_cli):
    ran = playground_cli("inspect", HOSTILE / "evil_names.onnx")
    plain = playground_cli("inspect", HOSTILE / "terminal_escape.onnx")
    metadata = 3  # a title, one entry, and a line of space
    assert ran.out.count("\n") <= plain.out.count("\n") + 2 + metadata
    assert r"\n\'); import os #" in ran.out


@pytest.mark.parametrize("where", ["file", "array"])
def test_names_of_files_and_arrays_are_escaped_in_errors(playground_cli, tmp_path, where):
    path = tmp_path / ("x\x1b[2J.npz" if where == "file" else "x.npz")
    if where == "array":
        np.savez(path, **{"y\x1b[2J\u202e": np.ones(3, np.float32)})
    ran = playground_cli("evaluate", "gallery:digits-mlp", "--data", path)
    assert ran.code == 2
    assert is_harmless(ran.err)
    assert ran.err.count("\n") == 1


@given(st.text())
def test_printable_texts_are_harmless_and_nothing_else_changes(text):
    shown = printable(text)
    assert is_harmless(shown)
    assert "\n" not in shown
    if is_harmless(text) and "\n" not in text:
        assert shown == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31m", r"a\x1b[31m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\nc\td\x07\x08", r"a\rb\nc\td\x07\x08"),
        ("abc\u202egnp.exe\u2066", r"abc\u202egnp.exe\u2066"),
        ("\u200b\ufeff\u2028\u2029", r"\u200b\ufeff\u2028\u2029"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("größer → 3\u202f000 μ 層", "größer → 3\u202f000 μ 層"),
    ],
)
def test_what_is_escaped(text, shown):
    assert printable(text) == shown


def test_all_ways_of_printing_escape(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    console, evil = Console(as_json=False), "\x1b[2J\u202e\n"
    console.line(evil)
    console.paragraph(evil)
    console.pairs({evil: evil})
    console.table({evil: [evil]}, right=(evil,))
    console.progress(Progress(1, 2, evil))
    console.error(BadFileError(evil, where=evil, hint=evil))
    printed = capsys.readouterr()
    assert is_harmless(printed.out)
    # The progress line begins with a carriage return of its own.
    assert is_harmless(printed.err.replace("\r", "", 1))


def test_columns_stay_aligned_with_escaped_names(capsys):
    Console(as_json=False).table({"name": ["\x1b", "abc"], "n": ["1", "2"]})
    lines = capsys.readouterr().out.splitlines()
    assert [line.rindex(end) for line, end in zip(lines, "n12", strict=True)] == [6, 6, 6]


def test_one_place_prints_and_one_place_writes_files():
    """By the syntax tree: nothing else in the package prints, or opens, writes or saves a file."""
    writers = {"write_bytes", "write_text", "tofile", "save", "savez", "savez_compressed", "dump", "mkstemp"}
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            modes = [a.value for a in [*node.args, *(k.value for k in node.keywords)] if isinstance(a, ast.Constant)]
            opens = name == "open" and any(isinstance(m, str) and set(m) & set("wax+") and len(m) < 4 for m in modes)
            if name == "print" or name in writers or opens:
                found.append((path.relative_to(PACKAGE).as_posix(), name))
    allowed = {("cli/_console.py", "print"), ("host/output.py", "open")}
    allowed |= {("cli/quantize.py", "save"), ("cli/_without_graph.py", "save")}  # a result's, by host/output.py
    allowed.add(("model/writers/npz.py", "open"))  # a member of an archive in memory
    assert set(found) == allowed


def names_in(folder):
    return [path.name for path in folder.iterdir()]


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs Linux")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_full_disk_behind_stdout_is_one_sentence(as_json):
    command = [sys.executable, "-m", "playground", "inspect", "gallery:digits-mlp", *(["--json"] * as_json)]
    with FULL.open("wb") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stderr == (
        "playground: stdout: the result could not be printed (No space left on device). "
        "Free disk space, or redirect the output elsewhere\n"
    )


WRITING = {
    "model": ("quantize", "gallery:digits-mlp", "-o", "OUT"),
    "recipe": ("sweep", "gallery:digits-mlp", "--widths", "8", "--max-bytes", "10000000", "-o", "OUT"),
    "report": ("evaluate", "gallery:digits-mlp", "--sensitivity", "--report", "OUT"),
}


@pytest.mark.parametrize("what", WRITING)
def test_a_disk_that_fills_up_half_way_leaves_the_file_that_was_there(tmp_path, what):
    """A real process that may not write files of more than 512 bytes: its second write fails as on a full disk."""
    resource = pytest.importorskip("resource")
    target = tmp_path / "out"
    target.write_bytes(b"as it was")
    command = [sys.executable, "-m", "playground", *(str(target) if part == "OUT" else part for part in WRITING[what])]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))  # noqa: E731 - runs in the child
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, check=False, preexec_fn=limit, env=environment
    )
    assert ran.returncode == 2, ran.stderr
    error = json.loads(ran.stdout)
    assert error["kind"] == "output"
    assert error["message"].startswith(f"{target}: writing failed (File too large); nothing was changed")
    assert target.read_bytes() == b"as it was"
    assert names_in(tmp_path) == ["out"]


def test_what_is_written_is_whole(playground_cli, tmp_path):
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", tmp_path / "m.onnx", "--ranges", tmp_path / "ranges")
    assert ran.code == 0
    onnx.checker.check_model(str(tmp_path / "m.onnx"))
    (kept,) = (tmp_path / "ranges").iterdir()
    json.loads(kept.read_text("utf-8"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.onnx", "ranges"]


def test_a_folder_of_ranges_that_cannot_be_made_is_named(playground_cli, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    ran = playground_cli("quantize", "gallery:digits-mlp", "-o", tmp_path / "m.onnx", "--ranges", tmp_path / "file")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "file: writing failed (File exists)" in ran.err


def test_the_gallery_keeps_whole_files_only(monkeypatch, tmp_path):
    monkeypatch.setattr(gallery, "_FOLDER", tmp_path)
    gallery.put_file("moby-dick.npz", b"content")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("moby-dick.npz", b"content")]


@pytest.mark.parametrize(("encoding", "sizes"), [("ascii", "kB -> "), ("cp1252", "kB -> "), ("utf-8", "kB → ")])
def test_signs_that_cannot_be_shown_are_spelt(monkeypatch, encoding, sizes):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    Console(as_json=False).line("402 kB → 115 kB (3.48 × smaller), −1\u202f000 字")
    stream.flush()
    shown = stream.buffer.getvalue().decode(encoding)
    assert sizes in shown
    assert {"ascii": "3.48 x smaller), -1 000 ?", "cp1252": "3.48 × smaller), -1 000 ?"}.get(encoding, "字") in shown
