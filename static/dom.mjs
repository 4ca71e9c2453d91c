/** @import { ById } from "./types/page" */

/** An element of the page by its id. */
export const $ = /** @type {ById} */ (document.getElementById.bind(document));

/**
 * The files that were chosen. The input forgets them, so that the same file can be chosen again.
 * @param {HTMLInputElement} input
 */
export function filesOf(input) {
  const files = [...(input.files ?? [])];
  input.value = "";
  return files;
}

/**
 * Ends the task, so that the browser hears of input before what comes next. That comes before frames and other work, where
 * the browser can be told so; where it cannot, there is no pause, since frames in between take longer than they are worth.
 */
export const breathe = () => window.scheduler?.postTask?.(() => {}, { priority: "user-blocking" });

/** The element that holds the keyboard when nothing else does. */
const nowhere = () => document.activeElement === null || document.activeElement === document.body;

/**
 * Puts the keyboard somewhere if it has lost its place: a button that was removed, hidden or disabled had it.
 * @param {HTMLElement | null} place
 */
export function keepFocus(place) {
  if (nowhere()) place?.focus({ preventScroll: true });
}

/**
 * Works with a control disabled. The keyboard is there again afterwards, unless it has gone somewhere else.
 * @param {HTMLButtonElement | HTMLSelectElement} control
 * @param {() => Promise<void>} work
 */
export async function whileDisabled(control, work) {
  const held = document.activeElement === control;
  control.disabled = true;
  try {
    await work();
  } finally {
    control.disabled = false;
    if (held) keepFocus(control);
  }
}

/** A number with the unit behind it. */
const AMOUNT = /(\d \S?(?:%|dB|B|nats)(?!\w))/;

/**
 * A text as parts of an element, in which no line ends between a number and its unit.
 * @param {string} text
 */
export function unbroken(text) {
  return text.split(AMOUNT).map((part, i) => {
    if (i % 2 === 0) return part;
    const amount = document.createElement("span");
    amount.className = "amount";
    amount.textContent = part;
    return amount;
  });
}
