// The texts that depend on the scheme, as playground/app/tensor_view.py writes them, put where playground/render/html.py
// left hooks for them. Each block is a Bokeh Div with a shadow root of its own; its model's text stays Python's.
import { affine, digits, fixed, grouped, percent, size } from "./numbers.mjs";

/**
 * @import { BokehDocument } from "../types/bokeh"
 * @import { Card, Picture } from "../types/picture"
 */

/** @typedef {keyof typeof BLOCKS} Block */

/** Block -> name of its Div; a root of the document is named after its slot. */
const BLOCKS = /** @type {const} */ ({
  numbers: "tensor-numbers",
  histogram: "histogram-text",
  error: "error-text",
  channels: "channels-text",
  formula: "formula-text",
});
const ALL = /** @type {Block[]} */ (Object.keys(BLOCKS));
const OF_THE_MODEL = ["accuracy", "cross-entropy"];

/**
 * Block -> hook -> text.
 * @param {Picture} picture
 */
export function textsOf(picture) {
  const { grid, scale, zeroPoint, perChannel, clippingErrorShare: share } = picture;
  const whose = perChannel ? ` a channel, those of channel ${picture.shownChannel} drawn` : "";
  return {
    numbers: cardsOf(picture),
    histogram: {
      title: `${grouped(picture.count)} weights on ${picture.levels.length} levels${whose}`,
      remark: `levels from ${digits(picture.lo)} to ${digits(picture.hi)} · ${percent(picture.clippedShare)} clipped · drag the handles`,
    },
    error: { remark: `rounding ${fixed(100 - 100 * share, 0)} % · clipping ${fixed(100 * share, 0)} %` },
    channels: { remark: perChannel ? "each has its own scale" : "one scale for all of them" },
    formula: { formula: affine(picture.reals[picture.reals.length - 1], scale, grid.qmax, zeroPoint) },
  };
}

/**
 * The signal over the noise in decibels: a way to write their ratio.
 * @param {number} signal
 * @param {number} noise
 */
function decibels(signal, noise) {
  if (noise === 0) return Infinity;
  return signal ? 10 * Math.log10(signal / noise) : -Infinity;
}

/**
 * The texts of the cards that depend on the scheme.
 * @param {Picture} picture
 * @returns {Record<string, Card>}
 */
function cardsOf({ signal, noise, maxError, scale, scales, bitsPerWeight, bytesBefore, bytesAfter }) {
  const sqnr = decibels(signal, noise);
  const ratio = bytesBefore / Math.max(1, bytesAfter);
  return {
    sqnr: {
      value: `${digits(sqnr)} dB`,
      remark: Number.isFinite(sqnr) ? "each bit adds about 6 dB" : "no error at all",
    },
    "max-error": { value: digits(maxError), remark: `${digits(maxError / scale, 2)} × scale` },
    bits: { value: digits(bitsPerWeight), remark: `as stored, ${grouped(scales)} scale${scales === 1 ? "" : "s"}` },
    size: {
      value: size(bytesAfter),
      remark: `${size(bytesBefore)} → ÷ ${digits(ratio)}`,
      tone: ratio > 1 ? "better" : "worse",
    },
  };
}

/**
 * Sets an element's own text, in front of what else is in it.
 * @param {Element} element
 * @param {string} text
 */
function put(element, text) {
  const first = element.firstChild;
  if (!(first instanceof Text)) element.prepend(text);
  else if (first.data !== text) first.data = text;
}

/**
 * @param {Element} root
 * @param {Record<string, string>} hooks
 */
function fill(root, hooks) {
  for (const [hook, text] of Object.entries(hooks)) {
    const element = root.querySelector(`[data-text="${hook}"]`);
    if (element) put(element, text);
  }
}

export class Texts {
  #doc;

  /** @param {BokehDocument} doc */
  constructor(doc) {
    this.#doc = doc;
  }

  /**
   * The element that holds a block's HTML, or null where it is not on the page.
   * @param {Block} block
   */
  #element(block) {
    const model = this.#doc.get_model_by_name(BLOCKS[block]);
    return (model && Bokeh.index.find_one_by_id(model.id)?.markup_el) ?? null;
  }

  /** @param {Picture} picture */
  show(picture) {
    const { numbers, ...titles } = textsOf(picture);
    for (const [block, hooks] of Object.entries(titles)) {
      const root = this.#element(/** @type {Block} */ (block));
      if (root) fill(root, hooks);
    }
    this.#cards(numbers);
    this.#bar(picture.clippingErrorShare);
  }

  /** @param {Record<string, Card>} numbers */
  #cards(numbers) {
    const root = this.#element("numbers");
    if (!root) return;
    for (const [key, { tone, ...hooks }] of Object.entries(numbers)) {
      const card = root.querySelector(`[data-card="${key}"]`);
      if (!card) continue;
      fill(card, hooks);
      const aside = card.querySelector(".aside");
      if (tone && aside) aside.className = `aside ${tone}`;
    }
    for (const key of OF_THE_MODEL) root.querySelector(`[data-card="${key}"]`)?.classList.add("stale");
  }

  /** @param {number} share of the error that comes from clipping */
  #bar(share) {
    const root = this.#element("error");
    for (const [part, amount] of Object.entries({ rounding: 1 - share, clipping: share })) {
      const element = root?.querySelector(`[data-part="${part}"]`);
      if (element instanceof HTMLElement) element.style.flex = fixed(amount, 4);
    }
  }

  /**
   * The formula stands among the controls, and is out of date by itself.
   * @param {boolean} stale
   */
  markFormula(stale) {
    this.#element("formula")?.querySelector(".formula")?.classList.toggle("stale", stale);
  }

  /** Puts back what Python wrote; where it already stands there, nothing is touched. */
  restore() {
    for (const block of ALL) {
      const element = this.#element(block);
      if (!element) continue;
      const written = document.createElement("template");
      written.innerHTML = this.#doc.get_model_by_name(BLOCKS[block])?.text ?? "";
      // Python's own style attributes are compared as they are read back, not as they were written.
      const styled = /** @type {NodeListOf<HTMLElement>} */ (written.content.querySelectorAll("[style]"));
      for (const { style } of styled) style.setProperty("flex", style.flex);
      if (written.innerHTML !== element.innerHTML) element.replaceChildren(written.content);
    }
  }
}
