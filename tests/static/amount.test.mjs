import { test } from "node:test";
import assert from "node:assert/strict";
import { amountOf, rateOf } from "../../static/amount.mjs";

test("a rate in steps a second, or in seconds a step", () => {
  assert.equal(rateOf(12, 4000), "3.0 a second");
  assert.equal(rateOf(1, 4000), "4.0 s each");
  assert.equal(rateOf(50, 1000), "50 a second");
  assert.equal(rateOf(0, 1000), "");
});

test("how far, how fast and how long", () => {
  assert.equal(amountOf({ done: 6, total: 24, seconds_left: 5.2 }, 2000), "6 of 24 · 3.0 a second · about 6 s left");
  assert.equal(amountOf({ done: 0, total: 24, seconds_left: null }, 0), "0 of 24");
  assert.equal(amountOf({ done: 1, total: 1, seconds_left: 0.4 }, 500), "under a second left");
  assert.equal(amountOf({ done: 0.5, total: 2, seconds_left: null }, 1000), "");
});
