"""For all tests: the order they run in, how long they may take, and where examples of properties come from."""

from __future__ import annotations

import gc
from collections import defaultdict
from pathlib import Path

import hypothesis
import pytest

_BROWSER = Path(__file__).parent / "browser"
_LIMITS_S = {_BROWSER: 300, Path(__file__).parent / "oracles": 600}
"""Seconds a test: the first of a module in a browser also starts the page, some oracles train a model."""

# Machines are busy, so no example has a deadline: tests as a whole have a time limit.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzzing", derandomize=False, deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--sample 16``: of a test's cases every sixteenth is run, the first among them."""
    parser.addoption("--sample", type=int, default=1, metavar="N", help="run every Nth case of each test")


def pytest_report_header(config: pytest.Config) -> str:
    """Say where examples come from, so that a failure can be had again."""
    seed = config.getoption("hypothesis_seed", None)
    again = f"drawn with --hypothesis-seed={seed}" if seed is not None else "the same in every run"
    return f"examples of properties: {again}"


def pytest_collection_finish() -> None:
    """Leave twenty thousand tests out of every later collection of garbage."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Browser tests last: the others say sooner what is wrong, and Playwright's event loop blocks ``asyncio.run``."""
    _sample(config, items)
    items.sort(key=lambda item: _BROWSER in item.path.parents)
    for item in items:
        if _BROWSER in item.path.parents:
            item.add_marker(pytest.mark.browser)
        for folder, limit in _LIMITS_S.items():
            if folder in item.path.parents:
                item.add_marker(pytest.mark.timeout(limit))


def _sample(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out cases as ``--sample`` says."""
    every = config.getoption("sample")
    if every == 1:
        return
    cases = defaultdict(list)
    for item in items:
        cases[item.nodeid.partition("[")[0]].append(item)
    kept = {item for held in cases.values() for item in held[::every]}
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = [item for item in items if item in kept]
