// Sentences in the corner of the page. What went wrong stays until it is closed; the rest leaves by itself, but not while
// the pointer or the keyboard is at it. The page keeps so much room free below its end that nothing stays covered.
import { announce } from "./announce.mjs";
import { $, keepFocus } from "./dom.mjs";

/** @import { Action } from "./types/page" */

const STAYS_MS = 8000;
/** @type {ResizeObserver | null} */
let room = null;

/** The height of the messages as a variable of the style sheet. */
function keepRoom() {
  room ??= new ResizeObserver(([{ target }]) => {
    document.documentElement.style.setProperty("--messages", `${/** @type {HTMLElement} */ (target).offsetHeight}px`);
  });
  room.observe($("toasts"));
}

/**
 * @param {string} label
 * @param {string} className
 * @param {() => void} run
 */
function button(label, className, run) {
  const made = document.createElement("button");
  made.textContent = label;
  made.className = className;
  made.addEventListener("click", run);
  return made;
}

/**
 * Takes a message away; the keyboard, if it was there, goes to the next one or to the view.
 * @param {HTMLElement} item
 */
function leave(item) {
  item.remove();
  keepFocus($("toasts").querySelector("button") ?? $("views"));
}

/** @param {HTMLElement} item */
function leaveLater(item) {
  setTimeout(() => {
    if (item.matches(":hover, :focus-within")) leaveLater(item);
    else item.remove();
  }, STAYS_MS);
}

/**
 * One sentence in the corner, with buttons if there is something to do about it: then it stays, too. A newer one that is
 * no failure replaces those that are none.
 * @param {string} text
 * @param {"" | "bad"} tone
 * @param {Action[]} actions
 */
export function toast(text, tone = "", ...actions) {
  const item = document.createElement("div");
  item.className = `toast ${tone}`;
  const sentence = document.createElement("span");
  sentence.textContent = text;
  item.append(sentence);
  const row = document.createElement("div");
  row.className = "row";
  for (const { label, run } of actions) {
    row.append(
      button(label, "button", () => {
        leave(item);
        run();
      }),
    );
  }
  const close = button("×", "close", () => leave(item));
  close.setAttribute("aria-label", "Close this message");
  item.append(close, ...(actions.length ? [row] : []));
  const list = $("toasts");
  for (const old of [...list.children]) {
    const same = old.firstChild?.textContent === text;
    if (same || (tone !== "bad" && !old.classList.contains("bad"))) old.remove();
  }
  keepRoom();
  if (tone === "bad") item.setAttribute("role", "alert");
  else {
    announce(text);
    if (!actions.length) leaveLater(item);
  }
  list.append(item);
  list.scrollTop = list.scrollHeight;
}
