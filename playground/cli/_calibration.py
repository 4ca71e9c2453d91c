"""Calibration data on the command line: an ``.npz``, images, the samples of ``--data``, or the gallery's own."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playground import gallery
from playground.cli._files import ModelFile, read_samples
from playground.cli._shapes import add_shapes, shapes_of
from playground.errors import InvalidInputError
from playground.model.recipe import Recipe
from playground.ptq.calibration_data import Given
from playground.ptq.images import ENDINGS, LAYOUTS, RESIZES, image_batches, image_settings, images_in

CALIBRATION, DATA = "--calibration", "--data"


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--calibration",
        metavar="NPZ|IMAGES",
        help="samples for the activations' ranges: an .npz file with an array for each input, an image or a folder of "
        "images; default: those of --data",
    )
    add_shapes(parser)
    parser.add_argument("--ranges", metavar="FOLDER", help="folder where ranges of activations are kept and looked up")
    images = parser.add_argument_group("images", "what is not said is read off the model's input; all of it is shown")
    images.add_argument("--image-size", nargs=2, type=int, metavar=("HEIGHT", "WIDTH"))
    images.add_argument("--image-layout", choices=LAYOUTS)
    images.add_argument(
        "--image-resize",
        choices=RESIZES,
        help="how images get the size of the input; default crop, which keeps their proportions",
    )
    images.add_argument("--image-scale", type=float, metavar="NUMBER", help="value of a pixel of 255; default 1")
    images.add_argument("--image-mean", nargs="+", type=float, metavar="NUMBER", help="default 0")
    images.add_argument("--image-std", nargs="+", type=float, metavar="NUMBER", help="default 1")


@dataclass(frozen=True, slots=True)
class Calibration:
    """The calibration data that was chosen.

    Attributes:
        given: the samples; None: they are made up, or none are needed.
        flag: the option that named them, empty if none did.
        images: how images were made to fit; empty if there are none.
        shapes: sizes of made-up inputs.
        wanted: the inputs that had to be made up; empty if none had.
    """

    given: Given | None = None
    flag: str = ""
    images: str = ""
    shapes: dict[str, tuple[int, ...]] | None = None
    wanted: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """What the person has to know about it; mostly nothing."""
        if self.wanted:
            arrays = f"{'an array' if len(self.wanted) == 1 else 'arrays'} {', '.join(map(repr, self.wanted[:4]))}"
            return f"To take ranges from your data: {CALIBRATION} samples.npz, with {arrays}, or a folder of images."
        if self.flag != DATA:
            return ""
        return f"Activation ranges come from the samples of {DATA}: no {CALIBRATION} was given."

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Errors of the samples name the option that gave them."""
        try:
            yield
        except InvalidInputError as error:
            what, colon, rest = error.where.partition(":")
            if what != "calibration" or not self.flag:
                raise
            raise error.at(f"{self.flag}{colon}{rest}") from error


def calibration_of(args: argparse.Namespace, opened: ModelFile, recipe: Recipe) -> Calibration:
    """The samples that the options name, and how images were made to fit. A gallery model brings its own.

    Raises:
        InvalidInputError: nothing needs samples, options of images come without images, or sizes with samples.
        PlaygroundError: the file cannot be read or does not fit.
    """
    chosen, shapes = _chosen(args), shapes_of(args, opened.graph)
    images = _images_of(args.calibration)
    if chosen and images is None:
        raise InvalidInputError(
            "image options need images", where="--image-...", hint=f"Give an image or a folder as {CALIBRATION}"
        )
    needed = recipe.activations == "static" or bool(recipe.algorithms)
    if args.calibration and not needed:
        raise InvalidInputError(
            "activations that stay in float need no calibration data",
            where=CALIBRATION,
            hint="Leave the option out, or use static activations",
        )
    if images is not None:
        settings = image_settings(opened.graph, shapes, **chosen)
        return Calibration(image_batches(images, settings), CALIBRATION, settings.described)
    found = _samples(args, opened) if needed else Calibration()
    if shapes and found.flag:
        raise InvalidInputError(
            f"the samples of {found.flag} have sizes of their own", where="--shape", hint="Leave one of the two out"
        )
    made_up = recipe.activations == "static" and found.given is None
    wanted = tuple(value.name for value in opened.graph.inputs) if made_up else ()
    return replace(found, shapes=shapes, wanted=wanted)


def _samples(args: argparse.Namespace, opened: ModelFile) -> Calibration:
    """The arrays of a file, or those of the gallery."""
    if args.calibration:
        return Calibration(read_samples(args.calibration, opened.graph, CALIBRATION)[0], CALIBRATION)
    if opened.gallery_id:
        return Calibration(dict(gallery.calibration(opened.gallery_id)))
    if args.data:
        return Calibration(read_samples(args.data, opened.graph, DATA)[0], DATA)
    return Calibration()


def _images_of(path: str | None) -> list[Path] | None:
    """The images of a folder, or a single one; None where the path is neither."""
    if path and Path(path).is_dir():
        return images_in(path)
    return [Path(path)] if path and Path(path).suffix.lower() in ENDINGS else None


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(args, f"image_{name}") for name in ("layout", "resize", "scale", "mean", "std")}
    if args.image_size:
        given |= dict(zip(("height", "width"), args.image_size, strict=True))
    return {name: value for name, value in given.items() if value is not None}
