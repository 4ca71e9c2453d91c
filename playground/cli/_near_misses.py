"""Commands and options that do not exist, and what to write instead."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from playground.calls import filled, nearest
from playground.errors import InvalidInputError
from playground.model.loading import READERS
from playground.number_formats import FORMATS, id_of

_QUANTIZE = "playground quantize model.onnx"

_COMMANDS = {
    **dict.fromkeys(("info", "show", "list", "ls", "print", "dump", "describe"), "playground inspect model.onnx"),
    **dict.fromkeys(("quant", "convert", "compress", "optimize", "calibrate", "export"), _QUANTIZE),
    **dict.fromkeys(("run", "eval", "test", "benchmark", "bench", "infer"), "playground evaluate model.onnx"),
    **dict.fromkeys(("diff", "cmp"), "playground compare a.onnx b.onnx"),
    **dict.fromkeys(("ui", "web", "gui", "open", "app", "start"), "playground serve"),
    **dict.fromkeys(("version", "-v", "-V"), "playground --version"),
    "help": "playground --help",
}
"""What people take for a command -> what to write."""

_SAMPLES = "--calibration samples.npz"
_FORMAT = "--format {int8}"

_OPTIONS = {
    **dict.fromkeys(("--bits", "-b", "--nbits", "--n-bits", "--num-bits", "--wbits"), "--format int{4}"),
    **dict.fromkeys(("--dtype", "-t", "-f", "--type", "--weights", "--weight-format", "--weight-type"), _FORMAT),
    **dict.fromkeys(("--quant", "--qtype", "--precision", "--outtype"), _FORMAT),
    **{f"--{name}": f"--format {name}" for name in ("int8", "int4", "uint8")},
    "--fp16": "--format int8: ONNX files have integers as weights",
    **{f"--{name}": f"--activations {name}" for name in ("static", "dynamic", "weight-only")},
    **dict.fromkeys(("--mode", "--method"), "--activations {dynamic}"),
    **dict.fromkeys(("--per-channel", "--per_channel"), "--granularity channel"),
    **dict.fromkeys(("--per-tensor", "--per_tensor"), "--granularity tensor"),
    **{f"--{name}": f"--algorithms {name}" for name in ("gptq", "awq", "smoothquant", "hqq", "adaround")},
    **dict.fromkeys(("--calibration-data", "--calib-data", "--dataset", "--calibration_data"), _SAMPLES),
    **dict.fromkeys(("--samples", "--inputs", "--calib-dataset"), _SAMPLES),
    **dict.fromkeys(("--skip", "--ignore", "--exclude-nodes", "--nodes-to-exclude"), "--exclude 'fc1.*'"),
    **dict.fromkeys(("--save", "--out-file", "--outfile", "--dest"), "--output small.onnx"),
}
"""What people take for an option -> what to write."""

_FILE = ("--input", "-i", "--model", "-m", "--file", "--infile", "--path")
"""What people write in front of the file's name."""


def no_command(given: str, commands: Collection[str]) -> InvalidInputError:
    """The error for a first word that is not a command."""
    if not given:
        hint = f"Write {_QUANTIZE} for instance, or see playground --help"
        return InvalidInputError("there is no command", hint=hint)
    if given in _COMMANDS:
        hint = f"Write {_COMMANDS[given]}"
    elif Path(given).suffix.lower() in _endings() or Path(given).is_file():
        hint = f"Name a command first: playground quantize {given}"
    else:
        near = nearest(given, commands)
        hint = f"Write playground {near}, or see playground --help" if near else "See playground --help"
    word = "option" if given.startswith("-") else "command"
    return InvalidInputError(f"there is no {word} {given!r}", hint=hint)


def unknown_arguments(extras: Sequence[str], command: str, parser: argparse.ArgumentParser) -> InvalidInputError:
    """The error for arguments that a command does not take; ``extras`` are all of them, in order."""
    options = parser._option_string_actions
    name, equals, value = extras[0].partition("=")
    value = value if equals else next(iter(extras[1:]), "")
    hint = _option_hint(name, value, command, options) if name.startswith("-") else _value_hint(name, options)
    what = f"there is no option {name}" if name.startswith("-") else f"{name!r} is one argument too many"
    return InvalidInputError(what, where=command, hint=hint or f"See {parser.prog} --help")


def _option_hint(name: str, value: str, command: str, options: Mapping[str, object]) -> str:
    instead = filled(_OPTIONS.get(name, ""), value)
    if instead.partition(" ")[0] in options:
        return f"Write {instead}"
    if name in _FILE and command not in ("formats", "schema", "serve"):
        return f"Write the file's name alone: playground {command} model.onnx"
    near = nearest(name, options)
    return f"Write {near}" if near else ""


def _value_hint(value: str, options: Mapping[str, object]) -> str:
    form, ending = id_of(value, FORMATS), Path(value).suffix.lower()
    meant = [("--format", form or "")]
    if ending in (".npz", ".npy", ".safetensors"):
        options_of_samples = ["--calibration", "--data"] if "--output" in options else ["--data"]
        meant += [(option, value) for option in options_of_samples]
    if ending in _endings():
        meant += [("--output", value), ("--compare", value)]
    return next((f"Write {option} {text}" for option, text in meant if text and option in options), "")


def _endings() -> set[str]:
    return {ending for reader in READERS.values() for ending in reader.suffixes}
