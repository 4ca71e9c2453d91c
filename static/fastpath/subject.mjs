// The tensor that is looked at, in the kernels' memory, with what does not depend on the settings worked out once.
import {
  k_histogram,
  k_linspace,
  k_minmax,
  k_minmax_channels,
  k_spread,
  k_widths,
} from "../../playground/kernels/structs.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { Place } from "../types/kernels"
 * @import { Histogram, Layout, Pair, Tensor } from "../types/picture"
 */

export const BINS = 120; // playground/tensor_view/picture.py
const MOST_CHANNELS = 64;

/** Values up to which a slider step fits into a frame. */
export const MOST_VALUES = 2 ** 20;

const product = (/** @type {number[]} */ sizes) => sizes.reduce((a, b) => a * b, 1);

export class Subject {
  #kernels;
  /** @type {Map<number, { lo: Float32Array, hi: Float32Array, order: number[] }>} */
  #ranges = new Map();
  /** @type {(Histogram & { range: Pair, span: Pair }) | null} */
  #whole = null;
  /** @type {Histogram | null} */
  #bulk = null;
  /** The histogram of the channel that was last asked for. */
  #channel = { key: "", counted: /** @type {Histogram | null} */ (null) };

  /**
   * @param {Kernels} kernels whose memory is the subject's alone
   * @param {Tensor} tensor its `zoomed` is the histogram of the values' bulk, as Python counted it
   */
  constructor(kernels, { values, shape, key, zoomed }) {
    this.#kernels = kernels;
    this.key = key;
    this.shape = shape;
    this.count = values.length;
    this.zoomed = zoomed;
    const floats = (/** @type {number} */ length) => kernels.alloc(Float32Array, length);
    const most = Math.max(...shape);
    this.x = floats(values.length);
    this.codes = kernels.alloc(Uint8Array, values.length);
    this.xHat = floats(values.length);
    // One entry a scale: there are at most as many as the longest axis has channels.
    this.lo = floats(most);
    this.hi = floats(most);
    this.scale = floats(most);
    this.limitLo = floats(most);
    this.limitHi = floats(most);
    this.zeroPoint = kernels.alloc(Int32Array, most);
    this.endCodes = kernels.alloc(Uint8Array, 2 * most);
    this.ends = floats(2 * most);
    this.pair = floats(2);
    this.nans = kernels.alloc(Int32Array, 1);
    kernels.at(this.x).set(values);
  }

  /**
   * x seen as [outer][channels][inner].
   * @param {number} axis
   * @returns {Layout}
   */
  layout(axis) {
    return [product(this.shape.slice(0, axis)), this.shape[axis], product(this.shape.slice(axis + 1))];
  }

  /** {range, span, edges, counts}: the smallest and the largest value, and the histogram of all, which runs over `span`. */
  whole() {
    this.#whole ??= this.#counted(this.x, this.count);
    return this.#whole;
  }

  /**
   * The smallest and the largest of some values, and their histogram.
   * @param {Place<Float32Array>} x
   * @param {number} n how many
   * @returns {Histogram & { range: Pair, span: Pair }}
   */
  #counted(x, n) {
    const k = this.#kernels;
    const mark = k.mark();
    k.call(k_minmax, { x, n, range: this.pair, nan_count: this.nans });
    const [lo, hi] = k.at(this.pair);
    const outside = k.alloc(Int32Array, 2);
    const counts = k.alloc(Int32Array, BINS);
    k.at(counts).fill(0);
    k.call(k_spread, { lo, hi, ends: this.pair });
    const [first, last] = k.at(this.pair);
    k.call(k_histogram, { x, n, bins: { lo: first, hi: last, count: BINS }, counts, outside });
    const held = k.at(counts).slice();
    k.release(mark);
    return { range: [lo, hi], span: [first, last], edges: this.linspace(first, last, BINS + 1), counts: held };
  }

  /**
   * The histogram of one channel.
   * @param {number} axis
   * @param {number} channel
   * @returns {Histogram}
   */
  channel(axis, channel) {
    const key = `${axis}/${channel}`;
    const known = this.#channel;
    if (known.key === key && known.counted) return known.counted;
    const k = this.#kernels;
    const [outer, channels, inner] = this.layout(axis);
    const mark = k.mark();
    const line = k.alloc(Float32Array, outer * inner);
    const [from, to] = [k.at(this.x), k.at(line)];
    for (let o = 0; o < outer; o++) {
      const start = (o * channels + channel) * inner;
      to.set(from.subarray(start, start + inner), o * inner);
    }
    const { edges, counts } = this.#counted(line, outer * inner);
    k.release(mark);
    this.#channel = { key, counted: { edges, counts } };
    return { edges, counts };
  }

  /**
   * {edges, counts} of the bulk of the values; null if they have not been counted.
   * @returns {Histogram | null}
   */
  bulk() {
    if (!this.zoomed) return null; // edges stay the same array: by that the plot knows that its bars stay
    this.#bulk ??= this.#bulkOf(this.zoomed);
    return this.#bulk;
  }

  /** @param {{ first: number, last: number, counts: number[] }} zoomed */
  #bulkOf({ first, last, counts }) {
    return { edges: this.linspace(first, last, counts.length + 1), counts: Int32Array.from(counts) };
  }

  /**
   * `n` numbers from first to last, as numpy.linspace has them.
   * @param {number} first
   * @param {number} last
   * @param {number} n
   */
  linspace(first, last, n) {
    const k = this.#kernels;
    const mark = k.mark();
    const out = k.alloc(Float64Array, n);
    k.call(k_linspace, { first, last, n, single: 0, out });
    const spaced = k.at(out).slice();
    k.release(mark);
    return spaced;
  }

  /**
   * The smallest and the largest value of each channel, and the order in which they are shown: widest first.
   * @param {number} axis
   */
  channelRanges(axis) {
    const known = this.#ranges.get(axis);
    if (known) return known;
    const found = this.#rangesAlong(axis);
    this.#ranges.set(axis, found);
    return found;
  }

  /** @param {number} axis */
  #rangesAlong(axis) {
    const k = this.#kernels;
    const [outer, channels, inner] = this.layout(axis);
    const sizes = { outer, channels, inner };
    k.call(k_minmax_channels, { x: this.x, ...sizes, lo: this.lo, hi: this.hi, nan_count: this.nans });
    k.call(k_widths, { lo: this.lo, hi: this.hi, n: channels, width: this.scale });
    const [lo, hi, width] = [this.lo, this.hi, this.scale].map((array) => k.at(array).slice(0, channels));
    const order = [...width.keys()].sort((a, b) => width[b] - width[a]);
    return { lo, hi, order: order.length > MOST_CHANNELS ? evenly(order, MOST_CHANNELS) : order };
  }
}

/**
 * As many items as asked for, evenly picked, the first and the last among them.
 * @param {number[]} items
 * @param {number} n
 */
function evenly(items, n) {
  const step = (items.length - 1) / (n - 1);
  return Array.from({ length: n }, (_, i) => items[i === n - 1 ? items.length - 1 : Math.trunc(i * step)]);
}
