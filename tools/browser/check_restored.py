"""Runs in Pyodide at build time, in memory restored from the snapshot, and checks that everything works."""

import json
import sys
from typing import Any

import numpy as np

from playground.app import start


async def check() -> None:
    """Change a setting as the page would, and compute something.

    Raises:
        RuntimeError: something is not as in a plain start.
    """
    messages: list[dict[str, Any]] = []
    entry = start.start(lambda text, _buffers: messages.append(json.loads(text)), json.dumps({"query": "?format=int5"}))
    await entry.handle(1, "set", json.dumps({"changes": {"format": "int999"}}), [])
    await entry.handle(2, "set", json.dumps({"changes": {"format": "int6"}}), [])
    refused, accepted = (message for message in messages if message["kind"] == "answer")
    if "error" not in refused or accepted["result"]["settings"]["format"] != "int6":
        raise RuntimeError(f"the restored playground answers wrongly: {messages}")
    if not any(message["kind"] == "picture" for message in messages):
        raise RuntimeError("the restored playground does not draw")
    matrix = np.array([[3.0, 1.0], [1.0, 2.0]])
    if not np.allclose(np.linalg.inv(matrix) @ matrix, np.eye(2)):
        raise RuntimeError("NumPy computes wrongly in the restored memory")
    if "panel.io.pyodide" in sys.modules:
        raise RuntimeError("panel.io.pyodide was frozen as a stub")
