"""Resize and Upsample in all their modes, against ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

from playground.engines.interpreter import run_graph
from playground.errors import PlaygroundError
from playground.model.graph import Graph, Node, Tensor, ValueInfo

MODES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
SCALES = [(1, 1, 2, 3), (1, 1, 0.6, 0.45), (1, 1, 1.7, 0.5), (1, 1, 1, 2.5)]
SIZES = [(2, 3, 14, 5), (2, 3, 3, 1), (2, 3, 7, 9), (2, 3, 1, 20)]


def real(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def ints(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_by_scales(check: Any, normal: Any, mode: str, kind: str, scales: tuple[float, ...]) -> None:
    check("Resize", normal(2, 3, 7, 10), None, real(*scales), mode=kind, coordinate_transformation_mode=mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_by_sizes(check: Any, normal: Any, mode: str, kind: str, sizes: tuple[int, ...]) -> None:
    if mode == "pytorch_half_pixel" and kind == "cubic" and 1 in sizes:
        pytest.skip("one place: ONNX Runtime takes 0, as we do, but interpolates around -0.5")
    x = normal(2, 3, 7, 10)
    check("Resize", x, None, None, ints(*sizes), mode=kind, coordinate_transformation_mode=mode, opset=18)


@pytest.mark.parametrize("nearest", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("mode", [*MODES, "half_pixel_symmetric", "tf_half_pixel_for_nn"])
def test_nearest(check: Any, normal: Any, mode: str, nearest: str) -> None:
    opset = 19 if mode == "half_pixel_symmetric" else 11 if mode == "tf_half_pixel_for_nn" else 18
    # One line of 7 in the oldest mode lies at 3.4999998, which ONNX Runtime takes for 3.5
    for sizes in SIZES[:3] if opset == 11 else SIZES:
        attributes = {"coordinate_transformation_mode": mode, "nearest_mode": nearest}
        empty = (real(), real()) if opset == 11 else (None, None)
        check(
            "Resize",
            normal(2, 3, 7, 10),
            *empty,
            ints(*sizes),
            constants={1, 2} if opset == 11 else set(),
            opset=opset,
            **attributes,
        )


@pytest.mark.parametrize("kind", ["linear", "cubic"])
@pytest.mark.parametrize("excludes", [0, 1])
@pytest.mark.parametrize("scales", SCALES, ids=str)
def test_antialiased(check: Any, normal: Any, kind: str, excludes: int, scales: tuple[float, ...]) -> None:
    x = normal(1, 3, 13, 17)
    given = {"mode": kind, "antialias": 1, "exclude_outside": excludes}
    check("Resize", x, None, real(*scales), opset=19, atol=2e-5, **given)


@pytest.mark.parametrize("kind", ["linear", "nearest"])
@pytest.mark.parametrize("part", [(0, 0, 0.2, 0.3, 1, 1, 0.8, 0.6), (0, 0, -0.5, 0.25, 1, 1, 0.5, 1.5)], ids=str)
def test_part_of_an_image(check: Any, normal: Any, kind: str, part: tuple[float, ...]) -> None:
    given = {"coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.0, "mode": kind}
    for sizes in ((1, 2, 5, 10), (1, 2, 1, 3)):
        check("Resize", normal(1, 2, 8, 9), real(*part), None, ints(*sizes), opset=18, **given)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize("sizes", [(9, 4), (4, 9), (3, 3), (11, 11)], ids=str)
def test_kept_proportions(check: Any, normal: Any, policy: str, sizes: tuple[int, int]) -> None:
    given = {"keep_aspect_ratio_policy": policy, "axes": [2, 3], "mode": "linear"}
    check("Resize", normal(1, 2, 6, 8), None, None, ints(*sizes), opset=18, **given)


@pytest.mark.parametrize("coefficient", [-0.5, -0.75])
def test_cubic_without_the_outside(check: Any, normal: Any, coefficient: float) -> None:
    given = {"mode": "cubic", "cubic_coeff_a": coefficient, "exclude_outside": 1}
    check("Resize", normal(1, 2, 6, 8), None, real(1, 1, 2, 1.5), opset=13, **given)


@pytest.mark.parametrize("shape", [(7,), (5, 6), (2, 5, 6), (1, 2, 3, 4, 5)], ids=str)
@pytest.mark.parametrize("kind", ["nearest", "linear"])
def test_other_ranks(check: Any, normal: Any, shape: tuple[int, ...], kind: str) -> None:
    factors = [1.0] * len(shape)
    factors[-2:] = [2.0, 1.5][-len(factors[-2:]) :]
    if kind == "linear" and len(shape) in (1,):
        pytest.skip("ONNX Runtime interpolates along two axes or more")
    check("Resize", normal(*shape), None, real(*factors), mode=kind)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32"])
@pytest.mark.parametrize("kind", ["nearest", "linear"])
def test_integers(check: Any, dtype: str, kind: str) -> None:
    x = np.random.default_rng(1).integers(0, 100, (1, 2, 6, 7)).astype(dtype)
    check("Resize", x, None, real(1, 1, 2, 2), mode=kind, coordinate_transformation_mode="asymmetric")


def test_sizes_of_products_that_float32_rounds(check: Any, normal: Any) -> None:
    """0.7 x 10 is 6.99 in double precision and 7 in float32."""
    for scale in (0.7, 0.1, 1 / 3, 0.35, 1.1, 2.3):
        check("Resize", normal(1, 1, 10, 30), None, real(1, 1, scale, scale), mode="nearest")


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_older_forms(check: Any, normal: Any, mode: str) -> None:
    check("Upsample", normal(1, 2, 3, 4), real(1, 1, 2, 3), mode=mode, opset=9)
    check("Upsample", normal(1, 2, 3, 4), scales=[1.0, 1.0, 2.0, 1.5], mode=mode, opset=8)
    check("Resize", normal(1, 2, 3, 4), real(1, 1, 2, 0.5), mode=mode, opset=10)


def test_large_images_are_quick(normal: Any) -> None:
    """A detector's maps: one axis after the other, not one value after the other."""
    found = resized(normal(1, 64, 80, 80), {"s": real(1, 1, 4, 4)}, ("x", "", "s"), mode="linear")
    assert found.shape == (1, 64, 320, 320)


def resized(x: np.ndarray, constants: dict[str, np.ndarray], names: tuple[str, ...], **given: Any) -> np.ndarray:
    node = Node("Resize", "n", names, ("y",), given)
    tensors = {name: Tensor.of(name, array) for name, array in constants.items()}
    graph = Graph("g", (ValueInfo("x", "float32", x.shape),), (ValueInfo("y", "", None),), (node,), tensors, 18)
    return run_graph(graph, {"x": x})["y"]


@pytest.mark.parametrize(
    ("names", "constants", "given"),
    [
        (("x",), {}, {}),
        (("x", "", "s"), {"s": real(1, 1, 2)}, {}),
        (("x", "", "s"), {"s": real(1, 1, 0, 2)}, {}),
        (("x", "", "s"), {"s": real(1, 1, np.nan, 2)}, {}),
        (("x", "", "s"), {"s": real(1, 1, -1, 2)}, {}),
        (("x", "", "s"), {"s": real(1, 1, np.inf, 2)}, {}),
        (("x", "", "s"), {"s": real(1, 1, 1e9, 1e9)}, {}),
        (("x", "", "s"), {"s": real(1, 1, 0.01, 1)}, {}),
        (("x", "", "", "n"), {"n": ints(1, 1, 2**40, 2**40)}, {}),
        (("x", "", "", "n"), {"n": ints(1, 1, -4, 4)}, {}),
        (("x", "", "s", "n"), {"n": ints(1, 1, 4, 4), "s": real(1, 1, 2, 2)}, {}),
        (("x", "", "s"), {"s": real(2, 2)}, {"axes": [2, 9]}),
        (("x", "", "s"), {"s": real(2, 2)}, {"axes": [2, 2]}),
        (("x", "", "s"), {"s": real(1, 1, 2, 2)}, {"coordinate_transformation_mode": "tf_crop_and_resize"}),
        (
            ("x", "r", "s"),
            {"s": real(1, 1, 2, 2), "r": real(0, 1)},
            {"coordinate_transformation_mode": "tf_crop_and_resize"},
        ),
    ],
)
def test_what_cannot_be_is_refused(names: Any, constants: Any, given: Any) -> None:
    with pytest.raises(PlaygroundError, match="n"):
        resized(np.ones((1, 1, 4, 4), np.float32), constants, names, **given)


def test_an_image_of_nothing_is_refused() -> None:
    with pytest.raises(PlaygroundError):
        resized(np.ones((1, 1, 0, 4), np.float32), {"n": ints(1, 1, 3, 4)}, ("x", "", "", "n"))
