// The page's half of a Bokeh document: shows it, sends what the visitor changes, applies what Python changes.
// While Python is busy only the newest value of each property is kept, so a slider never builds up a queue.
import { Admission } from "./admit.mjs";
import { paint } from "./bind.mjs";
import { breathe } from "./dom.mjs";
import { describePlots } from "./plots.mjs";

/**
 * @import { Client } from "./client.mjs"
 * @import { BokehDocument, Change } from "./types/bokeh"
 * @import { DocumentJson, Failure, Patch } from "./types/messages"
 */

let isPausing = false;

/** Bokeh builds all roots of a document in one task, a third of a second for the first view. A pause before each splits it. */
function pauseBeforeRoots() {
  if (isPausing) return;
  isPausing = true;
  const { prototype } = Bokeh.require("core/view_manager").ViewManager;
  const build = prototype.build_view;
  prototype.build_view = async function (model, parent) {
    await breathe();
    return build.call(this, model, parent);
  };
}

export class LiveDocument {
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
  /** Id of a root -> id of the element that it goes to. @type {Record<string, string>} */
  #roots = {};
  /** @type {Promise<void> | null} */
  #shown = null;

  /**
   * @param {Client} client
   * @param {string} view
   */
  constructor(client, view) {
    this.#client = client;
    this.view = view;
  }

  /** Bokeh's document; there is one from `take` on. */
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
   * Whether a change is the visitor's and has to be sent. Those of the Tensor view are told in another way.
   * @type {(change: Change) => boolean}
   */
  isVisitors = () => true;

  /** Whether what changes now comes from this page's code or from Python, not from the visitor. */
  get applying() {
    return this.#applying;
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
   * Makes the document, without showing it: it follows Python from now on.
   * @param {DocumentJson} json
   */
  take({ doc, roots }) {
    this.#admission.document({ doc });
    const made = Bokeh.require("document").Document.from_json(doc);
    this.#doc = made;
    this.#roots = Object.fromEntries(Object.entries(roots).map(([name, id]) => [id, `slot-${name}`]));
    this.quietly(() => paint(made));
    made.on_change((event) => this.#changed(event));
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

  /** Puts the document's roots into the elements named slot-<root name>. Done once. */
  show() {
    this.#shown ??= this.#show();
    return this.#shown;
  }

  async #show() {
    const slots = this.doc
      .roots()
      .map(({ id }) => /** @type {HTMLElement} */ (document.getElementById(this.#roots[id])));
    for (const slot of slots) slot.replaceChildren();
    pauseBeforeRoots();
    await Bokeh.embed.add_document_standalone(this.doc, slots[0], slots);
    describePlots(this.view, this.doc);
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
    const byId = new Map((patch.buffer_ids ?? []).map((id, i) => [id, buffers[i]]));
    this.quietly(() => shown.apply_json_patch(patch, byId));
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
  }
}
