import assert from "node:assert/strict";
import { test } from "node:test";
import { readTag } from "../../static/fastpath/controls.mjs";
import { moved } from "../../static/fastpath/settings.mjs";
import { expected } from "./support.mjs";

/** @import { Figure } from "../../static/types/bokeh" */

const { defaults, moves } = expected;
const facts = readTag(/** @type {Figure} */ ({ tags: [expected.tag] }));

for (const { before, control, value, shown, after } of moves) {
  test(`${control} moved to ${JSON.stringify(value)} from ${before.format}, ${before.granularity}`, () => {
    assert.deepEqual(moved(before, control, value, shown, facts), after);
  });
}

test("the zero-point that is shown is no change", () => {
  const [{ shown }] = moves;
  assert.deepEqual(moved(defaults, "zero_point", shown.zeroPoint, shown, facts), defaults);
});

test("a tensor's label that stands for none is no move", () => {
  assert.equal(moved(defaults, "tensor", "digits-convnet", moves[0].shown, facts), null);
});

test("settings are not changed in place", () => {
  const before = Object.freeze({ ...defaults, zero_point: 1 });
  assert.equal(moved(before, "bits", 4, moves[0].shown, facts)?.zero_point, null);
  assert.equal(before.zero_point, 1);
});
