// The fast path: when a control of the Tensor view is moved, the page itself works out the new picture with our kernels
// and draws it in the next frame. Python gets the same change through the document's patches; when it has answered, its
// state is what is shown, and by construction it is the same. It sends nothing itself.
import { Kernels } from "../kernels.mjs";
import { compute } from "./compute.mjs";
import { Controls, readTag } from "./controls.mjs";
import { Drawing, findModels } from "./draw.mjs";
import { Ledger } from "./ledger.mjs";
import { chooseRange, covers, keyOf } from "./qparams.mjs";
import { moved } from "./settings.mjs";
import { Subject } from "./subject.mjs";
import { Texts } from "./text.mjs";

/**
 * @import { Client } from "../client.mjs"
 * @import { LiveDocument } from "../documents.mjs"
 * @import { Change, ModelChanged, Value } from "../types/bokeh"
 * @import { Settings } from "../types/messages"
 * @import { Pair, Picture, Tensor } from "../types/picture"
 */

const SLOTS = ["numbers", "histogram", "error", "transfer", "channels"].map((name) => `slot-tensor-${name}`);

const WRITTEN = ["clip", "zero_point"];

export class FastPath {
  #live;
  #settings;
  #python;
  #ledger = new Ledger();
  #drawing;
  #controls;
  #texts;
  #conventions;
  #schema;
  /** @type {Kernels | null} */
  #kernels = null;
  #free = 0;
  /** @type {Subject | null} */
  #subject = null;
  /** @type {Picture | null} */
  #picture = null;
  /**
   * The range and the zero-point that are on screen.
   * @type {{ asked: Pair, zeroPoint: number }}
   */
  #shown;
  /** @type {string | null} */
  #moving = null;
  #ahead = false;
  #proposed = false;
  #frame = 0;

  /** How many pictures were drawn, and how long the last one took, in milliseconds. */
  timing = { steps: 0, ms: 0 };

  /** Resolves when the kernels are there. */
  ready;

  /**
   * @param {object} options
   * @param {LiveDocument} options.live the Tensor view's document, shown
   * @param {Settings} options.settings what is shown: `playground.state`, or the defaults that the document was built with
   * @param {Uint8Array<ArrayBuffer>} options.kernels the module with our kernels
   */
  constructor({ live, settings, kernels }) {
    this.#live = live;
    this.#settings = this.#python = settings;
    const models = findModels(live.doc);
    const { controls, conventions, schema } = readTag(models.figures.histogram);
    this.#conventions = conventions;
    this.#schema = schema;
    this.#drawing = new Drawing(models, this.#ledger);
    this.#controls = new Controls(live.doc, models.grips, controls);
    this.#texts = new Texts(live.doc);
    this.#shown = this.#seen();
    live.isVisitors = (event) => !this.#isEcho(event);
    live.doc.on_change((event) => this.#changed(event));
    live.addEventListener("patching", () => this.#putBack());
    live.addEventListener("patched", () => this.#patched());
    live.addEventListener("settled", () => this.#settled());
    this.ready = Kernels.from(kernels).then((loaded) => {
      this.#kernels = loaded;
      this.#free = loaded.mark();
      return loaded;
    });
  }

  /** Whether something is drawn, or about to be, that Python has not confirmed. */
  get ahead() {
    return this.#ahead;
  }

  /** What each setting may be. */
  get schema() {
    return this.#schema;
  }

  /** The last picture that was drawn: see compute.mjs. */
  get picture() {
    return this.#picture;
  }

  /** @param {Tensor} tensor keyOf gives its key */
  async setSubject(tensor) {
    const kernels = await this.ready;
    kernels.release(this.#free);
    this.#subject = new Subject(kernels, tensor);
    if (this.#ahead) this.#schedule();
  }

  /**
   * Whether the tensor that settings name is at hand.
   * @param {Settings} settings
   */
  has(settings) {
    return this.#subject?.key === keyOf(settings);
  }

  /** The settings as the visitor has them. */
  get settings() {
    return this.#settings;
  }

  /**
   * Python has begun to listen after the visitor began to move things: it gets the settings as a whole. One by one the
   * controls' newest values would not tell in which order they were moved, and that matters. What a link asked for it
   * knows already.
   * @param {Client} client the document must not be sending yet
   */
  async handOver(client) {
    if (!this.#ahead || this.#settings.tensor === null) return;
    this.#live.forget();
    const { version: _, ...changes } = this.#settings;
    if (this.#proposed)
      await client.request("state"); // before the answer comes Python's picture
    else await client.request("set", { changes });
    this.#proposed = false;
    if (!this.#live.waiting) this.#settled();
  }

  /**
   * What a link asks for is drawn before Python is there, as if the visitor had chosen it.
   * @param {Partial<Settings>} changes
   */
  propose(changes) {
    this.#proposed = true;
    this.#settings = { ...this.#settings, ...changes };
    this.#ahead = true;
    this.#schedule();
  }

  /**
   * Python's settings have changed, by the page or by Python. While the visitor is ahead they wait.
   * @param {Settings} settings
   */
  setSettings(settings) {
    this.#python = settings;
    if (!this.#ahead) this.#settings = settings;
  }

  /** @param {Change} event */
  #changed(event) {
    if (this.#live.applying) return;
    for (const change of event.events ?? [event]) {
      if (change.kind !== "ModelChanged") continue;
      this.#ledger.note(change.model, change.attr, change.value);
      const control = this.#controls.read(change);
      if (control && !this.#isEcho(change)) this.#move(control.name, control.value);
    }
  }

  /**
   * Panel's React widgets write what they show back into their model, a moment later; if the value has changed meanwhile,
   * that looks like a visitor who moves it. A slider that is written to from here counts as moved only while it has the
   * focus, as any slider has that is taken hold of.
   * @param {Change} event
   */
  #isEcho(event) {
    if (this.#live.applying || event.kind !== "ModelChanged") return false;
    const control = this.#controls.read(event);
    if (!control || !WRITTEN.includes(control.name) || this.#controls.focused(control.name)) return false;
    const { asked, zeroPoint } = this.#shown;
    this.#live.quietly(() => event.model.setv({ value: control.name === "clip" ? asked : zeroPoint }, { sync: false }));
    return true;
  }

  /**
   * @param {string} name of the setting
   * @param {Value} value
   */
  #move(name, value) {
    this.#proposed = false;
    this.#moving = name;
    const [kernels, subject] = [this.#kernels, this.#subject];
    if (kernels && covers(subject, this.#settings, this.#conventions)) {
      this.#shown.asked = chooseRange(kernels, subject, this.#settings);
    }
    const next = moved(this.#settings, name, value, this.#shown.asked, this.#shown.zeroPoint);
    this.#settings = next ?? { ...this.#settings, tensor: null };
    this.#ahead = true;
    this.#schedule();
  }

  /** However often something moves: one computation a frame, of the newest settings. */
  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const began = performance.now();
      this.#picture = this.#kernels && compute(this.#kernels, this.#subject, this.#settings, this.#conventions);
      if (!this.#picture) {
        this.#decline();
        return;
      }
      this.#show(this.#picture);
      this.timing = { steps: this.timing.steps + 1, ms: performance.now() - began };
    });
  }

  /** The range and the zero-point that Python shows. */
  #seen() {
    const asked = /** @type {Pair} */ (this.#controls.value("clip"));
    return { asked, zeroPoint: /** @type {number} */ (this.#controls.value("zero_point")) };
  }

  /** @param {Picture} picture */
  #show(picture) {
    this.#live.quietly(() => {
      this.#drawing.show(picture);
      this.#controls.show(picture, this.#ledger, this.#moving);
    });
    this.#shown = { asked: picture.asked, zeroPoint: picture.zeroPoint };
    this.#texts.show(picture);
    this.#markAll(false);
  }

  /** Python will answer; until then all that it last said is out of date, and looks so. */
  #decline() {
    this.#putBack();
    this.#texts.restore();
    this.#markAll(true);
  }

  /** @param {boolean} stale */
  #markAll(stale) {
    for (const id of SLOTS) {
      document.getElementById(id)?.classList.toggle("stale", stale);
      document.getElementById(id)?.setAttribute("aria-busy", String(stale));
    }
    this.#texts.markFormula(stale);
  }

  #putBack() {
    if (this.#ledger.size) this.#live.quietly(() => this.#ledger.restore());
  }

  /** Python has drawn something; if the visitor has moved on since, that is not what is to be seen. */
  #patched() {
    if (this.#ahead && this.#live.waiting && this.#picture) this.#show(this.#picture);
    else this.#shown = this.#seen();
  }

  #settled() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#ahead = false;
    this.#settings = this.#python;
    this.#putBack();
    this.#shown = this.#seen();
    this.#texts.restore();
    this.#markAll(false);
  }
}
