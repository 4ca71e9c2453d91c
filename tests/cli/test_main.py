"""What all commands share: help, errors, exit codes, interruption."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import playground
from playground import cli
from playground.errors import EngineError

COMMANDS = sorted(cli.SUMMARIES)


def test_every_file_is_a_command_that_the_help_lists():
    files = {path.stem for path in Path(cli.__file__).parent.glob("[!_]*.py")}
    assert files == set(COMMANDS)


def test_the_help_imports_no_command():
    code = "import sys; from playground.cli import main\ntry: main(['--help'])\nexcept SystemExit: print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    modules = set(told.splitlines()[-1].split())
    assert "playground.cli" in modules
    assert not {f"playground.cli.{name}" for name in COMMANDS} & modules


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main([command, "--help"])
    assert end.value.code == 0
    assert "--json" in capsys.readouterr().out


def test_version(capsys):
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"playground {playground.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no command. Write playground quantize model.onnx for instance, or see playground --help"),
        (["squeeze"], "there is no command 'squeeze'. See playground --help"),
        (["inspect"], "inspect: the following arguments are required: FILE. See playground inspect --help"),
        (["inspect", "nowhere.onnx"], "nowhere.onnx: the file does not exist. Check the path"),
        (["inspect", "gallery:resnet"], "gallery: there is no model 'resnet'. Use one of: digits-mlp, digits-convnet"),
        (["inspect", "."], ".: this is a folder and not a file. Give the file in it"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(playground_cli, arguments, message):
    ran = playground_cli(*arguments)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith(f"playground: {message}")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "model.onnx: the file is empty"),
        (bytes(range(256)) * 8, "model.onnx: "),
        (b"\x08\x08\x12\x04test:\xff\xff\xff\x7f", "model.onnx: "),
    ],
    ids=["empty", "random", "truncated"],
)
@pytest.mark.parametrize("command", ["inspect", "quantize", "evaluate"])
def test_damaged_files_are_named(playground_cli, tmp_path, command, content, message):
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    ran = playground_cli(command, path, "--json")
    assert (ran.code, ran.err) == (2, "")
    assert ran.json["kind"] == "bad_file"
    assert ran.json["message"].startswith(message)


def test_json_errors_have_kind_and_message_even_for_bad_options(playground_cli):
    ran = playground_cli("evaluate", "gallery:digits-mlp", "--engine", "abacus", "--json")
    assert (ran.code, ran.err) == (2, "")
    assert set(ran.json) == {"kind", "message"}
    assert ran.json["kind"] == "invalid_input"
    assert "abacus" in ran.json["message"]


def test_an_engine_that_fails_is_exit_code_1(playground_cli, monkeypatch):
    def fail(*_, **__):
        raise EngineError("it fell over")

    monkeypatch.setattr("playground.cli.evaluate.run_task", fail)
    ran = playground_cli("evaluate", "gallery:digits-mlp")
    assert (ran.code, ran.out, ran.err) == (1, "", "playground: it fell over\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "out.onnx"), "out.onnx: No space left on device"),
        (OSError(errno.EIO, "Input/output error"), "Input/output error"),
        (OSError("the disk is gone"), "the disk is gone"),
    ],
    ids=["file", "errno", "words"],
)
def test_what_the_system_refuses_is_said_in_its_words(playground_cli, monkeypatch, error, said):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("playground.cli.evaluate.run_task", fail)
    ran = playground_cli("evaluate", "gallery:digits-mlp")
    assert (ran.code, ran.out, ran.err) == (2, "", f"playground: {said}. Check the path and its permissions\n")


def test_interrupt_ends_without_traceback(playground_cli, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("playground.cli.evaluate.run_task", interrupt)
    ran = playground_cli("evaluate", "gallery:digits-mlp", "--json")
    assert (ran.code, ran.err) == (130, "")
    assert ran.json["kind"] == "cancelled"
    assert ran.json["message"] == "playground: the command was cancelled. Run it again: no file was changed"


def test_a_reader_that_stops_reading_is_no_error():
    command = [sys.executable, "-m", "playground", "inspect", "gallery:digits-convnet"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.wait(timeout=60) in (0, 1)
    assert process.stderr.read() == b""


def test_json_is_strict_where_numbers_are_not_finite(playground_cli, tmp_path):
    np.savez(tmp_path / "odd.npz", odd=np.array([np.nan, 1, np.inf], np.float32))
    ran = playground_cli("inspect", tmp_path / "odd.npz", "--ranges", "--json")
    assert ran.code == 0
    tensor = json.loads(ran.out, parse_constant=lambda name: pytest.fail(f"{name} in the JSON"))["tensors"][0]
    assert tensor["min"] is None
