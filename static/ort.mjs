// ONNX Runtime Web, loaded on first use. Python sees a session with one method: run(feeds) -> outputs.
let runtime = null;

async function load() {
  const ort = await import("./ort/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
  ort.env.logLevel = "error";
  return ort;
}

/** A tensor of ONNX Runtime from {dtype, dims, data}; int64 and uint64 come as BigInt arrays. */
const toTensor = (ort, { dtype, dims, data }) => new ort.Tensor(dtype, data, dims);

/**
 * @param {Uint8Array} bytes an ONNX file
 * @returns {Promise<{inputs: string[], outputs: string[], run: (feeds: Object) => Promise<Object>, release: () => Promise<void>}>}
 */
export async function ortCreate(bytes) {
  runtime ??= load();
  const ort = await runtime.catch((error) => { runtime = null; throw error; });
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], graphOptimizationLevel: "all" });
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds) {
      const given = Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, toTensor(ort, value)]));
      const results = await session.run(given);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) =>
        [name, { dtype: tensor.type, dims: [...tensor.dims], data: tensor.data }]));
    },
    release: () => session.release(),
  };
}
