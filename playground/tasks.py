"""Tasks, which are generators: natively a call runs one to its end, in the page the worker's event loop steps it.

A task yields either a :class:`Progress` (at least every 50 ms, so that it can be cancelled and shown)
or an awaitable (a promise of the host, such as a run of ONNX Runtime Web), whose result is sent back into it and whose
failure is raised in it.
What the generator returns is the result of the task.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from playground.errors import CancelledError, EngineError, PlaygroundError, typed

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task is: ``done`` of ``total`` steps, and one short sentence about the current one."""

    done: float
    total: int
    message: str = ""


Task = Generator["Progress | Awaitable[Any]", Any, T]


def typed_task(
    kind: type[PlaygroundError], what: str, *, where: str, hint: str
) -> Callable[[Callable[P, Generator[Any, Any, T]]], Callable[P, Generator[Any, Any, T]]]:
    """Turn every exception of a task into an error of ``kind``, as ``errors.typed`` does."""

    def bound(task: Callable[P, Generator[Any, Any, T]]) -> Callable[P, Generator[Any, Any, T]]:
        @functools.wraps(task)
        def run(*args: P.args, **kwargs: P.kwargs) -> Generator[Any, Any, T]:
            with typed(kind, what, where=where, hint=hint):
                return (yield from task(*args, **kwargs))

        return run

    return bound


def as_step(task: Task[T], step: Progress) -> Task[T]:
    """A task whose steps are reported as one step of the task around it."""
    return _reported(task, lambda _: step)


def thinned(task: Task[T], seconds: float = 0.03) -> Task[T]:
    """A task that reports a step only when so much time has passed since the one before.

    In the page each report lets other messages in, which takes longer than a short step.
    """
    reported = time.monotonic()

    def some(step: Progress) -> Progress | None:
        nonlocal reported
        if time.monotonic() - reported < seconds:
            return None
        reported = time.monotonic()
        return step

    return _reported(task, some)


def titled(task: Task[T], title: str) -> Task[T]:
    """A task whose messages begin with what is done; the counts of its parts, which differ, become one share."""

    def reported(step: Progress) -> Progress:
        share = step.done / step.total if step.total else 0.0
        return Progress(share, 1, f"{title} {step.message}".rstrip())

    return _reported(task, reported)


def as_part(task: Task[T], done: float, total: int, about: str) -> Task[T]:
    """A task as one step of another, of which ``done`` of ``total`` are behind it; its messages follow ``about``."""
    return _reported(task, lambda inner: Progress(done, total, f"{about}: {inner.message}" if inner.message else about))


def _reported(task: Task[T], as_outer: Callable[[Progress], Progress | None]) -> Task[T]:
    """The task with other reports of its steps, None for no report; what it waits for is handed on."""
    answer: Any = None
    failure: Exception | None = None
    try:
        while True:
            try:
                item = task.send(answer) if failure is None else task.throw(failure)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = failure = None
            if isinstance(item, Progress):
                report = as_outer(item)
                if report is not None:
                    yield report
                continue
            try:
                answer = yield item
            except Exception as error:  # whatever it is, the task may know what to do about it
                failure = error
    finally:
        task.close()


def resolve(awaitable: Awaitable[T]) -> T:
    """Run an awaitable that does not wait, as all calls of a native host are, to its end.

    Raises:
        EngineError: it waits, as the page's ONNX Runtime Web does. Use ``run_async`` there.
    """
    waiting = awaitable.__await__()
    try:
        next(waiting)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise EngineError("this call has to wait for the browser", where="tasks", hint="Await it in the page")


def run_sync(task: Task[T], progress: Callable[[Progress], None] | None = None) -> T:
    """Run a task to its end, here and now, telling ``progress`` of every step. Returns its result."""
    answer: Any = None
    failure: Exception | None = None
    while True:
        try:
            item = task.send(answer) if failure is None else task.throw(failure)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = failure = None
        if isinstance(item, Progress):
            if progress is not None:
                progress(item)
            continue
        try:
            answer = resolve(item)
        except Exception as error:  # whatever it is, the task may know what to do about it
            failure = error


async def run_async(
    task: Task[T],
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> T:
    """Run a task on the event loop, letting other messages in between any two steps.

    Raises:
        CancelledError: ``cancelled()`` became true; the generator was closed first.
    """
    answer: Any = None
    failure: Exception | None = None
    while True:
        if cancelled():
            task.close()
            raise CancelledError("the task was cancelled", where="task", hint="Start it again: nothing was changed")
        try:
            item = task.send(answer) if failure is None else task.throw(failure)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = failure = None
        if isinstance(item, Progress):
            if progress is not None:
                progress(item)
            await asyncio.sleep(0)
            continue
        try:
            answer = await item
        except Exception as error:  # whatever it is, the task may know what to do about it
            failure = error
