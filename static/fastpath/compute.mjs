// (subject, settings) -> picture: what playground/tensor_view/picture.py reports, by our kernels. Equal to Python's bit for bit;
// tests/browser/test_fast_path.py holds that. Settings that are not covered give null: Python will answer.
import { MOST_VALUES } from "./subject.mjs";

const ERROR_BINS = 41; // playground/tensor_view/picture.py
const STAIRS = 512;
const HALF_EVEN = 0;
const REACH = 0.5; // of rounding half to even
const SMALLEST_SCALE = 2 ** -126;

/** The codes that a format has, and how its convention spreads a range over them. */
export function gridOf(settings, convention) {
  const signed = settings.format.startsWith("int");
  const bits = Number(settings.format.replace(/^u?int/, ""));
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  const qmax = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const qmin = lowest + Number(settings.narrow_range);
  const spread = settings.narrow_range || convention.symmetric_narrow_formats.includes(settings.format);
  const fixed = settings.narrow_range ? undefined : convention.symmetric_zero_points[settings.format];
  const middle = Math.floor((qmin + qmax + Number(convention.symmetric_midpoint === "up")) / 2);
  return {
    signed,
    bits,
    qmin,
    qmax,
    symmetricSpan: qmax - lowest - Number(spread),
    symmetricZeroPoint: signed ? 0 : (fixed ?? middle),
  };
}

/** The axis that channels run along: the settings', or the nearest there is. */
export const channelAxis = ({ axis }, rank) => {
  const near = Math.min(Math.max(axis, -rank), rank - 1);
  return near < 0 ? near + rank : near;
};

/** Whether ranges, scales and codes can be worked out here. */
export function covers(subject, settings, conventions) {
  if (!subject || subject.key !== keyOf(settings) || subject.count > MOST_VALUES) return false;
  if (!/^u?int[2-8]$/.test(settings.format) || !conventions[settings.convention]) return false;
  if (settings.granularity !== "tensor" && settings.granularity !== "channel") return false;
  if (settings.zoom && !subject.zoomed) return false;
  const given = settings.granularity === "tensor" && settings.lo !== null && settings.hi !== null;
  return given || settings.calibrator === "minmax";
}

/** What a subject is known by. */
export const keyOf = ({ model, tensor }) => JSON.stringify([model, tensor]);

/** Puts the clip ranges into subject.lo and subject.hi; returns the widest extent they have: [lo, hi]. */
export function chooseRange(kernels, subject, settings) {
  const views = () => [kernels.at(subject.lo), kernels.at(subject.hi)]; // taken late: what is worked out first may move them
  if (settings.granularity === "tensor") {
    const { range } = subject.whole();
    const ends = [settings.lo ?? range[0], settings.hi ?? range[1]];
    const [lo, hi] = views();
    lo[0] = Math.min(...ends);
    hi[0] = Math.max(...ends);
    return [lo[0], hi[0]];
  }
  const found = subject.channelRanges(channelAxis(settings, subject.shape.length));
  const [lo, hi] = views();
  lo.set(found.lo);
  hi.set(found.hi);
  const ends = [settings.lo ?? -Infinity, settings.hi ?? Infinity];
  const [low, high] = [{ float: Math.min(...ends) }, { float: Math.max(...ends) }];
  const n = found.lo.length;
  kernels.call("k_clip_range", subject.lo, subject.hi, n, low, high, subject.lo, subject.hi);
  const extreme = (array, i) => {
    kernels.call("k_minmax", array, n, subject.pair, subject.nans);
    return kernels.at(subject.pair)[i];
  };
  return [extreme(subject.lo, 0), extreme(subject.hi, 1)];
}

/** Scales and zero-points, in subject.scale and subject.zeroPoint; false if Python would refuse them. */
function chooseQparams(k, subject, settings, convention, grid, n) {
  k.call(
    "k_qparams",
    subject.lo,
    subject.hi,
    n,
    grid.qmin,
    grid.qmax,
    Number(settings.symmetric),
    grid.symmetricSpan,
    grid.symmetricZeroPoint,
    Number(convention.qparams_dtype === "float32"),
    { float: convention.min_scale },
    Number(convention.below_min_scale === "one"),
    Number(convention.zero_point_rounding === "quotient"),
    subject.scale,
    subject.zeroPoint,
  );
  if (
    !k
      .at(subject.scale)
      .subarray(0, n)
      .every((scale) => scale >= SMALLEST_SCALE && scale < Infinity)
  )
    return false;
  if (settings.symmetric || settings.zero_point === null) return true;
  k.at(subject.zeroPoint).fill(settings.zero_point);
  return settings.zero_point >= grid.qmin && settings.zero_point <= grid.qmax;
}

/** @returns the picture as plain data, or null */
export function compute(kernels, subject, settings, conventions) {
  if (!covers(subject, settings, conventions)) return null;
  const convention = conventions[settings.convention];
  const grid = gridOf(settings, convention);
  const axis = channelAxis(settings, subject.shape.length);
  const perChannel = settings.granularity === "channel";
  const layout = perChannel ? subject.layout(axis) : [1, 1, subject.count];
  const asked = chooseRange(kernels, subject, settings);
  if (!chooseQparams(kernels, subject, settings, convention, grid, layout[1])) return null;
  const mark = kernels.mark();
  const shown = perChannel ? widest(kernels.at(subject.scale).subarray(0, layout[1])) : 0;
  const { edges, counts } = settings.zoom ? subject.bulk() : subject.whole();
  const picture = {
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
  Object.assign(picture, drawnGrid(kernels, subject, picture), channels(subject, axis, picture));
  kernels.release(mark);
  return picture;
}

/** The first of the largest. */
const widest = (scales) => scales.reduce((best, scale, i) => (scale > scales[best] ? i : best), 0);

/** Codes, and the errors they make. */
function quantized(k, subject, convention, granularity, grid, layout, shown) {
  const { qmin, qmax, signed } = grid;
  const fused = convention.fused_granularities.includes(granularity);
  const order = convention.zero_point_before_rounding ? (fused ? 2 : 1) : 0;
  const { scale, zeroPoint, codes, x, xHat } = subject;
  k.call(
    "k_quantize",
    x,
    ...layout,
    scale,
    zeroPoint,
    qmin,
    qmax,
    Number(convention.multiply_by_reciprocal),
    order,
    HALF_EVEN,
    codes,
  );
  k.call("k_dequantize", codes, Number(signed), ...layout, scale, zeroPoint, xHat);
  k.call("k_clip_limits", scale, zeroPoint, layout[1], qmin, qmax, { float: REACH }, subject.limitLo, subject.limitHi);
  const stats = k.alloc(Float64Array, 6);
  k.call("k_error_stats", x, xHat, ...layout, subject.limitLo, subject.limitHi, stats);
  const [signal, noise, rounding, clipping, clipped, maxError] = k.at(stats);
  const held = k.alloc(Int32Array, qmax - qmin + 1);
  k.at(held).fill(0);
  k.call("k_count_codes", codes, Number(signed), ...layout, granularity === "channel" ? shown : -1, qmin, held);
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

function errorBins(k, subject, largest, scale) {
  const counts = k.alloc(Int32Array, ERROR_BINS);
  k.at(counts).fill(0);
  k.call(
    "k_error_bins",
    subject.x,
    subject.xHat,
    subject.count,
    { float: largest },
    { float: scale },
    ERROR_BINS,
    counts,
    subject.pair,
  );
  const [edge] = k.at(subject.pair);
  return { errorEdges: subject.linspace(-edge, edge, ERROR_BINS + 1), errorCounts: k.at(counts).slice() };
}

/** What the lowest and the highest code of every scale stand for. */
function ends(k, subject, { qmin, qmax, signed }, n) {
  k.at(subject.endCodes)
    .fill(qmin, 0, n)
    .fill(qmax, n, 2 * n);
  k.call("k_dequantize", subject.endCodes, Number(signed), 2, n, 1, subject.scale, subject.zeroPoint, subject.ends);
  const both = k.at(subject.ends);
  return { endLo: both.slice(0, n), endHi: both.slice(n, 2 * n) };
}

/** Levels, staircase and the codes of the bars, all of the shown scale. */
function drawnGrid(k, subject, { grid, scale, zeroPoint, edges, endLo, endHi, shownChannel }) {
  const { qmin, qmax, signed } = grid;
  const n = qmax - qmin + 1;
  const [one, point] = [k.alloc(Float32Array, 1), k.alloc(Int32Array, 1)];
  const [stairs, codes, out] = [
    k.alloc(Float32Array, STAIRS),
    k.alloc(Uint8Array, STAIRS),
    k.alloc(Float32Array, STAIRS),
  ];
  const [centres, reals, exact] = [
    k.alloc(Int32Array, edges.length - 1),
    k.alloc(Float64Array, n),
    k.alloc(Float64Array, edges.length),
  ];
  k.at(one)[0] = scale;
  k.at(point)[0] = zeroPoint;
  k.at(exact).set(edges);
  const real = (count) => {
    k.call("k_dequantize", codes, Number(signed), 1, 1, count, one, point, out);
    return k.at(out).slice(0, count);
  };
  k.call("k_linspace", { float: edges[0] }, { float: edges.at(-1) }, STAIRS, 1, stairs);
  k.call("k_quantize", stairs, 1, 1, STAIRS, one, point, qmin, qmax, 0, 0, HALF_EVEN, codes);
  const transfer = { x: k.at(stairs).slice(), y: real(STAIRS) };
  k.at(codes).set(Int32Array.from({ length: n }, (_, i) => qmin + i)); // the low bytes
  k.call("k_centre_codes", exact, edges.length - 1, { float: scale }, zeroPoint, qmin, qmax, centres);
  k.call("k_reals", { float: scale }, zeroPoint, qmin, n, reals);
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

/** The channels' ranges, widest first, and what their codes reach. */
function channels(subject, axis, { endLo, endHi, perChannel }) {
  const { lo, hi, order } = subject.channelRanges(axis);
  const pick = (array) => Float32Array.from(order, (c) => array[c]);
  return { channelLo: pick(lo), channelHi: pick(hi), channelClip: perChannel ? [pick(endLo), pick(endHi)] : [] };
}

/** Sizes as stored: packed codes, float32 scales, and packed zero-points unless all are 0. */
function storage(k, subject, bits, scales) {
  const packed = (n) => Math.ceil((n * bits) / 8);
  const points = k
    .at(subject.zeroPoint)
    .subarray(0, scales)
    .some((point) => point !== 0);
  const bytesAfter = packed(subject.count) + 4 * scales + (points ? packed(scales) : 0);
  return { bytesBefore: 4 * subject.count, bytesAfter, bitsPerWeight: (8 * bytesAfter) / subject.count };
}
