"""GridSample, AffineGrid, DeformConv and Col2Im in forms that ONNX's own cases do not have."""

from typing import Any

import numpy as np
import pytest

from playground.errors import InvalidInputError, PlaygroundError, UnsupportedError
from playground.operators import operator
from playground.programs.call import Call

MODES = [
    (size, mode, padding, aligned)
    for size in ((5, 7), (1, 4), (1, 1))
    for mode in ("linear", "nearest", "cubic")
    for padding in ("zeros", "border", "reflection")
    for aligned in (0, 1)
    # ONNX Runtime divides by 0 where a mirror is as wide as its image, one place
    if not (aligned and padding == "reflection" and 1 in size)
]


@pytest.mark.parametrize(("size", "mode", "padding", "aligned"), MODES)
def test_grid_sample(check: Any, normal: Any, size: tuple[int, int], mode: str, padding: str, aligned: int) -> None:
    grid = normal(2, 9, 8, 2) * 1.5
    made = {"mode": mode, "padding_mode": padding, "align_corners": aligned}
    check("GridSample", normal(2, 3, *size), grid, opset=20, rtol=1e-4, atol=1e-4, **made)


@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_grid_sample_of_volumes(check: Any, normal: Any, mode: str, padding: str) -> None:
    check("GridSample", normal(1, 2, 3, 4, 5), normal(1, 4, 4, 4, 3), opset=20, mode=mode, padding_mode=padding)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_grid_sample_by_older_names(check: Any, normal: Any, mode: str) -> None:
    check("GridSample", normal(1, 2, 4, 5), normal(1, 3, 3, 2), opset=16, mode=mode, rtol=1e-4, atol=1e-4)


def test_coordinates_that_are_no_numbers_lie_outside(normal: Any) -> None:
    grid = np.full((1, 1, 3, 2), [[np.nan, 0]], np.float32)
    grid[0, 0, 1] = np.inf
    grid[0, 0, 2] = -1e30
    entry = operator("GridSample")
    with np.errstate(all="ignore"):
        for padding in ("zeros", "border", "reflection"):
            for mode in ("nearest", "linear", "cubic"):
                call = Call({**entry.defaults, "padding_mode": padding, "mode": mode})
                made = entry.run(call, normal(1, 2, 4, 4), grid)
                assert made.shape == (1, 2, 1, 3)


@pytest.mark.parametrize("aligned", [0, 1])
@pytest.mark.parametrize("size", [(2, 3, 4, 6), (2, 1, 3, 4, 5)], ids=str)
def test_affine_grid(check: Any, normal: Any, size: tuple[int, ...], aligned: int) -> None:
    axes = len(size) - 2
    check("AffineGrid", normal(2, axes, axes + 1), np.array(size), constants={1}, opset=20, align_corners=aligned)


DEFORMED = [
    {},
    {"group": 2, "offset_group": 2},
    {"pads": [1, 0, 1, 2], "strides": [2, 1]},
    {"dilations": [2, 2], "pads": [2, 2, 2, 2], "offset_group": 4},
]


@pytest.mark.parametrize("attributes", DEFORMED, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_deform_conv(check: Any, normal: Any, attributes: dict[str, Any], masked: bool) -> None:
    x, w = normal(2, 4, 7, 6), normal(6, 4 // attributes.get("group", 1), 3, 2)
    pads, strides = attributes.get("pads", [0] * 4), attributes.get("strides", [1, 1])
    dilations, groups = attributes.get("dilations", [1, 1]), attributes.get("offset_group", 1)
    out = [
        (n + pads[a] + pads[a + 2] - (k - 1) * dilations[a] - 1) // strides[a] + 1
        for a, (n, k) in enumerate(((7, 3), (6, 2)))
    ]
    given = [normal(2, groups * 12, *out), normal(6), normal(2, groups * 6, *out) if masked else None]
    given = given if masked else given[:2]
    check("DeformConv", x, w, *given, opset=19, rtol=1e-4, atol=1e-4, **attributes)


@pytest.mark.parametrize("attributes", [{}, {"pads": [1, 0, 2, 1]}, {"strides": [2, 1], "dilations": [1, 2]}], ids=str)
def test_col2im_is_the_transpose_of_taking_blocks(normal: Any, attributes: dict[str, list[int]]) -> None:
    """Summed products with blocks of images are those with images of blocks."""
    from playground.programs.windows import windows

    image = normal(2, 3, 5, 6)
    geometry = windows(Call(attributes), (5, 6), (2, 3))
    blocks = np.stack(list(geometry.taps(geometry.pad(image, 0))), 2).reshape(2, 18, -1)
    other = normal(*blocks.shape)
    made = operator("Col2Im").run(Call(attributes), other, np.array([5, 6]), np.array([2, 3]))
    np.testing.assert_allclose((made * image).sum(), (blocks * other).sum(), rtol=1e-4)


@pytest.mark.parametrize(
    ("kernel", "fits"), [((256, 256), True), ((2**16,), True), ((2**16 + 1,), False), ((257, 256), False)], ids=str
)
def test_windows_have_so_many_places_at_most(kernel: tuple[int, ...], fits: bool) -> None:
    from playground.programs.windows import windows

    if fits:
        assert windows(Call({}), kernel, kernel).out == (1,) * len(kernel)
        return
    with pytest.raises(UnsupportedError, match=f"a window of {np.prod(kernel)} places .* at most {2**16}"):
        windows(Call({}), kernel, kernel)


REFUSED = [
    ("GridSample", [(1, 2, 4, 4), (2, 3, 3, 2)], {}),
    ("GridSample", [(1, 2, 4, 4), (1, 3, 3, 3)], {}),
    ("GridSample", [(1, 2, 0, 4), (1, 3, 3, 2)], {}),
    ("DeformConv", [(1, 2, 4, 4), (2, 2, 3, 3), (1, 17, 2, 2)], {}),
    ("DeformConv", [(1, 3, 4, 4), (2, 2, 3, 3), (1, 18, 2, 2)], {}),
    ("DeformConv", [(1, 2, 4, 4), (2, 2, 3, 3), (1, 18, 2, 2), (3,)], {}),
    ("DeformConv", [(1, 2, 4, 4), (2, 2, 3, 3), (1, 18, 2, 2), (2,), (1, 8, 2, 2)], {}),
]


@pytest.mark.parametrize(("name", "shapes", "attributes"), REFUSED)
def test_shapes_that_do_not_fit_are_refused(
    normal: Any, name: str, shapes: list[tuple[int, ...]], attributes: dict[str, Any]
) -> None:
    entry = operator(name)
    with pytest.raises(InvalidInputError):
        entry.run(Call({**entry.defaults, **attributes}), *(normal(*shape) for shape in shapes))


def test_sizes_are_refused_before_anything_is_made(normal: Any) -> None:
    grid, columns = operator("AffineGrid"), operator("Col2Im")
    for size in ([1, 1, 2**20, 2**20], [1, 1, -1, 4], [1, 1, 4]):
        with pytest.raises(PlaygroundError):
            grid.run(Call(grid.defaults), normal(1, 2, 3), np.array(size))
    for image, block in (([2**30, 2**30], [1, 1]), ([4, 4], [2, 2, 2]), ([4, 4], [0, 2]), ([4, 4], [2, 2])):
        with pytest.raises(PlaygroundError):
            columns.run(Call({}), normal(1, 8, 3), np.array(image), np.array(block))
