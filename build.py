"""The one front door: ``python build.py serve``. Needs Python 3.11+ with pip, and a network the first time.

Each command brings what it needs: a virtual environment (.venv) with hash-locked packages, node and the WebAssembly
compiler from PyPI, the browser's Python from npm. Steps whose ingredients have not changed are skipped.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

OLDEST_PYTHON = (3, 11)
if sys.version_info < OLDEST_PYTHON:
    sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")

sys.path.insert(0, str(Path(__file__).parent))

from playground.errors import PlaygroundError  # noqa: E402
from playground.serving import DEFAULT_PORT, make_server  # noqa: E402
from tools import bench, checks, documentation, mutation, shots, site, testing, wheel  # noqa: E402
from tools.paths import DIST, DOWNLOADS, KERNELS_FILE, LOCAL_CACHE, STAMPS, TREE, VENV  # noqa: E402
from tools.real_models import command as real_models  # noqa: E402
from tools.steps import BuildError  # noqa: E402


def serve(options: argparse.Namespace) -> None:
    """Build the site and serve it until Ctrl-C."""
    began = time.monotonic()
    folder = site.build()
    with make_server(folder, options.port) as server:
        print(f"Ready after {time.monotonic() - began:.1f} s. Ctrl-C stops it.\n{server.url}", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()


def build_site(_: argparse.Namespace) -> None:
    """Build the site into dist/."""
    print(f"The site is in {site.build()}")


def build_wheel(_: argparse.Namespace) -> None:
    """Build the wheel, which has the kernels and the site in it."""
    made = wheel.build()
    print(f"{made} ({made.stat().st_size / 1e6:.1f} MB). Install it with: pip install {made}")


def run_bench(options: argparse.Namespace) -> None:
    """Time the kernels and the first load, with --cold the kinds of start, with --formats the number formats."""
    if options.formats:
        bench.run_formats(options.json)
        return
    if options.runs < 1:
        raise BuildError(f"--runs {options.runs}: use at least 1.")
    cold_runs = options.runs if options.cold else 0
    bench.run_bench(as_json=options.json, cold_runs=cold_runs, models=options.models, page=options.page)


def run_mutation(options: argparse.Namespace) -> None:
    """Judge a sample of mutants; survivors are told, and are no failure."""
    mutation.run_mutation(options.count, options.seed, again=options.again, as_json=options.json)


def measure_models(options: argparse.Namespace) -> None:
    """Quantize real models out of packages, and write down how well that went."""
    real_models.run_models(options.only, as_json=options.json)


def clean(options: argparse.Namespace) -> None:
    """Delete what was built; with --all also the virtual environment and everything downloaded."""
    for path in [DIST, TREE, STAMPS, KERNELS_FILE.parent, *([VENV, LOCAL_CACHE] if options.all else [])]:
        shutil.rmtree(path, ignore_errors=True)
    if options.all and DOWNLOADS != LOCAL_CACHE:
        print(f"Kept {DOWNLOADS} (PLAYGROUND_CACHE): other checkouts may use it.")


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    result = argparse.ArgumentParser(prog="build.py", description=__doc__.split("\n")[0] if __doc__ else None)
    commands = result.add_subparsers(
        required=True, metavar="serve | site | wheel | test | mutate | check | bench | shots | models | docs | clean"
    )
    at = commands.add_parser("serve", help="build the site and serve it on this machine")
    at.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"where to serve it (default {DEFAULT_PORT})")
    at.set_defaults(run=serve)
    commands.add_parser("site", help="build the site into dist/").set_defaults(run=build_site)
    commands.add_parser("wheel", help="build a wheel with the kernels and the site in it").set_defaults(run=build_wheel)
    at = commands.add_parser("test", allow_abbrev=False, help="run the tests; further arguments go to pytest")
    selections = {
        "quick": "without a browser and what is slow: for daily work, under two minutes on two cores",
        "all": "also what is heavy, and new random examples for the tests of properties",
        "oracles": "tests/oracles instead, against PyTorch, bitsandbytes, gguf, JAX, ... (0.4 GB more)",
    }
    which = at.add_mutually_exclusive_group()
    for name, meaning in selections.items():
        which.add_argument(f"--{name}", dest="selection", action="store_const", const=name, help=meaning)
    at.set_defaults(selection="usual", run=lambda options: testing.run_tests(options.rest, selection=options.selection))
    at = commands.add_parser("mutate", help="change a sample of lines a little and see whether the tests notice")
    at.add_argument("--count", type=int, default=100, help="how many changes (default 100)")
    at.add_argument("--seed", type=int, default=0, help="which ones (default 0)")
    at.add_argument("--again", action="store_true", help="record anew which tests run which lines")
    at.add_argument("--json", action="store_true", help="print JSON instead of lines")
    at.set_defaults(run=run_mutation)
    at = commands.add_parser("check", help="formatting, lint, types, import contracts, sizes")
    at.set_defaults(run=lambda _: checks.run_checks())
    at = commands.add_parser("bench", help="time the kernels and the first load in Chromium")
    at.add_argument("--json", action="store_true", help="print JSON instead of tables")
    at.add_argument("--formats", action="store_true", help="time the number formats against other packages instead")
    at.add_argument(
        "--cold", action="store_true", help="compare starts instead: plain, from the snapshot, second visit"
    )
    at.add_argument("--runs", type=int, default=5, help="how many starts of each kind with --cold (default 5)")
    at.add_argument(
        "--models", action="store_true", help="time real models in the page instead, beside ONNX Runtime Web"
    )
    at.add_argument(
        "--page",
        nargs="?",
        default="",
        const="all",
        choices=["all", "drag", "views", "soak"],
        help="measure the page instead: what is dragged, frame by frame, how soon views open, what grows in long use",
    )
    at.set_defaults(run=run_bench)
    at = commands.add_parser("shots", help="take pictures of every view and state, at every width, in both themes")
    at.add_argument("--only", metavar="STATE", help="only the states whose name holds this")
    at.add_argument("--moving", action="store_true", help="make the README's moving picture instead")
    at.set_defaults(run=lambda options: shots.take_moving() if options.moving else shots.take(options.only))
    at = commands.add_parser("models", help="quantize real models out of packages, beside ONNX Runtime's tool")
    at.add_argument("--only", metavar="NAME", help="only the models whose id holds this, and write no document")
    at.add_argument("--json", action="store_true", help="print JSON instead of writing docs/real-models.md")
    at.set_defaults(run=measure_models)
    at = commands.add_parser("docs", help="build the page and its documentation, into dist/ and dist/docs")
    at.set_defaults(run=lambda _: documentation.build())
    at = commands.add_parser("clean", help="delete what was built")
    at.add_argument("--all", action="store_true", help="also .venv and everything downloaded")
    at.set_defaults(run=clean)
    return result


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit code."""
    options, rest = parser().parse_known_args(arguments)
    if rest and "selection" not in options:  # only tests take more
        parser().error(f"unknown arguments: {' '.join(rest)}")
    options.rest = rest
    try:
        options.run(options)
    except (BuildError, PlaygroundError) as error:
        print(f"build.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
