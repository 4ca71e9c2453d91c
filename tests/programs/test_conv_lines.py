"""When a convolution reads windows where lines lie: what was measured, docs/kernels.md."""

import pytest

from playground.programs.conv_lines import pays_in_lines
from playground.programs.integer_ops import Window

WIDE = 30


@pytest.mark.parametrize("dot", ["int16", "unsigned", "signed"])
@pytest.mark.parametrize(
    ("window", "depth", "pays"),
    [
        (Window((3, 3), (WIDE, WIDE)), 16, True),
        (Window((3, 3), (WIDE, WIDE), strides=(2, 2)), 3, True),
        (Window((1, 3), (1, WIDE)), 16, True),
        (Window((3, 3), (8, 8)), 64, True),
        (Window((3, 3), (7, 7)), 64, False),  # short lines
        (Window((1, 1), (WIDE, WIDE), strides=(2, 2)), 16, False),  # windows that share nothing
        (Window((3, 1), (WIDE, WIDE)), 16, False),
        (Window((3, 3), (WIDE, WIDE), dilations=(1, 2)), 16, False),
        (Window((3, 3), (WIDE, WIDE), dilations=(2, 1)), 16, True),
        (Window((3, 3), (WIDE, 40_000)), 16, False),  # more than stays in the cache
    ],
)
def test_lines_are_read_where_that_is_faster(window, depth, pays, dot):
    assert pays_in_lines(window, depth, dot) is pays
