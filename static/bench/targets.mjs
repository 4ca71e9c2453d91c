// Targets of the kernels, compared with the results of one run.

/** @import { Row, Target } from "../types/bench" */

export const OUR_FLOAT = "Ours, float";
export const LITERT = "LiteRT.js";

/** Begins the title of rows that are about one `.tflite` file in two engines. */
export const SAME = "the same .tflite: ";

const geometricMean = (/** @type {number[]} */ values) =>
  Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
const smallest = (/** @type {Row[]} */ rows) => Math.min(...rows.map(({ ratio }) => ratio));
const isNet = (/** @type {Row} */ { shape }) => / batch \d+$/.test(shape);
const isOnnx = (/** @type {Row} */ { engine }) => engine.startsWith("ONNX");

/**
 * @param {string} what
 * @param {number} wanted
 * @param {number} found
 * @returns {Target}
 */
const target = (what, wanted, found) => ({ what, wanted, found, met: found >= wanted });

/**
 * How near our products come to the loop that only multiplies, for every shape and build.
 * @param {Row[]} rows
 */
function limits(rows) {
  return rows
    .filter(({ engine }) => engine.startsWith("Multiplying"))
    .map((limit) => {
      const build = limit.engine.match(/\((.*)\)/)?.[1];
      const name = `Ours (${build}), requantized to uint8`;
      const ours = /** @type {Row} */ (rows.find((row) => row.shape === limit.shape && row.engine === name));
      const what = `${limit.shape}, ${build}: share of the loop that only multiplies`;
      return target(what, 0.85, limit.medianMs / ours.medianMs);
    });
}

/**
 * Operators of ONNX Runtime Web: shapes they are timed on, what is said, the least ratio of its time to ours.
 * @type {[string, RegExp, string, number][]}
 */
const OPERATORS = [
  ["MatMulInteger", /^\d+ × /, "its best int8 MatMulInteger", 2.2],
  ["QLinearMatMul", /^\d+ × /, "its QLinearMatMul", 3.5],
  ["MatMul, float", /^\d+ × /, "its float32 MatMul", 4.5],
  ["QLinearConv", /^conv/, "its QLinearConv", 2.5],
  ["QLinearConv", /^depthwise/, "its QLinearConv", 2],
  ["MatMulNBits", /blocks/, "its MatMulNBits", 3],
];

/** @param {Row[]} rows */
function operators(rows) {
  return OPERATORS.flatMap(([operator, shapes, what, wanted]) => {
    const fitting = rows.filter(
      ({ shape, engine }) => shapes.test(shape) && engine.startsWith(`ONNX Runtime Web ${operator}`),
    );
    return [...new Set(fitting.map(({ shape }) => shape))].map((shape) =>
      target(`${shape}: against ${what}`, wanted, smallest(fitting.filter((row) => row.shape === shape))),
    );
  });
}

/**
 * Each network against the faster of ONNX Runtime Web's two, and the geometric mean of that.
 * @param {Row[]} rows
 */
function networks(rows) {
  const theirs = rows.filter((row) => isNet(row) && isOnnx(row));
  const each = [...new Set(theirs.map(({ shape }) => shape))].map((shape) => {
    const found = smallest(theirs.filter((row) => row.shape === shape));
    return target(`${shape}: against the faster of its float32 and QDQ`, 1, found);
  });
  return [...each, target("all networks: geometric mean", 3, geometricMean(each.map(({ found }) => found)))];
}

/**
 * Each network in float against ONNX Runtime Web in float.
 * @param {Row[]} rows
 */
function floats(rows) {
  const ours = rows.filter((row) => isNet(row) && row.engine === OUR_FLOAT);
  if (ours.length === 0) return [];
  const each = ours.map(({ shape, medianMs }) => {
    const theirs = /** @type {Row} */ (
      rows.find((row) => row.shape === shape && row.engine === "ONNX Runtime Web, float")
    );
    return target(`${shape}, in float: against its float32`, 1, theirs.medianMs / medianMs);
  });
  return [...each, target("all networks in float: geometric mean", 1, geometricMean(each.map(({ found }) => found)))];
}

const NO_RELAXED = "set for the relaxed build, which did not run here: on x86 it needs AVX-VNNI";

/**
 * Each network against LiteRT.js on int8, and the geometric means of that and of its float. None where it did not run.
 * @param {Row[]} rows
 */
function liteRt(rows) {
  const [quantized, floats] = ["int8", "float"].map((kind) =>
    rows.filter((row) => isNet(row) && row.engine === `LiteRT.js, ${kind}`),
  );
  if (quantized.length === 0) return [];
  const mean = (/** @type {Row[]} */ found) => geometricMean(found.map(({ ratio }) => ratio));
  const found = [
    ...quantized.map(({ shape, ratio }) => target(`${shape}: against LiteRT.js on int8`, 1, ratio)),
    target("all networks: geometric mean against LiteRT.js on int8", 1.3, mean(quantized)),
    target("all networks: geometric mean against LiteRT.js on float32", 2, mean(floats)),
  ];
  const relaxed = rows.some(({ engine }) => engine.startsWith("Ours (relaxed)"));
  return found.map((it) => (relaxed || it.met ? it : { ...it, note: NO_RELAXED }));
}

/**
 * Each file against LiteRT.js on the same file, and the geometric means of those with codes and with floats. None where it
 * did not run.
 * @param {Row[]} rows
 */
function sameFiles(rows) {
  const theirs = rows.filter(({ shape, engine }) => shape.startsWith(SAME) && engine === LITERT);
  if (theirs.length === 0) return [];
  const [floats, codes] = [true, false].map((wanted) =>
    theirs.filter(({ shape }) => shape.endsWith(".float") === wanted),
  );
  const mean = (/** @type {Row[]} */ found) => geometricMean(found.map(({ ratio }) => ratio));
  return [
    ...theirs.map(({ shape, ratio }) => target(`${shape}: against LiteRT.js`, 1, ratio)),
    target("the same .tflite files in codes: geometric mean against LiteRT.js", 1, mean(codes)),
    target("the same .tflite files in floats: geometric mean against LiteRT.js", 1, mean(floats)),
  ];
}

/** One target each: what, the least that is wanted, what was found, whether that will do. */
export const targets = (/** @type {Row[]} */ rows) => [
  ...limits(rows),
  ...operators(rows),
  ...liteRt(rows),
  ...sameFiles(rows),
  ...floats(rows),
  ...networks(rows),
];
