"""Tasks: run synchronously or on an event loop; their errors reach the caller."""

import asyncio
from functools import partial

import pytest

from playground.errors import CancelledError, EngineError
from playground.tasks import Progress, resolve, run_async, run_sync, thinned


async def ready(value):
    return value


async def failing():
    raise EngineError("out of order")


async def waiting(value):
    await asyncio.sleep(0.001)
    return value


def adding(*starts, log=None):
    """Adds up what the promises give that are started one after the other, a step between any two."""
    total = 0
    try:
        for index, start in enumerate(starts):
            yield Progress(index, len(starts), f"step {index}")
            total += yield start()
    finally:
        if log is not None:
            log.append("closed")
    return total


def forgiving():
    try:
        yield failing()
    except EngineError as error:
        yield Progress(1, 1, "recovered")
        return f"without it: {error.what}"


def driven(work, **arguments):
    return asyncio.run(run_async(work, **arguments))


RUNNERS = pytest.mark.parametrize("run", [run_sync, driven])


@RUNNERS
def test_result_and_progress(run):
    steps = []
    assert run(adding(partial(ready, 1), partial(ready, 20)), progress=steps.append) == 21
    assert steps == [Progress(0, 2, "step 0"), Progress(1, 2, "step 1")]


@RUNNERS
def test_a_failed_promise_fails_inside_the_task(run):
    assert run(forgiving()) == "without it: out of order"


@RUNNERS
def test_what_the_work_does_not_catch_comes_out_and_the_work_is_closed(run):
    log = []
    with pytest.raises(EngineError, match="out of order"):
        run(adding(partial(ready, 1), failing, log=log))
    assert log == ["closed"]


def test_settle_refuses_to_wait():
    assert resolve(ready(3)) == 3
    with pytest.raises(EngineError, match="wait for the browser"):
        resolve(asyncio.sleep(0))


def test_drive_waits():
    assert driven(adding(partial(waiting, 1), partial(waiting, 2))) == 3


def test_others_run_between_two_steps():
    seen = []

    def work():
        for index in range(3):
            seen.append(index)
            yield Progress(index, 3)

    async def both():
        async def other():
            seen.append("other")

        await asyncio.gather(run_async(work()), other())

    asyncio.run(both())
    assert seen == [0, "other", 1, 2]


def test_cancelled_between_two_steps():
    log, steps = [], []
    with pytest.raises(CancelledError):
        driven(adding(*[partial(ready, 1)] * 5, log=log), progress=steps.append, cancelled=lambda: len(steps) == 2)
    assert len(steps) == 2
    assert log == ["closed"]


@pytest.mark.parametrize(("seconds", "reports"), [(0.0, 3), (60.0, 0)])
def test_a_thinned_task_reports_fewer_steps_and_waits_as_before(seconds, reports):
    told = []
    assert run_sync(thinned(adding(*(partial(ready, n) for n in (1, 2, 4))), seconds), told.append) == 7
    assert len(told) == reports
    assert run_sync(thinned(forgiving(), 60.0)) == run_sync(forgiving())
    log = []
    task = thinned(adding(partial(ready, 1), log=log), 0.0)
    next(task)
    task.close()
    assert log == ["closed"]
