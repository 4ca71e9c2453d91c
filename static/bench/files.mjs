// What the benchmark fetches. Addresses are those of the bundled script, which lies beside index.html.
import * as ort from "./ort/ort.wasm.bundle.min.mjs";

import { Kernels } from "../kernels.mjs";

/**
 * @import { Engine, Result } from "../types/bench"
 * @import { Dot } from "../types/kernels"
 */

export const FILES = new URL("./bench/", import.meta.url).href;

/** @param {string} name of a file that the build wrote for the benchmark */
export async function bytes(name) {
  const response = await fetch(FILES + name);
  if (!response.ok) throw new Error(`${name} could not be loaded (HTTP ${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

/** @param {string} name of a JSON file that the build wrote */
export const json = async (name) => JSON.parse(new TextDecoder().decode(await bytes(name)));

/** Our kernels in every build that is exact here, the fastest first; and the loops that do nothing but multiply. */
export async function loadKernels() {
  const plain = await Kernels.load(new URL("./kernels/kernels-simd128.wasm", import.meta.url).href);
  const relaxed = await Kernels.relaxed(new URL("./kernels/kernels-relaxed.wasm", import.meta.url).href);
  return [relaxed, plain].filter((kernels) => kernels !== null);
}

/**
 * The loop of a build that only multiplies: `run` returns after `macs` multiply-adds.
 * @param {Dot} dot
 * @returns {Promise<(macs: number) => Engine>}
 */
export async function loadLimit(dot) {
  const memory = new WebAssembly.Memory({ initial: 2 }); // it imports one, as all our modules do
  const { instance } = await WebAssembly.instantiate(
    await bytes(`limit-${dot === "int16" ? "simd128" : "relaxed"}.wasm`),
    { env: { memory } },
  );
  const { macs_per_step, multiply } = /** @type {Record<string, (steps?: number) => number>} */ (instance.exports);
  const perStep = macs_per_step();
  return (macs) => ({
    run: () => {
      multiply(Math.ceil(macs / perStep));
    },
  });
}

export function setUpRuntime() {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
  ort.env.logLevel = "error";
}

/**
 * A model of one input and one output in ONNX Runtime Web.
 * @param {string} file
 * @param {"uint8" | "int8" | "float32" | "int64"} type
 * @param {Uint8Array | Int8Array | Float32Array | BigInt64Array} data
 * @param {number[]} shape
 */
export async function runtime(file, type, data, shape) {
  const session = await ort.InferenceSession.create(await bytes(file), { executionProviders: ["wasm"] });
  const [[input], [output]] = [session.inputNames, session.outputNames];
  const run = async () => (await session.run({ [input]: new ort.Tensor(type, data, shape) }))[output].data;
  return { run: /** @type {() => Promise<Result>} */ (run) };
}
