// What bench.html makes of its times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { transposed } from "../../static/bench/layout.mjs";
import { targets } from "../../static/bench/targets.mjs";
import { rowsOf, verdict } from "../../static/bench/timing.mjs";

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

test("rows and columns change places", () => {
  assert.deepEqual([...transposed(Uint8Array.of(1, 2, 3, 4, 5, 6), 2, 3)], [1, 4, 2, 5, 3, 6]);
});
