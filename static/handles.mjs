// When something in the Tensor view is pressed.

const KEYS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "PageUp", "PageDown"];

/**
 * Tells when something within an element is held down: by the mouse, a finger, or a key that moves it.
 * @param {HTMLElement} element
 * @param {{ press: () => void, release: () => void }} host
 */
export function installPress(element, { press, release }) {
  element.addEventListener("pointerdown", press, { capture: true });
  element.addEventListener("keydown", ({ key }) => KEYS.includes(key) && press(), { capture: true });
  for (const type of ["pointerup", "pointercancel", "keyup"]) window.addEventListener(type, release, { capture: true });
  window.addEventListener("blur", release); // of the window itself: what happens in it does not bubble
}
