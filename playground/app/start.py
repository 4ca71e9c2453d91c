"""Where the worker enters Python: a plain start, or one that goes on from a frozen playground."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import random
import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from playground import host
from playground.app.backend import VIEWS, Backend
from playground.app.next_step import next_step_task
from playground.host.page import Port, plain, sources
from playground.tasks import run_sync

FIRST_VIEW = "tensor"


@dataclass(frozen=True, slots=True)
class Frozen:
    """A playground without a page, and the key of its views' documents."""

    backend: Backend
    port: Port
    key: str


_frozen: list[Frozen] = []
"""What :func:`freeze` built, until :func:`start` takes it. In a memory snapshot it is what the page goes on with."""


class Entry:
    """What the worker holds: one method that takes every message."""

    def __init__(self, backend: Backend, document: str) -> None:
        """``backend`` answers; ``document`` is the key of the first view's document, see :func:`freeze`."""
        self._backend = backend
        self.document = document

    def handle(self, request: int, kind: str, text: str, files: Any) -> Awaitable[None]:
        """Pass a message on; ``files`` is a JavaScript array of ``File`` or ``Uint8Array``."""
        return self._backend.handle(request, kind, text, sources(files))


def freeze() -> tuple[str, bytes]:
    """Build the playground with its views and the default settings, and keep it for :func:`start`.

    Nothing it makes refers to JavaScript, so the memory it lies in can be saved and restored. Two processes that run
    the same code build the same document, ids included.

    Returns:
        JSON, what the page shows before Python is there: ``{"view", "document", "others", "state", "subject", "advice",
        "key"}``, where ``others`` has the documents of the other views. Documents with the same key are the same,
        whatever is drawn on the first one. And the bytes of the tensor that is shown: :func:`subject_content`.
    """
    port = Port()
    with host.no_javascript():
        backend = Backend(port, {})
        document = backend.open_view(FIRST_VIEW)
        others = {name: backend.open_view(name) for name in VIEWS if name != FIRST_VIEW}
        subject, values = backend.subject()
        advice = run_sync(next_step_task(backend.workspace, backend.models, FIRST_VIEW))
        shown = {"view": FIRST_VIEW, "document": document, "others": others, "state": backend.state()}
        content = plain(shown | {"subject": subject, "advice": advice})
    drawn = content["document"].pop("content")
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
    content["document"]["content"] = drawn
    _frozen.append(Frozen(backend, port, key))
    gc.collect()
    return json.dumps({**content, "key": key}, allow_nan=False), values


def frozen_model() -> str:
    """The id of the model that is frozen: what its operators need is imported already, what others need is not."""
    return str(_frozen[0].backend.workspace.settings.model)


def start(post: Any, options: str) -> Entry:
    """Connect the frozen playground with the page.

    Args:
        post: the worker's ``post(json_text, buffers)``.
        options: JSON, see :class:`Backend`.
    """
    if not _frozen:
        freeze()
    frozen = _frozen.pop()
    _reseed()
    frozen.port.connect(post)
    frozen.backend.go_on(json.loads(options))
    return Entry(frozen.backend, frozen.key)


def _reseed() -> None:
    """New random numbers: every restored snapshot would draw the same ones."""
    random.seed(os.urandom(32))
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(int.from_bytes(os.urandom(4), "little"))
