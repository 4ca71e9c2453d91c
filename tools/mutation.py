"""``build.py mutate``: whether tests fail when small changes are made to the code.

A sample of mutants (``tools/mutation_operators.py``), each in a copy of the checkout, each judged by the tests that run
the changed line (``tools/mutation_map.py``): those nearest to the module first, up to a budget of time.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from tools import checks, environment, mutation_map, site
from tools.mutation_map import CoverageMap
from tools.mutation_operators import Mutant, sample
from tools.paths import KERNELS_FILE, PACKAGE, PYTHON, ROOT, VENV
from tools.steps import BuildError, run

AT_ONCE = 2
"""Mutants judged at the same time."""

BUDGET_S = 20.0
"""Seconds of tests for one mutant, as they took when the map was recorded."""

MOST_TESTS = 300
"""Tests for one mutant: each takes some time that is not in its duration."""

START_S = 60
"""Seconds allowed on top for starting pytest and importing the tests."""

SLOWER = 4
"""How many times longer the tests may take than when they were recorded before the mutant counts as hanging."""

_CHOSEN = "chosen-tests.txt"

Outcome = Literal["caught", "hangs", "survived", "unknown"]
_MEANINGS: dict[Outcome, str] = {
    "caught": "a test failed",
    "hangs": "the tests did not end in time, which a time limit catches",
    "survived": "every test that runs the line passed: a test is missing, or the change is equivalent",
    "unknown": "the tests that were run passed, but more of them run the line than the budget allows",
}


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant.

    Attributes:
        mutant: the change.
        outcome: see ``_MEANINGS``.
        tests: how many tests were chosen to judge it.
        left_out: how many more run the line.
        by: the test that failed, if one did.
    """

    mutant: Mutant
    outcome: Outcome
    tests: int
    left_out: int
    by: str = ""


def run_mutation(count: int, seed: int, *, again: bool = False, as_json: bool = False) -> None:
    """Judge a sample and print what came of it; survivors are no failure.

    Args:
        count: how many mutants.
        seed: which ones.
        again: record anew which tests run which lines, as is done the first time.
        as_json: print JSON instead of lines.

    Raises:
        BuildError: something could not be set up.
    """
    if count < 1:
        raise BuildError(f"--count {count}: use at least 1.")
    for lock in ("site", "test"):
        environment.ensure(lock)
    site.build_kernels()
    mutants = sample(list(PACKAGE.rglob("*.py")), ROOT, count, seed)
    with ExitStack() as stack:
        copies = [stack.enter_context(_copy()) for _ in range(AT_ONCE)]
        recorded = mutation_map.coverage_map(copies[0], again=again)
        verdicts = []
        for verdict in _judge_all(mutants, copies, recorded):
            verdicts.append(verdict)
            if not as_json:
                print(described(verdict), flush=True)
    print(
        json.dumps({"seed": seed, "mutants": [asdict(v) for v in verdicts]}, indent=1) if as_json else summary(verdicts)
    )


@contextmanager
def _copy() -> Iterator[Path]:
    """The checkout without what git ignores, with its kernels and its environment; deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="playground-mutants-") as folder:
        copy = Path(folder).resolve() / "checkout"
        for path in checks.tracked_files():
            target = copy / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        kernels = KERNELS_FILE.parent.relative_to(ROOT)
        shutil.copytree(ROOT / kernels, copy / kernels, dirs_exist_ok=True)
        (copy / VENV.name).symlink_to(VENV, target_is_directory=True)
        # Some tests ask git for the files of the checkout.
        run(["git", "init", "--quiet"], "The copy could not become a git checkout.", cwd=copy)
        (copy / ".git" / "info" / "exclude").write_text(f"{VENV.name}\n{_CHOSEN}\n", "utf-8")
        yield copy


def _judge_all(mutants: Sequence[Mutant], copies: Sequence[Path], recorded: CoverageMap) -> Iterator[Verdict]:
    """Verdicts in the mutants' order, as many at a time as there are copies."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def judged(mutant: Mutant) -> Verdict:
        copy = free.get()
        try:
            return judge(mutant, copy, recorded)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(judged, mutants)


def judge(mutant: Mutant, copy: Path, recorded: CoverageMap) -> Verdict:
    """Run the tests of a mutant in a copy of the checkout, which is as it was when they end."""
    module = copy / mutant.path
    source = module.read_bytes()
    every = recorded.tests_of(mutant.path, mutant.line, source)
    tests = within_budget(every, recorded)
    left_out = len(every) - len(tests)
    if not tests:
        return Verdict(mutant, "survived", 0, left_out)
    limit = START_S + SLOWER * sum(recorded.seconds[test] for test in tests)
    _write(module, mutant.applied(source))
    try:
        failed = _first_failure(copy, tests, limit)
    except subprocess.TimeoutExpired:
        return Verdict(mutant, "hangs", len(tests), left_out)
    finally:
        _write(module, source)
    if failed is not None:
        return Verdict(mutant, "caught", len(tests), left_out, failed)
    return Verdict(mutant, "unknown" if left_out else "survived", len(tests), left_out)


def _write(module: Path, source: bytes) -> None:
    """Change a module, and forget it compiled: Python knows that one from another by size and second only."""
    module.write_bytes(source)
    for compiled in (module.parent / "__pycache__").glob(f"{module.stem}.*"):
        compiled.unlink()


def within_budget(tests: Sequence[str], recorded: CoverageMap) -> list[str]:
    """The first tests that fit; one always does."""
    chosen: list[str] = []
    spent = 0.0
    for test in tests[:MOST_TESTS]:
        spent += recorded.seconds[test]
        if chosen and spent > BUDGET_S:
            break
        chosen.append(test)
    return chosen


def _first_failure(copy: Path, tests: Sequence[str], limit: float) -> str | None:
    """The first test that fails, or what pytest says last if it could not even begin; None if all pass.

    Raises:
        TimeoutExpired: they had not ended after ``limit`` seconds.
    """
    (copy / _CHOSEN).write_text("\n".join(tests), "utf-8")
    command = [str(PYTHON), "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider", f"@{_CHOSEN}"]
    process = subprocess.Popen(
        command,
        cwd=copy,
        env=mutation_map.variables(copy),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        _end(process)
        raise
    if process.returncode == 0:
        return None
    lines = output.strip().splitlines() or ["pytest said nothing"]
    failures = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return failures[0].split(" - ")[0].split(" ", 1)[1] if failures else lines[-1]


def _end(process: subprocess.Popen[str]) -> None:
    """End a run and the processes that its tests started."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.communicate()


def described(verdict: Verdict) -> str:
    """A verdict in a line: outcome, place, change, and who says so."""
    mutant = verdict.mutant
    before, after = (" ".join(text.split()) for text in (mutant.before, mutant.after))
    place = f"{mutant.path}:{mutant.line}"
    tests = f"{verdict.tests} test{'' if verdict.tests == 1 else 's'}"
    told = verdict.by or (f"{tests}, {verdict.left_out} left out" if verdict.left_out else tests)
    return f"{verdict.outcome:<9}{place}  {mutant.kind}: {before}  ->  {after}  [{told}]"


def summary(verdicts: Sequence[Verdict]) -> str:
    """How many ended how, what that means, and the share that was noticed."""
    counts = Counter(verdict.outcome for verdict in verdicts)
    lines = [f"{counts[outcome]:5} {outcome}: {meaning}" for outcome, meaning in _MEANINGS.items() if counts[outcome]]
    noticed = counts["caught"] + counts["hangs"]
    return "\n".join(["", *lines, f"{100 * noticed / len(verdicts):.0f} % of {len(verdicts)} were noticed."])
