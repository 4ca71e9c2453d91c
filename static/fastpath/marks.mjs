// The marks above the histogram, as they are drawn on a canvas: levels, what is clipped, handles. They have the colours of
// the page's style sheet, which are looked up once a theme.
import { digits } from "./numbers.mjs";

/**
 * @import { Box } from "../types/bokeh"
 * @import { Picture } from "../types/picture"
 */

/** @typedef {{ x(value: number): number, y(value: number): number, top: number }} Scales value -> pixel; the highest value */

const MOST_LEVEL_LINES = 64; // with more their lines would be a solid block; only the dots are drawn
const PILL = { width: 16, height: 34, at: 0.8 };
const EDGE = 9; // pixels that a handle keeps from the plot's edge
const NAMES = /** @type {const} */ (["quant", "clip-fill", "muted", "handle", "on-handle", "card", "text", "font"]);

/**
 * Fills a rectangle with round corners; Bokeh's canvas that writes SVG has none of its own.
 * @param {CanvasRenderingContext2D} context
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @param {number} height
 * @param {number} radius
 */
function rounded(context, x, y, width, height, radius) {
  const [right, bottom] = [x + width, y + height];
  context.beginPath();
  context.moveTo(x + radius, y);
  context.lineTo(right - radius, y);
  context.quadraticCurveTo(right, y, right, y + radius);
  context.lineTo(right, bottom - radius);
  context.quadraticCurveTo(right, bottom, right - radius, bottom);
  context.lineTo(x + radius, bottom);
  context.quadraticCurveTo(x, bottom, x, bottom - radius);
  context.lineTo(x, y + radius);
  context.quadraticCurveTo(x, y, x + radius, y);
  context.closePath();
  context.fill();
}

export class Marks {
  /** @type {Record<typeof NAMES[number], string> | null} */
  #colours = null;

  /** The style sheet's values are others now. */
  recolour() {
    this.#colours = null;
  }

  get #palette() {
    if (!this.#colours) {
      const style = getComputedStyle(document.documentElement);
      const found = NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]);
      this.#colours = /** @type {Record<typeof NAMES[number], string>} */ (Object.fromEntries(found));
    }
    return this.#colours;
  }

  /**
   * A place within the plot.
   * @param {number} x
   * @param {Box} frame
   */
  static inside(x, { left, width }) {
    return Math.min(Math.max(x, left + EDGE), left + width - EDGE);
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Box} frame
   * @param {Scales} scales
   * @param {Picture} picture
   * @param {Picture | null} before
   */
  draw(context, frame, scales, picture, before) {
    context.save();
    context.beginPath();
    context.rect(frame.left, frame.top, frame.width, frame.height);
    context.clip();
    this.#clipped(context, frame, scales, picture);
    if (before) this.#ghost(context, frame, scales, before);
    this.#levels(context, frame, scales, picture);
    picture.handles.forEach((value, end) => {
      this.#handle(context, frame, scales, value, end);
    });
    context.restore();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Box} frame
   * @param {Scales} scales
   * @param {Picture} picture
   */
  #clipped(context, { left, top, width, height }, { x }, { limits: [lo, hi] }) {
    context.globalAlpha = 0.45;
    context.fillStyle = this.#palette["clip-fill"];
    if (lo !== null) context.fillRect(left, top, x(lo) - left, height);
    if (hi !== null) context.fillRect(x(hi), top, left + width - x(hi), height);
    context.globalAlpha = 1;
  }

  /**
   * The levels before the last change: short lines on the ground.
   * @param {CanvasRenderingContext2D} context
   * @param {Box} frame
   * @param {Scales} scales
   * @param {Picture} before
   */
  #ghost(context, { top, height }, { x }, { levels }) {
    if (levels.length > MOST_LEVEL_LINES) return;
    context.strokeStyle = this.#palette.muted;
    context.globalAlpha = 0.7;
    context.lineWidth = 1.5;
    context.beginPath();
    for (const level of levels) {
      context.moveTo(x(level), top + height);
      context.lineTo(x(level), top + height - 10);
    }
    context.stroke();
    context.globalAlpha = 1;
  }

  /**
   * A line for each level, and a dot as high as the bars would be if all its values were spread over its width.
   * @param {CanvasRenderingContext2D} context
   * @param {Box} frame
   * @param {Scales} scales
   * @param {Picture} picture
   */
  #levels(context, { top, height }, { x, y, top: most }, { levels, levelCounts, edges, step }) {
    context.strokeStyle = context.fillStyle = this.#palette.quant;
    if (levels.length <= MOST_LEVEL_LINES) {
      context.lineWidth = 1.5;
      context.setLineDash([2, 3]);
      context.beginPath();
      for (const level of levels) {
        context.moveTo(x(level), top);
        context.lineTo(x(level), top + height);
      }
      context.stroke();
      context.setLineDash([]);
    }
    const width = step ? (edges[1] - edges[0]) / step : 0;
    context.beginPath();
    levels.forEach((level, i) => {
      const [at, high] = [x(level), y(Math.min(levelCounts[i] * width, most * 0.97))];
      context.moveTo(at + 4, high);
      context.arc(at, high, 4, 0, 2 * Math.PI);
    });
    context.fill();
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Box} frame
   * @param {Scales} scales
   * @param {number} value
   * @param {number} end 0: the lower one, 1: the upper one
   */
  #handle(context, frame, { x, y, top }, value, end) {
    const colours = this.#palette;
    const at = Marks.inside(x(value), frame);
    const middle = y(top * PILL.at);
    context.fillStyle = colours.handle;
    context.fillRect(at - 1, frame.top, 2, frame.height);
    rounded(context, at - PILL.width / 2, middle - PILL.height / 2, PILL.width, PILL.height, 8);
    context.fillStyle = colours["on-handle"];
    for (const beside of [-3, 2]) context.fillRect(at + beside, middle - 5, 1, 10);
    this.#label(context, frame, digits(value), at, middle, end);
  }

  /**
   * The handle's value, outside the range where there is room, else inside.
   * @param {CanvasRenderingContext2D} context
   * @param {Box} frame
   * @param {string} text
   * @param {number} at
   * @param {number} middle
   * @param {number} end
   */
  #label(context, { left, width }, text, at, middle, end) {
    const colours = this.#palette;
    context.font = `600 12px ${colours.font}`;
    const wide = context.measureText(text).width + 10;
    const beside = PILL.width / 2 + 4;
    const [before, after] = [at - beside - wide, at + beside];
    const start = end ? (after + wide <= left + width ? after : before) : before >= left ? before : after;
    context.fillStyle = colours.card;
    context.globalAlpha = 0.88;
    rounded(context, start, middle - 10, wide, 20, 6);
    context.globalAlpha = 1;
    context.fillStyle = colours.text;
    context.textBaseline = "middle";
    context.fillText(text, start + 5, middle + 0.5);
  }
}
