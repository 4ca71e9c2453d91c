"""Runs one graph in both integer engines and says what became of it."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import playground
from playground.engines.planned import PlannedModel
from playground.engines.run import refused, run
from playground.errors import PlaygroundError
from playground.model.graph import Graph, Model
from tests.fuzz.graphs import FLOAT, Case
from tests.fuzz.guarded_memory import GuardedKernels, guarded_kernels
from tests.hostile.guard import MEGABYTES, SECONDS, _peak, _reset_peak, _stop, _TooLongError

Outputs = dict[str, np.ndarray[Any, Any]]


@dataclass
class Verdict:
    """What became of a graph. ``faults`` is empty if all is as promised; each begins with its kind."""

    executed: bool = False
    outcome: str = ""
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    megabytes: float = 0.0


def judged(case: Case, kernels: GuardedKernels, seed: int = 0) -> Verdict:
    """Run it: planned and computed by NumPy, by the kernels in one arena, by the kernels between guards."""
    verdict, before, began = Verdict(), _reset_peak(), time.process_time()
    previous = signal.signal(signal.SIGPROF, _stop)
    signal.setitimer(signal.ITIMER_PROF, 2 * SECONDS)
    try:
        _judge(case, kernels, seed, verdict)
    except _TooLongError:
        verdict.faults.append("slow: stopped")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
        written = kernels.changed()
        kernels.forget((seed * 37 + 11) % 256)
    verdict.seconds, verdict.megabytes = time.process_time() - began, _peak() - before
    if written:
        verdict.faults.append(f"canary: {written} octets")
    if verdict.seconds > SECONDS:
        verdict.faults.append(f"slow: {verdict.seconds:.1f} s")
    if verdict.megabytes > MEGABYTES:
        verdict.faults.append(f"large: {verdict.megabytes:.0f} MB")
    return verdict


def _judge(case: Case, kernels: GuardedKernels, seed: int, verdict: Verdict) -> None:
    reference = PlannedModel(case.graph, "reference")
    attempt = _Attempt(verdict)
    expected = [attempt("reference", lambda fed=fed: reference.run(fed)) for fed in case.feeds]
    for apart in (False, True):
        with guarded_kernels(kernels, apart=apart):
            ours = PlannedModel(case.graph, "wasm")
            found = [attempt("wasm", lambda fed=fed, ours=ours: ours.run(fed)) for fed in case.feeds]
            ours.release()
        for one, other in zip(expected, found, strict=True):
            _compare(one, other, verdict)
    verdict.executed = all(isinstance(made, dict) for made in expected)
    verdict.outcome = "executed" if verdict.executed else str(expected[0])[:100]
    if not verdict.executed:
        attempt("inventory", lambda: refused(case.graph))
        attempt("run", lambda: run(case.graph, case.feeds[0], "reference"))
    if case.form == FLOAT:
        _quantized(case.graph, case.feeds[0], attempt)


class _Attempt:
    """Calls something; an error of ours is an answer, any other exception is a fault."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict

    def __call__(self, what: str, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except PlaygroundError as error:
            return _without_frames(error)
        except Exception as error:
            places = traceback.extract_tb(error.__traceback__)[-2:]
            at = " < ".join(f"{p.filename.split('playground/')[-1]}:{p.lineno}" for p in reversed(places))
            self._verdict.faults.append(f"foreign: {what}: {type(error).__name__}: {str(error)[:100]} at {at}")
            return _without_frames(error)


def _without_frames(error: Exception) -> Exception:
    """An error that keeps no arrays of its calls alive: they would count as the memory of the next engine."""
    last: BaseException | None = error
    while last is not None:
        last.__traceback__ = None
        last = last.__cause__ or last.__context__
    return error


def _compare(one: Outputs | Exception, other: Outputs | Exception, verdict: Verdict) -> None:
    """Outputs are equal bit for bit (NaN is NaN), errors are of one type."""
    if isinstance(one, Exception) or isinstance(other, Exception):
        if type(one) is not type(other):
            verdict.faults.append(f"difference: {_short(one)} / {_short(other)}")
        return
    for name, array in one.items():
        ours = other[name]
        if (array.shape, array.dtype) != (ours.shape, ours.dtype):
            verdict.faults.append(f"difference: {array.dtype}{array.shape} / {ours.dtype}{ours.shape}")
        elif not np.array_equal(array, ours, equal_nan=array.dtype.kind == "f"):
            count = int(np.count_nonzero(array != ours))
            verdict.faults.append(f"difference: {count} of {array.size} values of {name}")


def _short(made: Outputs | Exception) -> str:
    return "outputs" if isinstance(made, dict) else f"{type(made).__name__}: {str(made)[:120]}"


def _quantized(graph: Graph, feeds: Outputs, attempt: _Attempt) -> None:
    """A float graph is quantized in all forms, and what comes of it runs like any other."""
    model = Model("onnx", "fuzz", graph.initializers, graph)
    for activations in ("static", "dynamic", "weight_only"):
        recipe = playground.Recipe(activations=activations, partial=True)
        made = attempt(
            f"quantize {activations}",
            lambda recipe=recipe: playground.quantize_model(model, recipe, feeds),
        )
        if isinstance(made, Exception):
            continue
        for engine in ("reference", "wasm"):
            attempt(
                f"run {activations} {engine}",
                lambda onnx=made.onnx, engine=engine: playground.run(playground.load(onnx, "q.onnx"), feeds, engine),
            )
