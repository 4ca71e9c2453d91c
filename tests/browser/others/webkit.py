"""WebKit: GTK's small browser on a screen in memory, driven by WebDriver."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ANSWER_S = 180
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key by which WebDriver names an element."""
EVALUATE = """const done = arguments[arguments.length - 1];
(async () => JSON.stringify(await (%s)) ?? "null")().then(
  (value) => done({ value }), (error) => done({ error: String(error?.message ?? error) }));"""


class WebKit:
    """A window on Xvfb's screen."""

    def __init__(self, driver: str, browser: str) -> None:
        display, end = os.pipe()
        screen = ["Xvfb", "-displayfd", str(end), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"]
        self._screen = subprocess.Popen(screen, pass_fds=[end], stderr=subprocess.DEVNULL)
        number = os.read(display, 16).decode().strip()
        # As root WebKit's sandbox can't be set up; what is opened is our own page.
        variables = {"DISPLAY": f":{number}", "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [driver, f"--port={port}"]
        self._process = subprocess.Popen(command, env=os.environ | variables, stderr=subprocess.DEVNULL)
        self._base = f"http://127.0.0.1:{port}"
        options = {"binary": browser, "args": ["--automation"]}
        capabilities = {"browserName": "MiniBrowser", "webkitgtk:browserOptions": options}
        self._session = self._begin({"capabilities": {"alwaysMatch": capabilities}})
        self.ask("timeouts", {"script": 1000 * ANSWER_S, "pageLoad": 1000 * ANSWER_S})
        self.ask("window/rect", {"width": 1280, "height": 960})

    def _begin(self, wanted: dict[str, Any]) -> str:
        for _ in range(100):
            try:
                return str(self._post(f"{self._base}/session", wanted)["sessionId"])
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionRefusedError):
                    raise
                time.sleep(0.1)
        raise RuntimeError("WebKit's driver does not listen")

    @staticmethod
    def _post(address: str, content: dict[str, Any]) -> Any:
        request = urllib.request.Request(address, json.dumps(content).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            return json.load(answer)["value"]

    def ask(self, command: str, content: dict[str, Any]) -> Any:
        """Send a command and return its value.

        Raises:
            RuntimeError: the driver refused it.
        """
        try:
            return self._post(f"{self._base}/session/{self._session}/{command}", content)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{command}: {error.read().decode(errors='replace')}") from error

    def open(self, address: str) -> None:
        """Go there."""
        self.ask("url", {"url": address})

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or what its promise comes to."""
        found = self.ask("execute/async", {"script": EVALUATE % expression, "args": []})
        if "error" in found:
            raise RuntimeError(found["error"])
        return json.loads(found["value"])

    def act(self, points: Sequence[tuple[float, float]]) -> None:
        """Press the mouse at the first point, move it along the others, and let go."""
        (first, *others) = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 30} for x, y in points]
        actions = [first, {"type": "pointerDown", "button": 0}, *others, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.ask("actions", {"actions": [mouse]})

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.ask("actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def give_file(self, selector: str, path: Path) -> None:
        """Choose a file in a field."""
        element = self.ask("element", {"using": "css selector", "value": selector})[ELEMENT]
        self.ask(f"element/{element}/value", {"text": str(path)})

    def close(self) -> None:
        """End the browser, its driver and the screen."""
        self._process.terminate()
        self._process.wait()
        self._screen.terminate()
        self._screen.wait()
