// picture -> properties of the four Bokeh figures (playground/render/tensor_figures.py). What follows a handle on the
// large one is drawn above it: overlay.mjs.

/**
 * @import { BokehDocument, Column, NamedModels, Range } from "../types/bokeh"
 * @import { Picture } from "../types/picture"
 */

/** @typedef {ReturnType<typeof findModels>} Models what is drawn on */
/** @typedef {{ reduce(fold: (a: number, b: number) => number, first: number): number }} Reducible numbers, in any array */

const GAP = 0.06; // of a bin's width, free at each side of its bar
const MARGIN = 0.03; // of the axis, at each side of the histogram
const NOTHING = { x: [], y: [] };

const most = (/** @type {Reducible} */ values) => values.reduce((a, b) => Math.max(a, b), -Infinity);
const least = (/** @type {Reducible} */ values) => values.reduce((a, b) => Math.min(a, b), Infinity);
const bars = (/** @type {Float64Array} */ edges) => {
  const gap = GAP * (edges[1] - edges[0]);
  return { left: edges.slice(0, -1).map((edge) => edge + gap), right: edges.slice(1).map((edge) => edge - gap) };
};

/**
 * The models that are drawn on, found by name.
 * @param {BokehDocument} doc the Tensor view's
 */
export function findModels(doc) {
  /**
   * @template {keyof NamedModels} K
   * @param {K} name
   */
  const find = (name) => /** @type {NamedModels[K]} */ (doc.get_model_by_name(name));
  return {
    figures: {
      histogram: find("histogram"),
      error: find("error"),
      transfer: find("transfer"),
      channels: find("channels"),
    },
    sources: {
      "histogram-bars": find("histogram-bars"),
      "error-bars": find("error-bars"),
      "error-before": find("error-before"),
      "transfer-line": find("transfer-line"),
      "transfer-before": find("transfer-before"),
      "transfer-diagonal": find("transfer-diagonal"),
      "channel-bars": find("channel-bars"),
      "channel-shown": find("channel-shown"),
      "channel-ranges": find("channel-ranges"),
    },
    spans: [find("channel-span-lo"), find("channel-span-hi")],
  };
}

/** How high the histogram is. */
export const topOf = (/** @type {Picture} */ { counts }) => most(counts) * 1.18 || 1;

/**
 * The histogram's axis: all bars, the handles, and the levels that do not lie far outside, unless the bulk alone is asked
 * for.
 * @param {Picture} picture
 */
export function axisOf({ edges, handles, levels, settings }) {
  const [first, last] = [edges[0], edges[edges.length - 1]];
  const margin = (last - first) * MARGIN;
  const [start, end] = [first - margin, last + margin];
  if (settings.zoom) return [start, end];
  // Formats in floating point have levels a thousand times farther out.
  const reach = (last - first) / 2;
  const near = levels.filter((level) => level > first - reach && level < last + reach);
  return [
    Math.min(start, handles[0] - margin, least(near) - margin),
    Math.max(end, handles[1] + margin, most(near) + margin),
  ];
}

export class Drawing {
  #models;
  /** @type {Float64Array | null} */
  #edges = null;

  /** @param {Models} models */
  constructor(models) {
    this.#models = models;
  }

  /**
   * @param {Range} range
   * @param {number} start
   * @param {number} end
   */
  #range(range, start, end) {
    if (range.start !== start || range.end !== end) range.setv({ start, end }, { sync: false });
  }

  /**
   * @param {keyof Models["sources"]} name
   * @param {Record<string, Column>} data
   */
  #data(name, data) {
    this.#models.sources[name].setv({ data }, { sync: false });
  }

  /** Nothing is shown: the figures go. */
  hide() {
    this.#edges = null;
    this.#visible(false);
  }

  /** @param {boolean} visible */
  #visible(visible) {
    for (const figure of Object.values(this.#models.figures))
      if (figure.visible !== visible) figure.setv({ visible }, { sync: false });
  }

  /**
   * The bars, if they are others than before, and the axes.
   * @param {Picture} picture
   */
  histogram(picture) {
    this.#visible(true);
    const { edges, counts } = picture;
    const { x_range, y_range } = this.#models.figures.histogram;
    const [start, end] = axisOf(picture);
    this.#range(x_range, start, end);
    if (edges === this.#edges) return;
    this.#edges = edges;
    const top = topOf(picture);
    this.#range(y_range, -0.012 * top, top);
    this.#data("histogram-bars", { ...bars(edges), count: counts });
  }

  /**
   * @param {Picture} picture
   * @param {Picture | null} before
   */
  error({ errorEdges, errorCounts }, before) {
    const { x_range, y_range } = this.#models.figures.error;
    this.#range(x_range, errorEdges[0], errorEdges[errorEdges.length - 1]);
    this.#range(y_range, 0, Math.max(1, most(errorCounts) * 1.08));
    this.#data("error-bars", { ...bars(errorEdges), count: errorCounts });
    this.#data("error-before", before ? outline(before.errorEdges, before.errorCounts) : NOTHING);
  }

  /**
   * @param {Picture} picture
   * @param {Picture | null} before
   */
  transfer({ transfer }, before) {
    const { x_range, y_range } = this.#models.figures.transfer;
    const [start, end] = [transfer.x[0], transfer.x[transfer.x.length - 1]];
    for (const range of [x_range, y_range]) this.#range(range, start, end);
    this.#data("transfer-line", transfer);
    this.#data("transfer-before", before ? before.transfer : NOTHING);
    this.#data("transfer-diagonal", { x: [start, end], y: [start, end] });
  }

  /** @param {Picture} picture */
  channels({ channelOrder, channelLo, channelHi, channelClip, handles, granularity, shownChannel }) {
    const { figures, spans } = this.#models;
    const rows = Array.from(channelLo, (_, i) => -(1 + i));
    this.#data("channel-bars", { left: channelLo, right: channelHi, y: rows });
    const shown = granularity === "channel" && shownChannel !== null ? channelOrder.indexOf(shownChannel) : -1;
    const of = (/** @type {ArrayLike<number>} */ values) => (shown < 0 ? [] : [values[shown]]);
    this.#data("channel-shown", { left: of(channelLo), right: of(channelHi), y: of(rows) });
    const [start, end] = [Math.min(least(channelLo), handles[0]), Math.max(most(channelHi), handles[1])];
    const margin = 0.04 * (end - start || 1);
    this.#range(figures.channels.x_range, start - margin, end + margin);
    this.#range(figures.channels.y_range, -rows.length - 0.8, -0.2);
    const several = shownChannel !== null;
    spans.forEach((span, i) => {
      span.setv({ location: handles[i], visible: !several }, { sync: false });
    });
    const ends = several ? channelClip : [];
    this.#data("channel-ranges", { x: ends.flatMap((of) => [...of]), y: ends.flatMap(() => rows) });
  }
}

/**
 * The outline of a histogram.
 * @param {Float64Array} edges
 * @param {Int32Array} counts
 */
function outline(edges, counts) {
  const [x, y] = [[edges[0]], [0]];
  counts.forEach((count, i) => {
    x.push(edges[i], edges[i + 1]);
    y.push(count, count);
  });
  return { x: [...x, edges[edges.length - 1]], y: [...y, 0] };
}
