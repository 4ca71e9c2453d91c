// The page's half of a Bokeh document: shows it, sends what the visitor changes, applies what Python changes.
// While Python is busy only the newest value of each property is kept, so a slider never builds up a queue.
import { Admission } from "./admit.mjs";
import { paint } from "./bind.mjs";
import { Target } from "./events.mjs";

/**
 * @import { Client } from "./client.mjs"
 * @import { BokehDocument, Change } from "./types/bokeh"
 * @import { DocumentJson, Failure, Patch } from "./types/messages"
 */

/**
 * Gives each plot its sentence for screen readers: the tag "describe:..." of its model.
 * @param {BokehDocument} doc
 */
function describe(doc) {
  for (const model of doc.all_models) {
    const texts = (model.tags ?? []).filter((tag) => typeof tag === "string");
    const tag = texts.find((text) => text.startsWith("describe:"));
    const view = tag && Bokeh.index.find_one_by_id(model.id);
    if (!tag || !view) continue;
    view.el.setAttribute("role", "img");
    view.el.setAttribute("aria-label", tag.slice("describe:".length));
  }
}

/**
 * Events: "patching" and "patched" around each of Python's patches; "settled" when all that was sent is answered.
 * @extends {Target<{patching: null, patched: null, settled: null}>}
 */
export class LiveDocument extends Target {
  #client;
  /** @type {BokehDocument | null} */
  #doc = null;
  /** @type {Map<string, Change>} */
  #held = new Map();
  /** @type {Change[]} */
  #messages = [];
  #busy = false;
  #applying = false;
  /** @type {Pick<Patch, "patch" | "buffers">[]} */
  #patches = [];
  #connected = false;
  #admission = new Admission();

  /**
   * @param {Client} client
   * @param {string} view
   */
  constructor(client, view) {
    super();
    this.#client = client;
    this.view = view;
  }

  /** Bokeh's document; there is one from `show` on. */
  get doc() {
    return /** @type {BokehDocument} */ (this.#doc);
  }

  /** Python has its half: what was changed meanwhile is sent, and everything from now on. */
  async connect() {
    this.#connected = true;
    await this.#send();
  }

  /** Python is gone: changes are kept until there is another one. */
  disconnect() {
    this.#connected = false;
  }

  /**
   * Whether a change is the visitor's and has to be sent; the fast path knows of some that are not.
   * @type {(change: Change) => boolean}
   */
  isVisitors = () => true;

  /** Whether what changes now comes from this page's code or from Python, not from the visitor. */
  get applying() {
    return this.#applying;
  }

  /** Whether there is a change that has not been sent yet. */
  get waiting() {
    return this.#held.size + this.#messages.length > 0;
  }

  /** Lets go of what has not been sent: Python is told in another way. */
  forget() {
    this.#held.clear();
    this.#messages = [];
  }

  /**
   * Changes the document without telling Python.
   * @param {() => void} work
   */
  quietly(work) {
    const before = this.#applying;
    this.#applying = true;
    try {
      work();
    } finally {
      this.#applying = before;
    }
  }

  /**
   * Embeds the document's roots into the elements named slot-<root name>.
   * @param {DocumentJson} json
   */
  async show({ doc, roots }) {
    this.#admission.document({ doc });
    for (const name of Object.keys(roots)) document.getElementById(`slot-${name}`)?.replaceChildren();
    const ids = Object.fromEntries(Object.entries(roots).map(([name, id]) => [id, `slot-${name}`]));
    const views = await Bokeh.embed.embed_items({ [this.view]: doc }, [
      { docid: this.view, roots: ids, root_ids: Object.values(roots) },
    ]);
    const shown = [...views[0].roots][0].model.document;
    this.#doc = shown;
    this.quietly(() => paint(shown));
    describe(shown);
    shown.on_change((event) => this.#changed(event));
    for (const patch of this.#patches.splice(0)) this.apply(patch);
  }

  /** Takes the document off the page: its views with their listeners, and Bokeh's hold of it. */
  remove() {
    const shown = this.#doc;
    if (!shown) return;
    this.#doc = null;
    shown.views_manager?.clear();
    const at = Bokeh.documents.indexOf(shown);
    if (at >= 0) Bokeh.documents.splice(at, 1);
  }

  repaint() {
    const shown = this.#doc;
    if (shown) this.quietly(() => paint(shown));
  }

  /** @param {Pick<Patch, "patch" | "buffers">} change */
  apply({ patch, buffers }) {
    const shown = this.#doc;
    if (!shown) {
      this.#patches.push({ patch, buffers });
      return;
    }
    this.#admission.patch(patch);
    this.dispatchEvent(new Event("patching"));
    const byId = new Map((patch.buffer_ids ?? []).map((id, i) => [id, buffers[i]]));
    this.quietly(() => shown.apply_json_patch(patch, byId));
    this.dispatchEvent(new Event("patched"));
  }

  /** @param {Change} event */
  #changed(event) {
    if (this.#applying || !this.isVisitors(event)) return;
    if (event.kind === "ModelChanged") {
      const key = `${event.model.id}.${event.attr}`;
      this.#held.delete(key); // what was moved last comes last: Python follows the moves in this order
      this.#held.set(key, event);
    } else this.#messages.push(event);
    this.#send();
  }

  async #send() {
    if (this.#busy || !this.#connected) return;
    this.#busy = true;
    await new Promise((resolve) => setTimeout(resolve, 0)); // what one gesture changes travels together
    while (this.#connected && (this.#held.size || this.#messages.length)) {
      const events = [...this.#held.values(), ...this.#messages];
      this.#held.clear();
      this.#messages = [];
      const patch = this.doc.create_json_patch(events);
      await this.#client
        .request("patch", { view: this.view, patch })
        .catch((/** @type {Failure} */ error) =>
          this.#client.dispatchEvent(new CustomEvent("failed", { detail: error })),
        );
    }
    this.#busy = false;
    if (this.#connected && !this.waiting) this.dispatchEvent(new Event("settled"));
  }
}
