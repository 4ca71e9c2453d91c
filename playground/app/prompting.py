"""A text that both models continue: their next characters, and the probabilities of the first one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.analysis.agreement import softmax
from playground.app.first_supporting_engine import first_supporting_engine_task
from playground.app.gallery_files import reads_text
from playground.engines.run import engines_for
from playground.errors import InvalidInputError, UnsupportedError, plural
from playground.model.graph import Graph
from playground.tasks import Progress, Task

if TYPE_CHECKING:
    from playground.app.model_jobs import ModelJobs

LENGTH, FIRST = 16, 5
"""Characters that are added one after the other, and how many are shown to choose the first from."""


@dataclass(frozen=True, slots=True)
class Continued:
    """What one model makes of a text.

    Attributes:
        text: what it adds, always its most likely character.
        first: the most likely characters to come first, with their probabilities, likeliest first.
        engine: what ran it.
    """

    text: str
    first: tuple[tuple[str, float], ...]
    engine: str


@dataclass(frozen=True, slots=True)
class Continuation:
    """Both models' continuations of a text; ``read`` is the end of it that they have seen."""

    read: str
    original: Continued
    quantized: Continued

    @property
    def sentence(self) -> str:
        """How far they agree."""
        length = len(self.original.text)
        pairs = zip(self.original.text, self.quantized.text, strict=True)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), length)
        if same == length:
            return f"Both add the same {plural(length, 'character')}."
        return f"They part at character {same + 1} of {length}."


def prompt_task(
    jobs: ModelJobs, key: str, text: str, show: Callable[[Continuation], None] = lambda _: None
) -> Task[Continuation]:
    """Have both models continue a text, a character each in turn; quantizes first if need be.

    Args:
        jobs: on the open model.
        key: its id, as in the settings.
        text: not empty, of characters that the model knows.
        show: gets what there is so far, after each character of both.

    Raises:
        UnsupportedError: the model reads no characters.
        InvalidInputError: there is no text, or it has a character that the model does not know.
    """
    if not reads_text(key):
        raise UnsupportedError(
            "this model does not take text", where="model", hint="Open a character transformer from the gallery"
        )
    if not text:
        raise InvalidInputError("the prompt is empty", where="prompt", hint="Type a few words")
    tokens, graph = gallery.tokens_of(text), jobs.graph()
    _, quantized = yield from jobs.quantized_task()
    writers = [_Writer(held, tokens) for held in (graph, quantized)]
    read = text[-_window(graph) :]
    for step in range(LENGTH):
        yield Progress(step, LENGTH, f"Character {step + 1} of both models")
        for writer in writers:
            yield from writer.write_task()
        found = Continuation(read, *(writer.continued for writer in writers))
        show(found)
    return found


def _window(graph: Graph) -> int:
    """How many characters the model reads at once."""
    shape = graph.inputs[0].shape or ()
    return shape[1] if len(shape) > 1 and isinstance(shape[1], int) else 128


class _Writer:
    """One model that continues a text."""

    def __init__(self, graph: Graph, tokens: NDArray[np.int64]) -> None:
        """Nothing is written yet; ``tokens`` are those of the text."""
        self._graph, self._held, self._given = graph, tokens.tolist(), len(tokens)
        self._engine = ""
        self._first: tuple[tuple[str, float], ...] = ()
        self._engines = engines_for(graph, {graph.inputs[0].name: (1, _window(graph))})

    def write_task(self) -> Task[None]:
        """Add the most likely character."""
        window, graph = _window(self._graph), self._graph
        seen: list[Any] = self._held[-window:]
        padded = np.zeros((1, window), np.int64)
        padded[0, : len(seen)] = seen  # what comes behind a character has no influence on what follows it
        feeds = {graph.inputs[0].name: padded}
        outputs, self._engine = yield from first_supporting_engine_task(graph, feeds, self._engines)
        scores = outputs[graph.outputs[0].name][0, len(seen) - 1]
        self._first = self._first or _likeliest(scores)
        self._held.append(int(scores.argmax()))

    @property
    def continued(self) -> Continued:
        """What has been added so far."""
        return Continued(gallery.text_of(np.array(self._held[self._given :])), self._first, self._engine)


def _likeliest(scores: NDArray[Any]) -> tuple[tuple[str, float], ...]:
    shares = softmax(scores)
    order = np.argsort(-shares, kind="stable")[:FIRST]
    return tuple((gallery.characters()[index], float(shares[index])) for index in order)
