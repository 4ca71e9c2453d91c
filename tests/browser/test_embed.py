"""An embed of 300 to 900 pixels: every control, the pair of numbers and the plot in sight at once, and large enough."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import new_context

ROOT = Path(__file__).parents[2]
WIDTHS = (300, 360, 420, 480, 599, 600, 768, 900)
USUAL = {"Tensor", "As", "Format", "Bits", "Range", "One scale for each", "Calibration", "Clip"}
MARKS = {"Narrow range (no lowest code)", "Zoom in on the bulk"}
"""The two boxes to tick."""

STATES = {
    "a range": ("format=int4&lo=-0.3&hi=0.3", USUAL | MARKS),
    "a zero-point": ("format=int4&symmetric=0", USUAL | MARKS | {"Zero-point"}),
    "channels": (
        "format=int4&symmetric=1&granularity=channel",
        USUAL | MARKS | {"Channel axis", "Channel shown"},
    ),
    "a percentile": ("format=int4&symmetric=1&calibrator=percentile", USUAL | MARKS | {"Percentile"}),
    "blocks": ("format=int4&symmetric=1&granularity=block&block_size=32", USUAL | MARKS | {"Values in a block"}),
    "a codebook": ("format=nf4", {"Tensor", "As", "Format", "One scale for each", "Zoom in on the bulk"}),
}
"""What is chosen -> its link, and the controls that there are."""

FAULTS = (Path(__file__).parent / "in_sight.js").read_text("utf-8").rstrip().removesuffix(";")


@pytest.fixture(params=["light", "dark"])
def theme(request):
    return request.param


@pytest.fixture(params=["mouse", "finger"])
def fresh(request, browser, site, visit):
    """A page of its own, in a browser with a mouse or on a phone."""
    context = new_context(browser, viewport={"width": 900, "height": 620}, has_touch=request.param == "finger")
    yield type(visit)(context, site)
    context.close()


@pytest.mark.parametrize("state", STATES)
def test_controls_numbers_and_plot_are_in_sight_at_once(fresh, theme, state):
    """In the height that the line of the Export view gives it."""
    (height,) = re.findall(r'<iframe [^`]*height="(\d+)"', (ROOT / "static" / "export.mjs").read_text("utf-8"))
    query, controls = STATES[state]
    page = fresh.open(f"/embed.html?v=1&{query}&theme={theme}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": int(height)})
        try:  # the plots follow a new width within some frames
            page.wait_for_function(f"(asked) => ({FAULTS})(asked).length === 0", arg=sorted(controls), timeout=10_000)
        except Exception:
            found = page.evaluate(f"(asked) => ({FAULTS})(asked)", sorted(controls))
            assert not found, (width, theme, found)
            raise


@pytest.mark.parametrize("fault", ["#slot-tensor-controls", ".big", "#slot-tensor-numbers"])
def test_what_is_pushed_out_of_sight_is_noticed(fresh, fault):
    page = fresh.open("/embed.html?v=1&format=int4")
    page.add_style_tag(content=f"{fault} {{ margin-top: 620px; }}")
    assert page.evaluate(f"(asked) => ({FAULTS})(asked)", sorted(USUAL))
