// The tensor that is looked at, in the kernels' memory, with what does not depend on the settings worked out once.

export const BINS = 120; // playground/tensor_view/picture.py
const MOST_CHANNELS = 64;

/** Values up to which a slider step fits into a frame. */
export const MOST_VALUES = 2 ** 20;

const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

export class Subject {
  #kernels;
  #ranges = new Map();
  #whole = null;

  /**
   * @param {import("../kernels.mjs").Kernels} kernels whose memory is the subject's alone
   * @param {{values: Float32Array, shape: number[], key: string, zoomed?: {first: number, last: number, counts: number[]}}} tensor
   *   its values in C order; `key` says which tensor it is; `zoomed` is the histogram of their bulk, as Python counted it
   */
  constructor(kernels, { values, shape, key, zoomed }) {
    this.#kernels = kernels;
    Object.assign(this, { key, shape, count: values.length, zoomed });
    const alloc = (Type, length) => kernels.alloc(Type, length);
    const most = Math.max(...shape);
    this.x = alloc(Float32Array, values.length);
    this.codes = alloc(Uint8Array, values.length);
    this.xHat = alloc(Float32Array, values.length);
    // One entry a scale: there are at most as many as the longest axis has channels.
    for (const name of ["lo", "hi", "scale", "limitLo", "limitHi"]) this[name] = alloc(Float32Array, most);
    this.zeroPoint = alloc(Int32Array, most);
    this.endCodes = alloc(Uint8Array, 2 * most);
    this.ends = alloc(Float32Array, 2 * most);
    this.pair = alloc(Float32Array, 2);
    this.nans = alloc(Int32Array, 1);
    kernels.at(this.x).set(values);
  }

  /** x seen as [outer][channels][inner]. */
  layout(axis) {
    return [product(this.shape.slice(0, axis)), this.shape[axis], product(this.shape.slice(axis + 1))];
  }

  /** {range, span, edges, counts}: the smallest and the largest value, and the histogram of all, which runs over `span`. */
  whole() {
    this.#whole ??= this.#count();
    return this.#whole;
  }

  #count() {
    const k = this.#kernels;
    k.call("k_minmax", this.x, this.count, this.pair, this.nans);
    const range = [...k.at(this.pair)];
    const outside = k.alloc(Int32Array, 2);
    const counts = k.alloc(Int32Array, BINS);
    k.at(counts).fill(0);
    k.call("k_spread", { float: range[0] }, { float: range[1] }, this.pair);
    const [first, last] = k.at(this.pair);
    k.call("k_histogram", this.x, this.count, { float: first }, { float: last }, BINS, counts, outside);
    return { range, span: [first, last], edges: this.linspace(first, last, BINS + 1), counts: k.at(counts).slice() };
  }

  /** {edges, counts} of the bulk of the values; null if nobody has counted them. */
  bulk() {
    if (!this.zoomed) return null;
    const { first, last, counts } = this.zoomed;
    return { edges: this.linspace(first, last, counts.length + 1), counts };
  }

  linspace(first, last, n, Type = Float64Array) {
    const k = this.#kernels;
    const mark = k.mark();
    const out = k.alloc(Type, n);
    k.call("k_linspace", { float: first }, { float: last }, n, Number(Type === Float32Array), out);
    const spaced = k.at(out).slice();
    k.release(mark);
    return spaced;
  }

  /** The smallest and the largest value of each channel, and the order in which they are shown: widest first. */
  channelRanges(axis) {
    if (!this.#ranges.has(axis)) this.#ranges.set(axis, this.#rangesAlong(axis));
    return this.#ranges.get(axis);
  }

  #rangesAlong(axis) {
    const k = this.#kernels;
    const [outer, channels, inner] = this.layout(axis);
    k.call("k_minmax_channels", this.x, outer, channels, inner, this.lo, this.hi, this.nans);
    k.call("k_widths", this.lo, this.hi, channels, this.scale);
    const [lo, hi, width] = [this.lo, this.hi, this.scale].map((array) => k.at(array).slice(0, channels));
    const order = [...width.keys()].sort((a, b) => width[b] - width[a]);
    return { lo, hi, order: order.length > MOST_CHANNELS ? evenly(order, MOST_CHANNELS) : order };
  }
}

/** As many items as asked for, evenly picked, the first and the last among them. */
function evenly(items, n) {
  const step = (items.length - 1) / (n - 1);
  return Array.from({ length: n }, (_, i) => items[i === n - 1 ? items.length - 1 : Math.trunc(i * step)]);
}
