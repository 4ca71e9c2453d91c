"""In every width all that a card holds stays within it, and no text is too small to be read."""

from playwright.sync_api import Page, expect

WIDTHS = (320, 768, 1280)
LEAST_PIXELS = 12

BEYOND = """() => {
  const found = [];
  for (const card of document.querySelectorAll(".view:not([hidden]) .card:not(.controls)")) {
    const { left, right } = card.getBoundingClientRect();
    const { paddingLeft, paddingRight } = getComputedStyle(card);
    for (const part of card.querySelectorAll("button, p, h3, label, .row, .slot")) {
      const box = part.getBoundingClientRect();
      const clipped = getComputedStyle(part).position === "absolute" || part.closest(".grid, .answers, pre, .tables");
      if (!box.width || clipped) continue;
      if (box.left < left + parseFloat(paddingLeft) - 1 || box.right > right - parseFloat(paddingRight) + 1)
        found.push(`${part.id || part.textContent}: ${Math.round(box.right - right)} from the card's edge`);
    }
  }
  return found;
}"""
SMALL = """(least) => {
  const found = [];
  const look = (root) => {
    for (const part of root.querySelectorAll("*")) {
      if (part.shadowRoot) look(part.shadowRoot);
      const text = [...part.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
      const size = parseFloat(getComputedStyle(part).fontSize);
      if (text && part.getClientRects().length && size < least) found.push(`${part.textContent}: ${size}`);
    }
  };
  look(document.body);
  return found;
}"""


def test_nothing_reaches_past_a_card_and_no_text_is_small(page: Page) -> None:
    page.evaluate("() => playground.quantize()")
    for view in ("tensor", "model", "run", "export"):
        page.locator(f"#tab-{view}").click()
        expect(page.locator(f"#view-{view}:not([data-waits])")).to_be_visible()
        if view == "export":
            expect(page.locator("#save-model")).to_be_enabled()
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 860})
            page.wait_for_timeout(200)
            assert page.evaluate(BEYOND) == [], f"{view} at {width} pixels"
        assert page.evaluate(SMALL, LEAST_PIXELS) == []
    page.set_viewport_size({"width": 1280, "height": 860})
