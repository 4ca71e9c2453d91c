"""Firefox, driven by WebDriver BiDi over its own socket: no driver has to be installed beside it."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tornado.websocket import WebSocketClientConnection, websocket_connect

ANSWER_S = 180
LARGEST_MESSAGE = 64 * 2**20
PROFILE = """
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("remote.active-protocols", 1);
user_pref("browser.download.folderList", 2);
"""


class Firefox:
    """A window without a screen."""

    def __init__(self, program: str) -> None:
        self._folder = tempfile.TemporaryDirectory()
        Path(self._folder.name, "user.js").write_text(PROFILE, "utf-8")
        command = [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", self._folder.name]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
        address = self._address()
        # Playwright may have a loop in this thread, so the socket has a thread of its own.
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._socket: WebSocketClientConnection = self._wait(self._connect(f"{address}/session"))
        self._count = 0
        self.ask("session.new", capabilities={})
        (tree,) = self.ask("browsingContext.getTree")["contexts"]
        self._window = {"context": tree["context"]}
        self.ask("browsingContext.setViewport", viewport={"width": 1280, "height": 860}, **self._window)

    def _address(self) -> str:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"ws://\S+", line):
                threading.Thread(target=self._process.stderr.read, daemon=True).start()
                return found[0]
        raise RuntimeError("Firefox ended before it said where it listens")

    @staticmethod
    async def _connect(address: str) -> WebSocketClientConnection:
        return await websocket_connect(address, max_message_size=LARGEST_MESSAGE)

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S)

    async def _exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        await self._socket.write_message(json.dumps(message))
        while True:
            answer: dict[str, Any] = json.loads(await self._socket.read_message() or "{}")
            if answer.get("id") == message["id"]:
                return answer

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result.

        Raises:
            RuntimeError: Firefox refused it.
        """
        self._count += 1
        answer = self._wait(self._exchange({"id": self._count, "method": method, "params": params}))
        if answer.get("type") == "error":
            raise RuntimeError(f"{method}: {answer['message']}")
        return dict(answer["result"])

    def open(self, address: str) -> None:
        """Go there."""
        self.ask("browsingContext.navigate", url=address, wait="complete", **self._window)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, or what its promise comes to."""
        wrapped = f"(async () => JSON.stringify(await ({expression})) ?? 'null')()"
        answer = self.ask("script.evaluate", expression=wrapped, target=self._window, awaitPromise=True)
        if answer["type"] != "success":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def act(self, points: Sequence[tuple[float, float]]) -> None:
        """Press the mouse at the first point, move it along the others, and let go."""
        (first, *others) = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 30} for x, y in points]
        actions = [first, {"type": "pointerDown", "button": 0}, *others, {"type": "pointerUp", "button": 0}]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": actions}
        self.ask("input.performActions", actions=[mouse], **self._window)

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        actions = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.ask("input.performActions", actions=[{"type": "key", "id": "keys", "actions": actions}], **self._window)

    def give_file(self, selector: str, path: Path) -> None:
        """Choose a file in a field."""
        located = {"type": "css", "value": selector}
        (node,) = self.ask("browsingContext.locateNodes", locator=located, **self._window)["nodes"]
        self.ask("input.setFiles", element={"sharedId": node["sharedId"]}, files=[str(path)], **self._window)

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._folder.cleanup()
