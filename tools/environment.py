"""The virtual environment, with exactly the locked packages."""

from __future__ import annotations

import importlib.util
import sys

from tools.paths import PYTHON, REQUIREMENTS, ROOT, VENV, site_packages
from tools.steps import BuildError, Command, run, step

_STAMPS = VENV / ".stamps"
"""Inside the environment, so that they go when it goes."""

_USUAL_HINT = "pip says why above: no network (pip's own settings and variables apply), or a file has another hash"
_ORACLES_SIZE = "PyTorch, bitsandbytes, gguf, JAX, Keras, LiteRT: 0.4 GB to download, 1.5 GB on disk"
_ORACLES_HINT = (
    "On Linux it needs the CPU build of PyTorch 2.13.0 for Python 3.11: "
    "name a folder or page that has it in PIP_FIND_LINKS"
)


def ensure(lock: str, note: str = "") -> None:
    """Make ``.venv`` if needed and install ``requirements/<lock>.txt`` into it.

    Dependencies are not resolved again (``--no-deps``): the lock is complete, and pip refuses any other hash.

    Args:
        lock: ``site``, ``test``, ``docs`` or ``oracles``.
        note: said beside the step's title, for instance how large the download is.

    Raises:
        BuildError: the environment could not be made, a download failed or a hash was wrong.
    """
    # Whichever Python calls: an environment that works is kept, so that two of them do not undo each other's.
    step("Make .venv", [str(ROOT)], [PYTHON, VENV / "pyvenv.cfg"], _make, _STAMPS)
    requirements = REQUIREMENTS / f"{lock}.txt"
    command: Command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    command += ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "-r", requirements]
    failure = f"Installing requirements/{lock}.txt failed. {_ORACLES_HINT if lock == 'oracles' else _USUAL_HINT}."
    title = f"Install requirements/{lock}.txt{note}"
    step(title, [VENV / "pyvenv.cfg", requirements], [PYTHON], lambda: run(command, failure), _STAMPS)


def ensure_oracles() -> None:
    """What tests and benchmarks compare with, on top of ``test``; says how much that is.

    Raises:
        BuildError: see :func:`ensure`.
    """
    for lock, note in (("site", ""), ("test", ""), ("oracles", f" ({_ORACLES_SIZE})")):
        ensure(lock, note)


def _make() -> None:
    """Make the environment, in which this checkout's ``playground`` can be imported from anywhere."""
    if importlib.util.find_spec("ensurepip") is None:  # asked first, because --clear deletes first
        raise BuildError(f"{sys.executable} cannot make .venv (Debian: install python3-venv).")
    command: Command = [sys.executable, "-m", "venv", "--clear", VENV]
    run(command, "Making .venv failed; see above.")
    (site_packages() / "playground-checkout.pth").write_text(f"{ROOT}\n", "utf-8")
