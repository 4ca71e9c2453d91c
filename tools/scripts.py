"""JavaScript modules joined into one file each, by esbuild: fewer requests, and a worker that is one text."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools import downloads
from tools.paths import LOCAL_CACHE
from tools.steps import Command, run

RECORDS = LOCAL_CACHE / "bundled"
"""Which npm packages went into which bundle: one list a bundle, for the notices."""

NPM_PACKAGE = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)/")
"""In the path of a module, the package it belongs to."""


def bundle(
    modules: Path,
    entry: Path,
    target: Path,
    *,
    form: str = "esm",
    platform: str = "browser",
    options: Sequence[str] = (),
) -> None:
    """Join ``entry`` and everything it imports.

    Args:
        modules: npm's packages, where bare names are looked up.
        entry: the module to begin with.
        target: the file to write.
        form: ``"esm"`` for a module, ``"iife"`` for a classic script.
        platform: ``"browser"`` or ``"node"``.
        options: what else esbuild is told.

    Raises:
        BuildError: esbuild complained.
    """
    command: Command = [*downloads.node("node"), modules / "esbuild" / "bin" / "esbuild", entry, "--bundle", "--minify"]
    command += [f"--format={form}", f"--platform={platform}", f"--outfile={target}", "--legal-comments=eof"]
    command += [
        "--target=es2023",
        "--external:node:*",
        "--external:./ort/*",
        "--external:./bench/litert/*",
        "--log-level=warning",
        *options,
    ]
    with tempfile.TemporaryDirectory() as scratch:
        meta = Path(scratch, "meta.json")
        environment = {**os.environ, "NODE_PATH": str(modules)}
        run([*command, f"--metafile={meta}"], f"{entry.name} could not be bundled.", environment=environment)
        RECORDS.mkdir(parents=True, exist_ok=True)
        record(target.name).write_text(json.dumps(packages_in(meta)), "utf-8")


def hint_eager(script: Path) -> None:
    """Ask browsers to compile a whole script while it comes in, beside the page's thread.

    Most functions of Bokeh are called as it loads. Without this, browsers that have such hints (V8) only look over them
    at first, and compile each when it is called, while the page waits. For one large script only: compiling several at
    once takes the processor from the first frame.
    """
    script.write_text(f"//# allFunctionsCalledOnLoad\n{script.read_text('utf-8')}", "utf-8")


def record(bundle_name: str) -> Path:
    """The file that lists the npm packages of a bundle."""
    return RECORDS / f"{bundle_name}.json"


def npm_packages(bundle_name: str) -> list[str]:
    """The npm packages of which a bundle has code, as :func:`bundle` found them."""
    found: list[str] = json.loads(record(bundle_name).read_text("utf-8"))
    return found


def packages_in(meta: Path) -> list[str]:
    """The npm packages of which esbuild took code, from the file that it writes about its inputs."""
    found = set()
    for output in json.loads(meta.read_text("utf-8"))["outputs"].values():
        for path, part in output["inputs"].items():
            names = NPM_PACKAGE.findall(path)
            if names and part["bytesInOutput"]:
                found.add(names[-1])
    return sorted(found)
