"""Images as calibration data: decoded, resized, scaled and laid out as a model wants them, one batch at a time.

Nothing says what a model was trained on, so every choice is a setting, guessed from the input's shape where it can be,
and told in a sentence. Files are decoded by Pillow; arrays (as the page gives them) need nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from playground.arrays import Float32
from playground.errors import BadFileError, InvalidInputError, MissingError
from playground.model.graph import Graph
from playground.ptq.capture import Feeds

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

LAYOUTS = ("NCHW", "NHWC")
RESIZES = ("crop", "stretch")

Image = str | Path | NDArray[np.uint8]
"""A file, or an array of height, width and 1, 3 or 4 channels (a grey one may have no third axis)."""


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """How images become what a model reads.

    Attributes:
        name: the model's input.
        height: rows that the model takes.
        width: columns.
        channels: 3 (red, green, blue) or 1 (grey).
        layout: ``"NCHW"`` or ``"NHWC"``.
        resize: ``"crop"`` keeps proportions and cuts the middle out, ``"stretch"`` does not.
        scale: what 255 becomes, before mean and std.
        mean: is taken off each channel.
        std: each channel is divided by it.
    """

    name: str
    height: int
    width: int
    channels: int = 3
    layout: str = "NCHW"
    resize: str = "crop"
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        """Check every field (InvalidInputError)."""
        for field, accepted in (("layout", LAYOUTS), ("resize", RESIZES), ("channels", (1, 3))):
            if getattr(self, field) not in accepted:
                _refuse(field, getattr(self, field), f"Use {' or '.join(map(str, accepted))}")
        if min(self.height, self.width) < 1:
            _refuse("size", f"{self.height} x {self.width}", "Use at least 1 x 1")
        for field in ("mean", "std"):
            values = tuple(float(value) for value in getattr(self, field))
            if (
                len(values) not in (1, self.channels)
                or not np.isfinite(values).all()
                or (field == "std" and 0 in values)
            ):
                _refuse(field, values, f"Use one number or {self.channels}; std must not be 0")
            object.__setattr__(self, field, values)

    @property
    def described(self) -> str:
        """All of it in one sentence."""
        colours = "grey" if self.channels == 1 else "RGB"
        how = "cropped" if self.resize == "crop" else "stretched"
        mean, std = (", ".join(f"{value:g}" for value in values) for values in (self.mean, self.std))
        return (
            f"Images are {how} to {self.height} x {self.width}, {colours}, {self.layout}, 0 to {self.scale:g}, "
            f"minus {mean}, divided by {std}."
        )


def _refuse(field: str, value: Any, hint: str) -> None:
    raise InvalidInputError(f"{value!r} is not a valid {field}", where=f"images: {field}", hint=hint)


def image_settings(graph: Graph, shapes: Mapping[str, Sequence[int]] | None = None, **chosen: Any) -> ImageSettings:
    """Settings for a model's only input: what is not chosen is read off its shape.

    Args:
        graph: the model's.
        shapes: input -> sizes, where the model leaves some open.
        chosen: fields of :class:`ImageSettings`.

    Raises:
        InvalidInputError: the model does not take one batch of images, or a size is open and not chosen, or a choice is
            invalid.
    """
    fitting = [value for value in graph.inputs if value.shape is not None and len(value.shape) == 4]
    if len(graph.inputs) != 1 or not fitting or fitting[0].dtype != "float32":
        raise InvalidInputError(
            "the model does not take one batch of images (float32 of four axes)",
            where="images",
            hint="Give calibration data as arrays",
        )
    value = fitting[0]
    sizes = (shapes or {}).get(value.name) or value.shape or ()
    layout = chosen.get("layout") or ("NHWC" if sizes[3] in (1, 3) and sizes[1] not in (1, 3) else "NCHW")
    order = {"channels": 1, "height": 2, "width": 3} if layout == "NCHW" else {"height": 1, "width": 2, "channels": 3}
    read = {name: sizes[axis] for name, axis in order.items() if isinstance(sizes[axis], int)}
    fields = {"channels": 3, **read, "layout": layout, **chosen}
    lacking = [name for name in ("height", "width") if name not in fields]
    if lacking:
        raise InvalidInputError(
            f"the {lacking[0]} of the model's input is open",
            where="images",
            hint="Choose height and width",
            at_terminal=f"Give --shape {value.name}=1,3,224,224 or --image-size 224 224, with the sizes that it needs",
        )
    return replace(ImageSettings(value.name, 1, 1), **fields)


def image_batches(images: Sequence[Image], settings: ImageSettings, batch: int = 8) -> Callable[[], Iterator[Feeds]]:
    """What starts a generator of batches: calibration data as ``quantize_model`` takes it.

    Raises:
        InvalidInputError: there are no images; later, when it runs: an array is not an image.
        BadFileError, MissingError: when it runs: a file cannot be read, or Pillow is not installed.
    """
    if not images:
        raise InvalidInputError(
            "there are no images", where="images", hint=f"Give files that end in {', '.join(ENDINGS)}"
        )

    def start() -> Iterator[Feeds]:
        for at in range(0, len(images), batch):
            rows = [prepared_image(pixels_of(image), settings) for image in images[at : at + batch]]
            yield {settings.name: np.stack(rows)}

    return start


def images_in(folder: str | Path) -> list[Path]:
    """The image files of a folder, by name."""
    return sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in ENDINGS)


def pixels_of(image: Image) -> NDArray[np.uint8]:
    """An image's pixels: height, width, 1 or 3 channels."""
    if isinstance(image, str | Path):
        return _decoded(image)
    pixels = np.asarray(image)
    pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3, 4) or 0 in pixels.shape:
        raise InvalidInputError(
            f"an array of {pixels.dtype} and shape {list(pixels.shape)} is not an image",
            where="images",
            hint="Use uint8 of height, width and 1, 3 or 4 channels",
        )
    return pixels[:, :, :3] if pixels.shape[2] == 4 else pixels


def _decoded(path: str | Path) -> NDArray[np.uint8]:
    try:
        from PIL import Image as Pillow
        from PIL import UnidentifiedImageError
    except ImportError as error:
        raise MissingError(
            "the package Pillow is not installed", where="images", hint="Run `pip install pillow`"
        ) from error
    try:
        with Pillow.open(path) as opened:
            return np.asarray(opened.convert("L" if opened.mode in ("1", "L", "LA") else "RGB")).reshape(
                opened.height, opened.width, -1
            )
    except (OSError, UnidentifiedImageError, Pillow.DecompressionBombError, ValueError, SyntaxError) as error:
        raise BadFileError(f"the image cannot be read ({error})", where=str(path), hint="Remove it") from error


def prepared_image(pixels: NDArray[np.uint8], settings: ImageSettings) -> Float32:
    """One image as the model reads it: float32, without the axis of samples."""
    values: Float32 = pixels.astype(np.float32)
    if settings.channels == 1 and values.shape[2] == 3:
        grey = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R 601, as Pillow has it
        values = np.add.reduce(values * grey, axis=2, keepdims=True).astype(np.float32)
    elif settings.channels == 3 and values.shape[2] == 1:
        values = np.repeat(values, 3, axis=2).astype(np.float32)
    if settings.resize == "crop":
        values = _middle(values, settings.height / settings.width)
    scaled: Float32 = resized(values, settings.height, settings.width) * np.float32(settings.scale / 255)
    mean, std = (np.array(values, np.float32) for values in (settings.mean, settings.std))
    shifted: Float32 = np.divide(np.subtract(scaled, mean), std)
    return np.ascontiguousarray(shifted.transpose(2, 0, 1) if settings.layout == "NCHW" else shifted)


def _middle(values: Float32, proportion: float) -> Float32:
    """The largest part around the middle whose height over width is ``proportion``."""
    height, width = values.shape[:2]
    rows = min(height, max(1, round(width * proportion)))
    columns = min(width, max(1, round(height / proportion)))
    top, left = (height - rows) // 2, (width - columns) // 2
    return values[top : top + rows, left : left + columns]


def resized(values: Float32, height: int, width: int) -> Float32:
    """Height, width, channels -> the same at another size, by a triangle filter that widens when shrinking.

    This is Pillow's BILINEAR, without its rounding to bytes.
    """
    down, across = _filter(values.shape[0], height), _filter(values.shape[1], width)
    rows = np.tensordot(down, values.astype(np.float64), axes=(1, 0))
    made: Float32 = np.ascontiguousarray(np.moveaxis(np.tensordot(across, rows, axes=(1, 1)), 0, 1), np.float32)
    return made


def _filter(size: int, wanted: int) -> NDArray[np.float64]:
    """Weights (wanted, size) of the old pixels in each new one."""
    step = size / wanted
    reach = max(1.0, step)
    middles = (np.arange(wanted) + 0.5) * step
    weights = np.maximum(0, 1 - np.abs(np.arange(size) + 0.5 - middles[:, None]) / reach)
    found: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return found
