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
import { channelAxis, chooseQparams, chooseRange, covers, gridOf } from "./qparams.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { Settings } from "../types/messages"
 * @import { Channels, Convention, DrawnGrid, Errors, Grid, Layout, Measured, Picture, Storage } from "../types/picture"
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
 * @returns {Picture | null}
 */
export function compute(kernels, subject, settings, conventions) {
  if (!covers(subject, settings, conventions)) return null;
  const convention = conventions[settings.convention];
  const grid = gridOf(settings, convention);
  const axis = channelAxis(settings, subject.shape.length);
  const perChannel = settings.granularity === "channel";
  /** @type {Layout} */
  const layout = perChannel ? subject.layout(axis) : [1, 1, subject.count];
  const asked = chooseRange(kernels, subject, settings);
  if (!chooseQparams(kernels, subject, settings, convention, grid, layout[1])) return null;
  const mark = kernels.mark();
  const shown = perChannel ? widest(kernels.at(subject.scale).subarray(0, layout[1])) : 0;
  const { edges, counts } = (settings.zoom && subject.bulk()) || subject.whole();
  /** @type {Measured} */
  const measured = {
    settings,
    asked,
    axis,
    edges,
    counts,
    perChannel,
    grid,
    shape: subject.shape,
    count: subject.count,
    span: subject.whole().span,
    shownChannel: perChannel ? shown : null,
    scale: kernels.at(subject.scale)[shown],
    zeroPoint: kernels.at(subject.zeroPoint)[shown],
    scales: layout[1],
    ...quantized(kernels, subject, convention, settings.granularity, grid, layout, shown),
    ...storage(kernels, subject, grid.bits, layout[1]),
  };
  const picture = { ...measured, ...drawnGrid(kernels, measured), ...channels(subject, axis, measured) };
  kernels.release(mark);
  return picture;
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
function quantized(k, subject, convention, granularity, grid, layout, shown) {
  const { qmin, qmax, signed } = grid;
  const fused = convention.fused_granularities.includes(granularity);
  const order = convention.zero_point_before_rounding ? (fused ? 2 : 1) : 0;
  const { scale, zeroPoint: zero_point, codes, x, xHat: x_hat, limitLo: lo, limitHi: hi } = subject;
  const [outer, channels, inner] = layout;
  const sizes = { outer, channels, inner };
  const reciprocal = Number(convention.multiply_by_reciprocal);
  k.call(k_quantize, { x, ...sizes, scale, zero_point, qmin, qmax, reciprocal, order, rounding: HALF_EVEN, codes });
  k.call(k_dequantize, { codes, is_signed: Number(signed), ...sizes, scale, zero_point, x: x_hat });
  k.call(k_clip_limits, { scale, zero_point, n: channels, qmin, qmax, reach: REACH, lo, hi });
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
    limits: [k.at(subject.limitLo)[shown], k.at(subject.limitHi)[shown]],
    levelCounts: k.at(held).slice(),
    ...errorBins(k, subject, maxError, k.at(scale)[shown]),
    ...ends(k, subject, grid, layout[1]),
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
  return { endLo: both.slice(0, n), endHi: both.slice(n, 2 * n) };
}

/**
 * Levels, staircase and the codes of the bars, all of the shown scale.
 * @param {Kernels} k
 * @param {Measured} measured
 * @returns {DrawnGrid}
 */
function drawnGrid(k, { grid, scale, zeroPoint, edges, endLo, endHi, shownChannel }) {
  const { qmin, qmax, signed } = grid;
  const n = qmax - qmin + 1;
  const [one, point] = [k.alloc(Float32Array, 1), k.alloc(Int32Array, 1)];
  const [stairs, out] = [k.alloc(Float32Array, STAIRS), k.alloc(Float32Array, STAIRS)];
  const codes = k.alloc(Uint8Array, STAIRS);
  const centres = k.alloc(Int32Array, edges.length - 1);
  const [reals, exact] = [k.alloc(Float64Array, n), k.alloc(Float64Array, edges.length)];
  k.at(one)[0] = scale;
  k.at(point)[0] = zeroPoint;
  k.at(exact).set(edges);
  const ofOne = { outer: 1, channels: 1, scale: one, zero_point: point };
  const real = (/** @type {number} */ count) => {
    k.call(k_dequantize, { codes, is_signed: Number(signed), ...ofOne, inner: count, x: out });
    return k.at(out).slice(0, count);
  };
  k.call(k_linspace, { first: edges[0], last: edges[edges.length - 1], n: STAIRS, single: 1, out: stairs });
  const plain = { reciprocal: 0, order: 0, rounding: HALF_EVEN };
  k.call(k_quantize, { x: stairs, ...ofOne, inner: STAIRS, qmin, qmax, ...plain, codes });
  const transfer = { x: k.at(stairs).slice(), y: real(STAIRS) };
  k.at(codes).set(Int32Array.from({ length: n }, (_, i) => qmin + i)); // the low bytes
  const bars = edges.length - 1;
  k.call(k_centre_codes, { edges: exact, n: bars, scale, zero_point: zeroPoint, qmin, qmax, codes: centres });
  k.call(k_reals, { scale, zero_point: zeroPoint, first: qmin, n, reals });
  const at = shownChannel ?? 0;
  return {
    transfer,
    levels: real(n),
    barCodes: k.at(centres).slice(),
    reals: k.at(reals).slice(),
    lo: endLo[at],
    hi: endHi[at],
  };
}

/**
 * The channels' ranges, widest first, and what their codes reach.
 * @param {Subject} subject
 * @param {number} axis
 * @param {Measured} measured
 * @returns {Channels}
 */
function channels(subject, axis, { endLo, endHi, perChannel }) {
  const { lo, hi, order } = subject.channelRanges(axis);
  const pick = (/** @type {Float32Array} */ array) => Float32Array.from(order, (c) => array[c]);
  return { channelLo: pick(lo), channelHi: pick(hi), channelClip: perChannel ? [pick(endLo), pick(endHi)] : [] };
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
