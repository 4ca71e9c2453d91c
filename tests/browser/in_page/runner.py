"""Runs inside the page's worker: one test file by pytest, and what came of it as JSON."""

import contextlib
import io
import json
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLUGINS = [f"-pno:{name}" for name in ("cacheprovider", "faulthandler", "threadexception", "unraisableexception")]


class Outcomes:
    """Counts how tests ended."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.counts[report.outcome] += 1


def run(path: str) -> str:
    """Run the tests of a file of the archive.

    Returns:
        JSON: ``code``, pytest's own; ``counts``, outcome -> tests; ``text``, what pytest wrote.
    """
    outcomes, text = Outcomes(), io.StringIO()
    options = ["-q", "--color=no", "--capture=no", "--import-mode=importlib", "--maxfail=5", *PLUGINS]
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        code = pytest.main([*options, f"--rootdir={ROOT}", str(ROOT / path)], plugins=[outcomes])
    return json.dumps({"code": int(code), "counts": outcomes.counts, "text": text.getvalue()})
