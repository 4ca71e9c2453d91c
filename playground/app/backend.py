"""Answers the page's messages. Every request gets an answer: a result, or an error of a kind and one sentence."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from playground.app import messages
from playground.app.bridge import Bridge
from playground.app.document import as_json, build_document
from playground.app.fast_path import subject_content
from playground.app.gallery_files import bring, gallery_data, missing_files
from playground.app.jobs import Jobs
from playground.app.messages import Answer, Handler
from playground.app.model_jobs import ModelJobs
from playground.app.model_requests import ModelRequests
from playground.app.page_state import page_state
from playground.app.page_words import in_page
from playground.app.run_view import RunView
from playground.app.tensor_view import TensorView
from playground.app.workspace import Workspace, open_workspace
from playground.errors import InvalidInputError, MissingError, PlaygroundError, one_of
from playground.host.page import Port
from playground.host.sources import Source
from playground.model.loading import grouped
from playground.settings import Settings, from_query


def _model_view(workspace: Workspace) -> Any:
    from playground.app.model_view import ModelView  # with all its cards it is more than a first view needs

    return ModelView(workspace)


VIEWS: Mapping[str, Callable[[Workspace], Any]] = {"tensor": TensorView, "model": _model_view, "run": RunView}


TOLD = (
    "settings",
    "model",
    "result",
    "recipe",
    "earlier",
    "answer",
    "compared",
    "sensitivity",
    "improvement",
    "race",
    "beside",
    "suggestions",
)
"""What of the workspace the page is told when it changes, by a state."""


class Backend:
    """The playground behind one page."""

    def __init__(self, port: Port, options: Mapping[str, Any]) -> None:
        """Open the model that the query string names; what it got wrong is reported as a ``problem`` event.

        Args:
            port: where answers and events go.
            options: ``{"query": "?..."}``.
        """
        self._port = port
        settings, self.problems = from_query(str(options.get("query", "")))
        self.workspace, error_payload = open_workspace(settings)
        self.problems += error_payload
        self.models = ModelJobs(self.workspace)
        self._state_changed = False
        self._awaited: Settings | None = None
        self._views: dict[str, Any] = {}
        self._bridges: dict[str, Bridge] = {}
        self.jobs = Jobs(port, self._flush)
        self.workspace.param.watch(lambda *_: self._note_state(), list(TOLD))
        self.workspace.param.watch(lambda event: self.say(event.new), "problem", onlychanged=False)
        self._handlers: Mapping[str, Handler] = {
            "view": self._view,
            "patch": self._patch,
            "sync": self._sync,
            "set": self._set,
            "state": self._answer_state,
            "gallery": lambda _id, _content, _files: (gallery_data(), ()),
            "reset": self._reset,
            "undo": lambda _id, _content, _files: self._stepped(self.workspace.undo),
            "redo": lambda _id, _content, _files: self._stepped(self.workspace.redo),
            "forget_steps": lambda _id, _content, _files: self._stepped(self.workspace.steps.forget),
            "subject": self._subject,
            "load": self._load,
            "calibration": self._calibration,
            "image": self._image,
            "recipe": self._recipe,
            "cancel": lambda _id, content, _files: (self.jobs.cancel(content.get("target")), ()),
            **ModelRequests(self.workspace, self.models, self.jobs).handlers,
        }

    def go_on(self, options: Mapping[str, Any]) -> None:
        """Take up what a page asks for after this playground was built: its query string, as in the constructor."""
        settings, self.problems = from_query(str(options.get("query", "")))
        if missing_files(settings.model):
            self._awaited = settings  # shown as soon as the page asks for the state
        elif settings != self.workspace.settings:
            self.problems += self.workspace.show(settings)
        self.workspace.steps.forget()

    async def _answer_state(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        settings, self._awaited = self._awaited, None
        if settings is not None:
            try:
                await bring(settings.model)
                self.problems += self.workspace.show(settings)
            except PlaygroundError as error:
                self.problems += (in_page(str(error)),)
            self.workspace.steps.forget()
        return self.state(), ()

    async def handle(self, request: int, kind: str, text: str, files: Sequence[Source]) -> None:
        """Handle one message; the answer is posted, and every document that changed is brought up to date first."""
        buffers: Sequence[bytes] = ()
        try:
            answer = self._handler(kind)(request, messages.content(text), files)
            result, buffers = await answer if isinstance(answer, Awaitable) else answer
            outcome = {"result": result}
        except Exception as error:  # the page has to get an answer whatever happens
            outcome = {"error": messages.error_payload(error)}
        try:
            self._flush()
        except Exception as error:  # likewise
            outcome, buffers = {"error": messages.error_payload(error)}, ()
        self._port.send({"kind": "answer", "id": request} | outcome, buffers)

    def _handler(self, kind: str) -> Handler:
        if kind not in self._handlers:
            raise InvalidInputError(
                f"{kind!r} is not a kind of request", where="message", hint=one_of(kind, self._handlers)
            )
        return self._handlers[kind]

    def state(self) -> dict[str, Any]:
        """The settings, the permalink's query, what is open and whether there is a quantized model."""
        return page_state(self.workspace, self.models, self.problems)

    def say(self, sentence: str) -> None:
        """Show a sentence in the page, unless it is empty."""
        if not sentence:
            return
        self._port.send({"kind": "problem", "message": sentence})

    def _note_state(self) -> None:
        self._state_changed = True

    def _flush(self) -> None:
        """Send what a request changed. The plots go first: code that waits for the new state may read them at once."""
        for bridge in self._bridges.values():
            bridge.flush()
        tensor = self._views.get("tensor")
        if tensor is not None and tensor.is_changed:
            self._port.send({"kind": "picture", "content": tensor.content()})
        if self._state_changed:
            self._state_changed = False
            self._port.send({"kind": "state", "state": self.state()})

    def open_view(self, name: str) -> dict[str, Any]:
        """Build a view and connect it; its document as the page takes it, of the Tensor view with its picture.

        Raises:
            InvalidInputError: there is no such view.
        """
        if name not in VIEWS:
            raise InvalidInputError(f"there is no view {name!r}", where="view", hint=one_of(name, VIEWS))
        view = self._views[name] = VIEWS[name](self.workspace)
        document = build_document(name, view.roots())
        result = as_json(document)
        self._bridges[name] = Bridge(name, document, self._port)
        return result | ({"content": view.content(whole=True)} if name == "tensor" else {})

    def _view(self, _request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        return self.open_view(str(content.get("view"))), ()

    def _patch(self, _request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        self._bridge(content).receive(messages.mapping(content, "patch"))
        return None, ()

    def _sync(self, _request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        """Send all of a view. The page still shows the view of an earlier worker, which has been ended."""
        bridge = self._bridge(content)
        # the page draws the Tensor view, and Python's document of it is empty
        if content["view"] == "tensor":
            self._port.send({"kind": "picture", "content": self._views["tensor"].content(whole=True)})
        else:
            bridge.sync()
        return None, ()

    def _bridge(self, content: Mapping[str, Any]) -> Bridge:
        view = content.get("view")
        if view not in self._bridges:
            raise InvalidInputError(f"the view {view!r} is not open", where="view", hint="Send a 'view' message first")
        return self._bridges[view]

    async def _set(self, _request: int, content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        changes = messages.mapping(content, "changes")
        await bring(changes.get("model"))
        self.workspace.change(**changes)
        return self.state(), ()

    def _stepped(self, step: Callable[[], None]) -> Answer:
        """Undo, redo, or forget both."""
        step()
        self._note_state()
        return self.state(), ()

    def _reset(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        self.workspace.reset()
        return self.state(), ()

    def subject(self) -> tuple[dict[str, Any], bytes]:
        """The open tensor: its model, name and shape, and its float32 values.

        Raises:
            MissingError: no tensor is open.
        """
        subject, settings = self.workspace.subject, self.workspace.settings
        if subject is None:
            raise MissingError("no tensor is open", where="subject", hint="Open a model with a floating-point tensor")
        content, values = subject_content(subject)
        return {"model": settings.model, "tensor": settings.tensor} | content, values

    def _subject(self, _request: int, _content: Mapping[str, Any], _files: Sequence[Source]) -> Answer:
        content, values = self.subject()
        return content, (values,)

    def _load(self, _request: int, _content: Mapping[str, Any], files: Sequence[Source]) -> Answer:
        self.workspace.open(grouped(files))
        return self.models.inventory(), ()

    def _calibration(self, _request: int, _content: Mapping[str, Any], files: Sequence[Source]) -> Answer:
        result = self.models.calibration.use_npz(messages.one(files))
        self._note_state()
        return result, ()

    def _image(self, _request: int, content: Mapping[str, Any], files: Sequence[Source]) -> Answer:
        to = self.models if content.get("purpose") == "run" else self.models.calibration
        result = to.add_image(content, messages.one(files))
        self._note_state()
        return result, ()

    def _recipe(self, _request: int, content: Mapping[str, Any], files: Sequence[Source]) -> Answer:
        source = messages.one(files) if files else None
        return self.models.use_recipe(source, keep=bool(content.get("keep"))), ()
