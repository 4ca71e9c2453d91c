"""The plots: Bokeh figures that take plain reports and know nothing of widgets, sessions or messages."""
