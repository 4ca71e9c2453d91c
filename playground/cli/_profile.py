"""``evaluate --profile``: which steps of a model take the time in our kernels, beside ONNX Runtime's whole time."""

from __future__ import annotations

import argparse
from dataclasses import asdict

import numpy as np

from playground import host
from playground.analysis.race import ROUND_SECONDS
from playground.cli._console import Console, Result
from playground.cli._files import Arrays, ModelFile
from playground.cli._shapes import shapes_of
from playground.cli._study import samples_of
from playground.engines.fitting import fitted
from playground.engines.profile import Profile, StepTime, profile_task
from playground.errors import PlaygroundError
from playground.model.writers.onnx import to_onnx
from playground.ptq.made_up import made_up_feeds
from playground.render import profile as told
from playground.render.numbers import size
from playground.tasks import Task, run_sync


def profiled(args: argparse.Namespace, opened: ModelFile, console: Console) -> Result:
    """Time the steps on the first sample, or on made-up inputs: the time does not depend on the values.

    Raises:
        InvalidInputError: sizes are open, and neither samples nor ``--shape`` state them.
        PlaygroundError: the model cannot run in our kernels.
    """
    feeds, name = _feeds(args, opened)
    profile = run_sync(profile_task(opened.graph, feeds), console.progress)
    console.end_progress()
    try:
        theirs = run_sync(_onnxruntime_task(to_onnx(opened.graph), feeds), console.progress)
        missing = ""
    except PlaygroundError as error:
        theirs, missing = None, f"ONNX Runtime was not timed: {error}."
    console.end_progress()
    return {
        "file": opened.name,
        "data": name,
        "profile": asdict(profile),
        "onnxruntime_seconds": theirs,
        "note": missing,
    }


def _feeds(args: argparse.Namespace, opened: ModelFile) -> tuple[Arrays, str]:
    graph = opened.graph
    if args.data or args.gallery or opened.gallery_id:
        samples = samples_of(args, graph, opened.gallery_id)
        feeds, axes = fitted(graph, samples.feeds)
        first = axes.unstacked(axes.take(feeds, np.arange(axes.size or 1)))
        return first, f"the first of {samples.name}"
    return made_up_feeds(graph, shapes_of(args, graph), 1), "made-up inputs"


def _onnxruntime_task(content: bytes, feeds: Arrays) -> Task[float]:
    """Seconds of a run, the median of seven rounds."""
    session = yield host.ort_session(content)
    times: list[float] = []
    for _ in range(7):
        times.append((yield session.time(feeds, ROUND_SECONDS)))
    yield session.release()
    return float(np.median(times)) / 1000


def show_profile(result: Result, console: Console) -> None:
    """The steps that take most of the time, then why."""
    held = dict(result["profile"])
    profile = Profile(**held | {"steps": tuple(StepTime(**step) for step in held["steps"])})
    console.line(f"{result['file']} on {result['data']}, {profile.runs} runs")
    console.line()
    rows = told.rows(profile)
    console.table(
        {head.lower(): [row[place] for row in rows] for place, head in enumerate(told.HEAD)},
        right=("time", "share", "multiply-adds", "a second"),
    )
    theirs = result["onnxruntime_seconds"]
    console.line()
    whole = {"our kernels": told.milliseconds(profile.seconds), "their memory": size(profile.nbytes)}
    console.pairs(whole if theirs is None else whole | {"ONNX Runtime": told.milliseconds(theirs)})
    for sentence in told.sentences(profile, theirs):
        console.paragraph(sentence)
    if result["note"]:
        console.paragraph(result["note"])
