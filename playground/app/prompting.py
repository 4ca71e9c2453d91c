"""A text that both models continue: their next characters, and the probabilities of the first one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from playground import gallery
from playground.analysis.agreement import softmax
from playground.app.first_supporting_engine import first_supporting_engine_task
from playground.app.gallery_files import reads_text
from playground.engines.run import engines_for
from playground.errors import InvalidInputError, UnsupportedError
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
        pairs = zip(self.original.text, self.quantized.text, strict=True)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b), LENGTH)
        if same == LENGTH:
            return f"Both add the same {LENGTH} characters."
        return f"They part at character {same + 1} of {LENGTH}."


def prompt_task(jobs: ModelJobs, key: str, text: str) -> Task[Continuation]:
    """Have both models continue a text; quantizes first if need be.

    Args:
        jobs: on the open model.
        key: its id, as in the settings.
        text: not empty, of characters that the model knows.

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
    result = yield from jobs.ensure_task()
    original = yield from _continued_task(graph, tokens, "Float model")
    quantized = yield from _continued_task(result.model.required_graph(), tokens, "Quantized model")
    return Continuation(text[-_window(graph) :], original, quantized)


def _window(graph: Graph) -> int:
    """How many characters the model reads at once."""
    shape = graph.inputs[0].shape or ()
    return shape[1] if len(shape) > 1 and isinstance(shape[1], int) else 128


def _continued_task(graph: Graph, tokens: NDArray[np.int64], about: str) -> Task[Continued]:
    window, source, output = _window(graph), graph.inputs[0].name, graph.outputs[0].name
    held, engine, engines = tokens.tolist(), "", engines_for(graph, {source: (1, window)})
    first: tuple[tuple[str, float], ...] = ()
    for step in range(LENGTH):
        yield Progress(step, LENGTH, f"{about}, character {step + 1}")
        seen: list[Any] = held[-window:]
        padded = np.zeros((1, window), np.int64)
        padded[0, : len(seen)] = seen  # what comes behind a character has no influence on what follows it
        outputs, engine = yield from first_supporting_engine_task(graph, {source: padded}, engines)
        scores = outputs[output][0, len(seen) - 1]
        if not first:
            first = _likeliest(scores)
        held.append(int(scores.argmax()))
    return Continued(gallery.text_of(np.array(held[len(tokens) :])), first, engine)


def _likeliest(scores: NDArray[Any]) -> tuple[tuple[str, float], ...]:
    shares = softmax(scores)
    order = np.argsort(-shares, kind="stable")[:FIRST]
    return tuple((gallery.characters()[index], float(shares[index])) for index in order)
