// The controls of the Tensor view: which Bokeh model is which setting, and how they follow what is drawn.

/**
 * @import { Ledger } from "./ledger.mjs"
 * @import { BokehDocument, Component, Control, Figure, ModelChanged, Span, Value } from "../types/bokeh"
 * @import { Picture, Tag } from "../types/picture"
 */

/**
 * @typedef {object} Entry
 * @property {Control} model what holds the value
 * @property {string} name of the setting
 * @property {Record<string, Value>} options text -> what it stands for
 * @property {Component | null} outer what is on screen, and has the focus
 */

const TAG = "fast-path:";

/**
 * What Python says about controls and conventions in a tag of the histogram's figure: playground/app/fast_path.py.
 * @param {Figure} figure
 * @returns {Tag}
 */
export function readTag(figure) {
  const tag = figure.tags.filter((text) => typeof text === "string").find((text) => text.startsWith(TAG));
  return JSON.parse(/** @type {string} */ (tag).slice(TAG.length));
}

export class Controls {
  /** @type {Map<string | undefined, Entry>} */
  #byModel = new Map();
  /** @type {Map<string, Entry>} */
  #byName = new Map();
  /** The grips' ids, lower end first. */
  #grips;

  /**
   * @param {BokehDocument} doc
   * @param {Span[]} grips the handles on the plot: settings "lo" and "hi"
   * @param {Tag["controls"]} controls
   */
  constructor(doc, grips, controls) {
    this.#grips = grips.map(({ id }) => id);
    for (const model of doc.all_models) {
      const known = "label" in model && "value" in model ? controls[model.label ?? ""] : undefined;
      if (known) this.#add(/** @type {Control} */ (model), known.name, known.options);
    }
    for (const model of doc.all_models) {
      const entry = model.data && this.#byModel.get(model.data.id);
      if (entry) entry.outer = /** @type {Component} */ (model);
    }
  }

  /**
   * @param {Control} model
   * @param {string} name
   * @param {Record<string, Value>} options
   */
  #add(model, name, options) {
    const entry = { model, name, options, outer: null };
    this.#byModel.set(model.id, entry);
    this.#byName.set(name, entry);
  }

  /**
   * {name, value} if the event is about a control's value, with its text replaced by what that stands for.
   * @param {ModelChanged} event
   * @returns {{ name: string, value: Value } | null}
   */
  read({ model, attr, value: given }) {
    const value = /** @type {Value | undefined} */ (given);
    if (value === null || value === undefined) return null;
    if (attr === "location" && this.#grips.includes(model.id)) {
      return { name: model.id === this.#grips[0] ? "lo" : "hi", value };
    }
    const entry = this.#byModel.get(model.id);
    if (!entry || attr !== "value") return null;
    const { name, options } = entry;
    if (name === "axis") return { name, value: axesOf(entry).indexOf(value) };
    return { name, value: typeof value === "string" && value in Object(options) ? options[value] : value };
  }

  /**
   * What a control stands at.
   * @param {string} name
   */
  value(name) {
    return this.#byName.get(name)?.model.value ?? null;
  }

  /**
   * Whether the visitor is at a control.
   * @param {string} name
   */
  focused(name) {
    const outer = this.#byName.get(name)?.outer;
    return (outer && Bokeh.index.find_one_by_id(outer.id)?.el.matches(":focus-within")) ?? false;
  }

  /**
   * Brings ranges and values in line with the picture, as TensorView._show_widgets does. The clip slider that is being
   * moved keeps the end that is held: its newest value may be on its way.
   * @param {Picture} picture
   * @param {Ledger} ledger
   * @param {string | null} moving the control that is being moved
   */
  show({ span, asked, grid, zeroPoint, perChannel, axis, settings }, ledger, moving) {
    /**
     * @param {string} name
     * @param {Partial<Control>} values
     * @param {boolean} [visible]
     */
    const set = (name, values, visible) => {
      const entry = this.#byName.get(name);
      if (!entry) return;
      for (const attr of /** @type {(keyof Control)[]} */ (Object.keys(values))) {
        ledger.write(entry.model, attr, values[attr]);
      }
      if (entry.outer && visible !== undefined) ledger.write(entry.outer, "visible", visible);
    };
    const [start, end] = [Math.min(span[0], asked[0]), Math.max(span[1], asked[1])];
    set("clip", { start, end, step: (end - start) / 1000 });
    if (moving !== "clip" || settings.symmetric) set("clip", { value: asked });
    const free = !settings.symmetric && !perChannel;
    set("zero_point", { start: grid.qmin, end: grid.qmax, value: zeroPoint }, free);
    const axes = this.#byName.get("axis");
    if (axes) set("axis", { value: axesOf(axes)[axis] }, perChannel);
  }
}

/** @param {Entry} entry of the setting "axis": its texts, one an axis */
const axesOf = ({ model }) => /** @type {Value[]} */ (model.options);
