"""Which progress of a task reaches the page."""

import asyncio
from types import SimpleNamespace

import pytest

from playground.app import jobs
from playground.app.jobs import Jobs
from playground.errors import CancelledError
from playground.tasks import Progress


class Messages:
    """The port: keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, message, buffers=()):
        self.sent.append(message)


def steps(total, seen=lambda done: None):
    for done in range(total + 1):
        seen(done)
        yield Progress(done, total, "Working")
    return "result"


def test_the_first_and_the_last_progress_are_told_however_soon_they_come(monkeypatch):
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: 10.0))
    port = Messages()
    assert asyncio.run(Jobs(port).run(7, steps(50))) == "result"
    assert [message["done"] for message in port.sent] == [0, 50]
    assert {(message["kind"], message["id"], message["total"]) for message in port.sent} == {("progress", 7, 50)}
    assert [message["seconds_left"] for message in port.sent] == [None, 0]


def test_between_them_one_is_told_each_interval(monkeypatch):
    clock = iter(i * 0.6 * jobs.REPORT_EVERY for i in range(1000))
    monkeypatch.setattr(jobs, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    port = Messages()
    asyncio.run(Jobs(port).run(7, steps(10)))
    assert [message["done"] for message in port.sent] == [0, 2, 4, 6, 8, 10]
    assert port.sent[1]["seconds_left"] == pytest.approx(3 * 0.6 * jobs.REPORT_EVERY * 8 / 2)


def test_a_task_is_cancelled_while_it_is_under_way_and_only_then():
    running = Jobs(Messages())
    told = []
    with pytest.raises(CancelledError):
        asyncio.run(running.run(7, steps(5, lambda done: told.append(running.cancel(7)) if done == 2 else None)))
    assert told == [True]
    assert not running.cancel(7)
    assert not running.cancel(None)
