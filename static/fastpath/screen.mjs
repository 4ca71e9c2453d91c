// All that the Tensor view shows: figures, marks, texts and controls follow one picture. While something is pressed what is
// under the hand is drawn in every frame, and of the rest one part a frame.
import { installPress } from "../handles.mjs";
import { Controls } from "./controls.mjs";
import { Drawing, findModels } from "./draw.mjs";
import { Overlay } from "./overlay.mjs";
import { installSaving } from "./saving.mjs";
import { Texts } from "./text.mjs";

/**
 * @import { LiveDocument } from "../documents.mjs"
 * @import { PlotView, Value } from "../types/bokeh"
 * @import { Settings } from "../types/messages"
 * @import { Answers, Picture, Tag } from "../types/picture"
 */

/**
 * @typedef {object} Host what the visitor does
 * @property {(name: string, value: Value) => void} choose
 * @property {() => void} press
 * @property {() => void} release
 */

/** What is brought up to date in a frame while something is pressed: Bokeh takes 3 ms for a small plot, React 2 for controls. */
const TURNS = /** @type {const} */ ([
  ...["texts", "error", null, "transfer", null],
  ...["texts", "channels", null, "controls", null],
]);

const SLOTS = ["numbers", "histogram", "error", "transfer", "channels"].map((name) => `slot-tensor-${name}`);
/**
 * Bokeh asks the style sheet for every property of every axis whenever it paints. Ours have none there: they are set from
 * tags, once a theme (bind.mjs). So the answer is always nothing, for all plots of the page.
 * @param {PlotView} view
 */
function spareStyleLookups({ visuals: { background_fill } }) {
  /** @type {{ _get_css_value?: () => string }} */
  let visual = background_fill;
  while (!Object.hasOwn(visual, "_get_css_value")) visual = Object.getPrototypeOf(visual);
  visual._get_css_value = () => "";
}

/**
 * The page writes the texts above the plots, of which Bokeh knows nothing: it has noted a plot's new size by then, and would
 * not draw it in that size. What else Bokeh asks the browser for in every paint, and gets only after the browser has brought
 * all styles up to date, is asked for once a size: the size of the letters.
 * @param {PlotView} view
 */
function fitWhenResized(view) {
  let letters = 0;
  const ask = () => {
    letters = Number.parseFloat(getComputedStyle(view.el).fontSize);
  };
  Object.defineProperty(view, "base_font_size", { get: () => letters });
  ask();
  let isFirst = true;
  new ResizeObserver(([{ contentRect }]) => {
    if (!contentRect.width) return; // another view is being opened: the first frame of that one would wait for this
    // The first call comes without any change. Laid out and painted anew, the four plots would take most of a long task
    const { width, height } = view.bbox;
    const fits = Math.abs(contentRect.width - width) < 1 && Math.abs(contentRect.height - height) < 1;
    if (!isFirst || !fits) {
      ask();
      view.invalidate_layout();
    }
    isFirst = false;
  }).observe(view.el);
}

const slot = (/** @type {string} */ name) =>
  /** @type {HTMLElement} */ (document.getElementById(`slot-tensor-${name}`));

export class Screen {
  #drawing;
  #figures;
  #pressed = false;
  #turn = 0;
  /** @type {Picture | null} */
  #picture = null;

  /**
   * @param {LiveDocument} live
   * @param {Tag} tag
   * @param {Host} host
   */
  constructor(live, tag, host) {
    const models = findModels(live.doc);
    const views = Object.values(models.figures).map(({ id }) => Bokeh.index.find_one_by_id(id));
    const plots = /** @type {PlotView[]} */ (views);
    spareStyleLookups(plots[0]);
    this.#figures = models.figures;
    for (const view of plots) fitWhenResized(view);
    this.#drawing = new Drawing(models);
    this.controls = new Controls(live.doc, tag);
    this.texts = new Texts(live.doc);
    this.overlay = new Overlay(models.figures.histogram, slot("histogram"), host);
    installPress(slot("controls"), host);
    installSaving(this.texts, this.overlay, models.figures, () => this.#picture);
    slot("channels").addEventListener("click", (event) => this.#clicked(event, host));
    new MutationObserver(() => this.overlay.recolour()).observe(document.documentElement, {
      attributeFilter: ["data-theme"],
    });
  }

  /** Where the handles are on the histogram's canvas. */
  get handles() {
    return this.overlay.places();
  }

  /**
   * While something is pressed, nothing is read aloud.
   * @param {boolean} pressed
   */
  press(pressed) {
    this.#pressed = pressed;
    document.getElementById(SLOTS[0])?.setAttribute("aria-busy", String(pressed));
  }

  /**
   * @param {Settings} settings the visitor's
   * @param {Picture} picture
   * @param {{ answers: Answers | null, problem: string }} told
   * @param {Picture | null} before
   * @param {string | null} moving the control that is being moved
   */
  show(settings, picture, { answers, problem }, before, moving) {
    this.#picture = picture;
    this.overlay.show(picture, before);
    const parts = {
      texts: () => this.texts.show(picture, answers, before, problem),
      error: () => this.#drawing.error(picture, before),
      transfer: () => this.#drawing.transfer(picture, before),
      channels: () => this.#drawing.channels(picture),
      controls: () => this.controls.show(settings, picture, moving),
    };
    if (this.#pressed) {
      const turn = TURNS[this.#turn++ % TURNS.length];
      if (turn) parts[turn]();
      return;
    }
    this.#drawing.histogram(picture); // its axis stays while a handle is dragged past its edge
    for (const part of Object.values(parts)) part();
  }

  /**
   * There is no tensor to show.
   * @param {Settings} settings
   * @param {string} why
   */
  clear(settings, why) {
    this.#picture = null;
    this.#drawing.hide();
    this.overlay.show(null, null);
    this.texts.clear(why);
    this.controls.show(settings, null, null);
  }

  /** @param {{ stale: boolean, answers: boolean }} marks what is out of date: everything, what the model says */
  mark({ stale, answers }) {
    for (const id of SLOTS) {
      const element = document.getElementById(id);
      element?.classList.add("drawn");
      if (!element || element.classList.contains("stale") === stale) continue;
      element.classList.toggle("stale", stale);
      element.setAttribute("aria-busy", String(stale));
    }
    this.texts.markFormula(stale);
    this.texts.markAnswers(answers);
  }

  /**
   * A click on a channel's row makes it the one that is shown.
   * @param {MouseEvent} event
   * @param {Host} host
   */
  #clicked({ clientY }, host) {
    const { id } = this.#figures.channels;
    const view = /** @type {PlotView | null} */ (Bokeh.index.find_one_by_id(id));
    if (!view || this.#picture?.granularity !== "channel") return;
    const { top, height } = view.frame.bbox;
    const y = clientY - view.el.getBoundingClientRect().top - top;
    const { start, end } = this.#figures.channels.y_range;
    const row = Math.round(-(end - (y / height) * (end - start))) - 1;
    const channel = this.#picture.channelOrder[row];
    if (channel !== undefined && y >= 0 && y <= height) host.choose("channel", channel);
  }
}
