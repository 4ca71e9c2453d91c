import assert from "node:assert/strict";
import { test } from "node:test";
import { moved } from "../../static/fastpath/settings.mjs";
import { expected } from "./support.mjs";

const { defaults, moves } = expected;

for (const { before, control, value, asked, zeroPoint, after } of moves) {
  test(`${control} moved to ${JSON.stringify(value)}`, () => {
    assert.deepEqual(moved(before, control, value, asked, zeroPoint), after);
  });
}

test("of a slider with two handles the end counts that has moved", () => {
  const by = (/** @type {[number, number]} */ value) => moved(defaults, "clip", value, [-1, 2], 0);
  assert.deepEqual(by([-0.5, 2]), { ...defaults, lo: -0.5, hi: 2 });
  assert.deepEqual(by([-1, 1.5]), { ...defaults, lo: -1, hi: 1.5 });
  assert.deepEqual(by([-1, -3]), { ...defaults, lo: -3, hi: -1 }, "ends that have crossed change places");
});

test("the zero-point that is shown is no change", () => {
  assert.deepEqual(moved(defaults, "zero_point", -1, [-1, 1], -1), defaults);
});

test("what only Python can tell", () => {
  assert.equal(moved({ ...defaults, format: "nf4" }, "format", "int", [-1, 1], 0), null, "how wide an integer is");
  assert.equal(moved(defaults, "tensor", "digits-convnet", [-1, 1], 0), null, "a model's first tensor");
  assert.equal(moved(defaults, "block_size", "64", [-1, 1], 0), null);
});

test("settings are not changed in place", () => {
  const before = Object.freeze({ ...defaults, zero_point: 1 });
  assert.equal(moved(before, "bits", 4, [-1, 1], 1)?.zero_point, null);
  assert.equal(before.zero_point, 1);
});
