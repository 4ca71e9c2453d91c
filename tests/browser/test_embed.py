"""An embed of 300 to 900 pixels: every control, the pair of numbers and the plot in sight at once, and large enough."""

import re
from pathlib import Path

import pytest

from tests.browser.conftest import Visit, new_context

ROOT = Path(__file__).parents[2]
WIDTHS = (300, 360, 420, 480, 599, 600, 768, 900)
USUAL = {"Tensor", "As", "Format", "Bits", "Range", "One scale for each", "Calibration", "Clip"}
MARKS = {"Narrow range (no lowest code)", "Zoom in on the bulk"}
"""The two boxes to tick."""

SYMMETRIC = {"format": "int4", "symmetric": True}
STATES = {
    "a range": (SYMMETRIC | {"lo": -0.3, "hi": 0.3}, USUAL | MARKS),
    "a zero-point": ({"format": "int4", "symmetric": False}, USUAL | MARKS | {"Zero-point"}),
    "channels": (SYMMETRIC | {"granularity": "channel"}, USUAL | MARKS | {"Channel axis", "Channel shown"}),
    "a percentile": (SYMMETRIC | {"calibrator": "percentile"}, USUAL | MARKS | {"Percentile"}),
    "blocks": (SYMMETRIC | {"granularity": "block", "block_size": 32}, USUAL | MARKS | {"Values in a block"}),
    "a codebook": ({"format": "nf4"}, {"Tensor", "As", "Format", "One scale for each", "Zoom in on the bulk"}),
}
"""What is chosen -> its settings, and the controls that there are."""

OTHERS = [("mouse", "light"), ("finger", "dark")]

FAULTS = (Path(__file__).parent / "in_sight.js").read_text("utf-8").rstrip().removesuffix(";")


@pytest.fixture
def fresh(browser, site):
    """Opens pages of their own, in a browser with a mouse or on a phone."""
    contexts = []

    def open_at(query, pointer):
        contexts.append(new_context(browser, viewport={"width": 900, "height": 620}, has_touch=pointer == "finger"))
        return Visit(contexts[-1], site).open(f"/embed.html?v=1&{query}")

    yield open_at
    for context in contexts:
        context.close()


@pytest.mark.parametrize(
    ("pointer", "theme"),
    [("mouse", "dark"), ("finger", "light"), *(pytest.param(*pair, marks=pytest.mark.heavy) for pair in OTHERS)],
)
def test_controls_numbers_and_plot_are_in_sight_at_once(fresh, pointer, theme):
    """In the height that the line of the Export view gives it."""
    (height,) = re.findall(r'<iframe [^`]*height="(\d+)"', (ROOT / "static" / "export.mjs").read_text("utf-8"))
    page = fresh(f"format=int4&theme={theme}", pointer)
    for state, (changes, controls) in STATES.items():
        page.evaluate("(changes) => playground.reset().then(() => playground.setState(changes))", changes)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": int(height)})
            try:  # the plots follow a new width within some frames
                page.wait_for_function(f"(asked) => !({FAULTS})(asked).length", arg=sorted(controls), timeout=10_000)
            except Exception:
                found = page.evaluate(f"(asked) => ({FAULTS})(asked)", sorted(controls))
                assert not found, (state, width, found)
                raise


def test_what_is_pushed_out_of_sight_is_noticed(fresh):
    page = fresh("format=int4", "mouse")
    for fault in ("#slot-tensor-controls", ".big", "#slot-tensor-numbers"):
        style = page.add_style_tag(content=f"{fault} {{ margin-top: 620px; }}")
        assert page.evaluate(f"(asked) => ({FAULTS})(asked)", sorted(USUAL)), fault
        style.evaluate("(style) => style.remove()")
