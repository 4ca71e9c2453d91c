"""Steps that are skipped when nothing they depend on has changed, and that say how long they took."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tools.paths import ROOT, STAMPS

Ingredient = Path | str
Command = list[str | Path]
IGNORED = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "node_modules"}


class BuildError(Exception):
    """A failure of the build that a person can mend. It is shown as one line, without a traceback."""


def files_in(folder: Path) -> Iterator[Path]:
    """Every file below ``folder`` that is not a cache, in the same order everywhere."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not IGNORED.intersection(path.relative_to(folder).parts):
            yield path


def digest(ingredients: Iterable[Ingredient]) -> str:
    """A sha256 over texts, files and folders: names relative to the checkout and contents, in the order given.

    Raises:
        BuildError: a file or folder does not exist.
    """
    total = hashlib.sha256()
    for ingredient in ingredients:
        if isinstance(ingredient, str):
            total.update(f"text {len(ingredient)} {ingredient}\n".encode())
            continue
        if not ingredient.exists():
            raise BuildError(f"{ingredient}: the build needs this file, which does not exist")
        for path in files_in(ingredient) if ingredient.is_dir() else [ingredient]:
            name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            content = path.read_bytes()
            total.update(f"file {name.as_posix()} {len(content)}\n".encode())
            total.update(content)
    return total.hexdigest()


@contextmanager
def timed(title: str) -> Iterator[None]:
    """Print a step's title when it begins, and how long it took when it has succeeded."""
    print(f"{title} ...", flush=True)
    began = time.monotonic()
    yield
    print(f"    {title}: done in {time.monotonic() - began:.1f} s", flush=True)


def step(
    title: str,
    ingredients: Iterable[Ingredient],
    outputs: Sequence[Path],
    work: Callable[[], None],
    stamps: Path = STAMPS,
) -> bool:
    """Do ``work`` unless it was done with the same ingredients and all its outputs are still there.

    Args:
        title: what is printed, and the stamp's name.
        ingredients: everything that decides the result: texts, files, folders.
        outputs: what must exist for the step to be skipped, and what must exist when it is done.
        work: makes the outputs. When it fails the step has no stamp, so it runs again.
        stamps: the folder that holds the stamps.

    Returns:
        Whether it ran.

    Raises:
        BuildError: ``work`` raised it, or did not make its outputs.
    """
    stamp = stamps / "".join(c if c.isalnum() else "-" for c in title.lower())
    key = digest(ingredients)
    if all(path.exists() for path in outputs) and stamp.is_file() and stamp.read_text("ascii") == key:
        return False
    stamp.unlink(missing_ok=True)
    with timed(title):
        work()
    missing = [path for path in outputs if not path.exists()]
    if missing:
        raise BuildError(f"{title}: {missing[0]} was not made")
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(key, "ascii")
    return True


def run(
    command: Command,
    failure: str,
    *,
    cwd: Path = ROOT,
    environment: Mapping[str, str] | None = None,
    quiet: bool = True,
) -> None:
    """Run a command; when it fails, show what it printed and then one line that says what failed.

    Args:
        command: program and arguments.
        failure: what went wrong and what to do, should it fail.
        cwd: where to run it.
        environment: the variables it gets; the current ones if not given.
        quiet: keep its output for the case of failure.

    Raises:
        BuildError: it could not be started or failed.
    """
    output = subprocess.PIPE if quiet else None
    errors = subprocess.STDOUT if quiet else None
    try:
        result = subprocess.run(command, cwd=cwd, env=environment, stdout=output, stderr=errors, check=False)
    except OSError as error:
        raise BuildError(f"{failure} ({error})") from error
    if result.returncode != 0:
        if result.stdout:
            lines = result.stdout.decode(errors="replace").strip().splitlines()
            print("\n".join(lines[-25:]), flush=True)
        raise BuildError(failure)
