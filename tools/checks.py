"""``build.py check``: static checks, which run before the tests."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from tools import budgets, environment, javascript, kernel_order, kernels, site, words, workflows
from tools.paths import PYTHON, ROOT, tool
from tools.steps import BuildError, run, timed

DATA_BUDGET = 8_000_000
"""Bytes of models, arrays and pictures that may be committed."""

_DATA_SUFFIXES = {
    ".onnx",
    ".npz",
    ".npy",
    ".safetensors",
    ".bin",
    ".binpb",
    ".gguf",
    ".tflite",
    ".png",
    ".svg",
    ".wasm",
}

_INDEX_HOSTS = [
    "".join(parts) for parts in (("pypi", ".org"), ("python", "hosted.org"), ("npmjs", ".org"), ("npmjs", ".com"))
]
"""Joined here, so that this file does not name them either."""


def run_checks() -> None:
    """Run every check, then say which failed.

    Raises:
        BuildError: at least one did.
    """
    site.build()
    environment.ensure("test")
    checks: dict[str, Callable[[], None]] = {
        "Formatting (ruff)": lambda: _tool(tool("ruff"), "format", "--check", "."),
        "Lint (ruff)": lambda: _tool(tool("ruff"), "check", "."),
        "Types (mypy --strict)": lambda: _tool(PYTHON, "-m", "mypy"),
        "One-way imports (import-linter)": lambda: _tool(tool("lint-imports"), "--no-cache"),
        "JavaScript: format and lint (Biome)": javascript.check_form,
        "JavaScript: types (TypeScript)": javascript.check_types,
        "Workflows of GitHub Actions (actionlint)": workflows.check,
        "Kernels: no data segment, no memory maximum, small": _check_kernels,
        "Kernels: products in the order that engines need": kernel_order.check_kernels,
        "Committed data fits its budget": _check_budget,
        "No package index is named": _check_hosts,
        "Words of the glossary": lambda: words.check(tracked_files(), ROOT),
        "What a visit costs": budgets.check,
    }
    failed = []
    for title, check in checks.items():
        try:
            with timed(title):
                check()
        except BuildError as error:
            print(f"    FAILED: {error}", flush=True)
            failed.append(title)
    if failed:
        raise BuildError(f"{len(failed)} of {len(checks)} checks failed: {'; '.join(failed)}")
    print(f"{len(checks)} checks passed.")


def tracked_files() -> list[Path]:
    """What git tracks or would add.

    Raises:
        BuildError: this is not a git checkout.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BuildError(f"git could not list the files: {result.stderr.strip()}")
    paths = (ROOT / name for name in result.stdout.split("\0") if name)
    return [path for path in paths if path.is_file()]


def _tool(*command: str | Path) -> None:
    run(list(command), f"{' '.join(Path(part).name for part in command)} complains; see above.")


def _check_kernels() -> None:
    for path in kernels.built_kernels():
        kernels.check_module(path.read_bytes())
    kernels.check_size(kernels.built_kernels())


def _check_budget() -> None:
    sizes = {path: path.stat().st_size for path in tracked_files() if path.suffix in _DATA_SUFFIXES}
    total = sum(sizes.values())
    if total > DATA_BUDGET:
        largest = max(sizes, key=lambda path: sizes[path])
        raise BuildError(
            f"{total} bytes of data are committed; the limit is {DATA_BUDGET}. The largest is {largest.name}."
        )


def _check_hosts() -> None:
    for path in tracked_files():
        content = path.read_bytes()
        for host in _INDEX_HOSTS:
            if host.encode() in content:
                raise BuildError(f"{path.relative_to(ROOT)} names {host}. Remove it: every mirror must work.")
