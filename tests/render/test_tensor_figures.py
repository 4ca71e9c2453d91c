"""The Tensor view's figures are empty, and the page finds by name what it draws on."""

from bokeh.models import Span

from playground.render.tensor_figures import tensor_figures

SOURCES = {
    "histogram": ["histogram-bars"],
    "error": ["error-bars", "error-before"],
    "transfer": ["transfer-diagonal", "transfer-before", "transfer-line"],
    "channels": ["channel-bars", "channel-shown", "channel-ranges"],
}


def test_sources_are_empty_and_have_names():
    figures = tensor_figures()
    assert list(figures) == list(SOURCES)
    for slot, names in SOURCES.items():
        sources = [renderer.data_source for renderer in figures[slot].renderers]
        assert [source.name for source in sources] == names
        assert all(values == [] for source in sources for values in source.data.values())


def test_every_figure_is_described_and_coloured_by_the_style_sheet():
    for figure in tensor_figures().values():
        assert any(tag.startswith("describe:") for tag in figure.tags)
        for renderer in figure.renderers:
            assert any(tag.startswith("css:") for tag in renderer.glyph.tags)


def test_the_range_of_all_channels_is_two_lines():
    spans = [item for item in tensor_figures()["channels"].center if isinstance(item, Span)]
    assert [span.name for span in spans] == ["channel-span-lo", "channel-span-hi"]
