"""Calibration data on the command line: an ``.npz``, a folder of images, or the gallery's own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from playground import gallery
from playground.cli._files import ModelFile, read_samples
from playground.errors import InvalidInputError
from playground.model.recipe import Recipe
from playground.ptq.calibration_data import Given
from playground.ptq.images import LAYOUTS, RESIZES, image_batches, image_settings, images_in


def add_calibration(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--calibration",
        metavar="NPZ|FOLDER",
        help="samples for the activations' ranges: an .npz file with an array for each input, or a folder of images",
    )
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


def calibration_of(args: argparse.Namespace, opened: ModelFile, recipe: Recipe) -> tuple[Given | None, str]:
    """The samples, and how images were made to fit (empty if there are none). A gallery model brings its own.

    Raises:
        InvalidInputError: nothing needs samples, or options of images come without images.
        PlaygroundError: the file cannot be read or does not fit.
    """
    chosen = _chosen(args)
    folder = bool(args.calibration) and Path(args.calibration).is_dir()
    if chosen and not folder:
        raise InvalidInputError(
            "image options need a folder of images", where="--image-...", hint="Give the folder as --calibration"
        )
    if args.calibration:
        if recipe.activations != "static" and not recipe.algorithms:
            raise InvalidInputError(
                "activations that stay in float need no calibration data",
                where="--calibration",
                hint="Leave the option out, or use static activations",
            )
        if folder:
            settings = image_settings(opened.graph, **chosen)
            return image_batches(images_in(args.calibration), settings), settings.described
        return read_samples(args.calibration, opened.graph)[0], ""
    if opened.gallery_id and (recipe.activations == "static" or recipe.algorithms):
        return dict(gallery.calibration(opened.gallery_id)), ""
    return None, ""


def _chosen(args: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(args, f"image_{name}") for name in ("layout", "resize", "scale", "mean", "std")}
    if args.image_size:
        given |= dict(zip(("height", "width"), args.image_size, strict=True))
    return {name: value for name, value in given.items() if value is not None}
