// Plots for those who do not see them: each is a picture with a sentence in which the current numbers stand, and has one
// tab stop, a button that shows its numbers as a table.
import { $ } from "./dom.mjs";
import { digits, grouped } from "./fastpath/numbers.mjs";

/** @import { AnyModel, BokehDocument, Column, Figure, NamedModels, Source } from "./types/bokeh" */

/**
 * @typedef {object} Spec what a plot shows
 * @property {keyof NamedModels} source
 * @property {Record<string, string>} columns column of the source -> title in the table
 * @property {string} [button] what its button says where another plot stands in the card
 */

const BINS = { left: "From", right: "To", count: "Values" };

/** Name of a figure -> what is told of it. @type {Record<string, Spec>} */
const PLOTS = {
  histogram: { source: "histogram-bars", columns: BINS },
  error: { source: "error-bars", columns: BINS },
  transfer: { source: "transfer-line", columns: { x: "Value", y: "Quantized" } },
  channels: { source: "channel-bars", columns: { left: "Smallest value", right: "Largest value" } },
  "layer-harm": {
    source: "layer-harm-bars",
    button: "Costs as a table",
    columns: { layer: "Layer", upper: "Removed by float", lower: "Added by quantizing it alone" },
  },
  "layer-noise": {
    source: "layer-noise-bars",
    button: "SQNR as a table",
    columns: { layer: "Layer", upper: "Alone, dB", lower: "All quantized, dB" },
  },
  "front-plot": {
    source: "front-points",
    columns: { about: "Size", error: "Distance", accuracy: "Accuracy", formats: "Formats" },
  },
  "samples-plot": { source: "samples-points", columns: { samples: "Samples", about: "Answers" } },
  "activation-plot": { source: "activation-bars", columns: BINS },
  "answers-plot": { source: "answers", columns: { digit: "Digit", float: "Float", quantized: "Quantized" } },
};
const DESCRIBED = "describe:";
const REST_MS = 250;
const MOST_ROWS = 1000;

const written = (/** @type {unknown} */ value) => {
  if (typeof value !== "number") return String(value ?? "—");
  return Number.isInteger(value) && value >= 0 && value < 1e15 ? grouped(value) : digits(value);
};

/**
 * An element and all below it, shadow roots included.
 * @param {Element} node
 * @returns {Element[]}
 */
function withBelow(node) {
  return [node, ...[...(node.shadowRoot?.children ?? []), ...node.children].flatMap(withBelow)];
}

/**
 * The card that an element stands in, from within however many shadow roots.
 * @param {Element} element
 * @returns {Element | null}
 */
function cardOf(element) {
  const found = element.closest(".card");
  const root = element.getRootNode();
  return found ?? (root instanceof ShadowRoot ? cardOf(root.host) : null);
}

/**
 * Where the buttons of a card's plots stand, in their order.
 * @param {Element | null} card
 */
function tablesOf(card) {
  const found = card?.querySelector(":scope > .tables");
  if (found || !card) return found;
  const made = document.createElement("div");
  made.className = "tables";
  card.append(made);
  return made;
}

/**
 * The rows of a plot's table: texts.
 * @param {Spec} spec
 * @param {Source} source
 */
function rowsOf({ columns }, source) {
  const fields = Object.keys(columns);
  const count = Math.min(source.data[fields[0]]?.length ?? 0, MOST_ROWS);
  return Array.from({ length: count }, (_, i) => fields.map((field) => written(source.data[field]?.[i])));
}

/**
 * What the bars say, in a few words.
 * @param {Record<string, Column>} data
 */
function ofBins({ left, right, count }) {
  const counts = Array.from(/** @type {ArrayLike<number>} */ (count));
  if (!counts.length) return "";
  const most = counts.reduce((best, value, i) => (value > counts[best] ? i : best), 0);
  const ends = [left[0], right[right.length - 1]].map(Number).map((value) => digits(value));
  const total = counts.reduce((sum, value) => sum + value, 0);
  const place = digits((Number(left[most]) + Number(right[most])) / 2);
  return `${grouped(total)} values from ${ends[0]} to ${ends[1]}, the most near ${place}.`;
}

/**
 * What the rows say: how many there are, and the first of them.
 * @param {Spec} spec
 * @param {Source} source
 */
function ofRows(spec, source) {
  const rows = rowsOf(spec, source);
  if (!rows.length) return "";
  const titles = Object.values(spec.columns);
  const row = (/** @type {string[]} */ cells) => cells.map((text, i) => `${titles[i]} ${text}`).join(", ");
  const [first, last] = [rows[0], rows[rows.length - 1]];
  return `${rows.length === 1 ? "1 row" : `${rows.length} rows`}. First: ${row(first)}. Last: ${row(last)}.`;
}

/**
 * @param {string} tag
 * @param {string[]} texts
 */
function tableRow(tag, texts) {
  const row = document.createElement("tr");
  for (const text of texts) {
    const cell = document.createElement(tag);
    if (tag === "th") cell.setAttribute("scope", "col");
    cell.textContent = text;
    row.append(cell);
  }
  return row;
}

/**
 * @param {string} title
 * @param {string} sentence
 * @param {string[]} columns
 * @param {string[][]} rows
 */
export function showTable(title, sentence, columns, rows) {
  const table = document.createElement("table");
  table.createTHead().append(tableRow("th", columns));
  table.createTBody().append(...rows.map((row) => tableRow("td", row)));
  $("plot-table-title").textContent = title;
  $("plot-table-sentence").textContent = sentence;
  $("plot-table-body").replaceChildren(table);
  $("plot-table").showModal();
}

class Described {
  #figure;
  #element;
  #about;
  #spec;
  #source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;
  /** @type {HTMLButtonElement} */
  #button = document.createElement("button");

  /**
   * @param {Figure} figure
   * @param {HTMLElement} element that it is drawn in
   * @param {string} about
   * @param {Spec} spec
   * @param {Source} source
   */
  constructor(figure, element, about, spec, source) {
    this.#figure = figure;
    this.#element = element;
    this.#about = about;
    this.#spec = spec;
    this.#source = source;
    element.setAttribute("role", "img");
    for (const inner of withBelow(element)) if (inner instanceof HTMLElement && !inner.tabIndex) inner.tabIndex = -1;
    this.#button.className = "as-table";
    this.#button.textContent = spec.button ?? "Table";
    this.#button.addEventListener("click", () => this.#open());
    tablesOf(cardOf(element))?.append(this.#button);
    const later = () => {
      clearTimeout(this.#waiting);
      this.#waiting = setTimeout(() => this.#tell(), REST_MS);
    };
    source.properties.data.change.connect(later);
    figure.properties.visible.change.connect(later);
    this.#tell();
  }

  /** The current numbers in a few words. */
  get #numbers() {
    const { data } = this.#source;
    return "count" in data ? ofBins(data) : ofRows(this.#spec, this.#source);
  }

  get sentence() {
    return `${this.#about}. ${this.#numbers}`.trim();
  }

  #tell() {
    const { sentence } = this;
    this.#element.setAttribute("aria-label", sentence);
    this.#button.setAttribute("aria-label", `Table of the plot: ${sentence}`);
    this.#button.hidden = !this.#figure.visible || !rowsOf(this.#spec, this.#source).length;
  }

  #open() {
    const rows = rowsOf(this.#spec, this.#source);
    showTable(this.#about, this.#numbers, Object.values(this.#spec.columns), rows);
  }

  remove() {
    clearTimeout(this.#waiting);
    this.#button.remove();
  }
}

/** Document -> its plots; one that is shown anew has new buttons. @type {Map<string, Described[]>} */
const described = new Map();

/**
 * @param {BokehDocument} doc
 * @param {AnyModel} model
 */
function describedBy(doc, model) {
  const tag = (model.tags ?? []).filter((text) => typeof text === "string").find((text) => text.startsWith(DESCRIBED));
  const view = tag && Bokeh.index.find_one_by_id(model.id);
  const figure = /** @type {Figure} */ (/** @type {unknown} */ (model));
  const spec = PLOTS[figure.name ?? ""];
  const source = spec && doc.get_model_by_name(spec.source);
  if (!tag || !view || !source) return [];
  return [new Described(figure, view.el, tag.slice(DESCRIBED.length), spec, /** @type {Source} */ (source))];
}

/**
 * Gives each plot of a document that is on screen its sentence and its table.
 * @param {string} view
 * @param {BokehDocument} doc
 */
export function describePlots(view, doc) {
  for (const old of described.get(view) ?? []) old.remove();
  described.set(
    view,
    [...doc.all_models].flatMap((model) => describedBy(doc, model)),
  );
}

export function installPlotTable() {
  $("plot-table-close").addEventListener("click", () => $("plot-table").close());
}
