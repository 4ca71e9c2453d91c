// Sentences in the corner of the page. What went wrong stays until it is closed or its cause is gone; the rest leaves by
// itself, but not while the pointer or the keyboard is at it. The page keeps so much room free below its end that nothing
// stays covered.
import { announce } from "./announce.mjs";
import { $, keepFocus } from "./dom.mjs";

/** @import { Action } from "./types/page" */

const STAYS_MS = 8000;
/** How long a message that is told once more is marked. */
const AGAIN_MS = 2000;
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
  const held = item.contains(document.activeElement);
  item.remove();
  if (held) keepFocus($("toasts").lastElementChild?.querySelector("button") ?? $("views"));
}

/**
 * Takes away what went wrong and is right now.
 * @param {string} [about] the kind of request that has succeeded; without it, all that was about the model that was open
 */
export function resolved(about) {
  for (const item of /** @type {NodeListOf<HTMLElement>} */ ($("toasts").querySelectorAll("[data-about]"))) {
    if (about === undefined || item.dataset.about === about) leave(item);
  }
}

/**
 * Marks a message that replaces the same one, and says how often it has been told.
 * @param {HTMLElement} item
 * @param {number} times
 */
function markAgain(item, times) {
  const told = document.createElement("b");
  told.className = "times";
  told.textContent = `${times} times`;
  item.dataset.times = String(times);
  item.dataset.again = "";
  item.firstElementChild?.after(told);
  setTimeout(() => delete item.dataset.again, AGAIN_MS);
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
  show(text, tone, "", actions);
}

/**
 * A sentence about what went wrong, which stays until it is closed or `resolved`.
 * @param {string} text
 * @param {string | undefined} about the kind of request that failed
 * @param {Action[]} actions
 */
export function failed(text, about, ...actions) {
  show(text, "bad", about ?? "", actions);
}

/**
 * @param {string} text
 * @param {"" | "bad"} tone
 * @param {string} about empty: nothing that could be resolved
 * @param {Action[]} actions
 */
function show(text, tone, about, actions) {
  const item = document.createElement("div");
  item.className = `toast ${tone}`;
  if (about) item.dataset.about = about;
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
  for (const old of /** @type {HTMLElement[]} */ ([...list.children])) {
    const same = old.firstChild?.textContent === text;
    if (same && tone === "bad") markAgain(item, Number(old.dataset.times ?? 1) + 1);
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
