"""Engines side by side: the same inputs through each, answers compared, runs timed in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground import host
from playground.analysis.agreement import largest_difference
from playground.analysis.answer_kinds import AUTO, SHARE, Measure, Outputs
from playground.analysis.outputs import AnswerReader
from playground.engines.run import TITLES
from playground.errors import EngineError, PlaygroundError, plural
from playground.model.graph import Graph
from playground.operators import view_of
from playground.tasks import Progress, Task, as_step, typed_task

if TYPE_CHECKING:
    from playground.engines.profile import Profile

Feeds = Mapping[str, NDArray[Any]]

OURS = TITLES["wasm"].capitalize()
ORT_INT8, ORT_FLOAT = (f"{TITLES['onnxruntime']}, {type_}" for type_ in ("int8", "float"))
ROUNDS = 7
STAGES = ROUNDS + 4
"""Of the progress: planning, starting, running, the rounds, and the profile."""

ROUND_SECONDS = 0.03
"""A browser's clock may tick in tenths of milliseconds, so each timing spans many runs."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One engine's part in a race.

    Attributes:
        engine: its name.
        median_ms: median time of one run, milliseconds; ``p95_ms`` the 95th percentile of the rounds.
        memory: bytes of its arena, 0 where it does not say.
        same: how far its answers are those of the first engine that ran; None where that says nothing.
        largest_difference: largest absolute difference to that engine's output.
        failure: why it could not run, else empty.
    """

    engine: str
    median_ms: float = float("nan")
    p95_ms: float = float("nan")
    memory: int = 0
    same: Measure | None = None
    largest_difference: float = float("nan")
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Race:
    """The laps in the order in which they stand in the table, and what a reader has to know about them.

    Attributes:
        profile: our kernels' time by step; None where they do not run the model.
    """

    laps: tuple[Lap, ...]
    batch: int
    runs: int
    notes: tuple[str, ...]
    profile: Profile | None = None

    @property
    def reference(self) -> str:
        """The engine whose answers the others are compared with: the first that ran; empty if none did."""
        return next((lap.engine for lap in self.laps if not lap.failure), "")

    def seconds(self, engine: str) -> float | None:
        """The median time of an engine, if it ran."""
        found = next((lap.median_ms for lap in self.laps if lap.engine == engine and not lap.failure), None)
        return None if found is None else found / 1000


class _Ours:
    """Our kernels on the quantized graph."""

    name = OURS

    def __init__(self, graph: Graph, feeds: Feeds) -> None:
        from playground.engines.planned import PlannedModel  # the first view needs no integer engine

        self.left = 0
        self._model, self._feeds, self.memory = PlannedModel(graph), dict(feeds), 0

    def start(self) -> Task[None]:
        """Plan the graph for these feeds."""
        from playground.engines.mixed import MixedProgram

        prepared = yield from self._model.prepare_task(self._feeds)
        self.left = prepared.left if isinstance(prepared, MixedProgram) else 0
        self.memory = self._model.nbytes

    def release(self) -> Task[None]:
        self._model.release()
        yield Progress(1, 1, self.name)

    def run(self, feeds: Feeds) -> Task[dict[str, NDArray[Any]]]:
        yield Progress(0, 1, self.name)
        return (yield from self._model.run_task(feeds))

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
    quantized: Graph,
    quantized_file: bytes,
    float_file: bytes,
    feeds: Feeds,
    samples: Feeds | None = None,
    *,
    choice: str = AUTO,
) -> Task[Race]:
    """Run and time our kernels and ONNX Runtime on a quantized model, and ONNX Runtime on the float one.

    Args:
        quantized: the QDQ graph.
        quantized_file: the same as an ONNX file.
        float_file: the float model as an ONNX file.
        feeds: one batch, input name -> array; this is what is timed.
        samples: what the answers are compared on; the batch if left out.
        choice: the kind of answer that is compared (docs/answers.md), ``"auto"``: as the outputs look.
    """
    samples = feeds if samples is None else samples
    engines: list[_Ours | _OnnxRuntime] = []
    laps: dict[str, Lap] = {}
    notes: list[str] = []
    try:
        ours = _Ours(quantized, feeds)
        yield from as_step(ours.start(), Progress(0, STAGES, f"Planning {TITLES['wasm']}"))
        engines.append(ours)
        if ours.left:
            notes.append(f"NumPy computes {plural(ours.left, 'node')} of this model, between our kernels.")
    except PlaygroundError as error:
        laps[OURS] = Lap(OURS, failure=_reason(error))
    for name, content in ((ORT_INT8, quantized_file), (ORT_FLOAT, float_file)):
        yield Progress(1, STAGES, f"Starting {name}")
        try:
            session = yield host.ort_session(content)
            engines.append(_OnnxRuntime(name, session, feeds))
        except PlaygroundError as error:
            laps[name] = Lap(name, failure=_reason(error))
    running: list[_Ours | _OnnxRuntime] = []
    outputs: dict[str, Outputs] = {}
    for engine in engines:
        try:
            step = Progress(2, STAGES, f"Running {engine.name}")
            outputs[engine.name] = yield from as_step(engine.run(samples), step)
            running.append(engine)
        except PlaygroundError as error:
            laps[engine.name] = Lap(engine.name, failure=_reason(error))
    reader = AnswerReader(view_of(quantized), choice)
    for name, output in outputs.items():
        laps[name] = _agreement(name, output, next(iter(outputs.values())), reader, _count(samples))
    yield from _time_in_turns(running, laps)
    for engine in engines:
        yield from as_step(engine.release(), Progress(STAGES - 1, STAGES, f"Closing {engine.name}"))
    notes += _differences(outputs, laps)
    profile = None
    if OURS in outputs:
        from playground.engines.profile import profile_task

        step = Progress(STAGES - 1, STAGES, "Timing the steps")
        profile = yield from as_step(profile_task(quantized, feeds), step)
    ordered = tuple(laps[name] for name in (OURS, ORT_INT8, ORT_FLOAT))
    return Race(ordered, _count(feeds), ROUNDS, tuple(notes), profile)


def _reason(error: PlaygroundError) -> str:
    """Why an engine did not run. What to do about it is left out: the other engines stand beside it."""
    return f"{error.where}: {error.what}" if error.where else error.what


def _count(feeds: Feeds) -> int:
    return next((len(x) for x in feeds.values() if x.ndim), 1)


def _agreement(name: str, outputs: Outputs, reference: Outputs, reader: AnswerReader, samples: int) -> Lap:
    """How far one engine's outputs are those of another one."""
    tally = reader.reading(reference, samples).tally()
    tally.update(reference, outputs, samples)
    found = tally.outcome()
    pairs = ((outputs[key], x) for key, x in reference.items() if outputs[key].shape == x.shape)
    largest = max((largest_difference(x, y) for x, y in pairs), default=float("nan"))
    measure = found.measures[0] if found.measures and not found.silent else None
    return Lap(name, same=measure, largest_difference=largest)


def _time_in_turns(engines: list[_Ours | _OnnxRuntime], laps: dict[str, Lap]) -> Task[None]:
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for turn in range(ROUNDS):
        for engine in engines:
            step = Progress(3 + turn, STAGES, f"Timing {engine.name}, round {turn + 1} of {ROUNDS}")
            yield step
            times[engine.name].append((yield from as_step(engine.time(ROUND_SECONDS), step)))
    for engine in engines:
        laps[engine.name] = replace(
            laps[engine.name],
            median_ms=float(np.median(times[engine.name])),
            p95_ms=float(np.percentile(times[engine.name], 95)),
            memory=engine.memory,
        )


def _differences(outputs: Mapping[str, Outputs], laps: Mapping[str, Lap]) -> list[str]:
    """What ONNX Runtime answers differently from our kernels."""
    if OURS not in outputs or ORT_INT8 not in outputs:
        return []
    same = laps[ORT_INT8].same
    if same is None:
        return []
    if same.unit == SHARE and same.value == 1:
        return ["Our kernels and ONNX Runtime give the same answers for all samples."]
    value = f"{100 * same.value:.1f} %" if same.unit == SHARE else f"{same.value:.4g} {same.unit}".strip()
    return [f"Our kernels beside ONNX Runtime: {same.name} {value}."]
