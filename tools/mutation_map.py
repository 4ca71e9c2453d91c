"""Which tests run which lines: recorded once by pytest-cov, one context a test, and asked for each mutant."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import testing
from tools.paths import LOCAL_CACHE, PYTHON
from tools.steps import BuildError, timed

TARGET = "PLAYGROUND_MUTATION_DURATIONS"
"""The environment variable that names what tools/mutation_record.py writes: test -> seconds, of those that passed."""

FOLDER = LOCAL_CACHE / "mutation"
_COVERAGE, _DURATIONS, _SOURCES = FOLDER / "coverage.sqlite", FOLDER / "durations.json", FOLDER / "sources.json"
_SELECTION = ["--ignore=tests/oracles", "-m", "not (browser or heavy)"]


@dataclass(frozen=True)
class CoverageMap:
    """What was recorded.

    Attributes:
        database: coverage's, with modules relative to the checkout.
        seconds: test -> how long it took, for those that passed.
        sources: module -> digest of its text when this was recorded.
    """

    database: Path
    seconds: Mapping[str, float]
    sources: Mapping[str, str]

    def tests_of(self, path: str, line: int, source: bytes) -> list[str]:
        """Tests that ran a line, those nearest to the module first, then the quickest.

        Where the module has changed since, lines have moved: then all tests that ran any line of it.
        """
        unchanged = self.sources.get(path) == digest(source)
        found = that_ran(self.database, path, line if unchanged else None)
        names = {part.lstrip("_") for part in Path(path).with_suffix("").parts[1:]}

        def rank(test: str) -> tuple[int, float]:
            parts = Path(test.partition("::")[0]).with_suffix("").parts
            near = sum(part.removeprefix("test_") in names for part in parts)
            return -near, self.seconds[test]

        return sorted(found & set(self.seconds), key=rank)


def digest(source: bytes) -> str:
    """What tells one text of a module from another."""
    return hashlib.sha256(source).hexdigest()


def coverage_map(copy: Path, *, again: bool) -> CoverageMap:
    """The kept map, or a new one recorded in ``copy``.

    Raises:
        BuildError: the tests could not be run.
    """
    if again or not all(path.is_file() for path in (_COVERAGE, _DURATIONS, _SOURCES)):
        with timed("Record which tests run which lines (all but those in a browser)"):
            _record(copy)
    seconds, sources = (json.loads(path.read_text("utf-8")) for path in (_DURATIONS, _SOURCES))
    return CoverageMap(_COVERAGE, seconds, sources)


def _record(copy: Path) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = variables(copy) | {"COVERAGE_FILE": str(copy / ".coverage"), TARGET: str(copy / "durations.json")}
    command = [str(PYTHON), "-m", "pytest", *_SELECTION, *testing.parallel([]), "-q", "-p", "tools.mutation_record"]
    command += ["--cov=playground", "--cov-context=test", "--cov-report="]
    with (FOLDER / "record.log").open("wb") as log:
        subprocess.run(command, cwd=copy, env=environment, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not (copy / ".coverage").is_file() or not (copy / "durations.json").is_file():
        raise BuildError(f"The tests could not be recorded: {FOLDER / 'record.log'} says why.")
    sources = {
        path.relative_to(copy).as_posix(): digest(path.read_bytes()) for path in (copy / "playground").rglob("*.py")
    }
    make_relative(copy / ".coverage", copy)
    _SOURCES.write_text(json.dumps(sources), "utf-8")
    (copy / "durations.json").replace(_DURATIONS)
    (copy / ".coverage").replace(_COVERAGE)


def variables(copy: Path) -> dict[str, str]:
    """The environment of tests in a copy: its package comes before the one that .venv points to."""
    return {**os.environ, "PYTHONPATH": str(copy), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


def make_relative(database: Path, copy: Path) -> None:
    """Make the recorded modules' paths relative to the checkout."""
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for number, path in connection.execute("SELECT id, path FROM file").fetchall():
            if Path(path).is_relative_to(copy):
                relative = Path(path).relative_to(copy).as_posix()
                connection.execute("UPDATE file SET path = ? WHERE id = ?", (relative, number))


def that_ran(database: Path, path: str, line: int | None = None) -> set[str]:
    """Tests that ran a line of a module, or any line.

    Coverage keeps lines as bits: bit i of byte j stands for line 8 j + i.
    """
    query = (
        "SELECT context.context, line_bits.numbits FROM line_bits JOIN file ON file.id = line_bits.file_id "
        "JOIN context ON context.id = line_bits.context_id WHERE file.path = ?"
    )
    with contextlib.closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(query, (path,)).fetchall()
    ran = {
        context for context, bits in rows if line is None or (line // 8 < len(bits) and bits[line // 8] >> line % 8 & 1)
    }
    return {context.rpartition("|")[0] for context in ran if "|" in context}
