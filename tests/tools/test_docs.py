"""What the documents are built with: figures, embeds, links, and the check of the built pages."""

import math
import re
from xml.etree import ElementTree

import pytest

from playground.errors import MissingError
from playground.settings import from_query
from tools.docs import links, pages
from tools.docs.charts import Axis, Line, chart
from tools.paths import ROOT

DIRECTIVE = re.compile(r"^:::\{(drawn|playground)\} (\S+)$", re.MULTILINE)
USED = [
    (page.relative_to(pages.DOCS).as_posix(), *found)
    for page in sorted(pages.DOCS.rglob("*.md"))
    for found in DIRECTIVE.findall(page.read_text("utf-8"))
]


def svg_of(html):
    return ElementTree.fromstring(re.search(r"<svg.*?</svg>", html, re.DOTALL)[0])  # noqa: S314 (our own drawings)


def numbers_of(svg):
    """Every number that places something."""
    placed = (value for element in svg.iter() for value in element.attrib.values())
    return [float(text) for value in placed for text in re.findall(r"-?\d+\.\d+|nan|inf", value)]


@pytest.mark.parametrize(("page", "name"), [(page, name) for page, kind, name in USED if kind == "drawn"])
def test_figures_are_drawn_inside_their_box_and_have_a_title(page, name):
    svg = svg_of(pages.drawn_figures()[name]())
    width, height = map(float, svg.attrib["viewBox"].split()[2:])
    found = numbers_of(svg)
    assert svg.attrib["aria-label"]
    assert found
    assert all(math.isfinite(number) and 0 <= number <= max(width, height) for number in found)


def test_numbers_keep_their_units_on_their_line():
    together = pages.kept_together("30.1 dB, 33 of 34 files, 2 of them 5 kB large, 1.5 s, 3 ×, 4 bits, 7 days")
    assert together.split(" ") == [
        *("30.1\u00a0dB,", "33\u00a0of\u00a034", "files,", "2", "of", "them", "5\u00a0kB", "large,"),
        *("1.5\u00a0s,", "3\u00a0×,", "4\u00a0bits,", "7", "days"),
    ]


def test_every_figure_is_on_a_page():
    assert set(pages.drawn_figures()) == {name for _, kind, name in USED if kind == "drawn"}


@pytest.mark.parametrize(("page", "query"), [(page, query) for page, kind, query in USED if kind == "playground"])
def test_embeds_have_a_poster_and_the_address_of_the_page(page, query):
    settings, problems = from_query(query)
    assert problems == ()
    html = pages.embed_html(pages.picture_for(settings), "../")
    assert svg_of(html).attrib["aria-label"].startswith(f"{settings.tensor} as {settings.format}")
    address = re.search(r'class="live" href="\.\./embed\.html\?([^"]*)"', html)[1].replace("&amp;", "&")
    assert from_query(address) == (settings, ())


def test_an_embed_of_a_tensor_that_is_not_there_is_refused():
    with pytest.raises(MissingError, match="there is no floating-point tensor 'nothing'"):
        pages.picture_for(from_query("tensor=nothing")[0])


def test_a_chart_places_values_and_writes_powers():
    svg = svg_of(
        chart([Line("a", "float", [(1, 1), (100, 10)], dots=True)], Axis("x", 1, 100, log=True), Axis("y", 0, 10), "t")
    )
    dots = [(float(c.attrib["cx"]), float(c.attrib["cy"])) for c in svg.iter("circle")]
    assert dots[0][0] < dots[1][0] and dots[0][1] > dots[1][1]
    assert Axis("x", 1, 100, log=True).share(10) == pytest.approx(0.5)
    assert Axis("x", 0, 8).ticks() == [0, 2, 4, 6, 8]


def test_links_of_included_files_lead_to_pages():
    page = pages.page_text("```{repository-file} CONTRIBUTING.md\n```", "project/contributing")
    assert "[](reporting.md)" in page
    assert "[](../build.md)" in page
    assert "BSD 3-Clause](" not in page  # the licence has no page: its words stay
    assert pages.page_text("[a](https://example.org/x.md) [b](build.md#releases)", "page").endswith(
        "(build.md#releases)"
    )


def test_links_that_lead_nowhere_are_found(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (tmp_path / "embed.html").write_text("<p>")
    (folder / "a.html").write_text(
        '<p id="here"><a href="b.html#there">x</a><a href="#here">x</a><a href="../embed.html?v=1">x</a>'
        '<a href="https://example.org">x</a><img src="data:image/png;base64,"><a href="b.html#missing">x</a>'
        '<a href="none.html">x</a><script src="https://example.org/s.js"></script>'
    )
    (folder / "b.html").write_text('<h1 id="there">')
    assert links.broken(folder, tmp_path) == [
        "docs/a.html: b.html#missing leads to no place of that page",
        "docs/a.html: none.html leads to no file",
        "docs/a.html: https://example.org/s.js is loaded from another host",
    ]


def test_every_document_is_in_the_table_of_contents():
    listed = re.findall(r"^([\w/-]+)$", (pages.DOCS / "index.md").read_text("utf-8"), re.MULTILINE)
    written = {path.relative_to(pages.DOCS).with_suffix("").as_posix() for path in pages.DOCS.rglob("*.md")}
    assert set(listed) == written - {"index"}
    assert (ROOT / "docs" / "conf.py").is_file()
