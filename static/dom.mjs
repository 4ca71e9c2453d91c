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
