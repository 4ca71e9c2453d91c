"""Images against Pillow's own filter, and every choice against the plain formula."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from playground.errors import BadFileError, InvalidInputError
from playground.model.graph import Graph, Model, ValueInfo
from playground.ptq.images import (
    ImageSettings,
    image_batches,
    image_settings,
    images_in,
    pixels_of,
    prepared_image,
    resized,
)
from playground.ptq.pipeline import quantize_model

RNG = np.random.default_rng(8)


def pixels(height: int, width: int, channels: int = 3) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("size", [(40, 60), (7, 9), (12, 12), (120, 5), (1, 1)])
@pytest.mark.parametrize("target", [(12, 12), (24, 7), (1, 3)])
def test_resizing_is_pillows_bilinear(size: tuple[int, int], target: tuple[int, int]) -> None:
    image = pixels(*size)
    theirs = np.asarray(Image.fromarray(image).resize((target[1], target[0]), Image.Resampling.BILINEAR))
    assert np.abs(resized(image.astype(np.float32), *target) - theirs).max() <= 1.01, "theirs rounds twice"


def test_grey_is_pillows() -> None:
    image = pixels(6, 6)
    settings = ImageSettings("x", 6, 6, channels=1, scale=255.0)
    theirs = np.asarray(Image.fromarray(image).convert("L"))
    assert np.abs(prepared_image(image, settings)[0] - theirs).max() <= 0.51


def test_mean_std_scale_and_layout() -> None:
    image = pixels(6, 6)
    plain = prepared_image(image, ImageSettings("x", 6, 6))
    np.testing.assert_allclose(plain, image.transpose(2, 0, 1) / 255, 1e-6)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    made = prepared_image(image, ImageSettings("x", 6, 6, layout="NHWC", mean=mean, std=std))
    np.testing.assert_allclose(made, (image / 255 - np.array(mean)) / np.array(std), 1e-4, 1e-5)
    assert (plain.dtype, made.shape) == (np.float32, (6, 6, 3))


def test_cropping_keeps_proportions() -> None:
    image = np.zeros((4, 8, 3), np.uint8)
    image[:, 2:6] = 255
    assert prepared_image(image, ImageSettings("x", 4, 4)).min() == 1
    assert prepared_image(image, ImageSettings("x", 4, 4, resize="stretch")).min() < 0.2


def graph_of(*shape: Any) -> Graph:
    return Graph("net", (ValueInfo("x", "float32", shape),), (), (), {}, 17)


def test_settings_are_read_off_the_input() -> None:
    found = image_settings(graph_of("n", 3, 20, 30))
    assert (found.layout, found.height, found.width, found.channels) == ("NCHW", 20, 30, 3)
    found = image_settings(graph_of(None, 20, 30, 1))
    assert (found.layout, found.height, found.width, found.channels) == ("NHWC", 20, 30, 1)
    found = image_settings(graph_of("n", "c", "h", "w"), height=5, width=6, mean=(0.5,))
    assert (found.channels, found.height, found.mean) == (3, 5, (0.5,))
    assert found.described == "Images are cropped to 5 x 6, RGB, NCHW, 0 to 1, minus 0.5, divided by 1."
    found = image_settings(graph_of("n", "c", "h", "w"), {"x": (1, 3, 48, 192)}, resize="stretch")
    assert (found.height, found.width, found.channels, found.resize) == (48, 192, 3, "stretch")
    with pytest.raises(InvalidInputError, match="the height of the model's input is open"):
        image_settings(graph_of("n", 3, "h", "w"))
    with pytest.raises(InvalidInputError, match="does not take one batch of images"):
        image_settings(graph_of("n", 3, 20))


@pytest.mark.parametrize(
    "fields",
    [{"layout": "CHWN"}, {"resize": "squash"}, {"channels": 2}, {"mean": (1, 2)}, {"std": (0,)}, {"height": 0}],
)
def test_choices_that_are_not_accepted(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="images: "):
        image_settings(graph_of("n", 3, 20, 30), **fields)


def test_files_are_calibration_data(tmp_path: Path, model: Model) -> None:
    for number in range(5):
        Image.fromarray(pixels(9, 7)).save(tmp_path / f"{number}.png")
    Image.fromarray(pixels(4, 4, 1)[:, :, 0]).save(tmp_path / "grey.bmp")
    (tmp_path / "notes.txt").write_text("no image")
    files = images_in(tmp_path)
    assert len(files) == 6
    settings = ImageSettings("x", 6, 6)
    batches = list(image_batches(files, settings, 4)())
    assert [batch["x"].shape for batch in batches] == [(4, 3, 6, 6), (2, 3, 6, 6)]
    np.testing.assert_array_equal(batches[0]["x"][0], prepared_image(pixels_of(files[0]), settings))
    two = [{"x": batch["x"][:, :2]} for batch in batches]  # the net of the tests has two channels
    assert quantize_model(model, None, two).report.calibration_samples == 6


def test_what_is_no_image(tmp_path: Path) -> None:
    settings = ImageSettings("x", 6, 6)
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    with pytest.raises(BadFileError, match=r"bad\.png: the image cannot be read"):
        list(image_batches([tmp_path / "bad.png"], settings)())
    with pytest.raises(BadFileError):
        pixels_of(tmp_path / "missing.png")
    with pytest.raises(InvalidInputError, match=r"an array of float32 and shape \[3, 3, 3\] is not an image"):
        pixels_of(np.zeros((3, 3, 3), np.float32))  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="there are no images"):
        image_batches([], settings)
    assert pixels_of(pixels(3, 3, 4)).shape == (3, 3, 3)
