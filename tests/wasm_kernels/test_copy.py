"""k_copy against NumPy's own views: slices, parts, concatenation, transposition, broadcasting."""

import numpy as np
import pytest

WIDTHS = {1: "uint8", 2: "int16", 4: "float32", 8: "float64"}


@pytest.fixture
def copy(guarded, inside, box_of, out):
    return lambda x, view, table=None: copied(guarded, inside, box_of, out, x, view, table)


def copied(guarded, inside, box_of, out, x, view, table):
    """What the kernel makes of a view into x, as a C-contiguous array."""
    start = view.__array_interface__["data"][0] - x.__array_interface__["data"][0]
    shape = np.empty(view.shape, view.dtype)
    whole = x.view(np.uint8).reshape(-1)
    given = {"x": inside(whole, start), "out": out(view.shape, view.dtype.str[1:]), "table": table}
    return guarded("k_copy", width=x.itemsize, **given, **box_of(view, shape))


VIEWS = {
    "all": lambda x: x,
    "a slice": lambda x: x[:, 1:, 2:15],
    "strided": lambda x: x[:, ::2, 1::3],
    "backwards": lambda x: x[::-1, :, ::-1],
    "last two": lambda x: x.transpose(0, 2, 1),
    "first two": lambda x: x.transpose(1, 0, 2),
    "reversed": lambda x: x.transpose(2, 1, 0),
    "rolled": lambda x: x.transpose(1, 2, 0),
    "broadcast": lambda x: np.broadcast_to(x[:, None, :1], (x.shape[0], 2, x.shape[1], x.shape[2])),
    "broadcast inside": lambda x: np.broadcast_to(x[:, :, None, :1], (*x.shape[:2], 9, x.shape[2])),
    "six axes": lambda x: x.reshape(1, x.shape[0], 1, x.shape[1], 1, x.shape[2]).transpose(5, 4, 3, 2, 1, 0),
}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("view", VIEWS)
def test_views(copy, rng, view, width):
    for shape in [(1, 2, 17), (3, 8, 16), (2, 19, 37), (9, 33, 24)]:
        x = rng.integers(0, 256, (*shape, width)).astype(np.uint8).view(WIDTHS[width])[..., 0]
        x = np.nan_to_num(np.ascontiguousarray(x))
        seen = VIEWS[view](x)
        np.testing.assert_array_equal(copy(x, seen), seen, f"shape {shape}")


def test_long_lines(copy, rng):
    x = rng.integers(0, 256, (3, 2000)).astype(np.uint8)
    for n in (15, 16, 17, 511, 512, 513, 2000):
        np.testing.assert_array_equal(copy(x, x[:, :n]), x[:, :n])


def test_a_table_replaces_codes(copy, rng):
    x = rng.integers(-128, 128, (2, 5, 19)).astype(np.int8)
    table = rng.integers(0, 256, 256).astype(np.uint8)
    view = x[:, 1:4].transpose(2, 0, 1)
    result = copy(x, view, table)
    np.testing.assert_array_equal(result.view(np.uint8), table[view.view(np.uint8)])


def test_concatenation_writes_between_what_is_there(guarded, box_of, inside, out, rng):
    x = rng.integers(0, 256, (4, 5)).astype(np.uint8)
    target = np.zeros((4, 12), np.uint8)
    place = inside(out((4, 12), "uint8", 0), 0)
    result = guarded("k_copy", x=x, out=place, width=1, table=None, **box_of(x, target[:, :5]))
    target[:, :5] = x
    np.testing.assert_array_equal(result, target)
