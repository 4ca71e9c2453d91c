"""Where things are, on every platform."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "playground"
STATIC = ROOT / "static"
REQUIREMENTS = ROOT / "requirements"
WASM_KERNELS = ROOT / "wasm_kernels"
KERNELS_FILE = PACKAGE / "kernels" / "kernels-simd128.wasm"
RELAXED_KERNELS_FILE = PACKAGE / "kernels" / "kernels-relaxed.wasm"
STRUCTS_FILE = PACKAGE / "kernels" / "structs.json"
STRUCTS_MODULE = PACKAGE / "kernels" / "structs.mjs"
STRUCTS_TYPES = PACKAGE / "kernels" / "structs.d.mts"
DIST = ROOT / "dist"

LOCAL_CACHE = ROOT / ".cache"
TREE = LOCAL_CACHE / "tree"
"""The assembled site under the names the sources use. ``dist/`` is made from it."""

STAMPS = LOCAL_CACHE / "stamps"
"""What this checkout's outputs were made from; never shared between checkouts."""

DOWNLOADS = Path(os.environ.get("PLAYGROUND_CACHE") or LOCAL_CACHE).resolve()
"""What was downloaded, addressed by version or hash: ``PLAYGROUND_CACHE`` lets several checkouts share it."""

VENV = ROOT / ".venv"
_SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = _SCRIPTS / ("python.exe" if os.name == "nt" else "python")


def tool(name: str) -> Path:
    """A command that a package installed into the virtual environment."""
    return _SCRIPTS / (f"{name}.exe" if os.name == "nt" else name)


def site_packages() -> Path:
    """The virtual environment's packages. Its Python need not be the one that runs this."""
    if os.name == "nt":
        return VENV / "Lib" / "site-packages"
    return next((VENV / "lib").glob("python3.*")) / "site-packages"
