"""Images that the page has decoded become calibration data, as the package itself prepares them."""

import io

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from playground.host.sources import BytesSource
from playground.opening import load
from playground.ptq.images import image_batches, image_settings, pixels_of, prepared_image

RNG = np.random.default_rng(6)
PICTURES = [RNG.integers(0, 256, (height, width, 3), np.uint8) for height, width in ((9, 12), (20, 7), (8, 8))]


def convolution(sizes=("n", 3, 6, 6)):
    batch, channels, height, width = sizes
    inner = (height - 2, width - 2) if isinstance(height, int) else (None, None)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], name="conv")],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, channels, height, width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 4, *inner])],
        [numpy_helper.from_array(RNG.normal(size=(4, channels, 3, 3)).astype(np.float32), "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def send(page, pictures, purpose="calibration", **choices):
    """As static/images.mjs does; the last answer."""
    answer = None
    for index, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        pixels = np.dstack([picture, np.full((height, width), 255, np.uint8)]).tobytes()
        size = {"height": height, "width": width}
        files = (BytesSource(pixels, f"{index}.png"),)
        sent = {"index": index, "total": len(pictures), "choices": choices, "purpose": purpose}
        answer = page.ask("image", files, **sent, **size)
    return answer


@pytest.fixture
def opened(page):
    page.ask("load", files=(BytesSource(convolution(), "conv.onnx"),))
    return page


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ({}, {}),
        (
            {"resize": "stretch", "scale": "255", "mean": "1, 2 3", "std": "4"},
            {"resize": "stretch", "scale": 255.0, "mean": (1, 2, 3), "std": (4,)},
        ),
        ({"layout": "", "mean": "", "height": ""}, {}),
    ],
)
def test_images_are_what_the_package_makes_of_the_same_files(opened, tmp_path, asked, chosen):
    answer = send(opened, PICTURES, **asked)
    paths = []
    for index, picture in enumerate(PICTURES):
        paths.append(tmp_path / f"{index}.png")
        Image.fromarray(picture).save(paths[-1])
    settings = image_settings(load(io.BytesIO(convolution()).getvalue(), "conv.onnx").graph, **chosen)
    (expected,) = image_batches(paths, settings)()
    assert answer == {"described": settings.described, "name": "3 images", "samples": 3}
    np.testing.assert_array_equal(opened.backend.models.calibration.feeds["x"], expected["x"])
    assert opened.ask("state")["calibration"] == f"3 images: 3 samples. {settings.described}"
    assert opened.ask("quantize")["report"]["calibration_samples"] == 3


@pytest.mark.parametrize(
    ("choices", "match"),
    [
        ({"layout": "HWCN"}, "layout"),
        ({"mean": "grey"}, "mean"),
        ({"std": "0"}, "std"),
        ({"gamma": "2"}, "gamma"),
        ({"height": "0"}, "size"),
    ],
)
def test_a_choice_that_is_not_accepted_is_named_and_changes_nothing(opened, refused, choices, match):
    send(opened, PICTURES)
    with pytest.raises(refused, match=match) as refusal:
        send(opened, PICTURES[:1], **choices)
    assert refusal.value.kind == "invalid_input"
    assert opened.ask("state")["calibration_name"] == "3 images"


def test_both_models_run_on_images_that_are_no_calibration_data(page, refused):
    opened, model = page, convolution()
    opened.ask("load", files=(BytesSource(model, "conv.onnx"),))
    with pytest.raises(refused, match="there are no images to run on"):
        opened.ask("run", images=True)
    described = send(opened, PICTURES[:2], "run")["described"]
    assert opened.ask("state")["calibration_name"] == ""
    found = opened.ask("run", images=True)
    assert found["sentence"].endswith(described)
    settings = image_settings(load(model, "conv.onnx").graph)
    feed = {"x": np.stack([prepared_image(pixels_of(picture), settings) for picture in PICTURES[:2]])}
    (expected,) = onnxruntime.InferenceSession(model).run(None, feed)
    (output,) = found["outputs"]["float"].values()
    np.testing.assert_allclose(np.reshape(output["data"], output["dims"]), expected, atol=1e-4)
    with pytest.raises(refused, match="there are no images to run on"):
        opened.ask("run", images=True)


def test_a_model_that_reads_no_images_says_so(page, refused, files):
    page.ask("load", files=(files.linear_model(),))
    with pytest.raises(refused, match="does not take one batch of images"):
        send(page, PICTURES)


def test_images_have_the_sizes_that_are_chosen_for_an_input_that_leaves_them_open(page, refused):
    page.ask("load", files=(BytesSource(convolution(("n", 3, "h", "w")), "open.onnx"),))
    with pytest.raises(refused, match="the height of the model's input is open"):
        send(page, PICTURES)
    page.ask("set", changes={"sizes": "1x3x6x10"})
    assert send(page, PICTURES)["samples"] == 3
    assert page.backend.models.calibration.feeds["x"].shape == (3, 3, 6, 10)


def test_images_of_two_models_are_not_mixed(opened, refused, files):
    size = {"height": 8, "width": 8, "total": 2, "choices": {}}
    pixels = BytesSource(bytes(256), "a.png")
    opened.ask("image", (pixels,), index=0, **size)
    opened.ask("load", files=(BytesSource(convolution(), "again.onnx"),))
    with pytest.raises(refused) as refusal:
        opened.ask("image", (pixels,), index=1, **size)
    assert refusal.value.kind == "cancelled"
    assert opened.ask("state")["calibration_name"] == ""


@pytest.mark.parametrize("field", ["index", "total", "height", "width"])
def test_sizes_that_do_not_fit_are_refused(opened, refused, field):
    content = {"index": 0, "total": 1, "height": 8, "width": 8, "choices": {}}
    with pytest.raises(refused, match=field):
        opened.ask("image", (BytesSource(bytes(256), "a.png"),), **{**content, field: "8"})
    with pytest.raises(refused, match="do not hold 8 x 8 pixels"):
        opened.ask("image", (BytesSource(bytes(255), "a.png"),), **content)


def test_more_than_fit_into_memory_are_refused_at_once(opened, refused):
    content = {"index": 0, "total": 10_000, "height": 8, "width": 8, "choices": {"height": "400", "width": "400"}}
    with pytest.raises(refused, match=r"10000 images of this size take too much memory\. Choose at most 266"):
        opened.ask("image", (BytesSource(bytes(256), "a.png"),), **content)


BAD_LABELS = {
    "too few": (np.zeros(5, np.int64), "mine.npz: labels of shape (5,) do not fit 6 samples"),
    "no integers": (np.zeros(6, np.float32), "mine.npz: labels of type float32"),
    "no class": (np.full(6, 3), "mine.npz: labels from 3 to 3 do not fit 3 classes"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_labels_that_do_not_fit_leave_the_data_as_it_was(page, files, refused, case):
    page.ask("load", [files.linear_model()])
    x = RNG.normal(size=(6, 4)).astype(np.float32)
    page.ask("calibration", [files.npz("good.npz", x=x, labels=np.arange(6, dtype=np.uint8) % 3)])
    labels, message = BAD_LABELS[case]
    with pytest.raises(refused) as caught:
        page.ask("calibration", [files.npz("mine.npz", x=x, labels=labels)])
    assert caught.value.message.startswith(message)
    held = page.backend.models.calibration
    assert (held.name, held.sentence) == ("good.npz", "good.npz: 6 samples. With labels.")
    np.testing.assert_array_equal(held.labels, [0, 1, 2, 0, 1, 2])
    assert held.labels.dtype == np.int64
    page.ask("load", [files.linear_model(name="other.onnx")])
    assert held.labels is None
