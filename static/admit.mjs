// What Python may send to be shown: documents and patches made of the models that this page is made of, and no others.
// Among Bokeh's and Panel's models are some that run code, load addresses or leave the page; a worker that is no longer
// Python's could send them. Names and numbers in the models are not looked at: what is written as HTML is sanitised
// (trusted.mjs).
import { isPlainStyle } from "./styling.mjs";

/** @import { DocumentJson, Patch } from "./types/messages" */
/** @typedef {any} Json what Python sent: nothing is known of it before it has been looked at */

/** Every model of every view: tests/browser/test_hostile_worker.py opens them all. */
const KINDS = new Set(
  `panel.models.esm.ReactComponent DocumentConfig Notifications AllIndices AllLabels AreaVisuals BasicTickFormatter BasicTicker
  BoxAnnotation BoxInteractionHandles CDSView CategoricalAxis CategoricalScale CategoricalTickFormatter CategoricalTicker Column
  ColumnDataSource Div Dodge FactorRange Figure GlyphRenderer Grid HBar HoverTool ImportedStyleSheet InlineStyleSheet
  Line LinearAxis LinearScale LogAxis LogScale LogTickFormatter LogTicker Node NumeralTickFormatter Quad Range1d
  Rect Row Scatter Selection Span TapTool Text Title Toolbar UnionRenderers VBar
  VSpan`.split(/\s+/),
);
/** What happens to a document. Messages to a component's own code are not among it. */
const EVENTS = new Set(["ModelChanged", "ColumnDataChanged", "ColumnsPatched", "ColumnsStreamed"]);
const STYLES = new Set(["css", "css_variables", "stylesheets", "style", "styles", "sx", "theme_config", "icon"]);
/** Where a component's code comes from: the page's own bundle, which is loaded with it. */
const CODE = new Set(["esm", "bundle", "css_bundle", "importmap", "dev", "url", "href", "src", "avatar", "image"]);
const BESIDE = ["../", "//", ":", "\\", "?", "#", "%"];

/** What was sent is not shown; the worker is ended (client.mjs says why). */
export class NotAdmitted extends Error {}

/**
 * @param {string} what
 * @returns {never}
 */
function refuse(what) {
  throw new NotAdmitted(`Python sent something that this page does not show (${what}) and was stopped`);
}

/** The Material bundle's address and the release's folders, as the page names them. */
function own() {
  const bundle = document.querySelector("link[rel=modulepreload][href*=panel-material-ui]")?.getAttribute("href") ?? "";
  const panel = document.querySelector("script[src*='panel.min.js']")?.getAttribute("src") ?? "";
  return { bundle, folders: [bundle, panel].map((address) => `${address.split("/")[0]}/`) };
}

const plainAddress = (/** @type {string} */ address) => address.replace(/^\.\//, "");

export class Admission {
  #own = own();
  /** @type {Set<string>} */
  #defined = new Set();

  /**
   * A document as Python describes it.
   * @param {Pick<DocumentJson, "doc">} described
   * @throws {NotAdmitted}
   */
  document({ doc }) {
    const { defs = [], roots, config } = /** @type {Json} */ (doc);
    for (const { name, extends: from, properties, overrides } of defs) {
      if (from && !this.#known(from.id ?? from)) refuse(`a model like ${from.id ?? from}`);
      if (KINDS.has(name)) refuse(`another ${name}`);
      this.#defined.add(name);
      for (const property of [...(properties ?? []), ...(overrides ?? [])])
        this.#value(property.name, property.default);
    }
    this.#walk(roots);
    this.#walk(config);
  }

  /**
   * A patch of one.
   * @param {Patch["patch"]} patch
   * @throws {NotAdmitted}
   */
  patch(patch) {
    for (const event of /** @type {Json[]} */ (patch.events)) {
      if (!EVENTS.has(event.kind)) refuse(`an event ${event.kind}`);
      if (event.attr) this.#value(event.attr, event.new);
      this.#walk(event);
    }
  }

  /** @param {string} kind */
  #known(kind) {
    return KINDS.has(kind) || this.#defined.has(kind);
  }

  /** @param {Json} value */
  #walk(value) {
    if (Array.isArray(value)) for (const item of value) this.#item(item);
    else if (ArrayBuffer.isView(value) || !value || typeof value !== "object") return;
    else if (value.type === "map") {
      for (const [, item] of value.entries ?? []) this.#item(item);
    } else {
      if (value.type === "object" && !this.#known(value.name)) refuse(`a ${value.name}`);
      for (const [key, item] of Object.entries(value)) this.#value(key, item);
    }
  }

  /** @param {Json} item */
  #item(item) {
    if (item && typeof item === "object") this.#walk(item);
  }

  /**
   * @param {string} key
   * @param {Json} item
   */
  #value(key, item) {
    if (STYLES.has(key)) this.#style(item);
    else if (CODE.has(key)) this.#code(key, item);
    this.#item(item);
  }

  /**
   * Every text below a property that is CSS.
   * @param {Json} item
   */
  #style(item) {
    if (typeof item === "string" && !isPlainStyle(item)) refuse("a style that asks for a file");
    if (item && typeof item === "object") for (const part of Object.values(item)) this.#style(part);
  }

  /**
   * @param {string} key
   * @param {Json} item
   */
  #code(key, item) {
    if (item === null || item === false || item === undefined || item === "") return;
    if (key === "importmap") return; // our module loader has none
    if (key === "bundle" && item === "url") return;
    const address = plainAddress(String(item));
    const plain = typeof item === "string" && !BESIDE.some((part) => address.includes(part));
    if (key === "esm" && address === this.#own.bundle) return;
    const styles = ["css_bundle", "url"].includes(key) && address.endsWith(".css");
    if (styles && plain && this.#own.folders.some((folder) => address.startsWith(folder))) return;
    refuse(`code of its own, ${key}`);
  }
}
