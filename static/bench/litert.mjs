// LiteRT.js, whose kernels are XNNPACK's: the strongest rival in a browser. Its script and its module lie among the files
// of the benchmark, so no other page fetches them.
import * as litert from "./bench/litert/litert.mjs";

import { FILES } from "./files.mjs";

/** @import { Engine } from "../types/bench" */

const LOADER = `${FILES}litert/litert_wasm_internal.js`;

/**
 * Loads it for one thread; says whether this browser runs it. The site has its build for relaxed SIMD only.
 * It adds its loader to the page as a script, by address: that address and no other passes as a script's.
 */
export async function setUpLiteRt() {
  if (!(await litert.supportsFeature("relaxedSimd"))) return false;
  const createScriptURL = (/** @type {string} */ address) => (address === LOADER ? address : null);
  window.trustedTypes?.createPolicy("default", { createScriptURL });
  await litert.loadLiteRt(LOADER, { threads: false });
  return true;
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
