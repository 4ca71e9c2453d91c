// Numbers as people read them, in the form of playground/render/numbers.py. `toExponential` and `toFixed` round the exact
// value; `Intl.NumberFormat` rounds the shortest decimal that stands for it, which is another number.

const UNITS = [
  { unit: "GB", factor: 1e9 },
  { unit: "MB", factor: 1e6 },
  { unit: "kB", factor: 1e3 },
];

const minus = (/** @type {string} */ text) => text.replaceAll("-", "−");

/**
 * @param {number} value
 * @param {number} significant how many digits
 */
export function digits(value, significant = 3) {
  if (Number.isNaN(value)) return "—";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const [mantissa, power] = value.toExponential(significant - 1).split("e");
  const exponent = Number(power);
  if (exponent > -5 && exponent < 7) {
    return minus(Number(`${mantissa}e${power}`).toFixed(Math.max(0, significant - 1 - exponent)));
  }
  return minus(`${mantissa}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`);
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
  return `${count.toFixed(0)} B`;
}

/** A whole number with its thousands apart. */
export const grouped = (/** @type {number} */ count) => String(count).replace(/\B(?=(\d{3})+$)/g, "\u202f");

/** @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1 %";
  if (share >= 0.9995 && share < 1) return "> 99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

/**
 * A difference of two shares in percentage points, and whether it is better, worse or neither.
 * @param {number} difference
 * @returns {[string, string]}
 */
export function points(difference) {
  const change = Math.round(1000 * difference) / 10;
  if (!change) return ["as float", ""];
  return [minus(`${change > 0 ? "+" : ""}${change.toFixed(1)} points`), change > 0 ? "better" : "worse"];
}

/**
 * Nine significant digits, as a permalink keeps a setting; halves go to the even digit, as in Python.
 * @param {number} value
 */
export function nineDigits(value) {
  const [mantissa, power] = value.toExponential(60).split("e");
  const rest = mantissa.replace(/^-?\d\.\d{8}/, "");
  const odd = Number(mantissa.at(value < 0 ? 10 : 9)) % 2;
  if (!/^50*$/.test(rest) || odd) return Number(value.toPrecision(9)) + 0;
  return Number(`${mantissa.slice(0, value < 0 ? 11 : 10)}e${power}`);
}

/**
 * @param {number} value
 * @param {number} places
 */
export const fixed = (value, places) => value.toFixed(places);
