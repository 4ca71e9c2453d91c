// Whole networks: our programs on codes and on floats, compiled when the site was built, beside ONNX Runtime Web on the same QDQ model and on the
// float one, and LiteRT.js on the nets as TensorFlow's converter makes them. The files are those of
// tests/benchmarks/net_programs.py and litert_nets.py.
import { bytes, json, runtime } from "./files.mjs";
import { change, channelsLast } from "./layout.mjs";
import { liteRt, setUpLiteRt } from "./litert.mjs";
import { buildOf } from "./product.mjs";
import { loadProgram, programsOf } from "./programs.mjs";
import { OUR_FLOAT } from "./targets.mjs";
import { race, resultsOf, rowsOf, verdict } from "./timing.mjs";

/**
 * @import { Kernels } from "../kernels.mjs"
 * @import { ByEngine, Changes, Engine, Net, NetFiles, Row, Section, Share } from "../types/bench"
 */

const BATCHES = [1, 16];
const KINDS = ["int8", "float"];

/**
 * LiteRT.js's engines; none where this browser does not run it.
 * @param {string} name
 * @param {Parameters<typeof channelsLast>} input
 * @param {Changes | null} changes
 */
async function theirs(name, input, changes) {
  /** @type {ByEngine<Engine>} */
  const engines = {};
  if (changes === null) return engines;
  const { data, shape } = channelsLast(...input);
  for (const kind of KINDS) {
    const file = await bytes(`${name}.${kind}.tflite`);
    if (shape[0] > 1) change(file, changes[name][kind]);
    engines[`LiteRT.js, ${kind}`] = await liteRt(file, data, shape);
  }
  return engines;
}

/**
 * Engines of one net at one batch size; ONNX Runtime's outputs have one name, whatever it is.
 * @param {Kernels[]} builds
 * @param {string} name
 * @param {number} batch
 * @param {Net} net
 * @param {NetFiles} files
 * @param {Changes | null} changes
 */
async function enginesOf(builds, name, batch, { input: [type, sizes] }, files, changes) {
  const { buffer } = files.input;
  const whole = type === "int64" ? new BigInt64Array(buffer) : new Float32Array(buffer);
  const input = whole.slice(0, batch * sizes.reduce((a, b) => a * b));
  /** @type {ByEngine<Engine>} */
  const engines = {};
  for (const kernels of builds) {
    const { programs, constants } = files.builds[kernels.dot];
    engines[`Ours (${buildOf(kernels)})`] = loadProgram(kernels, programs[batch], constants, input);
  }
  const [plain] = builds; // products of floats are the same in every build
  const floats = loadProgram(plain, files.floats.programs[batch], files.floats.constants, input);
  engines["ONNX Runtime Web, QDQ"] = await runtime(`${name}.qdq.onnx`, type, input, [batch, ...sizes]);
  engines["ONNX Runtime Web, float"] = await runtime(`${name}.onnx`, type, input, [batch, ...sizes]);
  engines[OUR_FLOAT] = floats;
  return { ...engines, ...(await theirs(name, [input, [batch, ...sizes]], changes)) };
}

/**
 * @param {Kernels[]} builds
 * @param {string} name
 */
async function filesOf(builds, name) {
  /** @type {NetFiles} */
  const files = { input: await bytes(`${name}.input.bin`), floats: await programsOf(`${name}.float`), builds: {} };
  for (const { dot } of builds) files.builds[dot] = await programsOf(`${name}.${dot}`);
  return files;
}

/**
 * Rows of the table for every net, one sample at a time and sixteen at once; times are those of a whole batch.
 * @type {Section}
 */
export async function nets(builds, progress) {
  /** @type {Row[]} */
  const rows = [];
  /** @type {Changes | null} */
  const changes = (await setUpLiteRt()) ? await json("litert.json") : null;
  /** @type {[string, Net][]} */
  const described = Object.entries(await json("nets.json"));
  for (const [i, [name, net]] of described.entries()) {
    const files = await filesOf(builds, name);
    for (const [j, batch] of BATCHES.entries()) {
      const marks = builds.map((kernels) => kernels.mark());
      const engines = await enginesOf(builds, name, batch, net, files, changes);
      const results = await resultsOf(engines, Float32Array);
      const [[, ours], ...others] = Object.entries(results);
      const verdicts = Object.fromEntries(others.map(([engine, found]) => [engine, verdict(ours, found)]));
      /** @type {Share} */
      const share = (part) => progress((i + (j + part) / BATCHES.length) / described.length);
      const times = await race(engines, share);
      rows.push(...rowsOf({ title: `${name}, batch ${batch}`, macs: net.macs * batch }, times, { verdicts }));
      for (const [k, kernels] of builds.entries()) kernels.release(marks[k]);
      for (const engine of Object.values(engines)) engine.release?.();
    }
  }
  return rows;
}
