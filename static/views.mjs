// The views' documents: the first is shown as the build froze it, the others are built by Python when they are opened.
import { LiveDocument } from "./documents.mjs";
import { currentFastPath, handOver, startFastPath } from "./fastpath/page.mjs";
import { installHandles, installTable } from "./handles.mjs";

/**
 * @import { Client } from "./client.mjs"
 * @import { Files } from "./files.mjs"
 * @import { Frozen, Settings, SubjectContent } from "./types/messages"
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
  if (document.body.dataset.link && currentFastPath()?.picture) document.body.dataset.link = "drawn";
}

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
   * `onFirst` is called when the first view is on screen.
   * @param {{client: Client, files: Files, onFirst: () => void}} parts
   */
  constructor({ client, files, onFirst }) {
    this.#client = client;
    this.#files = files;
    this.#onFirst = onFirst;
  }

  /**
   * The live document of a view that is open.
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
    const live = new LiveDocument(this.#client, frozen.view);
    this.#live.set(frozen.view, live);
    const asks = asksForOthers(location.search, frozen.state.settings);
    if (asks) document.body.dataset.link = "asked"; // what is shown is not what the link is about
    await live.show(frozen.document);
    installHandles(live.doc);
    performance.mark("first view");
    this.#onFirst();
    if (!asks) dispatchEvent(new CustomEvent("playground-first-advice", { detail: frozen.advice }));
    const values = new Float32Array((await this.#files.take("subject.bin")).bytes);
    await this.#follow(live, frozen.state.settings, { ...frozen.subject, values });
    performance.mark("fast path");
    if (asks) requestAnimationFrame(() => requestAnimationFrame(noteDrawn));
    return frozen;
  }

  /**
   * From now on the page itself draws what is moved in the Tensor view.
   * @param {LiveDocument} live
   * @param {Settings} settings
   * @param {SubjectContent & { values: Float32Array }} [subject]
   */
  async #follow(live, settings, subject) {
    this.#kernels ??= new Uint8Array((await this.#files.take("kernels.wasm")).bytes);
    await startFastPath({ client: this.#client, live, settings, kernels: this.#kernels, subject });
  }

  /**
   * Python is there: makes the shown document its own, or shows Python's if that is another one.
   * @param {Frozen} frozen
   * @param {string} pythonsKey
   */
  async connectFirst({ view, key }, pythonsKey) {
    if (key === pythonsKey) {
      await handOver();
      await this.#live.get(view)?.connect();
    } else {
      const { result } = await this.#client.request("state");
      const frozen = this.#live.get(view);
      if (frozen) this.#gone.set(view, frozen);
      this.#live.delete(view);
      await this.open(view, result.settings);
    }
    delete document.body.dataset.link;
  }

  /**
   * Python is gone: the first view stays and keeps what is changed; the others are built anew by the next one.
   * @param {string} first
   */
  disconnect(first) {
    for (const [name, live] of this.#live) {
      live.disconnect();
      if (name === first) continue;
      this.#gone.set(name, live);
      this.#live.delete(name);
    }
  }

  /**
   * Shows a view's document; it is built when the view is first opened.
   * @param {string} name
   * @param {Settings} settings Python's
   */
  async open(name, settings) {
    if (this.#live.has(name) || !document.getElementById(`view-${name}`)?.querySelector(".slot")) return;
    const live = new LiveDocument(this.#client, name);
    this.#live.set(name, live);
    try {
      const { result } = await this.#client.request("view", { view: name });
      this.#gone.get(name)?.remove();
      this.#gone.delete(name);
      await live.show(result);
      await live.connect();
      if (name === "tensor") {
        installHandles(live.doc);
        await this.#follow(live, settings);
      }
      if (name === "model") installTable(live.doc);
    } catch (error) {
      this.#live.delete(name);
      throw error;
    }
  }
}
