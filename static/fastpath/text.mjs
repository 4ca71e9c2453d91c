// The Tensor view's texts: titles, cards of numbers, the formula. Each block is a Bokeh Div with a shadow root of its own,
// whose styles are those of playground/render/blocks.css.
import { cardsOf, example, generalFormula, titlesOf } from "./words.mjs";

/**
 * @import { BokehDocument } from "../types/bokeh"
 * @import { Answers, Card, Picture } from "../types/picture"
 */

/** @typedef {keyof typeof BLOCKS} Block */

/** Block -> name of its Div; a root of the document is named after its slot. */
const BLOCKS = /** @type {const} */ ({
  numbers: "tensor-numbers",
  histogram: "histogram-text",
  error: "error-text",
  transfer: "transfer-text",
  channels: "channels-text",
  formula: "formula-text",
});
const LATE_MS = 30;
const OF_THE_MODEL = ["accuracy", "cross-entropy"];

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [name] class
 * @param {(Node | string)[]} children
 */
export function make(tag, name = "", ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

/** @param {string} colour of the style sheet */
function colouredPart(colour) {
  const part = make("i");
  part.style.background = `var(--${colour})`;
  return part;
}

/**
 * Sets a text that may stand there already: equal text costs no layout.
 * @param {Node | null | undefined} node
 * @param {string} text
 */
function put(node, text) {
  if (node && node.textContent !== text) node.textContent = text;
}

export class Texts {
  #doc;
  /** @type {Map<Block, Element>} */
  #elements = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #late;

  /** @param {BokehDocument} doc */
  constructor(doc) {
    this.#doc = doc;
  }

  /**
   * The element that holds a block, or null where it is not on the page.
   * @param {Block} block
   */
  element(block) {
    const known = this.#elements.get(block);
    if (known?.isConnected) return known;
    const model = this.#doc.get_model_by_name(BLOCKS[block]);
    const found = (model && Bokeh.index.find_one_by_id(model.id)?.markup_el) ?? null;
    if (found) this.#elements.set(block, found);
    return found;
  }

  /**
   * @param {Picture} picture
   * @param {Answers | null} answers
   * @param {Picture | null} before
   * @param {string} problem a sentence, or ""
   */
  show(picture, answers, before, problem) {
    this.#hide(false);
    for (const [block, [title, remark]] of Object.entries(titlesOf(picture)))
      this.#title(/** @type {Block} */ (block), title, remark);
    this.#bar(picture.clippingErrorShare);
    this.#cards(cardsOf(picture, answers, before));
    this.#formula(generalFormula(picture), example(picture), problem);
  }

  /**
   * There is no picture.
   * @param {string} why
   */
  clear(why) {
    this.#hide(true);
    const note = make("p", "note", `${why} The other views work with the model.`);
    this.element("numbers")?.replaceChildren(note);
  }

  /** @param {boolean} hidden whether there is nothing to say of plots and formula */
  #hide(hidden) {
    for (const block of /** @type {Block[]} */ (Object.keys(BLOCKS)).filter((name) => name !== "numbers"))
      this.element(block)?.toggleAttribute("hidden", hidden);
  }

  /**
   * @param {Block} block
   * @param {string} title
   * @param {string} remark
   */
  #title(block, title, remark) {
    const line = this.title(block);
    put(line?.querySelector("b"), title);
    put(line?.querySelector("span"), remark);
  }

  /**
   * A plot's title, empty if it has not been written yet. What stands below it is made here too: Bokeh gives the plot the
   * height that is left, once. For the same reason the titles of small plots take one line, however long they are.
   * @param {Block} block
   */
  title(block) {
    const root = this.element(block);
    if (root && !root.querySelector(".title")) {
      const small = block === "histogram" ? "" : " one-line";
      root.prepend(make("div", `title${small}`, make("b"), make("span")));
      if (block === "error") root.append(make("div", "split", colouredPart("quant"), colouredPart("clip")));
    }
    return root?.querySelector(".title") ?? null;
  }

  /** @param {number} share of the error that comes from clipping */
  #bar(share) {
    const parts = this.element("error")?.querySelectorAll(".split > i");
    if (!parts?.length) return;
    const [rounding, clipping] = /** @type {NodeListOf<HTMLElement>} */ (parts);
    rounding.style.flex = (1 - share).toFixed(4);
    clipping.style.flex = share.toFixed(4);
  }

  /** @param {Record<string, Card>} cards */
  #cards(cards) {
    const root = this.element("numbers");
    if (!root) return;
    const there = [...root.querySelectorAll("[data-card]")].map((card) => card.getAttribute("data-card"));
    if (there.join() !== Object.keys(cards).join()) {
      const made = Object.entries(cards).map(([key, { label }]) => {
        const card = make("dl", "cardlet", make("dt", "", label), make("dd", "", " ", make("div", "aside")));
        card.dataset.card = key;
        return card;
      });
      root.replaceChildren(make("div", "cards", ...made));
    }
    for (const [key, { value, remark, tone = "" }] of Object.entries(cards)) {
      const card = root.querySelector(`[data-card="${key}"]`);
      put(card?.querySelector("dd")?.firstChild, value);
      const aside = card?.querySelector(".aside");
      put(aside, remark);
      if (aside && aside.className !== `aside ${tone}`) aside.className = `aside ${tone}`;
    }
  }

  /**
   * @param {string} general
   * @param {string} current
   * @param {string} problem
   */
  #formula(general, current, problem) {
    const root = this.element("formula");
    clearTimeout(this.#late);
    if (!root) {
      // among the controls, which React puts on the page after the plots
      this.#late = setTimeout(() => this.#formula(general, current, problem), LATE_MS);
      return;
    }
    if (!root.querySelector(".formula"))
      root.replaceChildren(make("div", "formula", make("span"), make("code")), make("p", "note bad"));
    put(root.querySelector(".formula > span"), general);
    put(root.querySelector(".formula > code"), current);
    put(root.querySelector(".note"), problem);
  }

  /**
   * What the model says is of an older picture than the one that is shown.
   * @param {boolean} stale
   */
  markAnswers(stale) {
    for (const key of OF_THE_MODEL)
      this.element("numbers")?.querySelector(`[data-card="${key}"]`)?.classList.toggle("stale", stale);
  }

  /**
   * The formula stands among the controls, and is out of date by itself.
   * @param {boolean} stale
   */
  markFormula(stale) {
    this.element("formula")?.querySelector(".formula")?.classList.toggle("stale", stale);
  }
}
