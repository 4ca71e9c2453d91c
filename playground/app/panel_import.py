"""Imports Panel without its module that evaluates JavaScript source."""

from __future__ import annotations

import sys
import types
from importlib import import_module

_MODULE = "panel.io.pyodide"


def import_panel() -> None:
    """Import Panel; to be called before anything else imports it.

    ``panel.io.pyodide`` speaks to a page, which we do ourselves, and does two things at import that cannot be had
    here: it evaluates JavaScript source, which the worker's Content-Security-Policy forbids, and keeps references to
    JavaScript objects, which a memory snapshot cannot hold. Panel imports it only to take ``serve`` from it.
    """
    stub = types.ModuleType(_MODULE)
    stub.serve = None  # type: ignore[attr-defined]
    sys.modules[_MODULE] = stub
    import_module("panel")
    del sys.modules[_MODULE]
