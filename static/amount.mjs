// How far running work is, in words.

/** @import { Progress } from "./types/messages" */

const seconds = (/** @type {number | null} */ left) =>
  left === null ? "" : left < 1 ? "under a second left" : `about ${Math.ceil(left)} s left`;

/** @param {number} value with two significant digits, or as many as it has before the point */
const short = (value) => (value < 10 ? value.toPrecision(2) : value.toFixed(0));

/**
 * How fast steps are done.
 * @param {number} done
 * @param {number} ms since the first
 */
export function rateOf(done, ms) {
  if (done < 1 || ms <= 0) return "";
  const rate = (1000 * done) / ms;
  return rate >= 1 ? `${short(rate)} a second` : `${short(1 / rate)} s each`;
}

/**
 * How far work is, in words.
 * @param {Pick<Progress, "done" | "total" | "seconds_left">} progress
 * @param {number} ms since it began
 */
export function amountOf({ done, total, seconds_left: left }, ms) {
  const count = total > 1 && Number.isInteger(done) ? `${done} of ${total}` : "";
  return [count, total > 1 ? rateOf(done, ms) : "", seconds(left ?? null)].filter(Boolean).join(" · ");
}
