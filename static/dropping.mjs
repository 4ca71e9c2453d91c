// Files that are chosen, or dropped anywhere on the page.
import { $, filesOf } from "./dom.mjs";

/**
 * @param {object} uses what becomes of the files that are chosen or dropped
 * @param {(files: File[]) => void} uses.open of one model
 * @param {(files: File[]) => void} uses.compare of a model to be compared with the open one
 * @param {(files: File[]) => void} uses.calibrate of samples for the open one
 */
export function installFiles({ open, compare, calibrate }) {
  const input = $("open");
  /** Where files are dropped for something else than to be opened. */
  const places = new Map([
    [$("drop-beside"), compare],
    [$("drop-samples"), calibrate],
  ]);
  const isIn = (/** @type {HTMLElement} */ place, /** @type {EventTarget | null} */ target) =>
    target instanceof Node && place.contains(target);
  input.addEventListener("change", () => {
    const files = filesOf(input);
    if (files.length) open(files);
  });
  let depth = 0;
  const hasFiles = (/** @type {DragEvent} */ event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (hasFiles(event)) {
      depth += 1;
      $("drop").hidden = false;
    }
  });
  addEventListener("dragleave", (event) => {
    if (hasFiles(event)) {
      depth -= 1;
      $("drop").hidden = depth > 0;
    }
  });
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    for (const place of places.keys()) place.toggleAttribute("data-over", isIn(place, event.target));
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $("drop").hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    const use = [...places].find(([place]) => isIn(place, event.target))?.[1] ?? open;
    if (files.length) use(files);
  });
  addEventListener("playground-state", ({ detail: { model, runs } }) => {
    $("drop-beside").hidden = !model;
    $("drop-samples").hidden = !runs;
    for (const name of /** @type {const} */ (["drop-beside-name", "drop-samples-name"])) $(name).textContent = model;
  });
}
