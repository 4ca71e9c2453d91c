"""Truth after writing: the finished file is opened by its runtime, run on a few samples, and compared.

With the float model, per output and per part of what is concatenated; and engines with each other: ONNX Runtime with
its optimizations and without, and our interpreter, which does what the operators are specified to do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground import host
from playground.engines import interpreter, onnxruntime
from playground.errors import EngineError, MissingError, PlaygroundError, UnsupportedError, plural
from playground.metrics import sqnr_db
from playground.model.graph import Graph
from playground.operators import view_of
from playground.ptq import hidden_errors
from playground.ptq.calibration_data import CalibrationData, Feeds, Shapes, calibration_data, captured
from playground.ptq.checks import DOMAINS
from playground.tasks import Progress, Task, as_step

SAMPLES = 4
"""Samples that are run; one of a large model."""

LARGE = 64 * 2**20
"""Bytes of constants from which on a model is large: then one engine runs it, on one sample."""

APART, EXACT = 1.0, 60.0
"""Engines whose outputs differ by more decibels part, unless both are as good as exact."""

LOW = 10.0
"""Decibels below which hardly anything of an output is left."""

OPTIMIZED, AS_WRITTEN, OURS = "ONNX Runtime", "ONNX Runtime without optimizations", "our interpreter"

EXACT_PRODUCTS = "ONNX Runtime with exact products"
"""Run where engines part: on x86 without VNNI its fast products of int8 overflow 16 bits."""

_CHECKING = Progress(0, 1, "Checking the file")


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it.

    Attributes:
        refused: in the runtime's words, why it does not take the file; empty if it does.
        skipped: why something was not checked; empty if all was.
        samples: how many were run.
        generated: whether they were made up.
        sqnr_db: engine -> output -> SQNR against the float model, dB.
        warnings: sentences about what is wrong, each with a name and a remedy.
    """

    refused: str = ""
    skipped: str = ""
    samples: int = 0
    generated: bool = False
    sqnr_db: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        if self.refused:
            return f"ONNX Runtime does not take this file: {self.refused}."
        worst = [min(outputs.values()) for outputs in self.sqnr_db.values() if outputs]
        if not worst:
            return f"The file was not run: {self.skipped}." if self.skipped else ""
        level = "exact" if math.isinf(worst[0]) else f"{worst[0]:.1f} dB"
        count = plural(self.samples, "made-up sample" if self.generated else "sample")
        return f"ONNX Runtime runs this file: {level} against the float model, on {count}."


def verify_task(
    source: Graph, quantized: Graph, file: bytes, data: CalibrationData | None, shapes: Shapes | None = None
) -> Task[Verification]:
    """Open the file, run it and compare.

    Args:
        source: the float graph.
        quantized: the graph in the file.
        file: the ONNX file.
        data: samples; made up if left out.
        shapes: input name -> its sizes, for made-up samples.

    Returns:
        What came of it. Nothing that the runtime says raises an error here.
    """
    foreign = sorted({node.domain for node in quantized.nodes} - set(DOMAINS))
    if foreign:
        return Verification(skipped=f"it has operators of the domain {foreign[0]!r}")
    yield Progress(0, 1, "Opening the file")
    try:
        program: onnxruntime.Program = yield onnxruntime.plan(quantized, file)
    except MissingError as error:
        return Verification(skipped=". ".join(filter(None, (error.what, error.hint))))
    except UnsupportedError as error:
        return Verification(refused=_words(error))
    large = sum(tensor.nbytes for tensor in source.initializers.values()) > LARGE
    try:
        data = data or calibration_data(source, None, shapes=shapes)
        found = yield from _compared_task(program, source, data, large=large)
    except PlaygroundError as error:
        found = Verification(skipped=str(error).rstrip("."))
    yield program.session.release()
    return found


def _compared_task(
    program: onnxruntime.Program, source: Graph, data: CalibrationData, *, large: bool
) -> Task[Verification]:
    batches = _first_batches(data, 1 if large else SAMPLES)
    joins = {} if large else hidden_errors.joins(view_of(source))
    wanted: Feeds = {}
    if not large:
        wanted = _joined((yield from captured(source, batches, hidden_errors.names_of(joins), _CHECKING)))
    elif not interpreter.unsupported(source):  # ONNX Runtime would take a copy of all weights
        wanted = yield from as_step(interpreter.run_graph_task(source, batches[0]), _CHECKING)
    try:
        made: dict[str, Feeds] = {OPTIMIZED: (yield from _run_task(program, batches))}
    except EngineError as error:
        return Verification(refused=_words(error))
    ends = hidden_errors.ends(view_of(program.graph), joins)
    if not large:
        yield from _further_engines(program.graph, batches, made, tuple(ends.values()))
    outputs = [value.name for value in source.outputs]
    levels = {engine: _levels(wanted, values, outputs) for engine, values in made.items()}
    if any(_furthest(levels, engine) for engine in levels):
        yield from _exact_task(program.graph, batches, made)
        levels |= {engine: _levels(wanted, made[engine], outputs) for engine in made if engine not in levels}
    overflow = _overflow(levels)
    told = [overflow] if overflow else _parting(levels)
    if not data.generated:
        told += _low(levels[EXACT_PRODUCTS if overflow else OPTIMIZED])
        told += hidden_errors.told(source, program.graph, joins, wanted, made.get(OURS, made[OPTIMIZED]))
    skipped = "the model is large, so that one engine ran it" if large else ""
    return Verification("", skipped, sum(map(data.count, batches)), data.generated, levels, tuple(told))


def _first_batches(data: CalibrationData, samples: int) -> list[Feeds]:
    """So many samples at most (one batch at least): in one batch, or of a model with a fixed batch in several."""
    batches: list[Feeds] = []
    left = samples
    for batch in data.batches(samples):
        if batches and data.count(batch) > left:
            break
        batches.append(batch)
        left -= data.count(batch)
        if left <= 0 or not data.fixed:
            break
    return batches


def _joined(batches: Sequence[Mapping[str, NDArray[Any]]]) -> Feeds:
    """Values of several batches one behind the other; only the first ones of what differs in shape or has none."""
    first = dict(batches[0])
    for name, values in first.items():
        found = [batch[name] for batch in batches]
        if len(found) > 1 and values.ndim and len({other.shape[1:] for other in found}) == 1:
            first[name] = np.concatenate(found)
    return first


def _run_task(program: onnxruntime.Program, batches: Sequence[Feeds]) -> Task[Feeds]:
    made = []
    for feeds in batches:
        made.append((yield onnxruntime.run(program, feeds)))
    return _joined(made)


def _exact_task(graph: Graph, batches: Sequence[Feeds], made: dict[str, Feeds]) -> Task[None]:
    """Run with products that do not overflow, if that can be."""
    with suppress(PlaygroundError):
        program: onnxruntime.Program = yield onnxruntime.plan(graph, exact_products=True)
        made[EXACT_PRODUCTS] = yield from _run_task(program, batches)
        yield program.session.release()


def _further_engines(
    graph: Graph, batches: Sequence[Feeds], made: dict[str, Feeds], names: tuple[str, ...]
) -> Task[None]:
    """Run on the others that there are; one that cannot is no finding."""
    if not host.IN_BROWSER:
        with suppress(PlaygroundError):
            program: onnxruntime.Program = yield onnxruntime.plan(graph, as_written=True)
            made[AS_WRITTEN] = yield from _run_task(program, batches)
            yield program.session.release()
    if not interpreter.unsupported(graph):
        with suppress(PlaygroundError):
            found = []
            for feeds in batches:
                found.append((yield from as_step(interpreter.run_graph_task(graph, feeds, names), _CHECKING)))
            made[OURS] = _joined(found)


def _levels(wanted: Feeds, found: Feeds, outputs: list[str]) -> dict[str, float]:
    """SQNR of each output that can be compared, dB."""
    return {
        name: sqnr_db(wanted[name], found[name]) for name in outputs if _comparable(wanted.get(name), found.get(name))
    }


def _comparable(wanted: NDArray[Any] | None, found: NDArray[Any] | None) -> bool:
    if wanted is None or found is None or wanted.dtype.kind != "f" or not wanted.size or wanted.shape != found.shape:
        return False
    return bool(np.isfinite(wanted).all() and np.isfinite(found).all() and np.any(wanted))


def _parting(levels: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Engines that part from ONNX Runtime by more than a decibel; of each the output in which they do most."""
    told = []
    base = levels[OPTIMIZED]
    for engine, others in levels.items():
        worst = _furthest(levels, engine)
        if not worst or engine == EXACT_PRODUCTS:
            continue
        if engine == AS_WRITTEN:
            remedy = "Run it without optimizations (ORT_DISABLE_ALL), or leave in float what makes this output"
        else:
            remedy = "Judge the model by ONNX Runtime (engine 'onnxruntime'), or leave in float what makes this output"
        told.append(
            f"Engines part at output {worst!r}: {OPTIMIZED} gives {base[worst]:.1f} dB, {engine} "
            f"{others[worst]:.1f} dB. {remedy}."
        )
    # where its optimizations are the cause, ours only says the same
    return told[:1]


def _furthest(levels: Mapping[str, Mapping[str, float]], engine: str, base: str = OPTIMIZED) -> str:
    """The output in which an engine parts most from another; empty if it does not part, or did not run."""
    others, bases = levels.get(engine, {}), levels[base]
    apart = {name: abs(min(bases[name], EXACT) - min(others[name], EXACT)) for name in others if name in bases}
    worst = max(apart, key=lambda name: apart[name], default="")
    return worst if worst and apart[worst] > APART else ""


def _overflow(levels: Mapping[str, Mapping[str, float]]) -> str:
    """What to say where engines part only because ONNX Runtime's products overflow; else empty."""
    worst = _furthest(levels, EXACT_PRODUCTS)
    # node by node its dynamic products overflow, too; our interpreter's never do
    other = OURS if OURS in levels else AS_WRITTEN
    if not worst or _furthest(levels, other, EXACT_PRODUCTS):
        return ""
    return (
        f"Products of int8 weights overflow in ONNX Runtime on this processor (x86 without VNNI): output {worst!r} has "
        f"{levels[OPTIMIZED][worst]:.1f} dB, with exact products {levels[EXACT_PRODUCTS][worst]:.1f} dB. Use uint8 "
        "weights, with static activations also int7, or ONNX Runtime's session entry 'session.x64quantprecision' = '1'."
    )


def _low(levels: Mapping[str, float]) -> list[str]:
    return [
        f"Little is left of output {name!r}: {db:.1f} dB against the float model. Find the layer that hurts, or leave "
        "activations in float."
        for name, db in levels.items()
        if db < LOW
    ]


def _words(error: PlaygroundError) -> str:
    """The runtime's own words."""
    words = error.what
    for before in ("the model cannot be loaded: ", "the model failed: ", "Error: "):
        words = words.removeprefix(before)
    return words.rstrip(".")
