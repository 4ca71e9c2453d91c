"""Engines side by side: the same inputs through each, answers compared, runs timed in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import host
from playground.analysis.agreement import largest_difference
from playground.engines.run import TITLES
from playground.errors import EngineError, PlaygroundError
from playground.model.graph import Graph
from playground.tasks import Progress, Task, typed_task

Feeds = Mapping[str, NDArray[Any]]

OURS = TITLES["wasm"].capitalize()
ORT_INT8, ORT_FLOAT = (f"{TITLES['onnxruntime']}, {type_}" for type_ in ("int8", "float"))
ROUNDS = 7
ROUND_SECONDS = 0.03
"""A browser's clock may tick in tenths of milliseconds, so each timing spans many runs."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One engine's part in a race.

    Attributes:
        engine: its name.
        median_ms: median time of one run, milliseconds; ``p95_ms`` the 95th percentile of the rounds.
        memory: bytes of its arena, 0 where it does not say.
        same_top1: share of samples on which its top class is that of the first engine that ran.
        largest_difference: largest absolute difference to that engine's output.
        failure: why it could not run, else empty.
    """

    engine: str
    median_ms: float = float("nan")
    p95_ms: float = float("nan")
    memory: int = 0
    same_top1: float = float("nan")
    largest_difference: float = float("nan")
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Race:
    """The laps in the order in which they stand in the table, and what a reader has to know about them."""

    laps: tuple[Lap, ...]
    batch: int
    runs: int
    notes: tuple[str, ...]


class _Ours:
    """Our kernels on the quantized graph."""

    name = OURS

    def __init__(self, graph: Graph, feeds: Feeds) -> None:
        from playground.engines.planned import PlannedModel  # the first view needs no integer engine

        self._model, self._feeds = PlannedModel(graph), dict(feeds)
        self._model.program({name: x.shape for name, x in feeds.items()})
        self.memory = self._model.nbytes

    def release(self) -> Task[None]:
        self._model.release()
        yield Progress(1, 1, self.name)

    def run(self, feeds: Feeds) -> Task[dict[str, NDArray[Any]]]:
        yield Progress(0, 1, self.name)
        return self._model.run(feeds)

    def time(self, seconds: float) -> Task[float]:
        yield Progress(0, 1, self.name)
        runs, began = 0, time.perf_counter()
        while (spent := time.perf_counter() - began) < seconds:
            self._model.run(self._feeds)
            runs += 1
        return 1000 * spent / runs


class _OnnxRuntime:
    """ONNX Runtime, native or Web, on one file."""

    memory = 0

    def __init__(self, name: str, session: Any, feeds: Feeds) -> None:
        self.name, self._session, self._feeds = name, session, dict(feeds)

    def release(self) -> Task[None]:
        yield self._session.release()

    def run(self, feeds: Feeds) -> Task[dict[str, NDArray[Any]]]:
        outputs: dict[str, NDArray[Any]] = yield self._session.run(feeds)
        return outputs

    def time(self, seconds: float) -> Task[float]:
        milliseconds: float = yield self._session.time(self._feeds, seconds)
        return milliseconds


@typed_task(EngineError, "the engines cannot be raced", where="model", hint="Check the model and the samples")
def race_task(
    quantized: Graph, quantized_file: bytes, float_file: bytes, feeds: Feeds, samples: Feeds | None = None
) -> Task[Race]:
    """Run and time our kernels and ONNX Runtime on a quantized model, and ONNX Runtime on the float one.

    Args:
        quantized: the QDQ graph.
        quantized_file: the same as an ONNX file.
        float_file: the float model as an ONNX file.
        feeds: one batch, input name -> array; this is what is timed.
        samples: what the answers are compared on; the batch if left out.
    """
    samples = feeds if samples is None else samples
    engines: list[_Ours | _OnnxRuntime] = []
    laps: dict[str, Lap] = {}
    notes: list[str] = []
    try:
        engines.append(_Ours(quantized, feeds))
    except PlaygroundError as error:
        laps[OURS] = Lap(OURS, failure=str(error))
        notes.append("This model runs in ONNX Runtime: " + str(error))
    for name, content in ((ORT_INT8, quantized_file), (ORT_FLOAT, float_file)):
        yield Progress(0, 1, f"Starting {name}")
        try:
            session = yield host.ort_session(content)
            engines.append(_OnnxRuntime(name, session, feeds))
        except PlaygroundError as error:
            laps[name] = Lap(name, failure=str(error))
    running: list[_Ours | _OnnxRuntime] = []
    outputs: dict[str, NDArray[Any]] = {}
    for engine in engines:
        try:
            outputs[engine.name] = next(iter((yield from engine.run(samples)).values()))
            running.append(engine)
        except PlaygroundError as error:
            laps[engine.name] = Lap(engine.name, failure=str(error))
    for name, output in outputs.items():
        laps[name] = _agreement(name, output, next(iter(outputs.values())))
    yield from _time_in_turns(running, laps)
    for engine in engines:
        yield from engine.release()
    notes += _differences(outputs)
    return Race(tuple(laps[name] for name in (OURS, ORT_INT8, ORT_FLOAT)), _count(feeds), ROUNDS, tuple(notes))


def _count(feeds: Feeds) -> int:
    return next((len(x) for x in feeds.values() if x.ndim), 1)


def _top_classes(output: NDArray[Any]) -> NDArray[np.intp]:
    """The top class of each sample; none in an output without values."""
    if not output.size:
        return np.zeros(0, np.intp)
    top: NDArray[np.intp] = output.reshape(len(output) if output.ndim else 1, -1).argmax(axis=1)
    return top


def _agreement(name: str, output: NDArray[Any], reference: NDArray[Any]) -> Lap:
    same = _top_classes(output) == _top_classes(reference)
    share = float(same.mean()) if same.size else float("nan")
    return Lap(name, same_top1=share, largest_difference=largest_difference(output, reference))


def _time_in_turns(engines: list[_Ours | _OnnxRuntime], laps: dict[str, Lap]) -> Task[None]:
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for turn in range(ROUNDS):
        for engine in engines:
            yield Progress(turn, ROUNDS, f"Timing {engine.name}")
            times[engine.name].append((yield from engine.time(ROUND_SECONDS)))
    for engine in engines:
        laps[engine.name] = replace(
            laps[engine.name],
            median_ms=float(np.median(times[engine.name])),
            p95_ms=float(np.percentile(times[engine.name], 95)),
            memory=engine.memory,
        )


def _differences(outputs: Mapping[str, NDArray[Any]]) -> list[str]:
    if OURS not in outputs or ORT_INT8 not in outputs:
        return []
    ours, theirs = _top_classes(outputs[OURS]), _top_classes(outputs[ORT_INT8])
    differing = np.flatnonzero(ours != theirs)
    if not differing.size:
        return [f"Our kernels and ONNX Runtime give the same top class for all {ours.size} samples."]
    shown = ", ".join(str(i + 1) for i in differing[:10]) + (", ..." if differing.size > 10 else "")
    return [
        f"Our kernels and ONNX Runtime differ in the top class of {differing.size} of {ours.size} samples: {shown}."
    ]
