// ONNX Runtime Web, loaded on first use. Python sees a session with one method: run(feeds) -> outputs.
import { moduleAddress } from "./confine.mjs";

/** @import * as Ort from "onnxruntime-web" */
/** @import { Files } from "./files.mjs" */

/** @typedef {typeof Ort} Runtime */
/** @typedef {{ dtype: Ort.Tensor.Type, dims: readonly number[], data: Ort.Tensor.DataType }} Values as Python has them */
/** @typedef {Record<string, Values>} Named name of an input or an output -> its values */

/** @type {Promise<Runtime> | null} */
let runtime = null;

/**
 * @param {Files} files
 * @returns {Promise<Runtime>}
 */
async function load(files) {
  const ort = await import(moduleAddress(await files.get("ort.mjs")));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = (await files.get("ort.wasm")).buffer;
  ort.env.logLevel = "error";
  return ort;
}

/**
 * A tensor of ONNX Runtime; int64 and uint64 come as BigInt arrays.
 * @param {Runtime} ort
 * @param {Values} values
 */
const toTensor = (ort, { dtype, dims, data }) => new ort.Tensor(dtype, data, dims);

/**
 * @param {Uint8Array} bytes an ONNX file
 * @param {Files} files where the runtime itself comes from
 */
export async function ortCreate(bytes, files) {
  runtime ??= load(files);
  const ort = await runtime.catch((error) => {
    runtime = null;
    throw Object.assign(error instanceof Error ? error : new Error(String(error)), { missing: true });
  });
  const session = await ort.InferenceSession.create(bytes, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
    // Its default (4) rounds the activations of products with dequantized weights to int8: not what the file says.
    extra: { session: { qdq_matmulnbits_accuracy_level: "1" } },
  });
  const tensors = (/** @type {Named} */ feeds) =>
    Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toTensor(ort, value)]));
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    /**
     * @param {Named} feeds
     * @returns {Promise<Named>}
     */
    async run(feeds) {
      const results = await session.run(tensors(feeds));
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [
          name,
          { dtype: tensor.type, dims: [...tensor.dims], data: tensor.data },
        ]),
      );
    },
    /**
     * Milliseconds of one run: the mean of as many as fit into the given seconds.
     * @param {Named} feeds
     * @param {number} seconds
     */
    async time(feeds, seconds) {
      const given = tensors(feeds);
      const began = performance.now();
      let runs = 0;
      let spent = 0;
      while (spent < 1000 * seconds) {
        await session.run(given);
        runs += 1;
        spent = performance.now() - began;
      }
      return spent / runs;
    },
    release: () => session.release(),
  };
}
