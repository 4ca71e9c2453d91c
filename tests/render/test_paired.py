"""Two bars for each category."""

import pytest
from bokeh.models import ColumnDataSource, FactorRange

from playground.render.paired import APART, THICKNESS, paired_bars
from playground.render.style import plain_figure


@pytest.mark.parametrize("sideways", [False, True])
def test_bars_stand_beside_each_other_in_the_order_of_their_columns(sideways):
    ranges = {"y_range" if sideways else "x_range": FactorRange("a", "b")}
    plot = plain_figure("bars", height=100, description="Bars", **ranges)
    source = ColumnDataSource({"which": ["a", "b"], "exact": [1, 2], "coarse": [3, 4]})
    paired_bars(plot, source, "which", ("exact", "coarse"), sideways=sideways)
    glyphs = [renderer.glyph for renderer in plot.renderers]
    assert [(glyph.right if sideways else glyph.top) for glyph in glyphs] == ["exact", "coarse"]
    assert [glyph.tags for glyph in glyphs] == [["css:fill_color=float"], ["css:fill_color=quant"]]
    shifts = [(glyph.y if sideways else glyph.x).transform.value for glyph in glyphs]
    assert shifts == ([APART, -APART] if sideways else [-APART, APART])  # y grows upwards: the first one is on top
    assert 2 * APART > THICKNESS, "they do not overlap"
