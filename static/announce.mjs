// What a screen reader is told: one quiet region for the whole page, which speaks when things have come to rest. A region
// that changes with every frame of a drag would be read out hundreds of times.
import { $ } from "./dom.mjs";

const REST_MS = 800;
const MOST_CARDS = 4;
let waiting = 0;

/**
 * Says a text once nothing newer has come for a moment.
 * @param {string} text
 */
export function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if ($("announced").textContent !== text) $("announced").textContent = text;
  }, REST_MS);
}

/**
 * The cards of numbers below a node, shadow roots included.
 * @param {Element} node
 * @returns {Element[]}
 */
function cardsBelow(node) {
  if (node.matches("dl.cardlet")) return [node];
  return [...(node.shadowRoot?.children ?? []), ...node.children].flatMap(cardsBelow);
}

/** @param {Element} card */
function spoken(card) {
  const [label, value] = ["dt", "dd"].map((tag) => card.querySelector(tag)?.firstChild?.textContent ?? "");
  return `${label} ${value}`;
}

/** After each answer of Python: the first numbers of the view that is on screen. */
export function announceNumbers() {
  addEventListener("playground-state", () => {
    const numbers = document.querySelector(".view:not([hidden]) .numbers");
    const cards = numbers ? cardsBelow(numbers) : [];
    if (cards.length) announce(cards.slice(0, MOST_CARDS).map(spoken).join(", "));
  });
}
