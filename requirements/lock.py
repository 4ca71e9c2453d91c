"""Rewrite the hash-locked pins: ``python requirements/lock.py`` (needs ``uv``; for oracles.in, also pip's find-links).

The locks are universal (Linux, macOS, Windows; Python 3.11 to 3.14) and name no index, so any mirror that has the same
bytes serves them. PyTorch's CPU build for Linux is looked up in ``PIP_FIND_LINKS``; only the wheels found there are
locked, which decides the Python versions that ``build.py test --oracles`` supports on Linux.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


FILES_ONLY = {"models"}
"""Locks of wheels that are unpacked and not installed: what they depend on is left out."""


def lock(name: str) -> None:
    """Write ``<name>.txt`` from ``<name>.in``."""
    command = ["uv", "pip", "compile", "--universal", "--python-version=3.11", "--generate-hashes", "--upgrade"]
    command += [f"--output-file={name}.txt", f"{name}.in"]
    command += ["--no-deps"] if name in FILES_ONLY else []
    links = os.environ.get("PIP_FIND_LINKS")
    if links:
        command += [f"--find-links={links}"]
    environment = {**os.environ, "UV_CUSTOM_COMPILE_COMMAND": "python requirements/lock.py"}
    subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.DEVNULL, env=environment)


if __name__ == "__main__":
    for each in ("site", "test", "docs", "oracles", "models", "tensorflow"):
        lock(each)
