// Parts of grid.mjs: how a cell is made and found, and how two values stand to each other.

/** Characters of a name that always stay, at its end. */
const TAIL = 12;

/**
 * @param {string} tag
 * @param {string} role
 * @param {string} [className]
 */
export function make(tag, role, className = "") {
  const made = document.createElement(tag);
  made.setAttribute("role", role);
  made.className = className;
  return made;
}

/**
 * A name whose middle gives way: what tells two tensors apart stands at the end.
 * @param {HTMLElement} cell
 * @param {string} text
 */
export function putName(cell, text) {
  const cut = Math.max(0, text.length - TAIL);
  for (const [className, part] of Object.entries({ front: text.slice(0, cut), end: text.slice(cut) })) {
    const span = document.createElement("span");
    span.className = className;
    span.textContent = part;
    cell.append(span);
  }
  cell.title = text;
  cell.setAttribute("aria-label", text);
}

/** @param {unknown} value */
export const isMissing = (value) => value === null || value === undefined || Number.isNaN(value) || value === "";

/**
 * @param {unknown} a
 * @param {unknown} b
 */
export function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

/**
 * Where a cell is; null for what is in none.
 * @param {EventTarget | null} target
 */
export function placeOf(target) {
  const cell = target instanceof Element && target.closest("[data-row]");
  if (!(cell instanceof HTMLElement)) return null;
  return { row: Number(cell.dataset.row), column: Number(cell.dataset.column) };
}
