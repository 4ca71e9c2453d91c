// (subject, settings) -> picture: what playground/tensor_view/picture.py reports, by our kernels. Equal to Python's bit for bit;
// tests/browser/test_fast_path.py holds that. Settings that are not covered give null: Python will answer.
import {
  k_centre_codes,
  k_clip_limits,
  k_count_codes,
  k_dequantize,
  k_error_bins,
  k_error_stats,
  k_linspace,
  k_quantize,
  k_reals,
} from "../../playground/kernels/structs.mjs";
import { channelAxis, chooseQparams, chooseRange, covers, gridOf, handlesOf } from "./qparams.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { Settings } from "../types/messages"
 * @import { Channels, Convention, DrawnGrid, Errors, Grid, Histogram, Layout, Pair, Picture, Storage } from "../types/picture"
 * @import { Subject } from "./subject.mjs"
 */

const ERROR_BINS = 41; // playground/tensor_view/picture.py
const STAIRS = 512;
const HALF_EVEN = 0;
const REACH = 0.5; // of rounding half to even

/**
 * The picture, or null if it is not covered.
 * @param {Kernels} kernels
 * @param {Subject | null} subject
 * @param {Settings} settings
 * @param {Record<string, Convention>} conventions
 * @param {Picture | null} [kept] its errors and counts are taken over where that is possible: what looks at every value
 *   waits
 * @returns {Picture | null}
 */
export function compute(kernels, subject, settings, conventions, kept = null) {
  if (!covers(subject, settings, conventions)) return null;
  const convention = conventions[settings.convention];
  const grid = gridOf(settings, convention);
  const axis = channelAxis(settings, subject.shape.length);
  const perChannel = settings.granularity === "channel";
  /** @type {Layout} */
  const layout = perChannel ? subject.layout(axis) : [1, 1, subject.count];
  const n = layout[1];
  const asked = chooseRange(kernels, subject, settings);
  if (!chooseQparams(kernels, subject, settings, convention, grid, n)) return null;
  const mark = kernels.mark();
  const shown = perChannel ? chosen(settings, kernels.at(subject.scale).subarray(0, n)) : 0;
  const one = { scale: kernels.at(subject.scale)[shown], zeroPoint: kernels.at(subject.zeroPoint)[shown] };
  const reach = ends(kernels, subject, grid, n);
  const histogram = histogramOf(subject, settings, axis, shown);
  const limits = clipLimits(kernels, subject, grid, n, shown);
  const picture = {
    settings,
    ...facts(settings),
    ...histogram,
    ...one,
    axis,
    asked,
    limits,
    handles: handlesOf(asked, settings.symmetric),
    shape: subject.shape,
    count: subject.count,
    channels: subject.shape[axis],
    scales: n,
    shownChannel: perChannel ? shown : null,
    offset: 0,
    step: one.scale,
    codeRange: /** @type {Pair} */ ([grid.qmin, grid.qmax]),
    span: subject.whole().span,
    lo: reach.lo[shown],
    hi: reach.hi[shown],
    ...(carried(kept, grid) ?? errors(kernels, subject, convention, settings.granularity, grid, layout, shown)),
    ...drawnGrid(kernels, grid, one, histogram.edges),
    ...channels(subject, axis, perChannel ? reach : null),
    ...storage(kernels, subject, grid.bits, n),
  };
  kernels.release(mark);
  return picture;
}

/**
 * The channel that is drawn: the settings', or the one whose levels reach farthest.
 * @param {Settings} settings
 * @param {Float32Array} scales
 */
const chosen = ({ channel }, scales) => (channel !== null && channel < scales.length ? channel : widest(scales));

/** @param {Settings} settings */
const facts = ({ granularity, symmetric }) => ({
  family: "integer",
  fitted: false,
  granularity,
  scaled: true,
  symmetric,
  ranged: true,
  holdsZero: true,
  affine: true,
});

/**
 * Of the values that have the drawn scale.
 * @param {Subject} subject
 * @param {Settings} settings
 * @param {number} axis
 * @param {number} shown
 * @returns {Histogram}
 */
function histogramOf(subject, { granularity, zoom }, axis, shown) {
  const { edges, counts } =
    granularity === "channel" ? subject.channel(axis, shown) : (zoom && subject.bulk()) || subject.whole();
  return { edges, counts };
}

/**
 * What was found of an earlier picture, if it has as many codes.
 * @param {Picture | null} kept
 * @param {Grid} grid
 * @returns {Errors | null}
 */
function carried(kept, { qmin, qmax }) {
  if (kept?.levelCounts.length !== qmax - qmin + 1) return null;
  const { signal, noise, maxError, clippedShare, clippingErrorShare, levelCounts, errorEdges, errorCounts } = kept;
  return { signal, noise, maxError, clippedShare, clippingErrorShare, levelCounts, errorEdges, errorCounts };
}

/**
 * The bounds between which the shown scale rounds; those of all are left in the subject.
 * @param {Kernels} k
 * @param {Subject} subject
 * @param {Grid} grid
 * @param {number} n how many scales
 * @param {number} shown
 * @returns {Pair}
 */
function clipLimits(k, subject, { qmin, qmax }, n, shown) {
  const { scale, zeroPoint: zero_point, limitLo: lo, limitHi: hi } = subject;
  k.call(k_clip_limits, { scale, zero_point, n, qmin, qmax, reach: REACH, lo, hi });
  return [k.at(lo)[shown], k.at(hi)[shown]];
}

/** The first of the largest. */
const widest = (/** @type {Float32Array} */ scales) =>
  scales.reduce((best, scale, i) => (scale > scales[best] ? i : best), 0);

/**
 * Codes, and the errors they make.
 * @param {Kernels} k
 * @param {Subject} subject
 * @param {Convention} convention
 * @param {string} granularity
 * @param {Grid} grid
 * @param {Layout} layout
 * @param {number} shown which scale is drawn
 * @returns {Errors}
 */
function errors(k, subject, convention, granularity, grid, layout, shown) {
  const { qmin, qmax, signed } = grid;
  const fused = convention.fused_granularities.includes(granularity);
  const order = convention.zero_point_before_rounding ? (fused ? 2 : 1) : 0;
  const { scale, zeroPoint: zero_point, codes, x, xHat: x_hat, limitLo: lo, limitHi: hi } = subject;
  const [outer, channels, inner] = layout;
  const sizes = { outer, channels, inner };
  const reciprocal = Number(convention.multiply_by_reciprocal);
  k.call(k_quantize, { x, ...sizes, scale, zero_point, qmin, qmax, reciprocal, order, rounding: HALF_EVEN, codes });
  k.call(k_dequantize, { codes, is_signed: Number(signed), ...sizes, scale, zero_point, x: x_hat });
  const stats = k.alloc(Float64Array, 6);
  k.call(k_error_stats, { x, x_hat, ...sizes, lo, hi, stats });
  const [signal, noise, rounding, clipping, clipped, maxError] = k.at(stats);
  const held = k.alloc(Int32Array, qmax - qmin + 1);
  k.at(held).fill(0);
  const channel = granularity === "channel" ? shown : -1;
  k.call(k_count_codes, { codes, is_signed: Number(signed), ...sizes, channel, qmin, qmax, counts: held });
  const n = subject.count;
  return {
    signal,
    noise,
    maxError,
    clippedShare: clipped / n,
    clippingErrorShare: clipping / n / (rounding / n + clipping / n || 1),
    levelCounts: k.at(held).slice(),
    ...errorBins(k, subject, maxError, k.at(scale)[shown]),
  };
}

/**
 * The histogram of the errors.
 * @param {Kernels} k
 * @param {Subject} subject
 * @param {number} largest error
 * @param {number} scale
 */
function errorBins(k, subject, largest, scale) {
  const counts = k.alloc(Int32Array, ERROR_BINS);
  k.at(counts).fill(0);
  const { x, xHat: x_hat, count: n, pair: widest } = subject;
  k.call(k_error_bins, { x, x_hat, n, largest, scale, count: ERROR_BINS, counts, widest });
  const [edge] = k.at(subject.pair);
  return { errorEdges: subject.linspace(-edge, edge, ERROR_BINS + 1), errorCounts: k.at(counts).slice() };
}

/**
 * What the lowest and the highest code of every scale stand for.
 * @param {Kernels} k
 * @param {Subject} subject
 * @param {Grid} grid
 * @param {number} n how many scales
 */
function ends(k, subject, { qmin, qmax, signed }, n) {
  const codes = k.at(subject.endCodes);
  codes.fill(qmin, 0, n).fill(qmax, n, 2 * n);
  const sizes = { outer: 2, channels: n, inner: 1 };
  const { endCodes, scale, zeroPoint: zero_point } = subject;
  k.call(k_dequantize, { codes: endCodes, is_signed: Number(signed), ...sizes, scale, zero_point, x: subject.ends });
  const both = k.at(subject.ends);
  return { lo: both.slice(0, n), hi: both.slice(n, 2 * n) };
}

/**
 * Levels, staircase and where the bars go, all of the shown scale.
 * @param {Kernels} k
 * @param {Grid} grid
 * @param {{ scale: number, zeroPoint: number }} one
 * @param {Float64Array} edges of the bars
 * @returns {Omit<DrawnGrid, "lo" | "hi">}
 */
function drawnGrid(k, { qmin, qmax, signed }, { scale, zeroPoint }, edges) {
  const n = qmax - qmin + 1;
  const [one, point] = [k.alloc(Float32Array, 1), k.alloc(Int32Array, 1)];
  const [stairs, out] = [k.alloc(Float32Array, STAIRS), k.alloc(Float32Array, STAIRS)];
  const codes = k.alloc(Uint8Array, STAIRS);
  const bars = edges.length - 1;
  const centres = k.alloc(Int32Array, bars);
  const [reals, exact] = [k.alloc(Float64Array, n), k.alloc(Float64Array, edges.length)];
  k.at(one)[0] = scale;
  k.at(point)[0] = zeroPoint;
  k.at(exact).set(edges);
  const ofOne = { outer: 1, channels: 1, scale: one, zero_point: point };
  const real = (/** @type {number} */ count) => {
    k.call(k_dequantize, { codes, is_signed: Number(signed), ...ofOne, inner: count, x: out });
    return k.at(out).slice(0, count);
  };
  k.call(k_linspace, { first: edges[0], last: edges[bars], n: STAIRS, single: 1, out: stairs });
  const plain = { reciprocal: 0, order: 0, rounding: HALF_EVEN };
  k.call(k_quantize, { x: stairs, ...ofOne, inner: STAIRS, qmin, qmax, ...plain, codes });
  const transfer = { x: k.at(stairs).slice(), y: real(STAIRS) };
  const listed = Int32Array.from({ length: n }, (_, i) => qmin + i);
  k.at(codes).set(listed); // the low bytes
  k.call(k_centre_codes, { edges: exact, n: bars, scale, zero_point: zeroPoint, qmin, qmax, codes: centres });
  k.call(k_reals, { scale, zero_point: zeroPoint, first: qmin, n, reals });
  return {
    transfer,
    levels: real(n),
    levelCount: n,
    codes: listed,
    numbers: Float32Array.from(listed),
    barPlaces: k.at(centres).map((code) => code - qmin),
    barReals: new Float32Array(0),
    reals: k.at(reals).slice(),
  };
}

/**
 * The channels' ranges, widest first, and what their codes reach.
 * @param {Subject} subject
 * @param {number} axis
 * @param {{ lo: Float32Array, hi: Float32Array } | null} reach where each has a scale
 * @returns {Channels}
 */
function channels(subject, axis, reach) {
  const { lo, hi, order } = subject.channelRanges(axis);
  const pick = (/** @type {Float32Array} */ array) => Float32Array.from(order, (c) => array[c]);
  return {
    channelOrder: Int32Array.from(order),
    channelLo: pick(lo),
    channelHi: pick(hi),
    channelClip: reach ? [pick(reach.lo), pick(reach.hi)] : [],
  };
}

/**
 * Sizes as stored: packed codes, float32 scales, and packed zero-points unless all are 0.
 * @param {Kernels} k
 * @param {Subject} subject
 * @param {number} bits
 * @param {number} scales how many
 * @returns {Storage}
 */
function storage(k, subject, bits, scales) {
  const packed = (/** @type {number} */ n) => Math.ceil((n * bits) / 8);
  const points = k.at(subject.zeroPoint).subarray(0, scales);
  const stored = points.some((point) => point !== 0);
  const bytesAfter = packed(subject.count) + 4 * scales + (stored ? packed(scales) : 0);
  return { bytesBefore: 4 * subject.count, bytesAfter, bitsPerWeight: (8 * bytesAfter) / subject.count };
}
