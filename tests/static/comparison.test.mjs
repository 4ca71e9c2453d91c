// The tensors of two files as rows, as CSV and as the ticks of a plot.
import assert from "node:assert/strict";
import { test } from "node:test";
import { columnsOf, csvOf, dataOf } from "../../static/comparison_table.mjs";
import { histogramRows, ticksOf } from "../../static/histograms.mjs";

/** @import { ComparedPair } from "../../static/types/messages" */

/** @type {ComparedPair} */
const PAIR = {
  name: "w",
  other: "w",
  shape: [2, 3],
  dtypes: ["float32", "int8"],
  bytes: [24, 10],
  sqnr_db: 31.25,
  mse: 0.5,
  max_error: 0.125,
  cosine: 1,
  problem: "",
};
const EQUAL = { ...PAIR, name: "=1+1", shape: [], sqnr_db: null, mse: 0, max_error: 0 };
const ALL_ERROR = { ...PAIR, sqnr_db: null };
const BROKEN = { ...PAIR, sqnr_db: null, mse: null, max_error: null, cosine: null, problem: 'a "NaN", twice' };

test("JSON has no infinities: what is equal, what is error alone, what was not compared", () => {
  const data = dataOf([PAIR, EQUAL, ALL_ERROR, BROKEN]);
  assert.deepEqual(data.sqnr, [31.25, Infinity, -Infinity, Number.NaN]);
  assert.deepEqual(data.shape, ["2 × 3", "scalar", "2 × 3", "2 × 3"]);
  const { write = String, instead = "" } = columnsOf(true, false)[1];
  assert.deepEqual(data.sqnr.slice(0, 3).map(write), ["31.3", "equal", "−∞"]);
  assert.equal(data[instead][3], BROKEN.problem);
});

test("columns: a phone has three, names in B are there where they differ", () => {
  const fields = (/** @type {boolean} */ narrow, /** @type {boolean} */ renamed) =>
    columnsOf(narrow, renamed).map(({ field }) => field);
  assert.deepEqual(fields(true, true), ["name", "sqnr", "bytesB"]);
  assert.ok(fields(false, true).includes("other"));
  assert.ok(!fields(false, false).includes("other"));
});

test("a name is no formula in a CSV file", () => {
  const [, first, second, third] = csvOf([PAIR, EQUAL, BROKEN]).split("\r\n");
  assert.equal(first, "w,w,2x3,float32,int8,31.25,0.5,0.125,1,24,10,");
  assert.equal(second, "'=1+1,w,,float32,int8,Infinity,0,0,1,24,10,");
  assert.equal(third, 'w,w,2x3,float32,int8,,,,,24,10,"a ""NaN"", twice"');
});

test("ticks are round and between both ends", () => {
  assert.deepEqual(ticksOf(-1, 1, 4), [-1, -0.5, 0, 0.5, 1]);
  assert.deepEqual(ticksOf(0.3, 17, 4), [5, 10, 15]);
  assert.ok(ticksOf(1e-30, 2e-30, 3).length > 1);
});

test("bins that are empty in both are no rows", () => {
  const rows = histogramRows({
    lo: 0,
    hi: 3,
    counts: [
      [1, 0, 0],
      [0, 0, 2000],
    ],
  });
  assert.deepEqual(rows, [
    ["0", "1.00", "1", "0"],
    ["2.00", "3.00", "0", "2\u202f000"],
  ]);
});
