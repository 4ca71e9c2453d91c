"""JavaScript modules joined into one file each, by esbuild: fewer requests, and a worker that is one text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tools import downloads
from tools.steps import Command, run


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
    command += ["--target=es2023", "--external:node:*", "--external:./ort/*", "--log-level=warning", *options]
    run(command, f"{entry.name} could not be bundled.", environment={**os.environ, "NODE_PATH": str(modules)})
