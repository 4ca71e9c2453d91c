// What bench.html makes of its times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { change, channelsLast, transposed } from "../../static/bench/layout.mjs";
import { targets } from "../../static/bench/targets.mjs";
import { rowsOf, verdict, verdictOfCodes } from "../../static/bench/timing.mjs";

const TIMES = {
  "Ours (simd128), requantized to uint8": { best: 1, median: 2, p95: 3 },
  "Multiplying alone (simd128)": { best: 1, median: 1.8, p95: 2 },
  "ONNX Runtime Web QLinearMatMul": { best: 6, median: 8, p95: 9 },
};

test("rows: multiply-adds a second, and each time against ours", () => {
  const rows = rowsOf({ title: "512 × 512 × 512", macs: 2e6 }, TIMES, {
    verdicts: { "ONNX Runtime Web QLinearMatMul": "equal" },
  });
  assert.deepEqual(
    rows.map(({ gmacs, ratio, result }) => [gmacs, ratio, result]),
    [
      [1, 1, ""],
      [2e6 / 1.8 / 1e6, 0.9, ""],
      [0.25, 4, "equal"],
    ],
  );
});

test("targets are met or missed by the rows' medians and ratios", () => {
  const rows = rowsOf({ title: "512 × 512 × 512", macs: 2e6 }, TIMES);
  const [limit, product] = targets(rows);
  assert.deepEqual([limit.found, limit.wanted, limit.met], [0.9, 0.85, true]);
  assert.deepEqual([product.found, product.wanted, product.met], [4, 3.5, true]);
});

test("a verdict in words", () => {
  assert.equal(verdict([1, 2], [1, 2]), "equal");
  assert.equal(verdict([1, 2], [1, 4]), "differs by up to 2");
  assert.equal(verdict([1, 100], [1.5, 100], 0.01), "equal within 0.01");
  assert.equal(verdict([1, 100], [3, 100], 0.01), "differs by up to 2");
});

test("a verdict of the same file: one code is allowed, of floats a share, and NaN is seen", () => {
  const ends = { code: 0.5, share: 1e-5 };
  assert.equal(verdictOfCodes([1, 2], [1, 2], ends), "equal");
  assert.equal(verdictOfCodes([1, 2], [1, 2.5], ends), "equal within a code");
  assert.equal(verdictOfCodes([1, 2], [1, 3], ends), "differs by up to 2.0 codes");
  assert.equal(verdictOfCodes([1], [1, 3], ends), "differs: 1 values beside 2");
  assert.equal(verdictOfCodes([Number.NaN, 2], [1, 2], ends), "differs by up to NaN codes");
  const floats = { code: 0, share: 0.01 };
  assert.equal(verdictOfCodes([1, 100], [1.5, 100], floats), "equal within 0.01");
  assert.equal(verdictOfCodes([1, Number.NaN], [1, 100], floats), "differs by up to NaN");
});

test("targets of the same files: each, and means of those in codes and in floats", () => {
  const row = (/** @type {string} */ shape, /** @type {string} */ engine, /** @type {number} */ ratio) => ({
    shape: `the same .tflite: ${shape}`,
    engine,
    ratio,
  });
  const rows = [
    ...[row("a.int8", "Ours (simd128)", 1), row("a.int8", "LiteRT.js", 2), row("b.ends", "LiteRT.js", 8)],
    ...[row("a.float", "Ours, float", 1), row("a.float", "LiteRT.js", 0.5)],
  ];
  const found = targets(/** @type {any} */ (rows)).filter(({ what }) => what.includes("same .tflite"));
  assert.deepEqual(
    found.map(({ what, found, met }) => [what, found, met]),
    [
      ["the same .tflite: a.int8: against LiteRT.js", 2, true],
      ["the same .tflite: b.ends: against LiteRT.js", 8, true],
      ["the same .tflite: a.float: against LiteRT.js", 0.5, false],
      ["the same .tflite files in codes: geometric mean against LiteRT.js", Math.exp(Math.log(16) / 2), true],
      ["the same .tflite files in floats: geometric mean against LiteRT.js", 0.5, false],
    ],
  );
});

test("rows and columns change places", () => {
  assert.deepEqual([...transposed(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 3)], [1, 4, 2, 5, 3, 6]);
});

test("images come with the channels last, sample by sample, and indices in 32 bits", () => {
  const { data, shape } = channelsLast(
    Float32Array.from({ length: 12 }, (_, i) => i),
    [2, 3, 1, 2],
  );
  assert.deepEqual(
    [[...data], shape],
    [
      [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11],
      [2, 1, 2, 3],
    ],
  );
  assert.deepEqual(channelsLast(BigInt64Array.of(7n, -1n), [1, 2]), { data: Int32Array.of(7, -1), shape: [1, 2] });
  const flat = Float32Array.of(1, 2);
  assert.deepEqual(channelsLast(flat, [1, 2]), { data: flat, shape: [1, 2] });
});

test("other bytes are put into a file where they belong", () => {
  const file = new Uint8Array(5);
  change(file, [
    [1, "10ff"],
    [4, "01"],
  ]);
  assert.deepEqual([...file], [0, 0x10, 0xff, 0, 1]);
});
