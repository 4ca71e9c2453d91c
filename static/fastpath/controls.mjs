// The controls of the Tensor view: which Bokeh model is which setting, and how they follow what is drawn.

const TAG = "fast-path:";

/** What Python says about controls and conventions in a tag of the histogram's figure: playground/app/fast_path.py. */
export function readTag(figure) {
  const tag = figure.tags.find((text) => typeof text === "string" && text.startsWith(TAG));
  return JSON.parse(tag.slice(TAG.length));
}

export class Controls {
  #byModel = new Map();
  #byName = new Map();

  constructor(doc, grips, controls) {
    for (const model of doc.all_models) {
      const known = "label" in model && "value" in model ? controls[model.label] : undefined;
      if (known) this.#add(model, "value", known.name, known.options);
    }
    for (const model of doc.all_models) {
      const entry = model.data && this.#byModel.get(model.data.id);
      if (entry) entry.outer = model;
    }
    grips.forEach((grip, i) => this.#add(grip, "location", ["lo", "hi"][i], {}));
  }

  #add(model, attr, name, options) {
    const entry = { model, attr, name, options, outer: null };
    this.#byModel.set(model.id, entry);
    this.#byName.set(name, entry);
  }

  /** {name, value} if the event is about a control's value, with its text replaced by what that stands for. */
  read({ model, attr, value }) {
    const entry = this.#byModel.get(model.id);
    if (!entry || entry.attr !== attr || value === null || value === undefined) return null;
    const { name, options } = entry;
    if (name === "axis") return { name, value: model.options.indexOf(value) };
    return { name, value: value in Object(options) && typeof value === "string" ? options[value] : value };
  }

  /** What a control stands at. */
  value(name) {
    const entry = this.#byName.get(name);
    return entry?.model[entry.attr] ?? null;
  }

  /** Whether the visitor is at a control. */
  focused(name) {
    const { outer } = this.#byName.get(name);
    return Bokeh.index.find_one_by_id(outer.id)?.el.matches(":focus-within") ?? false;
  }

  /**
   * Brings ranges and values in line with the picture, as TensorView._show_widgets does. The clip slider that is being
   * moved keeps the end that is held: its newest value may be on its way.
   */
  show({ span, asked, grid, zeroPoint, perChannel, axis, settings }, ledger, moving) {
    const set = (name, values) => {
      const entry = this.#byName.get(name);
      for (const [attr, value] of Object.entries(values)) {
        ledger.write(attr === "visible" ? entry.outer : entry.model, attr, value);
      }
    };
    const [start, end] = [Math.min(span[0], asked[0]), Math.max(span[1], asked[1])];
    set("clip", { start, end, step: (end - start) / 1000 });
    if (moving !== "clip" || settings.symmetric) set("clip", { value: asked });
    set("zero_point", {
      start: grid.qmin,
      end: grid.qmax,
      value: zeroPoint,
      visible: !settings.symmetric && !perChannel,
    });
    set("axis", { value: this.#byName.get("axis").model.options[axis], visible: perChannel });
  }
}
