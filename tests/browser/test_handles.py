"""The handles on the large plot and what is around them, by mouse, by a finger and by keys."""

import csv
import io
import re
from xml.etree import ElementTree

import pytest
from PIL import Image
from playwright.sync_api import expect

from playground import gallery

HIGHEST = float(gallery.open_model("digits-mlp").tensors["fc2.weight"].numpy().max())
LOWEST = float(gallery.open_model("digits-mlp").tensors["fc2.weight"].numpy().min())


class Mouse:
    def __init__(self, page):
        self.page = page

    def press(self, x, y):
        self.page.mouse.move(x, y)
        self.page.mouse.down()

    def move(self, x, y):
        self.page.mouse.move(x, y, steps=4)

    def release(self):
        self.page.mouse.up()


class Finger:
    def __init__(self, page):
        self.session = page.context.new_cdp_session(page)

    def send(self, kind, *place):
        points = [{"x": place[0], "y": place[1]}] if place else []
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    def press(self, x, y):
        self.send("touchStart", x, y)
        self.at = x

    def move(self, x, y):
        for share in (0.25, 0.5, 0.75, 1):
            self.send("touchMove", self.at + share * (x - self.at), y)

    def release(self):
        self.send("touchEnd")


@pytest.fixture(params=[Mouse, Finger])
def hand(request, page):
    return request.param(page)


def test_while_a_handle_is_held_python_hears_nothing_and_the_plot_follows(act, page, hand, numbers):
    before, levels, address = numbers(page), act("picture")["levels"], page.url
    spot = act("spot", 0.3)
    act("block")
    try:
        hand.press(spot["handles"][1], spot["y"])
        hand.move(spot["to"], spot["y"])
        act("frames", 8)
        during = numbers(page)
        assert act("picture")["levels"][-1] < levels[-1]
        assert act("missed") <= 1, "the hand may have rested"
        hand.release()
        act("frames", 4)
        assert act("missed") == 1
        assert page.url == address
        assert numbers(page)["SQNR"] != before["SQNR"]
        assert numbers(page)["Accuracy"] == before["Accuracy"]
        assert act("stale")["cards"] == ["accuracy", "cross-entropy"]
    finally:
        act("unblock")
    act("settled")
    assert during["SQNR"] != before["SQNR"]
    assert page.evaluate("() => playground.state.hi") == pytest.approx(0.3, abs=0.02)
    assert numbers(page)["Accuracy"] != before["Accuracy"]
    assert "hi=" in page.url


def test_a_handle_that_rests_while_it_is_held_asks_the_model(act, page, numbers):
    """Nothing is painted while it waits, so Python may be asked: accuracy follows the hand."""
    before, spot, mouse = numbers(page), act("spot", 0.3), Mouse(page)
    mouse.press(spot["handles"][1], spot["y"])
    mouse.move(spot["to"], spot["y"])
    expect(page.locator("#slot-tensor-numbers")).not_to_contain_text(before["Accuracy"])
    assert act("stale")["cards"] == []
    mouse.release()
    act("settled")


def test_the_axis_stays_while_a_handle_is_dragged_past_its_edge_and_grows_then(act, page, hand):
    axis, spot = act("axis"), act("spot", HIGHEST)
    box = page.locator("#slot-tensor-histogram canvas").first.bounding_box()
    hand.press(spot["handles"][1], spot["y"])
    hand.move(box["x"] + box["width"] + 60, spot["y"])
    act("frames", 8)
    assert act("axis") == axis
    assert act("picture")["handles"][1] > axis[1]
    hand.release()
    act("settled")
    assert act("axis")[1] > page.evaluate("() => playground.state.hi") > axis[1]


@pytest.mark.parametrize(("near", "value"), [(0.0, 0.0), (HIGHEST, None)])
def test_a_handle_snaps_at_zero_and_at_the_datas_edge(act, page, near, value):
    page.evaluate("() => playground.setState({lo: -0.5, hi: 0.5})")
    spot, mouse = act("spot", near), Mouse(page)
    mouse.press(spot["handles"][1], spot["y"])
    mouse.move(spot["to"] + 3, spot["y"])
    mouse.release()
    act("settled")
    assert page.evaluate("() => playground.state.hi") == pytest.approx(HIGHEST if value is None else value, abs=1e-7)


def test_a_double_click_brings_the_calibrated_range_back(act, page):
    page.evaluate("() => playground.setState({lo: -0.5, hi: 0.5})")
    spot = act("spot", 0)
    page.mouse.dblclick(spot["handles"][0], spot["y"])
    act("settled")
    assert page.evaluate("() => [playground.state.lo, playground.state.hi]") == [None, None]
    assert act("picture")["handles"] == pytest.approx([LOWEST, HIGHEST])


def test_a_click_on_a_handle_moves_nothing(act, page):
    spot, before = act("spot", 0), act("screen")
    page.mouse.click(spot["handles"][1] + 3, spot["y"])
    page.wait_for_timeout(300)
    assert page.evaluate("() => playground.state.hi") is None
    assert act("screen") == before


@pytest.mark.parametrize(
    ("changes", "handles"),
    [
        ({"symmetric": True}, [-max(HIGHEST, -LOWEST), max(HIGHEST, -LOWEST)]),
        ({"lo": 0.05, "hi": 0.4}, [0.0, 0.4]),
        ({"lo": -0.4, "hi": -0.1}, [-0.4, 0.0]),
    ],
)
def test_handles_stand_where_the_range_begins_and_ends(act, page, changes, handles):
    """Levels and handles agree: zero is in the range, and a symmetric one has two equal ends."""
    page.evaluate("(changes) => playground.setState(changes)", changes)
    picture = act("picture")
    assert picture["handles"] == pytest.approx(handles)
    assert abs(picture["levels"][0] - handles[0]) <= picture["step"] * 1.001
    assert abs(picture["levels"][-1] - handles[1]) <= picture["step"] * 1.001


def test_a_key_that_repeats_is_held_like_a_handle(act, page):
    slider = page.get_by_role("slider", name="Clip").last
    slider.focus()
    low, high, before = (float(slider.get_attribute(f"aria-value{part}")) for part in ("min", "max", "now"))
    session = page.context.new_cdp_session(page)
    key = {"key": "ArrowLeft", "code": "ArrowLeft", "windowsVirtualKeyCode": 37}
    act("block")
    try:
        for repeat in (False, *[True] * 12):
            session.send("Input.dispatchKeyEvent", {"type": "keyDown", "autoRepeat": repeat, **key})
        act("frames", 4)
        assert act("missed") <= 1
        assert act("picture")["handles"][1] < HIGHEST
        session.send("Input.dispatchKeyEvent", {"type": "keyUp", **key})
    finally:
        act("unblock")
    act("settled")
    assert page.evaluate("() => playground.state.hi") == pytest.approx(act("picture")["handles"][1], rel=1e-6)
    assert before - page.evaluate("() => playground.state.hi") == pytest.approx(13 * (high - low) / 1000, rel=1e-3)


def test_a_thumb_is_where_its_value_is_while_it_is_moved_and_after(act, page):
    slider = page.get_by_role("slider", name="Clip, upper end")
    thumb = slider.locator("xpath=..")
    distance = """(thumb) => {
      const input = thumb.querySelector("input");
      return Math.abs(parseFloat(thumb.style.left) - 100 * (input.ariaValueNow - input.min) / (input.max - input.min));
    }"""
    box = thumb.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=5)
    act("frames", 4)
    away = thumb.bounding_box()["x"]
    assert away == pytest.approx(box["x"] - 60, abs=2)
    assert act("picture")["handles"][1] < HIGHEST
    page.mouse.move(x, y, steps=5)  # back to what was drawn before
    page.mouse.up()
    act("settled")
    assert thumb.bounding_box()["x"] == pytest.approx(box["x"], abs=1)
    assert thumb.evaluate(distance) < 0.1
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y, steps=5)
    page.mouse.up()
    act("settled")
    assert thumb.evaluate(distance) < 0.1
    shown, chosen = float(slider.get_attribute("aria-valuenow")), page.evaluate("() => playground.state.hi")
    assert shown == pytest.approx(chosen, abs=0.01)


def test_keys_that_come_faster_than_frames_are_one_move(act, page):
    slider = page.get_by_role("slider", name="Clip, upper end")
    slider.focus()
    drawn = slider.evaluate("""async (input) => {
      let drawn = 0;
      const counting = new MutationObserver((changes) => { drawn += changes.length; });
      counting.observe(input, { attributeFilter: ["aria-valuenow"] });
      const held = { key: "ArrowLeft", repeat: true, bubbles: true, cancelable: true, composed: true };
      for (let i = 0; i < 2000; i += 1) input.dispatchEvent(new KeyboardEvent("keydown", held));
      input.dispatchEvent(new KeyboardEvent("keyup", held));
      for (let i = 0; i < 6; i += 1) await new Promise(requestAnimationFrame);
      return drawn;
    }""")
    act("settled")
    lower = page.get_by_role("slider", name="Clip, lower end")
    assert float(lower.get_attribute("aria-valuenow")) == pytest.approx(LOWEST, rel=1e-3)
    assert float(slider.get_attribute("aria-valuenow")) == 0  # no range is without zero
    assert 1 <= drawn <= 3


@pytest.mark.parametrize("by", ["hover", "tap"])
def test_a_bar_tells_its_formula_and_never_an_old_one(act, page, by):
    page.evaluate("() => playground.setState({format: 'int4', lo: -0.5, hi: 0.5})")
    spot = act("spot", 0.2)
    if by == "hover":
        page.mouse.move(spot["to"], spot["y"])
    else:
        finger = Finger(page)
        finger.press(spot["to"], spot["y"])
        finger.release()
    note = act("note")
    assert re.search(r"values near 0\.\d+.*0\.\d+ = 0\.\d+ × \(\d − 0\)|values near .* = .* × \(.*\)", note), note
    page.evaluate("() => playground.setState({format: 'int8'})")
    act("frames", 2)
    assert act("note") != note
    page.mouse.move(5, 5)
    if by == "hover":
        assert act("note") == ""


def test_a_click_on_a_channels_row_makes_all_plots_that_channels(act, page):
    page.evaluate("() => playground.setState({granularity: 'channel', axis: 0})")
    widest = act("picture")
    assert widest["shownChannel"] == widest["channelOrder"][0]
    assert sum(widest["counts"]) == 512
    row = act("rowSpot", 40)
    page.mouse.click(row["x"], row["y"])
    act("settled")
    picture = act("picture")
    assert picture["shownChannel"] == picture["channelOrder"][40] == page.evaluate("() => playground.state.channel")
    assert sum(picture["counts"]) == sum(picture["levelCounts"]) == 512
    assert picture["edges"][0] == picture["channelLo"][40]
    assert picture["transfer"]["x"][0] == picture["channelLo"][40]
    expect(page.locator("#slot-tensor-histogram")).to_contain_text(f"of channel {picture['shownChannel']} (of 128)")
    expect(page.locator("#slot-tensor-controls").get_by_role("slider", name="Channel shown")).to_have_attribute(
        "aria-valuenow", str(picture["shownChannel"])
    )
    assert "channel=" in page.url


def test_what_was_before_stays_as_a_ghost(act, page, numbers):
    before = numbers(page)["SQNR"]
    act("step", {"Bits": 4})
    screen = act("screen")
    assert screen["card sqnr"] == [f"SQNR{numbers(page)['SQNR']}before {before}", "aside better"]
    assert len(screen["error-before x"]) > 41
    assert len(screen["transfer-before x"]) == 512
    page.evaluate("() => playground.reset()")
    assert act("screen")["error-before x"] == []


def saved(page, plot, kind):
    title = page.locator(f"#slot-tensor-{plot}")
    title.locator("summary").click()
    with page.expect_download() as caught:
        title.get_by_role("button", name=kind, exact=True).click()
    path = caught.value.path()
    return caught.value.suggested_filename, path.read_bytes()


@pytest.mark.parametrize("plot", ["histogram", "error", "transfer", "channels"])
def test_plots_are_saved_as_pictures_and_as_a_table(act, page, plot):
    name, svg = saved(page, plot, "SVG")
    assert name == f"fc2.weight {plot}.svg"
    tree = ElementTree.fromstring(svg)  # noqa: S314
    assert tree.tag.endswith("svg")
    assert len(list(tree.iter())) > 10
    _, png = saved(page, plot, "PNG")
    image = Image.open(io.BytesIO(png))
    assert image.width > 200
    assert len(image.convert("RGB").getcolors(1 << 20)) > 4
    _, table = saved(page, plot, "CSV")
    rows = list(csv.DictReader(io.StringIO(table.decode())))
    picture = act("picture")
    column, values = {
        "histogram": ("count", picture["counts"]),
        "error": ("count", picture["errorCounts"]),
        "transfer": ("quantized", picture["transfer"]["y"]),
        "channels": ("largest", picture["channelHi"]),
    }[plot]
    assert [float(row[column]) for row in rows if row[column]] == values
