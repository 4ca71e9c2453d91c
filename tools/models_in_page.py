"""Runs inside the page's worker for ``build.py bench --models``: one real model in our kernels and in ONNX Runtime Web.

models_bench.py loads it into Pyodide on the real page, and writes the files that it reads.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from playground.analysis.race import ORT_FLOAT, ORT_INT8, race_task
from playground.engines.planned import PlannedModel
from playground.engines.profile import INTEGERS, KERNELS, typical
from playground.model.graph import Graph
from playground.opening import load
from playground.ptq.calibration_data import Feeds
from playground.tasks import run_async

FOLDER = Path("/home/pyodide")
SECONDS, LEAST_RUNS = 0.5, 5


async def measure() -> str:
    """Times in milliseconds, and shares, as JSON."""
    files = {name: (FOLDER / f"{name}.onnx").read_bytes() for name in ("float", "quantized")}
    with np.load(FOLDER / "feeds.npz") as held:
        feeds = dict(held)
    graphs = {name: load(content, f"{name}.onnx").required_graph() for name, content in files.items()}
    race = await run_async(race_task(graphs["quantized"], files["quantized"], files["float"], feeds))
    profile = race.profile
    if profile is None:
        return json.dumps({"notes": race.notes})
    share, work = profile.share(*KERNELS)
    return json.dumps(
        {
            "ours": race.laps[0].median_ms,
            "ours_float": 1000 * await seconds_of(graphs["float"], feeds),
            "theirs": {name: race.seconds(name) for name in (ORT_INT8, ORT_FLOAT)},
            "operations": profile.operations,
            "in_kernels": work,
            "in_integers": profile.share(INTEGERS)[1],
            "time_in_kernels": share,
            "notes": race.notes,
        }
    )


async def seconds_of(graph: Graph, feeds: Feeds) -> float:
    """The typical time of a run in our kernels, planned before."""
    model = PlannedModel(graph)
    await run_async(model.run_task(feeds))
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < LEAST_RUNS or time.perf_counter() - began < SECONDS:
        started = time.perf_counter()
        await run_async(model.run_task(feeds))
        times.append(time.perf_counter() - started)
    model.release()
    return typical(np.array(times))
