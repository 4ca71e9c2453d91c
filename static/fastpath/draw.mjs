// picture -> properties of the Bokeh models, as playground/render/histogram.py and small.py set them.
import { affine, digits } from "./numbers.mjs";

/**
 * @import { BokehDocument, Column, NamedModels, Range } from "../types/bokeh"
 * @import { Picture } from "../types/picture"
 * @import { Ledger } from "./ledger.mjs"
 */

/** @typedef {ReturnType<typeof findModels>} Models what is drawn on */
/** @typedef {{ reduce(fold: (a: number, b: number) => number, first: number): number }} Reducible numbers, in any array */

const GAP = 0.06; // of a bin's width, free at each side of its bar
const MOST_LEVEL_LINES = 64;

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
      "histogram-lines": find("histogram-lines"),
      "histogram-levels": find("histogram-levels"),
      handles: find("handles"),
      "error-bars": find("error-bars"),
      "transfer-line": find("transfer-line"),
      "transfer-diagonal": find("transfer-diagonal"),
      "channel-bars": find("channel-bars"),
      "channel-ranges": find("channel-ranges"),
    },
    grips: [find("grip-lo"), find("grip-hi")],
    outside: [find("outside-low"), find("outside-high")],
    spans: [find("channel-span-lo"), find("channel-span-hi")],
  };
}

export class Drawing {
  #ledger;
  #models;
  /** @type {{ edges: Float64Array | null, texts: string[] }} */
  #centres = { edges: null, texts: [] };

  /**
   * @param {Models} models
   * @param {Ledger} ledger
   */
  constructor(models, ledger) {
    this.#models = models;
    this.#ledger = ledger;
  }

  /** @param {Picture} picture */
  show(picture) {
    this.#histogram(picture);
    this.#error(picture);
    this.#transfer(picture);
    this.#channels(picture);
  }

  /**
   * @param {Range} range
   * @param {number} start
   * @param {number} end
   */
  #range(range, start, end) {
    this.#ledger.write(range, "start", start);
    this.#ledger.write(range, "end", end);
  }

  /**
   * @param {keyof Models["sources"]} name
   * @param {Record<string, Column>} data
   */
  #data(name, data) {
    this.#ledger.write(this.#models.sources[name], "data", data);
  }

  /** @param {Picture} picture */
  #histogram(picture) {
    const { edges, counts, asked, settings } = picture;
    const { figures, grips, outside } = this.#models;
    const top = most(counts) * 1.18;
    const [first, last] = [edges[0], edges[edges.length - 1]];
    const margin = (last - first) * 0.03;
    let [start, end] = [first - margin, last + margin];
    if (!settings.zoom) [start, end] = [Math.min(start, asked[0] - margin), Math.max(end, asked[1] + margin)];
    this.#range(figures.histogram.x_range, start, end);
    this.#range(figures.histogram.y_range, -0.012 * top, top);
    this.#data("histogram-bars", {
      ...bars(edges),
      count: counts,
      real: this.#texts(edges),
      formula: formulas(picture),
    });
    this.#levels(picture, top);
    // A handle that would be out of sight waits at the edge, where it can be taken hold of.
    const seen = asked.map((value) => Math.min(Math.max(value, start + margin / 2), end - margin / 2));
    this.#data("handles", { x: seen, y: [top * 0.8, top * 0.8] });
    for (const [i, grip] of grips.entries()) this.#ledger.write(grip, "location", seen[i]);
    this.#ledger.write(outside[0], "right", picture.limits[0]);
    this.#ledger.write(outside[1], "left", picture.limits[1]);
  }

  /**
   * @param {Picture} picture
   * @param {number} top of the plot
   */
  #levels({ edges, levels, levelCounts, scale, grid }, top) {
    const few = levels.length <= MOST_LEVEL_LINES;
    this.#data("histogram-lines", { x: few ? levels : [] });
    const width = (edges[1] - edges[0]) / scale;
    const sum = levelCounts.reduce((a, b) => a + b, 0);
    const total = Math.max(1, sum);
    this.#data("histogram-levels", {
      x: levels,
      y: Array.from(levelCounts, (count) => Math.min(count * width, top * 0.97)),
      code: Array.from(levels, (_, i) => grid.qmin + i),
      real: Array.from(levels, (level) => digits(level)),
      share: Array.from(levelCounts, (count) => count / total),
    });
  }

  /**
   * The bins' centres as text; formatted once a tensor, not once a slider step.
   * @param {Float64Array} edges
   */
  #texts(edges) {
    if (this.#centres.edges !== edges) {
      this.#centres = { edges, texts: Array.from(edges.slice(1), (edge, i) => digits((edges[i] + edge) / 2)) };
    }
    return this.#centres.texts;
  }

  /** @param {Picture} picture */
  #error({ errorEdges, errorCounts }) {
    const { x_range, y_range } = this.#models.figures.error;
    this.#range(x_range, errorEdges[0], errorEdges[errorEdges.length - 1]);
    this.#range(y_range, 0, Math.max(1, most(errorCounts) * 1.08));
    this.#data("error-bars", { ...bars(errorEdges), count: errorCounts });
  }

  /** @param {Picture} picture */
  #transfer({ transfer }) {
    const { x_range, y_range } = this.#models.figures.transfer;
    const [start, end] = [transfer.x[0], transfer.x[transfer.x.length - 1]];
    for (const range of [x_range, y_range]) this.#range(range, start, end);
    this.#data("transfer-line", transfer);
    this.#data("transfer-diagonal", { x: [start, end], y: [start, end] });
  }

  /** @param {Picture} picture */
  #channels({ channelLo, channelHi, channelClip, asked, perChannel }) {
    const { figures, spans } = this.#models;
    const rows = Array.from(channelLo, (_, i) => -(1 + i));
    this.#data("channel-bars", { left: channelLo, right: channelHi, y: rows });
    const [start, end] = [Math.min(least(channelLo), asked[0]), Math.max(most(channelHi), asked[1])];
    const margin = 0.04 * (end - start || 1);
    this.#range(figures.channels.x_range, start - margin, end + margin);
    this.#range(figures.channels.y_range, -rows.length - 0.8, -0.2);
    spans.forEach((span, i) => {
      this.#ledger.write(span, "location", asked[i]);
      this.#ledger.write(span, "visible", !perChannel);
    });
    this.#data("channel-ranges", {
      x: channelClip.flatMap((ends) => [...ends]),
      y: perChannel ? [...rows, ...rows] : [],
    });
  }
}

/**
 * For each bar the formula of the level that its centre goes to.
 * @param {Picture} picture
 */
function formulas({ barCodes, reals, scale, zeroPoint, grid }) {
  /** @type {Map<number, string>} */
  const texts = new Map();
  return Array.from(barCodes, (code) => {
    const known = texts.get(code);
    if (known) return known;
    const text = affine(reals[code - grid.qmin], scale, code, zeroPoint);
    texts.set(code, text);
    return text;
  });
}
