// The tensors of two files as columns: those of the grid, and those of the file that is saved.
import { digits, fixed, size } from "./fastpath/numbers.mjs";

/**
 * @import { Column, Data } from "./grid.mjs"
 * @import { ComparedPair } from "./types/messages"
 */

const bytes = (/** @type {unknown} */ value) => size(Number(value));
const three = (/** @type {unknown} */ value) => digits(Number(value));
const decibels = (/** @type {unknown} */ value) =>
  value === Infinity ? "equal" : Number.isFinite(value) ? fixed(Number(value), 1) : three(value);

/** @type {Column[]} */
const COLUMNS = [
  { field: "name", title: "Tensor", least: 130, share: 3, name: true },
  { field: "other", title: "Name in B", least: 120, share: 2, name: true },
  { field: "shape", title: "Shape", least: 98, share: 1.3 },
  { field: "typeA", title: "Type in A", least: 64 },
  { field: "typeB", title: "Type in B", least: 64 },
  { field: "sqnr", title: "SQNR, dB", least: 62, number: true, write: decibels, instead: "problem" },
  { field: "largest", title: "Largest difference", least: 82, number: true, write: three },
  { field: "bytesA", title: "Size in A", least: 68, number: true, write: bytes },
  { field: "bytesB", title: "Size in B", least: 68, number: true, write: bytes },
];
/** On a phone: what it is, how far apart it is, and what it takes now. */
const SHORT = ["name", "sqnr", "bytesB"];

/**
 * @param {boolean} narrow
 * @param {boolean} renamed whether a tensor has another name in the second file
 */
export const columnsOf = (narrow, renamed) =>
  COLUMNS.filter(({ field }) => (narrow ? SHORT.includes(field) : renamed || field !== "other"));

/**
 * Signal to difference in dB; NaN where the values were not compared.
 * @param {ComparedPair} pair
 */
function sqnrOf({ problem, sqnr_db: sqnr, max_error: largest }) {
  if (problem) return Number.NaN;
  return sqnr ?? (largest ? -Infinity : Infinity); // JSON has no infinities
}

/**
 * @param {ComparedPair[]} pairs
 * @returns {Data}
 */
export function dataOf(pairs) {
  return {
    name: pairs.map(({ name }) => name),
    other: pairs.map(({ other }) => other),
    shape: pairs.map(({ shape }) => shape.join(" × ") || "scalar"),
    typeA: pairs.map(({ dtypes }) => dtypes[0]),
    typeB: pairs.map(({ dtypes }) => dtypes[1]),
    sqnr: pairs.map(sqnrOf),
    largest: pairs.map(({ max_error: largest }) => largest ?? Number.NaN),
    bytesA: pairs.map((pair) => pair.bytes[0]),
    bytesB: pairs.map((pair) => pair.bytes[1]),
    problem: pairs.map(({ problem }) => problem),
  };
}

const HEAD = "name,name_in_b,shape,type_a,type_b,sqnr_db,mse,max_error,cosine,bytes_a,bytes_b,problem";

/**
 * A text as a cell of a CSV file. Names are those of a stranger's file: none is to be a formula of a spreadsheet.
 * @param {string} text
 */
function cell(text) {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {ComparedPair[]} pairs */
export function csvOf(pairs) {
  const lines = pairs.map((pair) => {
    const sqnr = sqnrOf(pair);
    const texts = [pair.name, pair.other, pair.shape.join("x"), ...pair.dtypes].map(cell);
    const numbers = [Number.isNaN(sqnr) ? "" : sqnr, pair.mse, pair.max_error, pair.cosine, ...pair.bytes];
    return [...texts, ...numbers.map((value) => value ?? ""), cell(pair.problem)].join(",");
  });
  return `${[HEAD, ...lines].join("\r\n")}\r\n`;
}
