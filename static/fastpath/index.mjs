// The fast path: when a control of the Tensor view is moved, the page itself works out the new picture with our kernels
// and draws it in the next frame. Python gets the settings; when it has answered, its picture is what is shown, and by
// construction it is the same. While something is pressed Python hears of nothing that the page can draw itself.
import { readPicture } from "./content.mjs";
import { readTag } from "./controls.mjs";
import { Producer } from "./producer.mjs";
import { handlesOf, keyOf } from "./qparams.mjs";
import { Screen } from "./screen.mjs";
import { Sender } from "./sender.mjs";
import { moved } from "./settings.mjs";

/**
 * @import { Client } from "../client.mjs"
 * @import { LiveDocument } from "../documents.mjs"
 * @import { Change, Value } from "../types/bokeh"
 * @import { Settings } from "../types/messages"
 * @import { Answers, Pair, Picture, PictureContent, Tensor } from "../types/picture"
 */

/** @typedef {{ picture: Picture | null, answers: Answers | null, problem: string }} Told what Python said last */

const REST_MS = 200; // without a move; then all is brought up to date, though something is still pressed

export class FastPath {
  #live;
  #settings;
  #python;
  #screen;
  #tag;
  #sender;
  #producer;
  /** @type {Told} */
  #told = { picture: null, answers: null, problem: "" };
  /** The page's own picture of its settings; null if there is none. @type {Picture | null} */
  #own = null;
  /** The last picture that was drawn. @type {Picture | null} */
  #shown = null;
  /** The one before the last change. @type {Picture | null} */
  #before = null;
  /** @type {string | null} */
  #moving = null;
  #ahead = false;
  #proposed = false;
  #pressed = false;
  #moves = false;
  /** The settings that Python answered last. @type {Settings | null} */
  #answered = null;
  #frame = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rest;

  /** How many pictures were drawn, and how long the last one took, in milliseconds. */
  timing = { steps: 0, ms: 0 };

  /**
   * @param {object} options
   * @param {Client} options.client
   * @param {LiveDocument} options.live the Tensor view's document, shown
   * @param {Settings} options.settings what is shown: `playground.state`, or the defaults that the document was built with
   * @param {PictureContent} options.content its picture
   */
  constructor({ client, live, settings, content }) {
    this.#live = live;
    this.#settings = this.#python = settings;
    const figure = live.doc.get_model_by_name("histogram");
    this.#tag = readTag(/** @type {NonNullable<typeof figure>} */ (figure));
    this.#producer = new Producer(this.#tag.conventions);
    this.#screen = new Screen(live, this.#tag, {
      choose: (name, value) => this.#move(name, value, name),
      press: () => this.#press(),
      release: () => this.#release(),
    });
    this.#sender = new Sender(client, this.#tag.schema, {
      wanted: (rested) =>
        this.#ahead && (rested || !this.#pressed || !this.#producer.covers(this.#settings)) ? this.#settings : null,
      answered: (settings) => this.#confirmed(settings),
      refused: (error) => {
        this.#told.problem = error.message;
        this.#settle();
      },
    });
    live.isVisitors = () => false; // Python gets settings, not what the widgets are made of
    live.doc.on_change((event) => this.#changed(event));
    this.receive(content);
  }

  /** Whether something is drawn, or about to be, that Python has not confirmed. */
  get ahead() {
    return this.#ahead;
  }

  /** What each setting may be. */
  get schema() {
    return this.#tag.schema;
  }

  /** Whether the picture on screen is of the settings that the visitor has. */
  get isCurrent() {
    return this.#shown?.settings === this.#settings;
  }

  /** The last picture that was drawn. */
  get picture() {
    return this.#shown;
  }

  /** Where the handles are on the histogram's canvas, in pixels. */
  get handles() {
    return this.#screen.handles;
  }

  /** The settings as the visitor has them. */
  get settings() {
    return this.#settings;
  }

  /** @param {Uint8Array<ArrayBuffer>} bytes the module with our kernels */
  useKernels(bytes) {
    return this.#producer.useKernels(bytes);
  }

  /** @param {Tensor} tensor keyOf gives its key */
  async setSubject(tensor) {
    await this.#producer.setSubject(tensor);
    if (this.#ahead) this.#schedule();
  }

  /**
   * Whether the tensor that settings name is at hand.
   * @param {Settings} settings
   */
  has(settings) {
    return this.#producer.has(settings);
  }

  /** Python has begun to listen: it gets what the visitor has chosen meanwhile. What a link asked for it knows already. */
  async connect() {
    if (this.#proposed) await this.#sender.showLinked();
    if (this.#proposed) this.#settle();
    this.#sender.connected = true;
    await this.#sender.send();
  }

  /** Python is gone. */
  disconnect() {
    this.#sender.connected = false;
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
    if (this.#ahead) return;
    this.#settings = settings;
    if (!this.#shown) this.#showTold();
  }

  /** @param {PictureContent} content Python's picture */
  receive({ picture, answers, problem, refused, tensors }) {
    this.#screen.controls.refused = refused;
    this.#told = { picture: picture && readPicture(picture), answers, problem };
    if (this.#told.picture) this.#python = this.#told.picture.settings;
    if (tensors) this.#live.quietly(() => this.#screen.controls.offer(tensors));
    if (this.#ahead) {
      if (!this.#own && !this.#pressed && this.#told.picture) this.#showTold(); // better than none
      return;
    }
    this.#before = null;
    this.#settings = this.#python;
    this.#showTold();
  }

  /** @param {Change} event */
  #changed(event) {
    if (this.#live.applying) return;
    for (const change of event.events ?? [event]) {
      if (change.kind !== "ModelChanged") continue;
      const control = this.#screen.controls.read(change);
      if (control) this.#move(control.name, control.value, control.control);
    }
  }

  /**
   * @param {string} name of the setting, or "lo", "hi", "calibrated"
   * @param {Value} value
   * @param {string} control that was moved
   */
  #move(name, value, control) {
    if (!this.#shown && name !== "tensor") return;
    const shown = /** @type {Picture} */ (this.#shown); // not looked at where another tensor is chosen
    const next = moved(this.#settings, name, value, shown, this.#tag);
    if (!next) return;
    if (!this.#pressed) this.#before = this.#shown;
    this.#proposed = false;
    this.#moving = control;
    this.#settings = next;
    this.#ahead = true;
    this.#schedule();
    this.#restLater();
    this.#sender.send();
  }

  /** Something is taken hold of. */
  #press() {
    if (this.#pressed) return;
    if (!this.#ahead) this.#before = this.#shown;
    this.#pressed = true;
    this.#screen.press(true);
  }

  #release() {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.#moves = false;
    clearTimeout(this.#rest);
    this.#screen.press(false);
    if (!this.#ahead) return;
    if (this.#answered === this.#settings) this.#settle();
    else {
      this.#schedule();
      this.#sender.send();
    }
  }

  #restLater() {
    clearTimeout(this.#rest);
    this.#moves = this.#pressed;
    if (this.#moves) this.#rest = setTimeout(() => this.#rests(), REST_MS);
  }

  /** Nothing has moved for a while: every value is looked at, and the model is asked for its answers. */
  #rests() {
    this.#moves = false;
    if (this.#producer.isBehind) this.#schedule();
    this.#sender.send(true);
  }

  /**
   * Python has answered.
   * @param {Settings} settings
   * @returns whether they are still the newest
   */
  #confirmed(settings) {
    if (settings !== this.#settings) return false;
    this.#answered = settings;
    if (!this.#pressed) this.#settle();
    else if (this.#own) this.#screen.texts.show(this.#own, this.#told.answers, this.#before, this.#told.problem);
    this.#screen.texts.markAnswers(false);
    return true;
  }

  /** However often something moves: one computation a frame, of the newest settings. */
  #schedule() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const began = performance.now();
      this.#own = this.#producer.picture(this.#settings, this.#moves ? this.#own : null);
      if (!this.#own) {
        this.#decline();
        return;
      }
      this.#show(this.#own);
      this.timing = { steps: this.timing.steps + 1, ms: performance.now() - began };
    });
  }

  /** @param {Picture} picture of the page's own */
  #show(picture) {
    this.#shown = picture;
    this.#live.quietly(() =>
      this.#screen.show(this.#settings, picture, this.#told, this.#ghost(picture), this.#moving),
    );
    this.#screen.mark({ stale: false, answers: true });
  }

  /** The picture before the last change, if it can be compared. @param {Picture} picture */
  #ghost({ settings, shownChannel }) {
    const before = this.#before;
    const alike = before && keyOf(before.settings) === keyOf(settings) && before.shownChannel === shownChannel;
    return alike ? before : null;
  }

  /** Python will answer; until then all that it last said is out of date, and looks so. Handles follow at once. */
  #decline() {
    const shown = this.#shown;
    this.#screen.mark({ stale: true, answers: true });
    if (!shown) return;
    const { lo, hi } = this.#settings;
    const asked = /** @type {Pair} */ ([lo ?? shown.asked[0], hi ?? shown.asked[1]]);
    const handles = shown.holdsZero ? handlesOf(asked, shown.symmetric) : asked;
    this.#screen.overlay.show({ ...shown, handles }, null);
  }

  /** What Python said last is shown. */
  #showTold() {
    const { picture, problem } = this.#told;
    this.#shown = picture;
    this.#live.quietly(() => {
      if (picture) this.#screen.show(this.#settings, picture, this.#told, this.#ghost(picture), null);
      else this.#screen.clear(this.#settings, problem);
    });
    this.#screen.mark({ stale: this.#ahead, answers: this.#ahead });
  }

  #settle() {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#ahead = this.#proposed = false;
    this.#own = null;
    this.#settings = this.#python;
    this.#showTold();
  }
}
