// The page's half of a Bokeh document: shows it, sends what the visitor changes, applies what Python changes.
// While Python is busy only the newest value of each property is kept, so a slider never builds up a queue.
import { paint } from "./bind.mjs";

/** Gives each plot its sentence for screen readers: the tag "describe:..." of its model. */
function describe(doc) {
  for (const model of doc.all_models) {
    const tag = (model.tags ?? []).find((text) => typeof text === "string" && text.startsWith("describe:"));
    const view = tag && Bokeh.index.find_one_by_id(model.id);
    if (!view) continue;
    view.el.setAttribute("role", "img");
    view.el.setAttribute("aria-label", tag.slice("describe:".length));
  }
}

export class LiveDocument {
  #client; #doc = null; #held = new Map(); #messages = []; #busy = false; #applying = false; #patches = [];
  #connected = false;

  constructor(client, view) {
    this.#client = client;
    this.view = view;
  }

  get doc() { return this.#doc; }

  /** Python has its half: what was changed meanwhile is sent, and everything from now on. */
  async connect() {
    this.#connected = true;
    await this.#send();
  }

  /** Python is gone: changes are kept until there is another one. */
  disconnect() {
    this.#connected = false;
  }

  /** Embeds the document's roots into the elements named slot-<root name>. */
  async show({ doc, roots }) {
    for (const name of Object.keys(roots)) document.getElementById(`slot-${name}`)?.replaceChildren();
    const ids = Object.fromEntries(Object.entries(roots).map(([name, id]) => [id, `slot-${name}`]));
    const views = await Bokeh.embed.embed_items({ [this.view]: doc }, [{ docid: this.view, roots: ids, root_ids: Object.values(roots) }]);
    this.#doc = [...views[0].roots][0].model.document;
    this.#applying = true;
    paint(this.#doc);
    this.#applying = false;
    describe(this.#doc);
    this.#doc.on_change((event) => this.#changed(event));
    for (const patch of this.#patches.splice(0)) this.apply(patch);
  }

  repaint() {
    if (!this.#doc) return;
    this.#applying = true;
    paint(this.#doc);
    this.#applying = false;
  }

  apply({ patch, buffers }) {
    if (!this.#doc) {
      this.#patches.push({ patch, buffers });
      return;
    }
    this.#applying = true;
    try {
      this.#doc.apply_json_patch(patch, new Map((patch.buffer_ids ?? []).map((id, i) => [id, buffers[i]])));
    } finally {
      this.#applying = false;
    }
  }

  #changed(event) {
    if (this.#applying) return;
    if (event.kind === "ModelChanged") this.#held.set(`${event.model.id}.${event.attr}`, event);
    else this.#messages.push(event);
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
      const patch = this.#doc.create_json_patch(events);
      await this.#client.request("patch", { view: this.view, patch }).catch((error) =>
        this.#client.dispatchEvent(new CustomEvent("failed", { detail: error })));
    }
    this.#busy = false;
  }
}
