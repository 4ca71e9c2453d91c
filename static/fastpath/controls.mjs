// The controls of the Tensor view: which Bokeh model is which setting, and what they show.
import { choiceOf, parameterOf, tensorValue } from "./settings.mjs";

/**
 * @import { BokehDocument, Component, Control, Figure, ModelChanged, Value } from "../types/bokeh"
 * @import { Settings } from "../types/messages"
 * @import { Picture, Tag } from "../types/picture"
 */

/**
 * @typedef {object} Entry
 * @property {Control} model what holds the value
 * @property {string} name of the setting
 * @property {Record<string, Value>} options text -> what it stands for
 * @property {Component | null} outer what is on screen
 * @property {Value} last what its model held before
 * @property {Record<string, [string, string][]>} [groups] of a menu as it was built: value and text of each choice
 * @property {Record<string, Value>} [lines] its options then
 */

const TAG = "fast-path:";
const BLOCK_SIZES = [8, 16, 32, 64, 128, 256];
const WIDTHS = [2, 8]; // playground/app/format_choices.py

/**
 * What Python says about controls, formats and conventions in a tag of the histogram's figure: playground/app/fast_path.py.
 * @param {Figure} figure
 * @returns {Tag}
 */
export function readTag(figure) {
  const tag = figure.tags.filter((text) => typeof text === "string").find((text) => text.startsWith(TAG));
  return JSON.parse(/** @type {string} */ (tag).slice(TAG.length));
}

/**
 * A menu's choices as Panel has them: group -> value and text of each.
 * @param {unknown} options
 * @returns {Record<string, [string, string][]>}
 */
const groupsOf = (options) => (options instanceof Map ? Object.fromEntries(options) : Object(options));

const same = (/** @type {unknown} */ a, /** @type {unknown} */ b) =>
  a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));

export class Controls {
  /** @type {Map<string | undefined, Entry>} */
  #byModel = new Map();
  /** @type {Map<string, Entry>} */
  #byName = new Map();
  #formats;
  #calibrators;

  /** Calibrator -> why the format does not take it. @type {Record<string, string>} */
  refused = {};

  /**
   * @param {BokehDocument} doc
   * @param {Tag} tag
   */
  constructor(doc, { controls, formats, calibrators }) {
    this.#formats = formats;
    this.#calibrators = calibrators;
    for (const model of doc.all_models) {
      const known = "label" in model && "value" in model ? controls[model.label ?? ""] : undefined;
      if (known) this.#add(/** @type {Control} */ (model), known.name, { ...known.options });
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
    const entry = { model, name, options, outer: null, last: model.value };
    this.#byModel.set(model.id, entry);
    this.#byName.set(name, entry);
  }

  /**
   * If the event is about a control's value: the control, what it means, "lo" or "hi" for the end of the clip range that
   * has moved, and its value, with a text replaced by what that stands for.
   * @param {ModelChanged} event
   * @returns {{ control: string, name: string, value: Value } | null}
   */
  read({ model, attr, value: given }) {
    const value = /** @type {Value | undefined} */ (given);
    const entry = this.#byModel.get(model.id);
    if (!entry || attr !== "value" || value === null || value === undefined) return null;
    const { name, options, last } = entry;
    entry.last = value;
    if (Array.isArray(value)) {
      const end = Array.isArray(last) && value[0] === last[0] ? 1 : 0;
      return { control: name, name: end ? "hi" : "lo", value: value[end] };
    }
    return { control: name, name, value: typeof value === "string" && value in options ? options[value] : value };
  }

  /**
   * What a control stands at, as its model has it.
   * @param {string} name
   */
  value(name) {
    return this.#byName.get(name)?.model.value ?? null;
  }

  /**
   * The tensors that can be chosen.
   * @param {Record<string, string>} tensors label -> value
   */
  offer(tensors) {
    const entry = this.#byName.get("tensor");
    if (!entry) return;
    entry.options = tensors;
    entry.model.setv({ options: Object.keys(tensors) }, { sync: false });
  }

  /**
   * @param {string} name
   * @param {Partial<Control>} values
   * @param {boolean} [visible]
   */
  #set(name, values, visible) {
    const entry = this.#byName.get(name);
    if (!entry) return;
    const changed = Object.entries(values).filter(
      ([key, value]) => !same(entry.model[/** @type {keyof Control} */ (key)], value),
    );
    if (changed.length) entry.model.setv(Object.fromEntries(changed), { sync: false });
    if (values.value !== undefined) entry.last = values.value;
    const { outer } = entry;
    if (outer && visible !== undefined && outer.visible !== visible) outer.setv({ visible }, { sync: false });
  }

  /**
   * The text that stands for a value.
   * @param {string} name
   * @param {Value} value
   */
  #text(name, value) {
    const options = this.#byName.get(name)?.options ?? {};
    return Object.keys(options).find((text) => options[text] === value) ?? null;
  }

  /**
   * Brings all of them in line with settings and the picture of them. The clip slider that is being moved keeps the end
   * that is held: its newest value may be on its way.
   * @param {Settings} settings
   * @param {Picture | null} picture
   * @param {string | null} moving the control that is being moved
   */
  show(settings, picture, moving) {
    const { bits, family } = this.#formats[settings.format];
    const choice = choiceOf(settings.format);
    const [integer, blocks] = [choice !== settings.format, family === "block"];
    // A Python that has started again has sent its own list, which is empty.
    const options = Object.keys(this.#byName.get("tensor")?.options ?? {});
    this.#set("tensor", { options, value: this.#text("tensor", tensorValue(settings)) });
    for (const name of /** @type {const} */ (["convention", "granularity", "symmetric"]))
      this.#set(name, { value: this.#text(name, settings[name]) });
    this.#set("format", { value: this.#text("format", choice) });
    this.#calibration(settings, picture?.ranged ?? true);
    const width = { start: Math.min(WIDTHS[0], bits), end: Math.max(WIDTHS[1], bits), value: bits };
    this.#set("bits", integer ? width : {}, integer);
    this.#set("granularity", {}, !blocks);
    this.#set("symmetric", {}, integer);
    this.#set("narrow_range", { value: settings.narrow_range }, integer);
    this.#set("zoom", { value: settings.zoom });
    this.#blocks(settings.block_size, settings.granularity === "block" && !blocks);
    if (picture) this.#follow(picture, moving);
  }

  /**
   * The calibrator, those that the format refuses greyed, with the reason; and the parameters of the chosen one.
   * @param {Settings} settings
   * @param {boolean} visible
   */
  #calibration(settings, visible) {
    const { calibrator } = settings;
    const { title, parameters } = this.#calibrators[calibrator];
    const entry = this.#byName.get("calibrator");
    this.#set("calibrator", entry ? this.#menu(entry, calibrator, title) : {}, visible);
    this.#set("percentile", { value: settings.percentile }, visible && calibrator === "percentile");
    for (let i = 0; this.#byName.has(`parameter${i}`); i++) {
      const parameter = parameters[i];
      if (!parameter) {
        this.#set(`parameter${i}`, {}, false);
        continue;
      }
      const { name, minimum: start, maximum: end, integer, summary } = parameter;
      const step = integer ? 1 : Math.abs(parameter.default) / 10 || 0.1;
      const value = parameterOf(settings, parameter);
      this.#set(`parameter${i}`, { label: name, start, end, step, value, helper_text: summary }, visible);
    }
  }

  /**
   * The calibrators' menu: a reason stands behind the line of what is refused.
   * @param {Entry} entry
   * @param {string} chosen
   * @param {string} title of the chosen one
   * @returns {Partial<Control>}
   */
  #menu(entry, chosen, title) {
    entry.groups ??= groupsOf(entry.model.options);
    entry.lines ??= entry.options;
    const { groups, lines } = entry;
    const line = (/** @type {string} */ text) => {
      const reason = this.refused[String(lines[text])];
      return reason ? `${text} Not here: ${reason}.` : text;
    };
    entry.options = Object.fromEntries(Object.keys(lines).map((text) => [line(text), lines[text]]));
    const options = Object.entries(groups).map(([group, pairs]) => [
      group,
      pairs.map(([, text]) => [text, line(text)]),
    ]);
    const disabled = Object.keys(lines).filter((text) => this.refused[String(lines[text])]);
    return {
      options: Object.fromEntries(options),
      disabled_options: disabled.map(line),
      value: this.#text("calibrator", chosen),
      value_label: title,
    };
  }

  /**
   * @param {number} size
   * @param {boolean} visible
   */
  #blocks(size, visible) {
    const entry = this.#byName.get("block_size");
    if (!entry) return;
    const sizes = [...new Set([...BLOCK_SIZES, size])].sort((a, b) => a - b);
    entry.options = Object.fromEntries(sizes.map((n) => [String(n), n]));
    this.#set("block_size", { options: Object.keys(entry.options), value: String(size) }, visible);
  }

  /**
   * What depends on the tensor and its range.
   * @param {Picture} picture
   * @param {string | null} moving
   */
  #follow({ span, handles, codeRange, zeroPoint, shape, axis, granularity, symmetric, shownChannel, ...rest }, moving) {
    const [start, end] = [Math.min(span[0], handles[0]), Math.max(span[1], handles[1])];
    this.#set("clip", { start, end, step: (end - start) / 1000 });
    const held = /** @type {[number, number] | undefined} */ (this.#byName.get("clip")?.last);
    const beyond = rest.holdsZero && held !== undefined && (held[0] > 0 || held[1] < 0);
    if (moving !== "clip" || symmetric || beyond) this.#set("clip", { value: handles });
    const free = rest.affine && !symmetric && shownChannel === null;
    this.#set("zero_point", free ? { start: codeRange[0], end: codeRange[1], value: zeroPoint } : {}, free);
    const entry = this.#byName.get("axis");
    if (!entry) return;
    const labels = shape.map((n, i) => `${i}: ${n} channels`);
    entry.options = Object.fromEntries(labels.map((label, i) => [label, i]));
    const channels = granularity === "channel" && shownChannel !== null;
    this.#set("axis", { options: labels, value: labels[axis] }, channels);
    const last = Math.max(1, rest.channels - 1);
    this.#set("channel", channels ? { start: 0, end: last, value: shownChannel } : {}, channels && rest.channels > 1);
  }
}
