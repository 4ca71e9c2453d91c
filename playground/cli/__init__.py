"""The command line: ``playground COMMAND``. One file beside this one is one command, listed in :data:`SUMMARIES`.

Results go to stdout, laid out for people or, with ``--json``, as one JSON document; progress and errors for people go
to stderr. Exit codes: 0 done, 1 an engine failed, 2 the input cannot be used, 130 cancelled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import playground
from playground.cli._command import Command
from playground.cli._console import STDOUT, Console
from playground.errors import BadFileError, CancelledError, EngineError, InvalidInputError, OutputError, PlaygroundError

FAILED, BAD_INPUT, CANCELLED = 1, 2, 130

SUMMARIES = {
    "compare": "compare two model files, tensor by tensor",
    "evaluate": "measure a model on samples, alone or against another",
    "formats": "list the number formats",
    "inspect": "show what is in a model file",
    "quantize": "write a quantized model",
    "schema": "print the JSON Schema of a recipe, report, settings ...",
    "serve": "serve the built site on this machine",
    "sweep": "find the best formats for each layer at every size",
}
"""Commands, with the help's line about each. Only the command that is asked for is imported: each needs other parts."""

_EXAMPLES = """\
examples:
  playground inspect model.onnx
  playground quantize model.onnx --calibration samples.npz -o small.onnx
  playground evaluate small.onnx --compare model.onnx --data samples.npz

"playground COMMAND --help" has a command's options. samples.npz has an array for each
input of the model, with its name; gallery:digits-mlp stands for a model that comes with this.
"""

_OF_ALL = ("-h", "--help", "--version")
"""What may stand in the place of a command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code. Nothing that a caller can provoke ends in a traceback."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    console = Console(as_json="--json" in arguments)
    try:
        return _run(arguments, console)
    except KeyboardInterrupt:
        return _fail(
            console,
            CancelledError("the command was cancelled", where="playground", hint="Run it again: no file was changed"),
            CANCELLED,
        )
    # the reader of the output, such as `head`, has ended
    except BrokenPipeError:
        console.give_up_stdout()
        return FAILED
    except OutputError as error:
        if error.where == STDOUT:
            console.give_up_stdout()
        return _fail(console, error, BAD_INPUT)
    except OSError as error:
        where = str(error.filename) if error.filename else ""
        return _fail(
            console,
            BadFileError(error.strerror or str(error), where=where, hint="Check the path and its permissions"),
            BAD_INPUT,
        )
    except EngineError as error:
        return _fail(console, error, FAILED)
    except PlaygroundError as error:
        return _fail(console, error, BAD_INPUT)


def _run(arguments: list[str], console: Console) -> int:
    first = next(iter(arguments), "")
    if first not in SUMMARIES and first not in _OF_ALL:
        from playground.cli._near_misses import no_command

        raise no_command(first, SUMMARIES)
    parser, parsers = _parser(next((word for word in arguments if not word.startswith("-")), ""))
    args, extras = parser.parse_known_args(arguments)
    if extras:
        from playground.cli._near_misses import unknown_arguments

        raise unknown_arguments(extras, args.command, parsers[args.command])
    command = _command(args.command)
    try:
        result = command.run(args, console)
    finally:
        console.end_progress()
    if result is not None:
        console.result(result, command.show)
    return 0


def _command(name: str) -> Command:
    command: Command = import_module(f"{__name__}.{name}").COMMAND
    return command


def _fail(console: Console, error: PlaygroundError, code: int) -> int:
    console.error(error)
    return code


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print and exit, so that bad options are errors like all others."""

    def error(self, message: str) -> NoReturn:
        raise InvalidInputError(message, where=self.prog.removeprefix("playground "), hint=f"See {self.prog} --help")


def _parser(asked: str) -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    """The parser of the whole line, with the options of the one command that is asked for, and those of commands."""
    parser = _Parser(
        prog="playground",
        description="See, feel and keep what quantization does to real models.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"playground {playground.__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers: dict[str, argparse.ArgumentParser] = {}
    for name, summary in SUMMARIES.items():
        sub = parsers[name] = subparsers.add_parser(name, help=summary, description=summary)
        if name == asked:
            _command(name).configure(sub)
            sub.add_argument("--json", action="store_true", help="print one JSON document instead of text")
    return parser, parsers
