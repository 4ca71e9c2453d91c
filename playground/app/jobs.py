"""Tasks that the page has started: run on the event loop, with progress and cancellation."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from playground.host.page import Port
from playground.tasks import Progress, Task, run_async

T = TypeVar("T")

REPORT_EVERY = 0.05
"""Seconds between two progress messages; more would only be drawn over each other."""


class Jobs:
    """The tasks that are under way, by the id of the request that started them."""

    def __init__(self, port: Port, flush: Callable[[], None] = lambda: None) -> None:
        """``port`` takes the progress messages; ``flush`` sends what tasks have put into the workspace so far."""
        self._port, self._flush = port, flush
        self._cancelled: dict[int, bool] = {}

    async def run(self, request: int, work: Task[T]) -> T:
        """Drive ``work`` to its end.

        Raises:
            CancelledError: the page cancelled the request.
        """
        self._cancelled[request] = False
        began = last = time.monotonic()

        def tell(progress: Progress) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last < REPORT_EVERY and 0 < progress.done < progress.total:
                return
            last = now
            self._flush()
            left = (now - began) * (progress.total - progress.done) / progress.done if progress.done else None
            self._port.send(
                {"kind": "progress", "id": request, "done": progress.done, "total": progress.total,
                 "message": progress.message, "seconds_left": left}
            )  # fmt: skip

        try:
            return await run_async(work, tell, lambda: self._cancelled[request])
        finally:
            del self._cancelled[request]

    def cancel(self, request: int | None) -> bool:
        """Ask a task to stop between two of its steps. Returns whether it was under way."""
        if request is None or request not in self._cancelled:
            return False
        self._cancelled[request] = True
        return True
