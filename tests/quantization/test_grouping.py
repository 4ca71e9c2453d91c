"""The shape rule against a plain definition: which scale each single value belongs to."""

import itertools
import math

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from playground.errors import InvalidInputError
from playground.quantization.grouping import Grouping, tile_of

SHAPES = [(), (1,), (7,), (64,), (3, 5), (5, 3), (1, 40), (4, 33), (2, 3, 4), (3, 1, 7), (2, 3, 4, 5)]
BLOCK_SIZES = [1, 2, 3, 32, 100]


def groupings(shape: tuple[int, ...]) -> list[Grouping]:
    """All ways to share scales in a tensor of this shape."""
    found = [Grouping("tensor", None, None)]
    axes = [*range(-len(shape), len(shape))]
    found += [Grouping("channel", axis, None) for axis in axes]
    if shape:
        found += [Grouping("token", axis, None) for axis in [*axes, None]]
        found += [Grouping("block", axis, size) for size in BLOCK_SIZES for axis in [*axes, None]]
    return found


def scale_of(index: tuple[int, ...], shape: tuple[int, ...], grouping: Grouping) -> tuple[int, ...]:
    """The definition, for one value."""
    axis = grouping.axis
    if grouping.granularity == "tensor":
        return (0,) * len(shape)
    if grouping.granularity == "block" and axis is None:
        flat = int(np.ravel_multi_index(index, shape))
        return (0,) * (len(shape) - 1) + (flat // grouping.block_size,)
    axis = (len(shape) - 1 if axis is None else axis) % len(shape)
    if grouping.granularity == "channel":
        return tuple(i if a == axis else 0 for a, i in enumerate(index))
    if grouping.granularity == "token":
        return tuple(0 if a == axis else i for a, i in enumerate(index))
    return tuple(i // grouping.block_size if a == axis else i for a, i in enumerate(index))


each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@each_shape
def test_every_value_has_the_scale_that_the_definition_gives_it(shape: tuple[int, ...]) -> None:
    for grouping in groupings(shape):
        compare_with_definition(shape, grouping)


def compare_with_definition(shape: tuple[int, ...], grouping: Grouping) -> None:
    scales = grouping.scales_shape(shape)
    assert len(scales) == len(shape)
    owners = [scale_of(index, shape, grouping) for index in np.ndindex(shape)]
    needed = tuple(max(o[a] for o in owners) + 1 for a in range(len(shape)))
    assert scales == needed, grouping
    numbers = np.arange(math.prod(scales)).reshape(scales)
    expanded = grouping.expand(numbers, shape)
    assert expanded.reshape(-1).tolist() == [int(numbers[owner]) for owner in owners], grouping


@each_shape
@pytest.mark.parametrize("budget", [1, 5, 1000])
def test_tiles_cover_every_value_once_with_its_scale(shape: tuple[int, ...], budget: int) -> None:
    for grouping in groupings(shape):
        check_tiles(shape, grouping, budget)


def check_tiles(shape: tuple[int, ...], grouping: Grouping, budget: int) -> None:
    seen, owner = np.zeros(shape, int), np.full(shape, -1)
    numbers = np.arange(math.prod(grouping.scales_shape(shape))).reshape(grouping.scales_shape(shape))
    for piece in grouping.pieces(shape):
        for tile in piece.tiles(budget):
            assert 1 <= piece.values(seen)[tile].size <= budget
            piece.values(seen)[tile] += 1
            piece.values(owner)[tile] = tile_of(piece.parameters(numbers), tile)
    assert (seen == 1).all(), grouping
    np.testing.assert_array_equal(owner, grouping.expand(numbers, shape), str(grouping))


@given(
    x=hnp.arrays(np.float32, hnp.array_shapes(max_dims=4, max_side=7), elements=st.floats(-9, 9, width=32)),
    granularity=st.sampled_from(["tensor", "channel", "token", "block"]),
    axis=st.integers(-4, 3),
    size=st.integers(1, 9),
)
def test_reduction_over_each_scale_s_values(x: np.ndarray, granularity: str, axis: int, size: int) -> None:
    axis = axis % x.ndim if granularity != "tensor" else None
    grouping = Grouping(granularity, axis, size if granularity == "block" else None)
    found = grouping.reduce(np.maximum, x)
    expected = np.full(grouping.scales_shape(x.shape), -np.inf)
    for index in itertools.product(*map(range, x.shape)):
        owner = scale_of(index, x.shape, grouping)
        expected[owner] = max(expected[owner], x[index])
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
@pytest.mark.parametrize(
    "grouping", [Grouping("tensor"), Grouping("channel", 0), Grouping("token"), Grouping("block", -1, 2)]
)
def test_without_values_there_are_no_pieces(shape: tuple[int, ...], grouping: Grouping) -> None:
    assert grouping.pieces(shape) == ()
    assert grouping.expand(np.zeros(grouping.scales_shape(shape)), shape).shape == shape


@pytest.mark.parametrize(
    ("grouping", "shape", "message"),
    [
        (
            Grouping("channel", 2),
            (3, 4),
            r"^axis: 2 is not a valid axis of a tensor of shape \(3, 4\)\. Use a number from -2 to 1$",
        ),
        (Grouping("channel"), (3, 4), "^axis: None is not a valid axis"),
        (Grouping("token"), (), r"^axis: a scalar has no axis -1\. Use granularity 'tensor'"),
        (Grouping("block", None, 4), (), r"^axis: a scalar has no axis None"),
        (Grouping("block", 0), (3, 4), "^block_size: a block size is missing"),
    ],
)
def test_what_does_not_fit_is_named(grouping: Grouping, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        grouping.scales_shape(shape)
