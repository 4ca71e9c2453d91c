// Two histograms over each other, as SVG: the same bins, one axis. Its colours are the style sheet's, so they follow the
// theme. The Tensor view's renderer has levels, handles and a channel to draw; here there are counts alone.
import { digits, grouped } from "./fastpath/numbers.mjs";

/** @import { PairHistograms } from "./types/messages" */

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 224;
const ROOM = { left: 52, right: 10, top: 10, foot: 26 };
/** Where bars stand on: counts are drawn on a logarithmic axis. */
const LEAST = 0.5;
/** Pixels between two numbers below the axis. */
const APART = 60;

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {string} [text]
 */
function make(tag, attributes, text = "") {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.textContent = text;
  return made;
}

/**
 * Round numbers between two values.
 * @param {number} lo
 * @param {number} hi
 * @param {number} most
 */
export function ticksOf(lo, hi, most) {
  const rough = (hi - lo) / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(lo / step);
  const count = Math.floor(hi / step) - first + 1;
  return Array.from({ length: Math.max(0, Math.min(count, 2 * most)) }, (_, i) => (first + i) * step);
}

/** A round number without the zeros at its end. @param {number} value */
const round = (value) =>
  digits(value)
    .replace(/(\.\d*?)0+$/, "$1")
    .replace(/\.$/, "");

/**
 * The outline of bars.
 * @param {number[]} counts
 * @param {(bin: number) => number} x of a bin's left edge
 * @param {(count: number) => number} y
 */
function outline(counts, x, y) {
  const steps = counts.map((count, i) => `V${y(count).toFixed(1)}H${x(i + 1).toFixed(1)}`);
  return `M${x(0).toFixed(1)},${y(0).toFixed(1)}${steps.join("")}V${y(0).toFixed(1)}`;
}

/**
 * @param {SVGElement} svg
 * @param {PairHistograms} picture
 */
export function drawHistograms(svg, { lo, hi, counts }) {
  const width = Math.max(200, svg.clientWidth);
  const [bins, most] = [counts[0].length, Math.max(1, ...counts.flat())];
  const [right, foot] = [width - ROOM.right, HEIGHT - ROOM.foot];
  const x = (/** @type {number} */ bin) => ROOM.left + ((right - ROOM.left) * bin) / bins;
  const tall = Math.log10((2 * most) / LEAST);
  const y = (/** @type {number} */ count) =>
    foot - ((foot - ROOM.top) * Math.log10(Math.max(count, LEAST) / LEAST)) / tall;
  const at = (/** @type {number} */ value) => x(((value - lo) / (hi - lo)) * bins);
  const powers = Array.from({ length: Math.floor(Math.log10(2 * most)) + 1 }, (_, i) => i);
  const every = Math.ceil(powers.length / 5);
  const rows = powers.filter((power) => power % every === 0);
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  svg.setAttribute("height", String(HEIGHT));
  svg.replaceChildren(
    ...rows.flatMap((power) => [
      make("line", { class: "rule", x1: ROOM.left, x2: right, y1: y(10 ** power), y2: y(10 ** power) }),
      make("text", { x: ROOM.left - 8, y: y(10 ** power) + 4, "text-anchor": "end" }, digits(10 ** power, 1)),
    ]),
    make("path", { class: "a", d: outline(counts[0], x, y) }),
    make("path", { class: "b", d: outline(counts[1], x, y) }),
    ...ticksOf(lo, hi, Math.floor((right - ROOM.left) / APART)).map((value) =>
      make("text", { x: at(value), y: HEIGHT - 6, "text-anchor": "middle" }, round(value)),
    ),
    ...counts[0].map((count, i) => {
      const bar = make("rect", { class: "bin", x: x(i), y: ROOM.top, width: x(1) - x(0), height: foot - ROOM.top });
      bar.append(
        make(
          "title",
          {},
          rowOf(lo, hi, counts, i)
            .slice(0, 2)
            .join(" to ")
            .concat(`: A ${grouped(count)}, B ${grouped(counts[1][i])}`),
        ),
      );
      return bar;
    }),
  );
}

/**
 * @param {number} lo
 * @param {number} hi
 * @param {number[][]} counts
 * @param {number} i
 */
function rowOf(lo, hi, counts, i) {
  const edge = (/** @type {number} */ bin) => lo + ((hi - lo) * bin) / counts[0].length;
  return [digits(edge(i)), digits(edge(i + 1)), ...counts.map((each) => grouped(each[i]))];
}

export const HISTOGRAM_COLUMNS = ["From", "To", "Values in A", "Values in B"];

/**
 * The bins as rows of a table; those that are empty in both are left out.
 * @param {PairHistograms} picture
 */
export function histogramRows({ lo, hi, counts }) {
  return counts[0].flatMap((count, i) => (count || counts[1][i] ? [rowOf(lo, hi, counts, i)] : []));
}
