"""A file that is dragged over the page and let go somewhere on it."""

import base64
from pathlib import Path

from playwright.sync_api import Page

_DROP = """(element, { name, text }) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
  const event = (kind, target) =>
    target.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  event("dragenter", document.body);
  if (!element.checkVisibility()) throw new Error(`#${element.id} is not seen while a file is dragged`);
  event("dragover", element);
  event("drop", element);
}"""


def dropped(page: Page, place: str, path: Path) -> None:
    """Drop a file on the element with this selector, which must be seen by then."""
    text = base64.b64encode(path.read_bytes()).decode()
    page.locator(place).evaluate(_DROP, {"name": path.name, "text": text})
