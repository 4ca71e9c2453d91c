// Settings -> ranges, scales and zero-points, as playground/quantization/qparams.py chooses them. Settings that are not covered are
// Python's.
import { k_clip_range, k_minmax, k_qparams } from "../../playground/kernels/structs.mjs";
import { MOST_VALUES } from "./subject.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { Place } from "../types/kernels"
 * @import { Settings } from "../types/messages"
 * @import { Convention, Grid, Pair } from "../types/picture"
 * @import { Subject } from "./subject.mjs"
 */

const SMALLEST_SCALE = 2 ** -126;

/**
 * The codes that a format has, and how its convention spreads a range over them.
 * @param {Pick<Settings, "format" | "narrow_range">} settings
 * @param {Convention} convention
 * @returns {Grid}
 */
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

/**
 * The axis that channels run along: the settings', or the nearest there is.
 * @param {Pick<Settings, "axis">} settings
 * @param {number} rank
 */
export const channelAxis = ({ axis }, rank) => {
  const near = Math.min(Math.max(axis, -rank), rank - 1);
  return near < 0 ? near + rank : near;
};

/**
 * Whether ranges, scales and codes can be worked out here.
 * @param {Subject | null} subject
 * @param {Settings} settings
 * @param {Record<string, Convention>} conventions
 * @returns {subject is Subject}
 */
export function covers(subject, settings, conventions) {
  if (!subject || subject.key !== keyOf(settings) || subject.count > MOST_VALUES) return false;
  if (!/^u?int[2-8]$/.test(settings.format) || !conventions[settings.convention]) return false;
  if (settings.granularity !== "tensor" && settings.granularity !== "channel") return false;
  if (settings.zoom && settings.granularity === "tensor" && !subject.zoomed) return false;
  const given = settings.granularity === "tensor" && settings.lo !== null && settings.hi !== null;
  return given || settings.calibrator === "minmax";
}

/**
 * What a subject is known by.
 * @param {Pick<Settings, "model" | "tensor">} settings
 */
export const keyOf = ({ model, tensor }) => JSON.stringify([model, tensor]);

/**
 * Puts the clip ranges into subject.lo and subject.hi; returns the widest extent they have: [lo, hi].
 * @param {Kernels} kernels
 * @param {Subject} subject
 * @param {Settings} settings
 * @returns {Pair}
 */
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
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const n = found.lo.length;
  const places = { lo: subject.lo, hi: subject.hi, clipped_lo: subject.lo, clipped_hi: subject.hi };
  kernels.call(k_clip_range, { ...places, n, low, high });
  /**
   * @param {Place<Float32Array>} array
   * @param {number} i 0: the smallest, 1: the largest
   */
  const extreme = (array, i) => {
    kernels.call(k_minmax, { x: array, n, range: subject.pair, nan_count: subject.nans });
    return kernels.at(subject.pair)[i];
  };
  return [extreme(subject.lo, 0), extreme(subject.hi, 1)];
}

/**
 * Where a range begins and ends once zero is in it, or it is made symmetric.
 * @param {Pair} asked
 * @param {boolean} symmetric
 * @returns {Pair}
 */
export function handlesOf([lo, hi], symmetric) {
  const largest = Math.max(-lo, hi, 0);
  return symmetric ? [-largest, largest] : [Math.min(lo, 0), Math.max(hi, 0)];
}

/**
 * Scales and zero-points, in subject.scale and subject.zeroPoint; false if Python would refuse them.
 * @param {Kernels} k
 * @param {Subject} subject
 * @param {Settings} settings
 * @param {Convention} convention
 * @param {Grid} grid
 * @param {number} n how many scales
 */
export function chooseQparams(k, subject, settings, convention, grid, n) {
  k.call(k_qparams, {
    lo: subject.lo,
    hi: subject.hi,
    n,
    qmin: grid.qmin,
    qmax: grid.qmax,
    symmetric: Number(settings.symmetric),
    symmetric_span: grid.symmetricSpan,
    symmetric_zero_point: grid.symmetricZeroPoint,
    single: Number(convention.qparams_dtype === "float32"),
    min_scale: convention.min_scale,
    below_is_one: Number(convention.below_min_scale === "one"),
    quotient: Number(convention.zero_point_rounding === "quotient"),
    scale: subject.scale,
    zero_point: subject.zeroPoint,
  });
  const scales = k.at(subject.scale).subarray(0, n);
  if (!scales.every((scale) => scale >= SMALLEST_SCALE && scale < Infinity)) return false;
  if (settings.symmetric || settings.zero_point === null) return true;
  k.at(subject.zeroPoint).fill(settings.zero_point);
  return settings.zero_point >= grid.qmin && settings.zero_point <= grid.qmax;
}
