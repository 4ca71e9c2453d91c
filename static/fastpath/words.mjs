// A picture in words: titles, the formula with its own numbers, and the cards that answer "is this good?".
import { affine, digits, grouped, percent, points, size } from "./numbers.mjs";

/** @import { Answers, Card, Picture } from "../types/picture" */

/** Block -> title, and a remark beside it. @param {Picture} picture @returns {Record<string, [string, string]>} */
export function titlesOf(picture) {
  const { clippingErrorShare: share, lo, hi, clippedShare } = picture;
  const reach = `levels from ${digits(lo)} to ${digits(hi)} · ${percent(clippedShare)} clipped · drag the handles`;
  const split = `${(100 * share).toFixed(0)} % by clipping`; // the rest is by rounding, as the bar below shows
  return {
    histogram: [heading(picture), reach],
    error: ["Error", split],
    transfer: ["Transfer", "value → level"],
    channels: ["Channels", whoseScales(picture)],
  };
}

/** @param {Picture} picture */
function heading({ granularity, shownChannel, count, counts, levelCount, scales }) {
  const levels = levelCount ? `${grouped(levelCount)} levels` : "more levels than one could count";
  if (shownChannel === null) return `${grouped(count)} weights on ${levels}`;
  const whose = granularity === "token" ? "row" : granularity;
  const own = counts.reduce((a, b) => a + b, 0);
  return `${grouped(own)} weights of ${whose} ${shownChannel} (of ${grouped(scales)}) on ${levels} a ${whose}`;
}

/** @param {Picture} picture */
function whoseScales({ scaled, granularity, shownChannel }) {
  if (!scaled) return "no scale";
  if (granularity === "channel") return "click one";
  const whose = granularity === "token" ? "row" : granularity;
  return shownChannel === null ? "one scale" : `a scale a ${whose}`;
}

/**
 * The formula as such.
 * @param {Picture} picture
 */
export function generalFormula({ fitted, scaled, affine: plain, offset, family }) {
  if (fitted) return "real = the nearest level of the codebook made for these values";
  if (!scaled) return "real = the nearest number of the format";
  const number = plain && family === "integer" ? "(code − zero-point)" : "number";
  return `real = scale × ${number}${offset ? " + offset" : ""}`;
}

/**
 * The formula of a listed level, with its own numbers.
 * @param {Picture} picture
 * @param {number} place
 */
function formulaAt(picture, place) {
  const { reals, scale, codes, zeroPoint, numbers, offset, scaled } = picture;
  if (picture.affine) return affine(reals[place], scale, codes[place], zeroPoint);
  const value = digits(reals[place]);
  if (!scaled) return value;
  const product = `${value} = ${digits(scale)} × ${digits(numbers[place])}`;
  return offset ? `${product} ${offset > 0 ? "+" : "−"} ${digits(Math.abs(offset))}` : product;
}

/**
 * What becomes of the values of a bar, as a formula with its own numbers.
 * @param {Picture} picture
 * @param {number} bar
 */
export function formulaOf(picture, bar) {
  if (picture.levels.length) return formulaAt(picture, picture.barPlaces[bar]);
  const centre = (picture.edges[bar] + picture.edges[bar + 1]) / 2;
  return `${digits(centre, 5)} → ${digits(picture.barReals[bar], 5)}`;
}

/**
 * The formula of the highest level; where none are listed, of the last bar.
 * @param {Picture} picture
 */
export const example = (picture) =>
  picture.levels.length ? formulaAt(picture, picture.levels.length - 1) : formulaOf(picture, picture.counts.length - 1);

/**
 * The signal over the noise in decibels: a way to write their ratio.
 * @param {Pick<Picture, "signal" | "noise">} sums
 */
export function decibels({ signal, noise }) {
  if (noise === 0) return Infinity;
  return signal ? 10 * Math.log10(signal / noise) : -Infinity;
}

/**
 * A number's remark: what it was before the last change, if it was another one; else what there is to say of it.
 * @param {number} now
 * @param {number | undefined} then
 * @param {(value: number) => string} write
 * @param {string} remark
 * @param {number} better -1 if less is better, 1 if more is
 * @returns {{ remark: string, tone?: string }}
 */
function sinceThen(now, then, write, remark, better) {
  if (then === undefined || write(then) === write(now)) return { remark };
  return { remark: `before ${write(then)}`, tone: (now - then) * better > 0 ? "better" : "worse" };
}

/**
 * The cards: "is this good?".
 * @param {Picture} picture
 * @param {Answers | null} answers
 * @param {Picture | null} before the picture before the last change
 * @returns {Record<string, Card>}
 */
export function cardsOf(picture, answers, before) {
  const { maxError, scale, scaled, scales, bitsPerWeight, bytesBefore, bytesAfter } = picture;
  const [now, then] = [decibels(picture), before ? decibels(before) : undefined];
  const ratio = bytesBefore / Math.max(1, bytesAfter);
  const inScales = scaled && scale ? `${digits(maxError / Math.abs(scale), 2)} × scale` : "";
  const about = Number.isFinite(now) ? "each bit adds about 6\u00a0dB" : "no error at all";
  const counted = `as stored, ${grouped(scales)} scale${scales === 1 ? "" : "s"}`;
  const write = { sqnr: (/** @type {number} */ value) => `${digits(value)} dB`, plain: digits };
  return {
    ...(answers ? answersOf(answers) : {}),
    sqnr: { label: "SQNR", value: write.sqnr(now), ...sinceThen(now, then, write.sqnr, about, 1) },
    "max-error": {
      label: "Max error",
      value: digits(maxError),
      ...sinceThen(maxError, before?.maxError, (value) => digits(value), inScales, -1),
    },
    bits: { label: "Bits per weight", value: digits(bitsPerWeight), remark: counted },
    size: {
      label: "Size",
      value: size(bytesAfter),
      remark: `from ${size(bytesBefore)}, ÷\u00a0${digits(ratio)}`,
      tone: ratio > 1 ? "better" : "worse",
    },
  };
}

/**
 * @param {Answers} answers
 * @returns {Record<string, Card>}
 */
function answersOf({ accuracy, floatAccuracy, crossEntropy, floatCrossEntropy, count, noun }) {
  const [change, tone] = points(accuracy - floatAccuracy);
  return {
    accuracy: { label: "Accuracy", value: percent(accuracy), remark: `${change} on ${grouped(count)} ${noun}`, tone },
    "cross-entropy": {
      label: "Cross-entropy",
      value: digits(crossEntropy),
      remark: `float ${digits(floatCrossEntropy)}`,
      tone: crossEntropy > floatCrossEntropy * 1.005 ? "worse" : "",
    },
  };
}
