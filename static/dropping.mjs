// Files that are chosen, or dropped anywhere on the page.
import { $, filesOf } from "./dom.mjs";

/** @param {(files: File[]) => void} open called with the files of one model */
export function installFiles(open) {
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
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth = 0;
    $("drop").hidden = true;
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) open(files);
  });
}
