"""A plugin of pytest: notes how each test ended and how long it took. ``tools/mutation.py`` runs it."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from tools.mutation_map import TARGET

_seconds: dict[str, float] = defaultdict(float)
_others: set[str] = set()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up set-up, call and tear-down."""
    _seconds[report.nodeid] += report.duration
    if report.outcome != "passed":
        _others.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the file, in the process that knows of all tests."""
    if not hasattr(session.config, "workerinput"):
        passed = {name: seconds for name, seconds in _seconds.items() if name not in _others}
        Path(os.environ[TARGET]).write_text(json.dumps(passed), "utf-8")
