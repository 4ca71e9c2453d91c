import assert from "node:assert/strict";
import { test } from "node:test";
import { Ledger } from "../../static/fastpath/ledger.mjs";

/** @import { Source, Span } from "../../static/types/bokeh" */

/**
 * A model that takes values as Bokeh's do, and remembers whether somebody would have been told.
 * @template T
 * @param {T} values
 */
function modelOf(values) {
  /** @type {boolean[]} */
  const told = [];
  const model = {
    id: crypto.randomUUID(),
    ...values,
    /**
     * @param {object} changes
     * @param {{ sync: boolean }} [options]
     */
    setv(changes, options) {
      told.push(options?.sync ?? true);
      Object.assign(this, changes);
    },
  };
  return { model, told };
}

/** @param {number} location */
function spanOf(location) {
  const { model, told } = modelOf({ location, visible: true });
  return { span: /** @type {Span} */ (/** @type {unknown} */ (model)), told };
}

test("what was overwritten is put back, once, as it was before the first time", () => {
  const { span, told } = spanOf(1);
  const ledger = new Ledger();
  ledger.write(span, "location", 2);
  ledger.write(span, "location", 3);
  ledger.write(span, "visible", false);
  assert.deepEqual([span.location, span.visible, ledger.size], [3, false, 2]);
  ledger.restore();
  assert.deepEqual([span.location, span.visible, ledger.size], [1, true, 0]);
  span.location = 9;
  ledger.restore();
  assert.equal(span.location, 9);
  assert.ok(told.length === 5 && !told.includes(true), "Python hears of none of it");
});

test("what the visitor changes is what Python will think", () => {
  const { span } = spanOf(1);
  const ledger = new Ledger();
  ledger.note(span, "location", 5);
  assert.equal(ledger.size, 0, "nothing was overwritten yet");
  ledger.write(span, "location", 2);
  ledger.note(span, "location", 7);
  ledger.restore();
  assert.equal(span.location, 7);
});

test("a source's columns are remembered as they were, even if others change them in place", () => {
  const { model } = modelOf({ data: { x: [1, 2] } });
  const source = /** @type {Source} */ (/** @type {unknown} */ (model));
  const ledger = new Ledger();
  const before = source.data;
  ledger.write(source, "data", { x: [3] });
  before.x = [9, 9];
  ledger.restore();
  assert.deepEqual(source.data, { x: [1, 2] });
});

test("models are told apart by their ids", () => {
  const [one, other] = [spanOf(1).span, spanOf(2).span];
  const ledger = new Ledger();
  ledger.write(one, "location", 10);
  ledger.write(other, "location", 20);
  ledger.restore();
  assert.deepEqual([one.location, other.location], [1, 2]);
});
