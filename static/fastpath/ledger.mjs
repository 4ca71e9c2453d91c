// Which properties the fast path has overwritten, and what Python thinks they are. Python sends only what differs from
// its own last state, so before its patch is applied, and when it has answered, its values are put back.

/** @import { Model } from "../types/bokeh" */

/** A source's data as it is now: others may change it in place. */
const kept = (/** @type {unknown} */ value) => (value?.constructor === Object ? { ...value } : value);

export class Ledger {
  /** @type {Map<string, { model: Model, attr: string, value: unknown }>} */
  #entries = new Map();

  get size() {
    return this.#entries.size;
  }

  /**
   * Sets a property and remembers what it was. Python hears nothing of it.
   * @template {Model} M
   * @template {keyof M & string} K
   * @param {M} model
   * @param {K} attr
   * @param {M[K]} value
   */
  write(model, attr, value) {
    const key = `${model.id}.${attr}`;
    if (!this.#entries.has(key)) this.#entries.set(key, { model, attr, value: kept(model[attr]) });
    model.setv({ [attr]: value }, { sync: false });
  }

  /**
   * The visitor has changed a property: Python is told, so that this is what it will think.
   * @param {Model} model
   * @param {string} attr
   * @param {unknown} value
   */
  note(model, attr, value) {
    const entry = this.#entries.get(`${model.id}.${attr}`);
    if (entry) entry.value = kept(value);
  }

  /** Puts back what Python thinks. */
  restore() {
    for (const { model, attr, value } of this.#entries.values()) model.setv({ [attr]: value }, { sync: false });
    this.#entries.clear();
  }
}
