// Products of matrices: ours, the loop that only multiplies, and ONNX Runtime Web's operators.
import { k_gemm_s8 } from "../../playground/kernels/structs.mjs";
import { bytes, loadLimit, runtime } from "./files.mjs";
import { ACCUMULATORS, buildOf, CODES, prepare, ZERO_POINT } from "./product.mjs";
import { codes, race, resultsOf, rowsOf, verdict } from "./timing.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { ByEngine, Engine, Row, Section } from "../types/bench"
 */

/** @typedef {[rows: number, depth: number, columns: number]} Shape */

/** @type {Shape[]} */
const SHAPES = [
  [512, 512, 512],
  [384, 1024, 1024],
];

/**
 * Our kernel, weights packed once; `run` copies the codes in and multiplies.
 * @param {Kernels} kernels
 * @param {Shape} shape
 * @param {Uint8Array<ArrayBuffer>} weights
 * @param {Uint8Array} x
 * @param {number} kind
 * @returns {Engine}
 */
function ours(kernels, [rows, depth, columns], weights, x, kind) {
  const input = kernels.alloc(Uint8Array, x.length);
  const { out, given } = prepare(kernels, weights, depth, columns, rows * columns, kind);
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call(k_gemm_s8, { codes: input, batch: 1, rows, depth, matrices: 1, ...given });
      return kernels.at(out);
    },
  };
}

/**
 * @param {Kernels[]} builds
 * @param {Shape} shape
 * @param {Uint8Array<ArrayBuffer>} weights
 * @param {Uint8Array} x
 */
async function enginesOf(builds, shape, weights, x) {
  const [rows, depth] = shape;
  const stem = shape.join("x");
  /** @type {ByEngine<Engine>} */
  const engines = {};
  for (const kernels of builds) {
    engines[`Ours (${buildOf(kernels)}), requantized to uint8`] = ours(kernels, shape, weights, x, CODES);
    engines[`Ours (${buildOf(kernels)}), int32 sums`] = ours(kernels, shape, weights, x, ACCUMULATORS);
    engines[`Multiplying alone (${buildOf(kernels)})`] = (await loadLimit(kernels.dot))(shape.reduce((a, b) => a * b));
  }
  const floats = Float32Array.from(x, (code) => code - ZERO_POINT);
  const at = [rows, depth];
  engines["ONNX Runtime Web MatMulInteger, uint8 x int8"] = await runtime(`matmulinteger-${stem}.onnx`, "uint8", x, at);
  engines["ONNX Runtime Web MatMulInteger, int8 x int8"] = await runtime(
    `matmulinteger-s8-${stem}.onnx`,
    "int8",
    Int8Array.from(floats),
    at,
  );
  engines["ONNX Runtime Web QLinearMatMul"] = await runtime(`qlinearmatmul-${stem}.onnx`, "uint8", x, at);
  engines["ONNX Runtime Web MatMul, float"] = await runtime(`matmul-${stem}.onnx`, "float32", floats, at);
  return engines;
}

/**
 * Which of our engines makes the same kind of result.
 * @param {Kernels[]} builds
 * @param {string[]} names
 */
function pairsOf(builds, names) {
  const [best] = builds;
  /** @type {ByEngine<string>} */
  const pairs = {};
  for (const name of names) {
    const build = builds.map(buildOf).find((candidate) => name.includes(`(${candidate})`)) ?? buildOf(best);
    pairs[name] = `Ours (${build}), ${/MatMulInteger|sums/.test(name) ? "int32 sums" : "requantized to uint8"}`;
  }
  return pairs;
}

/**
 * Rows of the table for all shapes.
 * @type {Section}
 */
export async function matmul(builds, progress) {
  /** @type {Row[]} */
  const rows = [];
  for (const [i, shape] of SHAPES.entries()) {
    const marks = builds.map((kernels) => kernels.mark());
    const x = codes(shape[0] * shape[1]);
    const engines = await enginesOf(builds, shape, await bytes(`weights-${shape.join("x")}.bin`), x);
    const pairs = pairsOf(builds, Object.keys(engines));
    const results = await resultsOf(engines, Float64Array);
    /** @type {ByEngine<string>} */
    const plain = {
      "ONNX Runtime Web MatMul, float": "int32 sums",
      "ONNX Runtime Web QLinearMatMul": "requantized to uint8",
    };
    /** @type {ByEngine<string>} */
    const verdicts = {};
    for (const name of Object.keys(results)) {
      const same = plain[name] ? `Ours (${buildOf(builds[0])}), ${plain[name]}` : pairs[name];
      if (!name.startsWith("Ours")) verdicts[name] = verdict(results[same], results[name]);
    }
    const times = await race(engines, (share) => progress((i + share) / SHAPES.length));
    rows.push(...rowsOf({ title: shape.join(" × "), macs: shape.reduce((a, b) => a * b) }, times, { pairs, verdicts }));
    for (const [k, kernels] of builds.entries()) kernels.release(marks[k]);
  }
  return rows;
}
