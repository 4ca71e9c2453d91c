// Sentences in the corner of the page.
import { $ } from "./dom.mjs";

/** @import { Action } from "./types/page" */

/**
 * One sentence in the corner, with a button if there is something to do about it. It stays long enough to read; a newer
 * one that is no failure replaces what stands there.
 * @param {string} text
 * @param {"" | "bad"} tone
 * @param {Action} [action]
 */
export function toast(text, tone = "", action) {
  const item = document.createElement("div");
  item.className = `toast ${tone}`;
  const sentence = document.createElement("span");
  sentence.textContent = text;
  const close = document.createElement("button");
  close.textContent = "×";
  close.setAttribute("aria-label", "Close this message");
  close.addEventListener("click", () => item.remove());
  item.append(sentence);
  if (action) {
    const button = document.createElement("button");
    button.className = "button";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      item.remove();
      action.run();
    });
    item.append(button);
  }
  item.append(close);
  const list = $("toasts");
  for (const old of [...list.children]) if (tone !== "bad" || old.textContent === item.textContent) old.remove();
  list.append(item);
  while (list.children.length > 2) list.children[0].remove();
  setTimeout(() => item.remove(), tone === "bad" ? 20_000 : 6000);
}
