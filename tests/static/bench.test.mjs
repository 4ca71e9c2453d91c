// What bench.html makes of its times.
import assert from "node:assert/strict";
import { test } from "node:test";
import { change, channelsLast, transposed } from "../../static/bench/layout.mjs";
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
