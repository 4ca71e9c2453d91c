// Depthwise convolution 3 x 3, padded: ours and ONNX Runtime Web's QLinearConv. The files are those of
// tests/benchmarks/depthwise.py, weights packed there.
import { k_depthwise_s8 } from "../../playground/kernels/structs.mjs";
import { bytes, runtime } from "./files.mjs";
import { transposed } from "./layout.mjs";
import { buildOf, CODES, threeByThree } from "./product.mjs";
import { codes, race, resultsOf, rowsOf, verdict } from "./timing.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { ByEngine, DepthwiseFile, DepthwiseLayer, Engine, Row, Section, Share } from "../types/bench"
 */

const TAPS = 9;

/**
 * Our images are NHWC: `run` copies such codes in.
 * @param {Kernels} kernels
 * @param {DepthwiseLayer} layer
 * @param {DepthwiseFile} told
 * @param {{ weights: Uint8Array, bias: Uint8Array<ArrayBuffer> }} stored
 * @param {Uint8Array} x
 * @returns {Engine}
 */
function ours(kernels, { channels, size, stride, scratch }, { multiplier, xZero, yZero }, { weights, bias }, x) {
  const out = Math.floor((size - 1) / stride) + 1;
  const input = kernels.alloc(Uint8Array, x.length);
  const packed = kernels.alloc(Uint8Array, weights.length);
  kernels.at(packed).set(weights);
  const sums = kernels.alloc(Int32Array, bias.length / Int32Array.BYTES_PER_ELEMENT);
  kernels.at(sums).set(new Int32Array(bias.buffer));
  const multipliers = kernels.alloc(Float32Array, channels);
  const result = kernels.alloc(Uint8Array, channels * out * out);
  const ring = kernels.alloc(Uint8Array, scratch[kernels.dot]);
  kernels.at(multipliers).fill(multiplier);
  const images = threeByThree(input, channels, size, stride);
  const source = { is_signed: 0, zero_point: xZero, flip: kernels.dot === "signed" ? 0x80 : 0 };
  const to = { lo: -yZero, hi: 255 - yZero, zero_point: yZero, kind: CODES, out: result };
  const constants = { weights: packed, planes: 1, bias: sums, multiplier: multipliers };
  return {
    run() {
      kernels.at(input).set(x);
      kernels.call(k_depthwise_s8, { images, source, ...constants, to, scratch: ring });
      return kernels.at(result);
    },
  };
}

/**
 * @param {Kernels[]} builds
 * @param {DepthwiseLayer} layer
 * @param {DepthwiseFile} told
 * @param {Share} progress
 */
async function raceOf(builds, layer, told, progress) {
  const { stem, channels, size, stride } = layer;
  const x = codes(channels * size * size);
  const marks = builds.map((kernels) => kernels.mark());
  /** @type {ByEngine<Engine>} */
  const engines = {};
  for (const kernels of builds) {
    const file = async (/** @type {string} */ part) => bytes(`${stem}.${kernels.dot}.${part}`);
    const stored = { weights: await file("weights"), bias: await file("bias") };
    engines[`Ours (${buildOf(kernels)}), requantized to uint8`] = ours(kernels, layer, told, stored, x);
  }
  const theirs = "ONNX Runtime Web QLinearConv";
  const shape = [1, channels, size, size];
  engines[theirs] = await runtime(`${stem}.onnx`, "uint8", transposed(x, size * size, channels), shape);
  const results = await resultsOf(engines, Uint8Array);
  const [first] = Object.values(results);
  const pixels = first.length / channels;
  const verdicts = { [theirs]: verdict(transposed(first, pixels, channels), results[theirs]) };
  const times = await race(engines, progress);
  for (const [k, kernels] of builds.entries()) kernels.release(marks[k]);
  const title = `depthwise 3×3, ${channels} channels, ${size}×${size}, stride ${stride}`;
  return rowsOf({ title, macs: pixels * channels * TAPS }, times, { verdicts });
}

/**
 * Rows of the table for all layers.
 * @type {Section}
 */
export async function depthwise(builds, progress) {
  /** @type {DepthwiseFile} */
  const told = JSON.parse(new TextDecoder().decode(await bytes("depthwise.json")));
  /** @type {Row[]} */
  const rows = [];
  for (const [i, layer] of told.layers.entries()) {
    rows.push(...(await raceOf(builds, layer, told, (share) => progress((i + share) / told.layers.length))));
  }
  return rows;
}
