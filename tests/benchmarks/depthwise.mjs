// Times what depthwise.py wrote. Arguments: that folder, npm's modules, the folder of the kernels.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import { k_depthwise_s8, k_relaxed_dot } from "../../playground/kernels/structs.mjs";
import { CODES, threeByThree } from "../../static/bench/product.mjs";
import { Kernels } from "../../static/kernels.mjs";

/**
 * @import { DepthwiseFile, DepthwiseLayer } from "../../static/types/bench"
 * @import { ArrayType, Dot } from "../../static/types/kernels"
 */

/** @typedef {{ dot: Dot, kernels: Kernels }} Build */

const [folder, modules, built] = process.argv.slice(2);
/** @type {typeof import("onnxruntime-web")} */
const ort = await import(pathToFileURL(`${modules}/onnxruntime-web/dist/ort.node.min.mjs`).href);
ort.env.wasm.numThreads = 1;
const DOTS = /** @type {const} */ (["int16", "unsigned", "signed"]);
const ENOUGH_MS = 5;
const ROUNDS = 15;

const bytes = async (/** @type {string} */ path) => new Uint8Array(await readFile(path));

/** The relaxed build where this engine computes it exactly, and the plain one. */
async function builds() {
  /** @type {Build[]} */
  const found = [{ dot: "int16", kernels: await Kernels.from(await bytes(`${built}/kernels-simd128.wasm`)) }];
  const kernels = await Kernels.from(await bytes(`${built}/kernels-relaxed.wasm`));
  const probed = kernels.alloc(Int32Array, 1);
  kernels.call(k_relaxed_dot, { found: probed });
  const dot = DOTS[kernels.at(probed)[0]];
  return dot === "int16" ? found : [...found, { dot, kernels }];
}

/**
 * The quickest of many runs, in milliseconds.
 * @param {() => unknown} run
 */
async function quickest(run) {
  let count = 1;
  const round = async () => {
    const began = performance.now();
    for (let i = 0; i < count; i += 1) await run();
    return performance.now() - began;
  };
  while ((await round()) < ENOUGH_MS) count *= 2;
  let best = Infinity;
  for (let i = 0; i < ROUNDS; i += 1) best = Math.min(best, (await round()) / count);
  return best;
}

/**
 * @param {Build} build
 * @param {DepthwiseLayer} layer
 * @param {DepthwiseFile} told
 * @param {Uint8Array} x
 */
async function ours({ dot, kernels }, { stem, channels, size, stride, scratch }, { multiplier, xZero, yZero }, x) {
  /**
   * @param {ArrayType<Uint8Array | Int32Array>} Type
   * @param {string} name
   */
  const held = async (Type, name) => {
    const octets = await bytes(`${folder}/${stem}.${dot}.${name}`);
    const array = kernels.alloc(Type, octets.length / Type.BYTES_PER_ELEMENT);
    new Uint8Array(kernels.memory.buffer, array.offset, octets.length).set(octets);
    return array;
  };
  const out = Math.floor((size - 1) / stride) + 1;
  const [weights, bias] = [await held(Uint8Array, "weights"), await held(Int32Array, "bias")];
  const images = kernels.alloc(Uint8Array, x.length);
  const multipliers = kernels.alloc(Float32Array, channels);
  const result = kernels.alloc(Uint8Array, channels * out * out);
  const ring = kernels.alloc(Uint8Array, scratch[dot]);
  kernels.at(images).set(x);
  kernels.at(multipliers).fill(multiplier);
  const given = {
    images: threeByThree(images, channels, size, stride),
    source: { is_signed: 0, zero_point: xZero, flip: dot === "signed" ? 128 : 0 },
    ...{ weights, planes: 1, bias, multiplier: multipliers },
    to: { lo: -yZero, hi: 255 - yZero, zero_point: yZero, kind: CODES, out: result },
    scratch: ring,
  };
  return { run: () => kernels.call(k_depthwise_s8, given), result: () => kernels.at(result), pixels: out * out };
}

/**
 * [rows][columns] to [columns][rows].
 * @param {Uint8Array} x
 * @param {number} rows
 * @param {number} columns
 */
const transposed = (x, rows, columns) => x.map((_, i) => x[(i % rows) * columns + Math.floor(i / rows)]);

async function main() {
  /** @type {DepthwiseFile} */
  const told = JSON.parse(await readFile(`${folder}/depthwise.json`, "utf8"));
  const found = await builds();
  for (const layer of told.layers) {
    const { stem, channels, size } = layer;
    const x = Uint8Array.from({ length: channels * size * size }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
    const session = await ort.InferenceSession.create(`${folder}/${stem}.onnx`, { executionProviders: ["wasm"] });
    const fed = { x: new ort.Tensor("uint8", transposed(x, size * size, channels), [1, channels, size, size]) };
    const theirs = (await session.run(fed)).y.data;
    const theirMs = await quickest(() => session.run(fed));
    const line = [stem.padEnd(24), `ONNX Runtime Web ${theirMs.toFixed(4)} ms`];
    for (const build of found) {
      const mark = build.kernels.mark();
      const layerOfOurs = await ours(build, layer, told, x);
      const ms = await quickest(layerOfOurs.run);
      const differ = transposed(layerOfOurs.result(), layerOfOurs.pixels, channels).filter(
        (code, i) => code !== theirs[i],
      );
      line.push(`${build.dot} ${ms.toFixed(4)} ms, ${(theirMs / ms).toFixed(1)} x, ${differ.length} codes differ`);
      build.kernels.release(mark);
    }
    process.stdout.write(`${line.join("   ")}\n`);
  }
}

await main();
