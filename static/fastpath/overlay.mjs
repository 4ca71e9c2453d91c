// What lies above the large histogram: levels, what is clipped, the handles with their values, on a canvas of their own, so
// that Bokeh need not paint while a handle is dragged; and the note about the bar under the pointer.
import { topOf } from "./draw.mjs";
import { Marks } from "./marks.mjs";
import { digits, grouped } from "./numbers.mjs";
import { make } from "./text.mjs";
import { formulaOf } from "./words.mjs";

/**
 * @import { Figure, PlotView } from "../types/bokeh"
 * @import { Picture } from "../types/picture"
 */

/**
 * @typedef {object} Host what happens to the handles
 * @property {(name: "lo" | "hi" | "calibrated", value: number | null) => void} choose
 * @property {() => void} press
 * @property {() => void} release
 */

const SNAP = 5; // pixels
const REACH = { mouse: 12, pen: 14, touch: 24 }; // pixels around a handle that take hold of it

export class Overlay {
  #figure;
  #slot;
  #host;
  #canvas = make("canvas", "marks");
  #note = make("div", "bar-note", make("div"), make("code"));
  #marks = new Marks();
  /** @type {PlotView | null} */
  #plot = null;
  /** @type {Picture | null} */
  #picture = null;
  /** @type {Picture | null} */
  #before = null;
  /**
   * The end that is held, how far beside it the pointer is, and where it was taken hold of.
   * @type {{ end: number, beside: number, from: number } | null}
   */
  #held = null;
  /** Where the canvas is in the window. */
  #left = 0;
  #bar = -1;

  /**
   * @param {Figure} figure
   * @param {HTMLElement} slot that holds it
   * @param {Host} host
   */
  constructor(figure, slot, host) {
    this.#figure = figure;
    this.#slot = slot;
    this.#host = host;
    slot.style.position = "relative";
    this.#canvas.setAttribute("aria-hidden", "true");
    this.#note.hidden = true;
    slot.append(this.#canvas, this.#note);
    const place = () => this.#place();
    const observer = new ResizeObserver(place);
    observer.observe(slot);
    observer.observe(this.#view.el);
    for (const size of ["inner_width", "inner_height"]) figure.properties[size].change.connect(() => this.paint());
    const listen = /** @type {const} */ (["pointerdown", "pointermove", "pointerup", "pointercancel", "pointerleave"]);
    for (const type of listen) this.#canvas.addEventListener(type, (event) => this.#on(type, event));
    this.#canvas.addEventListener("dblclick", (event) => {
      this.#left = this.#canvas.getBoundingClientRect().left;
      if (this.#endAt(event.clientX - this.#left, "mouse") !== null) host.choose("calibrated", null);
    });
    place();
  }

  /** The plot. Looking for it takes a while, and it is asked for several times a frame. */
  get #view() {
    if (!this.#plot || this.#plot.is_destroyed)
      this.#plot = /** @type {PlotView} */ (Bokeh.index.find_one_by_id(this.#figure.id));
    return this.#plot;
  }

  /** Puts the canvas on the plot. */
  #place() {
    const [plot, slot] = [this.#view.el, this.#slot].map((element) => element.getBoundingClientRect());
    const { style } = this.#canvas;
    Object.assign(style, { left: `${plot.left - slot.left}px`, top: `${plot.top - slot.top}px` });
    Object.assign(style, { width: `${plot.width}px`, height: `${plot.height}px` });
    this.#canvas.width = Math.round(plot.width * devicePixelRatio);
    this.#canvas.height = Math.round(plot.height * devicePixelRatio);
    this.paint();
  }

  /**
   * @param {Picture | null} picture
   * @param {Picture | null} before the one before the last change
   */
  show(picture, before) {
    this.#picture = picture;
    this.#before = before;
    this.#canvas.hidden = picture === null;
    if (!picture) this.#tell(-1);
    else if (this.#bar >= 0) this.#tell(this.#bar);
    this.paint();
  }

  /** The theme has changed. */
  recolour() {
    this.#marks.recolour();
    this.paint();
  }

  paint() {
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    this.draw(context);
  }

  /**
   * Draws all marks, in the plot's own pixels.
   * @param {CanvasRenderingContext2D} context
   */
  draw(context) {
    const { frame } = this.#view;
    if (!this.#picture || !frame.bbox.width) return;
    const x = (/** @type {number} */ value) => frame.x_scale.compute(value);
    const y = (/** @type {number} */ value) => frame.y_scale.compute(value);
    this.#marks.draw(context, frame.bbox, { x, y, top: topOf(this.#picture) }, this.#picture, this.#before);
  }

  /** Where the handles are on the canvas: one out of sight waits at the edge, where it can be taken hold of. */
  places() {
    const { frame } = this.#view;
    const handles = this.#picture?.handles ?? [0, 0];
    return handles.map((value) => Marks.inside(frame.x_scale.compute(value), frame.bbox));
  }

  /**
   * The handle at a place: 0 the lower, 1 the upper, null none.
   * @param {number} x
   * @param {string} kind of pointer
   */
  #endAt(x, kind) {
    const away = this.places().map((place) => Math.abs(place - x));
    const nearest = away[1] < away[0] ? 1 : 0;
    return away[nearest] <= REACH[/** @type {keyof typeof REACH} */ (kind)] ? nearest : null;
  }

  /**
   * The value at a place.
   * @param {number} x
   */
  #value(x) {
    const { left, width } = this.#view.frame.bbox;
    const { start, end } = this.#figure.x_range;
    return start + ((x - left) / width) * (end - start);
  }

  /**
   * Near the data's edges, and near zero, a handle stands on them.
   * @param {number} x
   * @param {Picture} picture
   */
  #snapped(x, { span, symmetric }) {
    const compute = (/** @type {number} */ value) => this.#view.frame.x_scale.compute(value);
    const near = [...span, ...(symmetric ? [] : [0])].find((value) => Math.abs(compute(value) - x) <= SNAP);
    return near ?? this.#value(x);
  }

  /**
   * @param {"pointerdown" | "pointermove" | "pointerup" | "pointercancel" | "pointerleave"} type
   * @param {PointerEvent} event
   */
  #on(type, event) {
    if (!this.#picture) return;
    if (type === "pointerdown") this.#down(event);
    else if (type === "pointermove") this.#move(event, this.#picture);
    else if (type === "pointerleave") {
      if (!this.#held && event.pointerType === "mouse") this.#tell(-1);
    } else if (this.#held) {
      this.#held = null;
      this.#host.release();
    }
  }

  /** @param {PointerEvent} event */
  #down({ clientX, pointerType, pointerId, button }) {
    this.#left = this.#canvas.getBoundingClientRect().left;
    const x = clientX - this.#left;
    const end = button === 0 ? this.#endAt(x, pointerType) : null;
    if (end === null) {
      this.#tell(this.#barAt(x), x);
      return;
    }
    this.#canvas.setPointerCapture(pointerId);
    this.#held = { end, beside: x - this.places()[end], from: clientX };
    this.#tell(-1);
    this.#host.press();
  }

  /**
   * @param {PointerEvent} event
   * @param {Picture} picture
   */
  #move({ clientX, pointerType }, picture) {
    if (this.#held) {
      if (clientX === this.#held.from) return; // a click without a move changes nothing
      this.#held.from = NaN;
      const x = clientX - this.#left - this.#held.beside;
      this.#host.choose(this.#held.end ? "hi" : "lo", this.#snapped(x, picture));
    } else if (pointerType === "mouse") {
      this.#left = this.#canvas.getBoundingClientRect().left;
      const x = clientX - this.#left;
      const { style } = this.#canvas;
      const cursor = this.#endAt(x, pointerType) === null ? "default" : "ew-resize";
      if (style.cursor !== cursor) style.cursor = cursor;
      this.#tell(this.#barAt(x), x);
    }
  }

  /** @param {number} x */
  #barAt(x) {
    const { edges, counts } = /** @type {Picture} */ (this.#picture);
    const share = (this.#value(x) - edges[0]) / (edges[counts.length] - edges[0]);
    return share >= 0 && share < 1 ? Math.floor(share * counts.length) : -1;
  }

  /**
   * What there is to say of a bar; of none: nothing.
   * @param {number} bar
   * @param {number} [x] where
   */
  #tell(bar, x) {
    const picture = this.#picture;
    this.#bar = picture ? bar : -1;
    this.#note.hidden = this.#bar < 0;
    if (!picture || this.#bar < 0) return;
    const [first, second] = this.#note.children;
    const centre = (picture.edges[bar] + picture.edges[bar + 1]) / 2;
    first.textContent = `${grouped(picture.counts[bar])} values near ${digits(centre)}`;
    second.textContent = formulaOf(picture, bar);
    if (x === undefined) return;
    const { left, width, top } = this.#view.frame.bbox;
    const right = x > left + width / 2;
    const [near, far] = right ? ["right", "left"] : ["left", "right"];
    const { offsetLeft, offsetTop } = this.#canvas;
    const away = right ? this.#slot.clientWidth - offsetLeft - x + 12 : offsetLeft + x + 12;
    Object.assign(this.#note.style, { [near]: `${away}px`, [far]: "auto", top: `${offsetTop + top + 8}px` });
  }
}
