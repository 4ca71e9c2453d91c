"""What a script of a tool is, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from playground.model.graph import Model
from playground.model.recipe import Recipe

if TYPE_CHECKING:
    from playground.ptq.pipeline import QuantizedModel
    from playground.ptq.without_graph import QuantizedTensors

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Origin:
    """What was quantized, from which files, and what came of it.

    Attributes:
        model: as it was opened.
        recipe: as it was given.
        result: what was made with it.
        file: where the script finds the model.
        output: where it writes.
        gallery: id of the gallery's model, which then is the file; empty: it is none.
        calibration: the ``.npz`` with samples; empty: none, or the gallery's.
        images: whether the samples were images, which a script would have to read as the page or the command line did.
        shapes: sizes of made-up inputs.
    """

    model: Model
    recipe: Recipe
    result: QuantizedModel | QuantizedTensors
    file: str
    output: str
    gallery: str = ""
    calibration: str = ""
    images: bool = False
    shapes: Shapes | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """One tool.

    Attributes:
        id: its name in options.
        name: what people call it.
        why_not: why it cannot make the same codes; empty if it can.
        text: the script, if it can.
    """

    id: str
    name: str
    why_not: Callable[[Origin], str]
    text: Callable[[Origin], str]


def samples_from(file: str) -> str:
    """The expression that reads samples by input name."""
    return "{name: x for name, x in np.load(" + repr(file) + ").items() if name != 'labels'}"
