"""``build.py bench``: the bench page and the page's own starts, timed in Chromium."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from playground.serving import make_server
from tools import baseline, environment, site, testing
from tools.paths import LOCAL_CACHE, PYTHON, ROOT
from tools.steps import Command, run

_DRIVER = "tools.bench_driver"
_COLD_DRIVER = "tools.cold_bench"
_MODELS_DRIVER = "tools.models_bench"
_PAGE_DRIVER = "tools.page_driver"
_FORMATS = ROOT / "tests" / "benchmarks" / "formats.py"


def run_bench(*, as_json: bool = False, cold_runs: int = 0, models: bool = False, page: str = "") -> None:
    """Serve the built site on a free port, run ``bench.html`` and a first load, and print both.

    Args:
        as_json: print JSON instead of tables.
        cold_runs: if not 0, compare this many starts of each kind instead (``bench --cold``).
        models: run real models in the page instead (``bench --models``).
        page: if not "", measure this of the page instead (``bench --page``): ``all``, ``drag``, ``views``, ``soak``.

    Raises:
        BuildError: something could not be set up, or the page reported a failure.
    """
    with _progress_beside(as_json):
        folder = site.build()
        environment.ensure("test")
        variables = {**os.environ, "PLAYGROUND_CHROMIUM": testing.chromium()}
        with contextlib.ExitStack() as servers:
            driver: Command = [_DRIVER, servers.enter_context(served(folder))]
            if models:
                driver[0] = _MODELS_DRIVER
            if page:
                driver = [_PAGE_DRIVER, driver[1], page]
            if cold_runs:
                plain = baseline.build(folder, LOCAL_CACHE / "baseline")
                driver = [_COLD_DRIVER, driver[1], servers.enter_context(served(plain)), str(cold_runs)]
            command: Command = [PYTHON, "-m", *driver, *(["--json"] if as_json else [])]
            run(command, "The bench failed, or a target was missed; see above.", environment=variables, quiet=False)


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served meanwhile."""
    with make_server(folder, 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.url
        server.shutdown()


def run_formats(as_json: bool = False) -> None:
    """Time the number formats against the packages in ``requirements/oracles.txt``, on 16 million values.

    Raises:
        BuildError: something could not be set up, or a comparison failed.
    """
    with _progress_beside(as_json):
        environment.ensure_oracles()
        run([PYTHON, _FORMATS, *(["--json"] if as_json else [])], "The bench failed.", quiet=False)


@contextlib.contextmanager
def _progress_beside(as_json: bool) -> Iterator[None]:
    """Progress must not stand in the JSON: it goes to the error stream meanwhile."""
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        yield
