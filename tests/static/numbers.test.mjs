import { test } from "node:test";
import { affine, digits, grouped, nineDigits, percent, points, size } from "../../static/fastpath/numbers.mjs";
import assert from "node:assert/strict";
import { equalFor, expected } from "./support.mjs";

const { numbers } = expected;

test("three significant digits", () => equalFor(numbers.digits, (value) => digits(value)));
test("two significant digits", () => equalFor(numbers.two, (value) => digits(value, 2)));
test("sizes", () => equalFor(numbers.size, size));
test("shares", () => equalFor(numbers.percent, percent));
test("points of a percentage", () => equalFor(numbers.points, (share) => points(share).join()));
test("nine digits, as numbers", () => equalFor(numbers.nine, nineDigits));
test("thousands", () => equalFor(numbers.grouped, grouped));

test("what is not finite", () => {
  assert.deepEqual(
    [digits(NaN), digits(Infinity), digits(-Infinity), digits(0), digits(-0)],
    ["—", "∞", "−∞", "0", "0"],
  );
});

test("a code's formula: the sign of a negative zero-point, and of a negative code", () => {
  assert.equal(affine(1.923, 0.48075, 3, -1), "1.92 = 0.481 × (3 + 1)");
  assert.equal(affine(-0.5, 0.25, -2, 0), "−0.500 = 0.250 × (−2 − 0)");
});
