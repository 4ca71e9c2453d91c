// Files that are chosen, or dropped anywhere on the page.
import { $, filesOf } from "./dom.mjs";

/** Where a file is dropped to be compared. */
const BESIDE = "#drop-beside";

/** @param {EventTarget | null} target */
const isBeside = (target) => target instanceof Element && Boolean(target.closest(BESIDE));

/**
 * @param {(files: File[]) => void} open called with the files of one model
 * @param {(files: File[]) => void} compare called with those of a model to be compared with the open one
 */
export function installFiles(open, compare) {
  const input = $("open");
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
    $("drop-beside").toggleAttribute("data-over", isBeside(event.target));
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $("drop").hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) (isBeside(event.target) ? compare : open)(files);
  });
  addEventListener("playground-state", ({ detail: { model } }) => {
    $("drop-beside").hidden = !model;
    $("drop-beside-name").textContent = model;
  });
}
