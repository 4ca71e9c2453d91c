"""The built documents: every embed opens on a click, in the reader's theme, and nothing is asked of another host."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import SITE, new_context

PAGES = Path(__file__).parents[2] / "docs"
EMBEDS = [
    page.relative_to(PAGES).with_suffix("").as_posix()
    for page in sorted(PAGES.rglob("*.md"))
    if re.search(r"^:::\{playground\}", page.read_text("utf-8"), re.MULTILINE)
]
BOOT_MS = 120_000

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def documents():
    if not (SITE / "docs" / "index.html").is_file():
        pytest.fail(f"{SITE / 'docs'} has not been built: run `python build.py docs`")
    return SITE / "docs"


@pytest.fixture
def reader(browser, site, documents):
    context = new_context(browser, viewport={"width": 1280, "height": 900}, color_scheme="dark")
    page = context.new_page()
    page.asked, page.complaints = [], []
    context.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda m: page.complaints.append(m.text) if m.type == "error" else None)
    yield page
    context.close()


@pytest.mark.parametrize("name", EMBEDS)
def test_an_embed_opens_where_its_poster_was(reader, site, name):
    reader.goto(f"{site}/docs/{name}.html")
    figure = reader.locator("figure.playground").first
    assert figure.locator(".poster svg").get_attribute("aria-label")
    assert reader.frames == [reader.main_frame]
    figure.locator("a.live").click()
    frame = figure.locator("iframe").element_handle().content_frame()
    frame.wait_for_url("**/embed.html?*", wait_until="commit")
    frame.wait_for_function(
        "() => window.playground?.bootTimes || document.getElementById('failure')?.hidden === false", timeout=BOOT_MS
    )
    assert frame.evaluate("() => document.getElementById('failure').hidden")
    settings = frame.evaluate("() => window.playground.state")
    for key, value in re.findall(r"[?&](format|tensor|granularity)=([\w.]+)", frame.url):
        assert settings[key] == value
    assert frame.locator("#slot-tensor-histogram canvas").count() > 0
    assert frame.locator("html").get_attribute("data-theme") == "dark"
    assert figure.locator(".poster").count() == 0
    assert [url for url in reader.asked if not url.startswith((site, f"blob:{site}", "data:", "blob:null"))] == []
    assert reader.complaints == []


def test_search_finds_a_word(reader, site):
    reader.goto(f"{site}/docs/search.html?q=zero-point")
    reader.locator("#search-results li a").first.wait_for(timeout=30_000)
    assert reader.complaints == []


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_is_wider_than_its_window(reader, site, documents, width):
    reader.set_viewport_size({"width": width, "height": 800})
    wide = []
    for path in sorted(documents.rglob("*.html")):
        reader.goto(f"{site}/docs/{path.relative_to(documents).as_posix()}")
        if reader.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            wide.append(path.name)
    assert wide == []
