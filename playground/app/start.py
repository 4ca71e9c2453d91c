"""Where the worker enters Python."""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

from playground.app import theme
from playground.app.backend import Backend
from playground.host.page import Port, sources


class Entry:
    """What the worker holds: one method that takes every message."""

    def __init__(self, backend: Backend) -> None:
        """``backend`` answers."""
        self._backend = backend

    def handle(self, request: int, kind: str, text: str, files: Any) -> Awaitable[None]:
        """Pass a message on; ``files`` is a JavaScript array of ``File`` or ``Uint8Array``."""
        return self._backend.handle(request, kind, text, sources(files))


def start(post: Any, options: str) -> Entry:
    """Build the playground behind the page.

    Args:
        post: the worker's ``post(json_text, buffers)``.
        options: JSON, see :class:`Backend`.
    """
    theme.install()
    return Entry(Backend(Port(post), json.loads(options)))
