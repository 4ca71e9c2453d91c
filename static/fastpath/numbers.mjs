// Numbers as people read them: playground/render/numbers.py once more, equal text for equal numbers.

const SHORT = 24; // decimals that nearly always decide how to round
const EXACT = 100; // decimals with which every float64 of a usual size is written out whole
const UNITS = [
  { unit: "GB", factor: 1e9 },
  { unit: "MB", factor: 1e6 },
  { unit: "kB", factor: 1e3 },
];

/**
 * The first digits of a positive number, what comes after them, and half of their last place.
 * @param {number} value
 * @param {number} significant how many digits
 * @param {number} decimals how many digits after the first are written out to decide by
 */
function split(value, significant, decimals) {
  const [mantissa, power] = value.toExponential(decimals).split("e");
  const all = mantissa.replace(".", "");
  const rest = all.slice(significant);
  return { kept: all.slice(0, significant), rest, half: `5${"0".repeat(rest.length - 1)}`, power: Number(power) };
}

/**
 * Significant decimal digits of |value| > 0, rounded half to even as Python does: [digits as text, exponent of the first].
 * @param {number} value
 * @param {number} significant
 * @returns {[string, number]}
 */
function decimal(value, significant) {
  let { kept, rest, half, power } = split(Math.abs(value), significant, Math.max(SHORT, significant + 2));
  if (rest === half) ({ kept, rest, half, power } = split(Math.abs(value), significant, EXACT));
  const up = rest > half || (rest === half && Number(kept.at(-1)) % 2 === 1);
  const rounded = String(Number(kept) + Number(up));
  const carried = rounded.length > Math.max(kept.length, 1) || (!kept && up);
  return [carried ? rounded.slice(0, Math.max(significant, 1)) : rounded, power + Number(carried)];
}

/**
 * Like Python's f"{value:.{places}f}", for |value| below 1e21.
 * @param {number} value
 * @param {number} places
 */
export function fixed(value, places) {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const whole = Math.abs(value) === 0 ? "" : Math.abs(value).toExponential().split("e")[1];
  if (whole === "" || Number(whole) + places < -1) return sign + (0).toFixed(places);
  const significant = Number(whole) + places + 1; // 0: the first digit decides alone
  const [digits, exponent] = decimal(value, significant);
  if (significant === 0 && exponent === Number(whole)) return sign + (0).toFixed(places);
  return sign + placed(digits, exponent, places);
}

/**
 * Digits with the point where the exponent of the first one says.
 * @param {string} digits
 * @param {number} exponent
 * @param {number} places
 */
function placed(digits, exponent, places) {
  const padded = "0".repeat(Math.max(0, -exponent)) + digits;
  const point = Math.max(exponent, 0) + 1;
  const full = padded.padEnd(point + places, "0");
  return places ? `${full.slice(0, point)}.${full.slice(point, point + places)}` : full.slice(0, point);
}

const minus = (/** @type {string} */ text) => text.replaceAll("-", "−");

/**
 * @param {number} value
 * @param {number} significant how many digits
 */
export function digits(value, significant = 3) {
  if (Number.isNaN(value)) return "—";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const [found, exponent] = decimal(value, significant);
  const sign = value < 0 ? "−" : "";
  if (exponent > -5 && exponent < 7) return sign + placed(found, exponent, Math.max(0, significant - 1 - exponent));
  const power = `${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return minus(`${sign}${placed(found, 0, significant - 1)}e${power}`);
}

/**
 * `real = scale × (code − zero_point)` with its numbers.
 * @param {number} real
 * @param {number} scale
 * @param {number} code
 * @param {number} zeroPoint
 */
export function affine(real, scale, code, zeroPoint) {
  const shown = `(${code} ${zeroPoint >= 0 ? "−" : "+"} ${Math.abs(zeroPoint)})`.replace("(-", "(−");
  return `${digits(real)} = ${digits(scale)} × ${shown}`;
}

/** @param {number} count of bytes */
export function size(count) {
  for (const { unit, factor } of UNITS) {
    if (count >= 0.9995 * factor) return `${digits(count / factor)} ${unit}`; // what would round to 1 000 takes the next unit
  }
  return `${fixed(count, 0)} B`;
}

/** A whole number with its thousands apart. */
export const grouped = (/** @type {number} */ count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  if (share >= 0.9995 && share < 1) return "> 99.9 %";
  return `${fixed(100 * share, 1)} %`;
}

/**
 * Nine significant digits, as a permalink keeps a setting.
 * @param {number} value
 */
export function nineDigits(value) {
  if (value === 0) return 0;
  const [found, exponent] = decimal(value, 9);
  return Number(`${value < 0 ? "-" : ""}${found}e${exponent - 8}`);
}
