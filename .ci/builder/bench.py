"""``build.py bench``: the bench page and the page's own starts, timed in Chromium."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from builder import environment, site, testing
from builder.paths import PYTHON
from builder.steps import Command, run
from playground.serving import make_server

_DRIVER = Path(__file__).with_name("bench_driver.py")
_COLD_DRIVER = Path(__file__).with_name("cold_bench.py")


def run_bench(*, as_json: bool = False, cold_runs: int = 0) -> None:
    """Serve the built site on a free port, run ``bench.html`` and a first load, and print both.

    Args:
        as_json: print JSON instead of tables.
        cold_runs: if not 0, compare this many starts of each kind instead (``bench --cold``).

    Raises:
        BuildError: something could not be set up, or the page reported a failure.
    """
    stdout = sys.stdout
    if as_json:
        sys.stdout = sys.stderr  # progress must not stand in the JSON
    try:
        folder = site.build()
        environment.ensure("test")
        variables = {**os.environ, "PLAYGROUND_CHROMIUM": testing.chromium()}
        with make_server(folder, 0) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            driver: Command = [_COLD_DRIVER, server.url, str(cold_runs)] if cold_runs else [_DRIVER, server.url]
            command: Command = [PYTHON, *driver, *(["--json"] if as_json else [])]
            run(command, "The bench failed.", environment=variables, quiet=False)
            server.shutdown()
    finally:
        sys.stdout = stdout
