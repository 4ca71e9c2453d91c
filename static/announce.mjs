// What a screen reader is told: one quiet region for the whole page, which speaks when things have come to rest. A region
// that changes with every frame of a drag would be read out hundreds of times.
import { $ } from "./dom.mjs";

const REST_MS = 800;
const MOST_CARDS = 4;
let waiting = 0;

/** @param {string} text */
function speak(text) {
  if ($("announced").textContent !== text) $("announced").textContent = text;
}

/**
 * Says a text once nothing newer has come for a moment.
 * @param {string} text
 */
export function announce(text) {
  clearTimeout(waiting);
  waiting = setTimeout(() => speak(text), REST_MS);
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

/** The first numbers of the view that is on screen. */
function numbers() {
  const slot = document.querySelector(".view:not([hidden]) .numbers");
  const cards = slot ? cardsBelow(slot) : [];
  return cards.slice(0, MOST_CARDS).map(spoken).join(", ");
}

/** After Python's last answer, when nothing is being moved any more: the numbers. */
export function announceNumbers() {
  let timer = 0;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (window.playgroundStart.fastPath?.()?.ahead) later();
      else if (numbers()) speak(numbers());
    }, REST_MS);
  };
  addEventListener("playground-state", later);
}
