"""What all figures share."""

from bokeh.models import Span

from playground.render.style import bound, plain_figure


def test_colours_are_bound_by_name():
    span = bound(bound(Span(tags=["mine"]), line_color="handle"), fill_color="quant")
    assert span.tags == ["mine", "css:line_color=handle", "css:fill_color=quant"]


def test_plain_figure():
    plot = plain_figure("mine", height=120, description="What it shows")
    assert (plot.name, plot.height, plot.toolbar_location) == ("mine", 120, None)
    assert "describe:What it shows" in plot.tags
    assert plot.xaxis[0].tags == ["css:major_label_text_color=muted", "css:major_label_text_font=font"]
