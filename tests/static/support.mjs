// What the unit tests have in common: numbers that Python has worked out (expected.py), and our kernels.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Kernels } from "../../static/kernels.mjs";

/**
 * @import { Schema, Settings, SubjectContent } from "../../static/types/messages"
 * @import { Picture } from "../../static/types/picture"
 */

/**
 * @typedef {object} Drawn
 * @property {Settings} settings
 * @property {object} picture as Python tells it
 */

/**
 * @typedef {object} Move
 * @property {Settings} before
 * @property {string} control
 * @property {number | string | boolean | null} value
 * @property {Picture} shown
 * @property {Settings} after
 */

/**
 * @typedef {object} Expected
 * @property {string} tag
 * @property {Settings} defaults
 * @property {Record<string, [number, string | number][]>} numbers
 * @property {(SubjectContent & { values: number[], pictures: Drawn[] })[]} tensors
 * @property {Settings[]} refused
 * @property {Move[]} moves
 * @property {{ query: string, changes: Partial<Settings> }[]} queries
 * @property {{ query: string, changes: Partial<Settings> }[]} links that say something wrong
 * @property {Schema} schema
 * @property {{ first: number, last: number, values: number[] }[]} spaces
 */

/** @param {string} name of an environment variable that test_units.py sets */
function given(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set. Run these tests with: python -m pytest tests/static`);
  return value;
}

/** @type {Expected} */
export const expected = JSON.parse(readFileSync(given("PLAYGROUND_EXPECTED"), "utf8"));

/** Kernels on a memory of their own. */
export const loadKernels = () => Kernels.from(readFileSync(given("PLAYGROUND_KERNELS")));

/**
 * Numbers as plain data, so that a typed array equals a list. There is one zero: JSON's.
 * @param {unknown} value
 * @returns {unknown}
 */
export function plain(value) {
  if (value === 0) return 0;
  if (ArrayBuffer.isView(value) || Array.isArray(value))
    return Array.from(/** @type {ArrayLike<unknown>} */ (value), plain);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

/**
 * Every number of a list, held against what a function makes of its argument.
 * @template A, B
 * @param {[A, B][]} pairs
 * @param {(argument: A) => B} work
 */
export function equalFor(pairs, work) {
  assert.notEqual(pairs.length, 0);
  assert.deepEqual(
    pairs.map(([argument]) => [argument, work(argument)]),
    pairs,
  );
}
