"""For all tests: the order they run in, how long they may take, and where examples of properties come from."""

from __future__ import annotations

import gc
import sys
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pytest

from tests import exact_products

_TESTS = Path(__file__).parent
_BROWSER = _TESTS / "browser"
_LIMITS_S = {_BROWSER: 300, _TESTS / "oracles": 600}
"""Seconds a test: the first of a module in a browser also starts the page, some oracles train a model."""

# Machines are busy, so no example has a deadline: tests as a whole have a time limit.
hypothesis.settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis.settings.register_profile("fuzzing", derandomize=False, deadline=None, print_blob=True)
hypothesis.settings.load_profile("repeatable")

exact_products.use()


def pytest_addoption(parser: pytest.Parser) -> None:
    """``--sample 16``: of a test's cases every sixteenth is run, the first among them."""
    parser.addoption("--sample", type=int, default=1, metavar="N", help="run every Nth case of each test")


def pytest_report_header(config: pytest.Config) -> str:
    """Say where examples come from, so that a failure can be had again."""
    seed = config.getoption("hypothesis_seed", None)
    again = f"drawn with --hypothesis-seed={seed}" if seed is not None else "the same in every run"
    return f"examples of properties: {again}"


_OF_MODULES: dict[str, list[tuple[np.random.Generator, Any]]] = {}
_OF_HELPERS: list[tuple[np.random.Generator, Any]] = []
"""The random generators that are globals of the tests' modules, and of what these import, with their first states."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the states of random generators, and leave twenty thousand tests out of later collections of garbage."""
    with_tests = {item.module.__name__ for item in session.items if isinstance(item, pytest.Function)}
    for name, module in list(sys.modules.items()):
        if name in with_tests:
            _OF_MODULES[name] = _generators(module)
        elif _TESTS in Path(getattr(module, "__file__", None) or "/").parents:
            _OF_HELPERS.extend(_generators(module))
    gc.collect()
    gc.freeze()


def _generators(module: ModuleType) -> list[tuple[np.random.Generator, Any]]:
    """The generators of a module, each with its state after the module was imported."""
    held = [value for value in vars(module).values() if isinstance(value, np.random.Generator)]
    return [(generator, generator.bit_generator.state) for generator in held]


def _start_anew(item: Any) -> None:
    for generator, state in (*_OF_MODULES.get(item.module.__name__, ()), *_OF_HELPERS):
        generator.bit_generator.state = state


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let a module's fixtures draw the same numbers whichever test asks for them first."""
    if isinstance(item, pytest.Function):
        _start_anew(item)


@pytest.fixture(autouse=True)
def _same_numbers_in_any_order(request: pytest.FixtureRequest) -> None:
    """Let a test draw the same numbers whatever ran before it: its module's generators are as they were at first."""
    _start_anew(request)


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
