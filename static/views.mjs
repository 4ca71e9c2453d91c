// The views' documents: all of them are shown as the build froze them, at once, and Python makes them its own. Only where
// its documents are others (a plain start of other code) are they built when they are opened.
import { LiveDocument } from "./documents.mjs";
import { breathe } from "./dom.mjs";
import {
  connectFastPath,
  currentFastPath,
  disconnectFastPath,
  listen,
  startFastPath,
  supplyFastPath,
} from "./fastpath/page.mjs";
import { followInventory } from "./inventory.mjs";
import { followSizes } from "./sizes.mjs";

/**
 * @import { Client } from "./client.mjs"
 * @import { Files } from "./files.mjs"
 * @import { PictureContent } from "./types/picture"
 * @import { DocumentJson, Frozen, Settings, SubjectContent } from "./types/messages"
 */

/**
 * Whether a link asks for something else than the defaults, which are what the build froze.
 * @param {string} query
 * @param {Settings} settings the defaults
 */
function asksForOthers(query, settings) {
  /** @type {Map<string, unknown>} */
  const defaults = new Map(Object.entries(settings));
  return [...new URLSearchParams(query)].some(
    ([name, value]) =>
      !["v", "version", "view"].includes(name) && defaults.has(name) && String(defaults.get(name)) !== value,
  );
}

/** The page has drawn what the link asks for, if it can without Python; the controls are Python's. */
function noteDrawn() {
  if (document.body.dataset.link && currentFastPath()?.isCurrent) document.body.dataset.link = "drawn";
}
/** Resolves when what has changed so far is on screen: a click on a tab is seen before the view takes its time to be drawn. */
const painted = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));

export class Views {
  #client;
  #files;
  #onFirst;
  /** @type {Map<string, LiveDocument>} */
  #live = new Map();
  /** Documents of a Python that is gone: on screen until the next one's are. @type {Map<string, LiveDocument>} */
  #gone = new Map();
  /** @type {Promise<Frozen> | null} */
  #frozen = null;
  /** @type {Uint8Array<ArrayBuffer> | null} */
  #kernels = null;
  /**
   * What the Tensor view begins with, and what a link asks of it before Python is asked.
   * @type {{ content?: PictureContent, settings: Settings, query: string }}
   */
  #tensor = { settings: /** @type {Settings} */ ({}), query: "" };
  /** The last view to be shown; empty: the first one. */
  #wanted = "";
  /** @type {WeakSet<LiveDocument>} */
  #shown = new WeakSet();
  /** Whether a view has been drawn: the first one does not wait. */
  #first = false;

  /**
   * `onFirst` is called when the first view is on screen.
   * @param {{client: Client, files: Files, onFirst: () => void}} parts
   */
  constructor({ client, files, onFirst }) {
    this.#client = client;
    this.#files = files;
    this.#onFirst = onFirst;
    listen(client);
  }

  /**
   * The document of a view.
   * @param {string} name
   */
  get(name) {
    return this.#live.get(name);
  }

  repaint() {
    for (const live of this.#live.values()) live.repaint();
  }

  /** Shows the first view before Python is there. Done once; resolves with what the build froze. */
  frozen() {
    this.#frozen ??= this.#showFrozen().catch((error) => {
      this.#frozen = null;
      throw error;
    });
    return this.#frozen;
  }

  async #showFrozen() {
    const { bytes } = await this.#files.take("frozen.json");
    /** @type {Frozen} */
    const frozen = JSON.parse(new TextDecoder().decode(bytes));
    /** @type {Record<string, DocumentJson>} */
    const all = { [frozen.view]: frozen.document, ...frozen.others };
    const first = this.#wanted in all ? this.#wanted : frozen.view;
    this.#tensor = { content: frozen.document.content, settings: frozen.state.settings, query: location.search };
    for (const name of Object.keys(all)) this.#live.set(name, new LiveDocument(this.#client, name));
    this.#live.get(first)?.take(all[first]);
    const asks = asksForOthers(location.search, frozen.state.settings);
    if (asks) document.body.dataset.link = "asked"; // what is shown is not what the link is about
    await this.show(this.#wanted || first); // drawn where it is hidden, a plot would have no size
    performance.mark("first view");
    this.#onFirst();
    if (!asks) dispatchEvent(new CustomEvent("playground-first-advice", { detail: frozen }));
    for (const [name, json] of Object.entries(all)) {
      if (name === first) continue;
      await breathe();
      this.#live.get(name)?.take(json);
    }
    await this.show(this.#wanted);
    const values = new Float32Array((await this.#files.take("subject.bin")).bytes);
    await this.#supply({ ...frozen.subject, values });
    performance.mark("fast path");
    if (asks) requestAnimationFrame(() => requestAnimationFrame(noteDrawn));
    return frozen;
  }

  /** @param {SubjectContent & { values: Float32Array }} [subject] the tensor, if it is at hand */
  async #supply(subject) {
    this.#kernels ??= new Uint8Array((await this.#files.take("kernels.wasm")).bytes);
    await supplyFastPath(this.#kernels, subject);
  }

  /**
   * Python is there: makes the shown documents its own, or shows Python's if those are others.
   * @param {Frozen} frozen
   * @param {string} pythonsKey
   */
  async connectAll({ view, key }, pythonsKey) {
    if (key === pythonsKey) {
      await connectFastPath();
      await Promise.all([...this.#live.values()].map((live) => live.connect()));
    } else {
      const { result } = await this.#client.request("state");
      for (const [name, live] of this.#live) this.#gone.set(name, live);
      this.#live.clear();
      await this.open(view, result.settings);
    }
    delete document.body.dataset.link;
  }

  /** Everything that Python has to say about the documents: they show those of an earlier one. */
  async sync() {
    for (const view of this.#live.keys()) await this.#client.request("sync", { view });
  }

  /** Python is gone: the views stay and keep what is changed. */
  disconnect() {
    disconnectFastPath();
    for (const live of this.#live.values()) live.disconnect();
  }

  /**
   * Shows a view's document if there is one already.
   * @param {string} name
   */
  async show(name) {
    this.#wanted = name;
    const live = this.#live.get(name);
    if (!live?.doc) return;
    const fresh = !this.#shown.has(live);
    this.#shown.add(live);
    if (fresh && this.#first) await painted();
    this.#first = true;
    await live.show();
    if (!fresh) return;
    if (name === "tensor") startFastPath({ client: this.#client, live, ...this.#tensor });
    if (name === "model") {
      followInventory(live.doc);
      followSizes(live.doc);
    }
    await this.#uncover(name);
  }

  /**
   * A view is seen when all of it is drawn: piece by piece, each would push the others about.
   * @param {string} name
   */
  async #uncover(name) {
    const view = document.getElementById(`view-${name}`);
    if (!view?.hasAttribute("data-waits")) return;
    await painted(); // Material's components come a moment later
    view.removeAttribute("data-waits");
  }

  /**
   * Shows a view's document; it is built if that has not been done yet.
   * @param {string} name
   * @param {Settings} settings Python's
   */
  async open(name, settings) {
    if (this.#live.has(name)) {
      await this.show(name);
      return;
    }
    if (!document.getElementById(`view-${name}`)?.querySelector(".slot")) return;
    const live = new LiveDocument(this.#client, name);
    this.#live.set(name, live); // patches that come before the document wait there
    try {
      const { result } = await this.#client.request("view", { view: name });
      this.#gone.get(name)?.remove();
      this.#gone.delete(name);
      live.take(result);
      if (name === "tensor") this.#tensor = { content: result.content, settings, query: "" };
      await this.show(name);
      await live.connect();
      if (name === "tensor") await Promise.all([connectFastPath(), this.#supply()]);
    } catch (error) {
      this.#live.delete(name);
      throw error;
    }
  }
}
