// LiteRT.js, whose kernels are XNNPACK's: the strongest rival in a browser. Its script and its module lie among the files
// of the benchmark, so no other page fetches them.
import * as litert from "./bench/litert/litert.mjs";

import { FILES } from "./files.mjs";

/** @import { Engine, SameInput, SameOutput } from "../types/bench" */

const LOADER = `${FILES}litert/litert_wasm_internal.js`;

/**
 * Loads it for one thread; says whether this browser runs it. The site has its build for relaxed SIMD only.
 * It adds its loader to the page as a script, by address: that address and no other passes as a script's.
 */
async function load() {
  if (!(await litert.supportsFeature("relaxedSimd"))) return false;
  const createScriptURL = (/** @type {string} */ address) => (address === LOADER ? address : null);
  window.trustedTypes?.createPolicy("default", { createScriptURL });
  await litert.loadLiteRt(LOADER, { threads: false });
  return true;
}

/** @type {Promise<boolean> | undefined} */
let loaded;

/** Loads it when it is first asked for; says whether this browser runs it. */
export function setUpLiteRt() {
  loaded ??= load();
  return loaded;
}

/**
 * A model of one input and one output. The input's memory is taken once and filled on every run, which is faster on small
 * nets than a tensor a run: LiteRT.js at its best.
 * @param {Uint8Array} file
 * @param {Float32Array | Int32Array} data
 * @param {number[]} shape
 * @returns {Promise<Engine>}
 */
export async function liteRt(file, data, shape) {
  const model = await litert.loadAndCompile(file, { accelerator: "wasm", cpuOptions: { numThreads: 1 } });
  const { liteRtWasm } = litert.getGlobalLiteRt();
  const input = new litert.Tensor(data, shape);
  const buffer = input.liteRtTensorBuffer;
  const octets = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return {
    async run() {
      liteRtWasm.HEAPU8.set(octets, buffer.lock(liteRtWasm.LiteRtTensorBufferLockMode.WRITE));
      buffer.unlock();
      const [output] = await model.run([input]);
      const found = /** @type {Float32Array} */ (output.toTypedArray());
      output.delete();
      return found;
    },
    release() {
      input.delete();
      model.delete();
    },
  };
}

/** Element types by the names of NumPy. */
const ELEMENTS = { float32: 1, int32: 2, int8: 9 };

/**
 * A model whose input and output have any type: LiteRT.js's own classes refuse int8, its module does not. Its calls are
 * made here, without what those classes check on each run.
 * @param {Uint8Array} file
 * @param {SameInput} data
 * @param {[keyof typeof ELEMENTS, number[]]} input
 * @param {{ Type: SameOutput }} output
 * @returns {Promise<Engine>}
 */
export async function liteRtModule(file, data, [type, shape], { Type }) {
  const { liteRtWasm } = litert.getGlobalLiteRt();
  const environment = litert.getDefaultEnvironment();
  const held = environment.liteRtEnvironment;
  const address = liteRtWasm._malloc(file.byteLength);
  liteRtWasm.HEAPU8.set(file, address);
  const model = liteRtWasm.loadModel(held, address, file.byteLength);
  const options = { environment, accelerator: "wasm", cpuOptions: { numThreads: 1 }, gpuOptions: {}, webNNOptions: {} };
  const compiled = await liteRtWasm.compileModel(held, model, /** @type {any} */ (options));
  const buffer = inputBuffer(ELEMENTS[type], shape, data.byteLength);
  const octets = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const { READ, WRITE } = liteRtWasm.LiteRtTensorBufferLockMode;
  return {
    async run() {
      liteRtWasm.HEAPU8.set(octets, buffer.lock(WRITE));
      buffer.unlock();
      const [made] = await compiled.run(0, [buffer]);
      const from = made.lock(READ);
      const found = new Type(liteRtWasm.HEAPU8.slice(from, from + made.packedSize()).buffer);
      made.unlock();
      made.delete();
      return found;
    },
    release() {
      buffer.delete();
      compiled.delete();
      model.delete();
      liteRtWasm._free(address);
    },
  };
}

/**
 * Memory of its module for a tensor.
 * @param {number} element
 * @param {number[]} shape
 * @param {number} size in bytes
 */
function inputBuffer(element, shape, size) {
  const { liteRtWasm } = litert.getGlobalLiteRt();
  const sizes = new liteRtWasm.VectorInt32();
  for (const each of shape) sizes.push_back(each);
  const layout = liteRtWasm.LiteRtLayout.create(sizes);
  const type = liteRtWasm.LiteRtRankedTensorType.create(/** @type {any} */ ({ value: element }), layout);
  const { liteRtEnvironment } = litert.getDefaultEnvironment();
  const memory = liteRtWasm.LiteRtTensorBufferType.HOST_MEMORY;
  const made = liteRtWasm.LiteRtTensorBuffer.createManaged(liteRtEnvironment, memory, type, size);
  for (const each of [sizes, layout, type]) each.delete();
  return made;
}
