// Undo and redo: Python keeps the steps, the page has the buttons and the keys.
import { $ } from "./dom.mjs";

/** @import { Part } from "./types/page" */

/** Where Ctrl+Z takes back what was typed. @param {EventTarget | null} target */
const typedIn = (target) =>
  target instanceof HTMLElement &&
  target.matches("textarea, input:not([type=checkbox], [type=radio], [type=range], [type=file])");

/** @param {Part} part */
export function installSteps({ client, complain, ready }) {
  /** @param {"undo" | "redo"} kind */
  const step = async (kind) => {
    if ($(kind).ariaDisabled === "true") return;
    await ready();
    await client.request(kind);
  };
  for (const kind of /** @type {const} */ (["undo", "redo"])) {
    $(kind).addEventListener("click", () => step(kind).catch(complain));
  }
  addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || typedIn(event.composedPath()[0])) return;
    const kind = key === "y" || (key === "z" && event.shiftKey) ? "redo" : key === "z" ? "undo" : "";
    if (!kind) return;
    event.preventDefault();
    step(kind).catch(complain);
  });
  addEventListener("playground-state", ({ detail }) => {
    for (const kind of /** @type {const} */ (["undo", "redo"])) {
      const name = kind === "undo" ? "Undo" : "Redo";
      $(kind).ariaDisabled = String(!detail[kind]); // disabled, it would lose the keyboard's place
      $(kind).title = detail[kind] ? `${name}: ${detail[kind]}` : name;
    }
  });
}
