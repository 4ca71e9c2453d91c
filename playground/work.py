"""Long work as generators: natively they are drained, in the page the worker's event loop steps them.

A piece of work yields either a :class:`Progress` (at least every 50 ms, so that it can be cancelled and shown)
or an awaitable (a promise of the host, such as a run of ONNX Runtime Web), whose result is sent back into it and whose
failure is raised in it.
What the generator returns is the result of the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from playground.errors import CancelledError, EngineError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a piece of work is: ``done`` of ``total`` steps, and one short sentence about the current one."""

    done: int
    total: int
    message: str = ""


Work = Generator["Progress | Awaitable[Any]", Any, T]


def settle(awaitable: Awaitable[T]) -> T:
    """Run an awaitable that never really waits (every native host call is one) to its end.

    Raises:
        EngineError: it does wait, as the page's ONNX Runtime Web does; there ``drive`` has to be used.
    """
    waiting = awaitable.__await__()
    try:
        next(waiting)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise EngineError("this call has to wait for the browser", hint="Await it in the page instead of calling it")


def drain(work: Work[T], progress: Callable[[Progress], None] | None = None) -> T:
    """Run a piece of work to its end, here and now, telling ``progress`` of every step. Returns its result."""
    answer: Any = None
    failure: Exception | None = None
    while True:
        try:
            item = work.send(answer) if failure is None else work.throw(failure)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        answer = failure = None
        if isinstance(item, Progress):
            if progress is not None:
                progress(item)
            continue
        try:
            answer = settle(item)
        except Exception as error:  # whatever it is, the work may know what to do about it
            failure = error


async def drive(
    work: Work[T],
    progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> T:
    """Run a piece of work on the event loop, letting other messages in between any two steps.

    Raises:
        CancelledError: ``cancelled()`` became true; the generator was closed first.
    """
    answer: Any = None
    failure: Exception | None = None
    while True:
        if cancelled():
            work.close()
            raise CancelledError("cancelled", hint="Nothing was changed")
        try:
            item = work.send(answer) if failure is None else work.throw(failure)
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
        except Exception as error:  # whatever it is, the work may know what to do about it
            failure = error
