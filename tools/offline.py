"""The service worker: ``static/sw.mjs`` with workbox and the list of what to keep for use without a network."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools import budgets, downloads, release, scripts
from tools.paths import STATIC
from tools.steps import run

LEFT_OUT = (
    r"bench(-[0-9a-f]+/.*|\.html)",  # the benchmark, its models and LiteRT.js: not needed without a network
    r"pn-[0-9a-f]+/.*/images/.*",  # Panel's logos
    r"ort-[0-9a-f]+/.*",  # ONNX Runtime Web as the benchmark imports it; the page has it in another form
)
"""Addresses that are fetched from the network whenever they are asked for."""


def kept_files(contents: Mapping[str, bytes]) -> list[dict[str, str | None]]:
    """The list for workbox, smallest files first: address, revision (of what keeps its name), integrity.

    Smallest first, so that a start which is interrupted has the most of what it needs.
    """
    addresses = [
        address
        for address in contents
        if not any(re.fullmatch(pattern, address) for pattern in LEFT_OUT)
        and not budgets.is_fallback(address, contents)
    ]
    files: list[dict[str, str | None]] = []
    for address in sorted(addresses, key=lambda a: (len(contents[a]), a)):
        check = release.integrity(contents[address])
        files.append(
            {"url": address, "revision": check if address in release.ENTRY_POINTS else None, "integrity": check}
        )
    return files


def service_worker(source: Path, planned: release.Release) -> bytes:
    """Bundle the service worker of a release.

    Raises:
        BuildError: esbuild failed.
    """
    return _bundle(source, {"release": planned.name, "files": kept_files(planned.contents)})[0]


def npm_packages() -> list[str]:
    """The npm packages of which the service worker has code.

    Raises:
        BuildError: esbuild failed.
    """
    return _bundle(STATIC / release.SERVICE_WORKER, {"release": "", "files": []})[1]


def _bundle(source: Path, files: Mapping[str, object]) -> tuple[bytes, list[str]]:
    """The script with ``files`` in it, and the npm packages of which it has code."""
    modules = downloads.node_modules()
    with tempfile.TemporaryDirectory() as scratch:
        listed, output, meta = (Path(scratch, name) for name in ("files.json", "sw.js", "meta.json"))
        listed.write_text(json.dumps(files), "utf-8")
        options = [
            "--bundle",
            "--minify",
            "--format=iife",
            "--target=es2022",
            '--define:process.env.NODE_ENV="production"',
        ]
        options += [f"--alias:release-files={listed}", f"--outfile={output}", f"--metafile={meta}"]
        run(
            [*downloads.node("node"), modules / "esbuild" / "bin" / "esbuild", source, *options, "--log-level=warning"],
            "The service worker could not be bundled.",
            environment={**os.environ, "NODE_PATH": str(modules)},
        )
        return output.read_bytes(), scripts.packages_in(meta)
